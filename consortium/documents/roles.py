"""Who is who on a document, what it is worth, and which documents it refers to.

Roles and worth are tables by kind: a new kind is a line in each. References are in ``references.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from consortium.documents.base import Document
from consortium.documents.party import Party
from consortium.documents.purchase_order import PurchaseOrder
from consortium.documents.references import Reference, references_by_kind

__all__ = [
    "WORD_OF_ISSUER",
    "Reference",
    "buyer_of",
    "gross_of",
    "issuer_of",
    "parties_of",
    "references_of",
    "seller_of",
    "word_of_issuer",
]

_SELLERS: Final[Mapping[str, Callable[[Any], Party | None]]] = {
    "warehouse_receipt": lambda each: each.holder or each.depositor,
    "keeper_attestation": lambda each: each.holder or each.depositor,
    "bill": lambda each: each.holder or each.payee,
    "transport_document": lambda each: each.seller or each.shipper,
}
_BUYERS: Final[Mapping[str, Callable[[Any], Party | None]]] = {
    "bill": lambda each: each.drawer,
    "transport_document": lambda each: each.buyer or each.consignee,
    "keeper_attestation": lambda each: each.keeper,
    "inspection_report": lambda each: each.inspector,
}
_ISSUERS: Final[Mapping[str, Callable[[Any], Party]]] = {
    "purchase_order": lambda each: each.buyer,
    "despatch_advice": lambda each: each.seller,
    "goods_receipt": lambda each: each.buyer,
    "warehouse_receipt": lambda each: each.keeper,
    "invoice": lambda each: each.seller,
    "credit_note": lambda each: each.seller,
    "debtor_confirmation": lambda each: each.buyer,
    "contract": lambda each: each.seller,
    "statement_of_account": lambda each: each.buyer if each.issued_by == "buyer" else each.seller,
    "assignment_notice": lambda each: each.assignee if each.issued_by == "assignee" else each.seller,
    "assignment_acknowledgement": lambda each: each.buyer,
    "bill": lambda each: each.drawer,
    "transport_document": lambda each: each.carrier,
    "financing_request": lambda each: each.seller,
    "keeper_attestation": lambda each: each.keeper,
    "inspection_report": lambda each: each.inspector,
}
_OTHERS: Final[Mapping[str, tuple[str, ...]]] = {
    "invoice": ("payee",),
    "credit_note": ("payee",),
    "despatch_advice": ("despatch_party", "delivery_party"),
    "goods_receipt": ("despatch_party", "delivery_party"),
    "warehouse_receipt": ("keeper", "depositor"),
    "assignment_notice": ("assignee",),
    "assignment_acknowledgement": ("assignee",),
    "bill": ("payee", "acceptor"),
    "transport_document": ("carrier", "shipper", "consignee"),
    "keeper_attestation": ("depositor",),
    "inspection_report": ("buyer", "requester", "keeper"),
}
"""Parties beside seller and buyer that a document names with a role of their own."""


def _order_gross(order: PurchaseOrder) -> Decimal | None:
    if order.totals is not None:
        return order.totals.payable
    amounts = [line.net_amount for line in order.lines if line.net_amount is not None]
    return sum(amounts, Decimal(0)) if len(amounts) == len(order.lines) else None


_AMOUNTS: Final[Mapping[str, Callable[[Any], Decimal | None]]] = {
    "invoice": lambda each: each.totals.payable,
    "credit_note": lambda each: each.totals.payable,
    "purchase_order": _order_gross,
    "debtor_confirmation": lambda each: each.confirmed_amount,
    "warehouse_receipt": lambda each: each.declared_value,
    "contract": lambda each: each.total_amount,
    "statement_of_account": lambda each: each.acknowledged_amount,
    "assignment_notice": lambda each: each.amount,
    "assignment_acknowledgement": lambda each: each.acknowledged_amount,
    "bill": lambda each: each.amount,
    "financing_request": lambda each: each.requested_amount,
}
WORD_OF_ISSUER: Final = frozenset(
    {"debtor_confirmation", "assignment_acknowledgement", "keeper_attestation", "inspection_report"}
)
"""Kinds that are somebody's word and count only from that party itself."""


def seller_of(document: Document) -> Party | None:
    """The seller (销售方). Of a warehouse receipt and what its keeper says: who can pledge the goods, its holder, else
    the depositor. Of a bill: its holder, else the payee. Of goods in transit: else the shipper."""
    special = _SELLERS.get(document.kind)
    return getattr(document, "seller", None) if special is None else special(document)


def buyer_of(document: Document) -> Party | None:
    """The buyer (购买方), who owes on an invoice; None for a warehouse receipt. Of a bill: its drawer, who bought what
    it pays for. Of what a third party says about goods: that keeper or inspector, who is the other side of the paper
    and whose handle the ledger then has."""
    special = _BUYERS.get(document.kind)
    return getattr(document, "buyer", None) if special is None else special(document)


def issuer_of(document: Document) -> Party:
    """Who writes such a document: the seller an invoice, credit note, despatch advice, contract or request; the buyer
    an order, goods receipt, confirmation or acknowledgement; the keeper a warehouse receipt and an attestation, the
    drawer a bill, the carrier a transport document, the inspector a report. Statement and notice say it themselves.
    """
    issuer = _ISSUERS.get(document.kind)
    if issuer is None:
        raise TypeError(f"no issuer is known for {document.kind}")
    return issuer(document)


def word_of_issuer(document: Document) -> bool:
    """Whether a document counts only from its issuer: a confirmation, an acknowledgement, a statement in the debtor's
    name, a keeper's or an inspector's word."""
    if document.kind == "statement_of_account":
        return getattr(document, "issued_by", None) == "buyer"
    return document.kind in WORD_OF_ISSUER


def parties_of(document: Document) -> list[Party]:
    """Every party that is named with a role of its own, seller and buyer first: each may push the document."""
    found = [seller_of(document), buyer_of(document)]
    found += [getattr(document, name) for name in _OTHERS.get(document.kind, ())]
    unique: list[Party] = []
    for party in found:
        if party is not None and party not in unique:
            unique.append(party)
    return unique


def gross_of(document: Document) -> tuple[Decimal, str] | None:
    """What a document is worth with tax, and in which currency.

    Invoice, credit note: the amount due (BT-115). Order: the expected amount due, else the sum of its lines.
    Confirmation, statement, acknowledgement: what the debtor owes in its own words. Warehouse receipt: the declared
    value. Bill: its amount. ``None`` where the document says no amount.
    """
    of_kind = _AMOUNTS.get(document.kind)
    amount = None if of_kind is None else of_kind(document)
    currency = getattr(document, "currency", None)
    return (amount, currency) if amount is not None and currency else None


def references_of(document: Document) -> list[Reference]:
    """The documents that this one follows from, each once: its parents in the trade, as
    :mod:`consortium.documents.references` lists them."""
    found: dict[tuple[str, str, str | None], Reference] = {}
    for each in references_by_kind(document, seller_of(document), buyer_of(document)):
        found.setdefault((each.kind, each.number, each.fapiao_code), each)
    return list(found.values())
