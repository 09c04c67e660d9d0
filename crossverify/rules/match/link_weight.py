"""LINK_WEIGHT: do the ledger's links say how much of an order an invoice uses up?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from consortium.documents.roles import Reference
from consortium.documents.weights import Portion, portions_of, weight, worth_of
from crossverify.evidence import FACE_VALUE_PPB, EvidenceDocument, LinkState
from crossverify.rule import Effect, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.rules.match.texts import CANCELLED

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class LinkWeightThresholds(Thresholds):
    """Figures of LINK_WEIGHT.

    :ivar rounding_ppb: difference in billionths that is put down to rounding; a millionth of the order
    """

    rounding_ppb: Annotated[int, Field(ge=0, le=FACE_VALUE_PPB)] = 1_000


class LinkWeight(Rule[LinkWeightThresholds]):
    """Link weights are the seller's word; the bodies tell whether it is true.

    The weights are reckoned as gateways reckon them (:mod:`consortium.documents.weights`): on what is
    payable, or on quantity where currencies differ; an invoice of several orders is split by the net amounts
    of its lines.

    - PASS: equal. WARN: off by rounding. FAIL: differs, or no link is recorded.
    - UNKNOWN: no order reference, the order or its value is not here, the link is pending, the ledger is
      silent.
    - NOT_APPLICABLE: cancelled invoices.
    """

    id = "LINK_WEIGHT"
    version = 1
    title = Text(
        "Do the ledger's links say how much of an order an invoice uses up?",
        "账本上的关联比例是否与单证一致？",
    )
    basis = ("民法典 768", "practice: no value is financed twice across order and invoice")
    explains: ClassVar = {
        "EQUAL": Text(
            "The ledger's link says what the documents say. Nothing to do.", "账本关联与单证一致，无需处理。"
        ),
        "ROUNDING": Text("The link is off by rounding. Nothing to do.", "关联比例仅有舍入差异，无需处理。"),
        "DIFFERS": Text(
            "The seller stated another part of the order than the documents show, so the order could be financed "
            "again. Have the link corrected first.",
            "卖方登记的订单占用比例与单证不符，订单可能被重复融资。请先更正关联。",
        ),
        "NOT_LINKED": Text(
            "The ledger has no link from the invoice to its order. Ask the seller's gateway to register it.",
            "账本上没有该发票与订单的关联。请要求卖方网关补登。",
        ),
        "PENDING": Text(
            "The link has no weight yet, as the order is not on the ledger. Ask for the order.",
            "订单尚未上链，关联比例待定。请索取订单。",
        ),
        "NO_ORDER": Text("The order is not here. Ask the seller for it.", "没有对应的订单。请向卖方索取。"),
        "NO_ORDER_VALUE": Text(
            "The documents do not say how much of the order is used up. Compare by hand.",
            "单证无法说明订单占用比例。请人工比对。",
        ),
        "NO_REFERENCE": Text(
            "The invoice names no order, so no order is used up by it. Ask which one it belongs to.",
            "发票未注明订单，无法占用订单额度。请核实所属订单。",
        ),
        "CANCELLED": CANCELLED,
    }
    applies_when = "the invoice stands"
    sources = ("documents", "ledger")
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "NOT_LINKED": Effect.REFER,  # late papers are honest noise; a wrong weight is not
    }
    thresholds = LinkWeightThresholds

    def evaluate(self, case: Case, thresholds: LinkWeightThresholds) -> Iterator[Verdict]:
        """See the class."""
        standing = {item.fingerprint for item in case.trade.drawing}
        for receivable in case.receivables:
            key = receivable.fingerprint
            number = case.of_document(receivable.primary, "number", receivable.invoice.number)
            if key not in standing:
                text = "The invoice is cancelled."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "CANCELLED", text, (number,))
                continue
            portions = portions_of(receivable.invoice)
            if not portions:
                yield Verdict(key, Outcome.UNKNOWN, "NO_REFERENCE", "The invoice names no order.", (number,))
            for portion in portions:
                yield _judge(case, receivable, portion, thresholds.rounding_ppb)


def _judge(case: Case, receivable: Receivable, portion: Portion, rounding_ppb: int) -> Verdict:
    key = receivable.fingerprint
    named = case.of_document(receivable.primary, "order_number", portion.number)
    gap = case.gap("ledger")
    if gap is not None:
        return Verdict(key, Outcome.UNKNOWN, gap.code, gap.message, (case.of_gap(gap, key),))
    invoice = receivable.invoice
    order = case.find(Reference("purchase_order", portion.number, invoice.seller, invoice.buyer), invoice)
    if order is None:
        return Verdict(key, Outcome.UNKNOWN, "NO_ORDER", f"Order {portion.number} is not here.", (named,))
    link = _link(case, receivable, order)
    if link is None:
        text = f"The ledger has no link from the invoice to order {portion.number}."
        return Verdict(key, Outcome.FAIL, "NOT_LINKED", text, (named,))
    told = case.of_source("ledger", key, f"links/{link.parent}/of_parent_ppb", link.of_parent_ppb)
    if link.of_parent_ppb is None:
        text = f"The link to order {portion.number} has no weight yet."
        return Verdict(key, Outcome.UNKNOWN, "PENDING", text, (told, named))
    wanted = weight(worth_of(invoice), portion, worth_of(order.document))
    if wanted.of_parent is None:
        text = f"The bodies do not tell how much of order {portion.number} the invoice uses up."
        return Verdict(key, Outcome.UNKNOWN, "NO_ORDER_VALUE", text, (told, named))
    off = max(abs(wanted.of_parent - link.of_parent_ppb), abs(wanted.of_child - link.of_child_ppb))
    inputs = (told, case.of_document(order, "used_ppb", wanted.of_parent), named)
    if off == 0:
        text = f"The link says rightly how much of order {portion.number} is used up."
        return Verdict(key, Outcome.PASS, "EQUAL", text, inputs)
    text = (
        f"The link says {link.of_parent_ppb} billionths of order {portion.number} for {link.of_child_ppb} of the"
        f" invoice; the documents say {wanted.of_parent} for {wanted.of_child}."
    )
    if off <= rounding_ppb:
        return Verdict(key, Outcome.WARN, "ROUNDING", text, inputs)
    return Verdict(key, Outcome.FAIL, "DIFFERS", text, inputs)


def _link(case: Case, receivable: Receivable, order: EvidenceDocument) -> LinkState | None:
    """The ledger's link to an order, whichever of the order's names it uses."""
    asset = case.asset_of.get(order.fingerprint)
    names = {order.fingerprint} if asset is None else {order.fingerprint, asset.asset, *asset.aliases}
    for row in receivable.assets:
        for link in row.links:
            if link.parent in names:
                return link
    return None
