"""Frauds with bills of exchange and with orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from tests.evaluation.frauds.base import Fraud
from tests.evaluation.frauds.stock import Held, Placed, mark
from tests.evaluation.scene import exchange
from tests.evaluation.scene.books import BillPart, ClaimEntry, Filing
from tests.evaluation.scene.companies import company
from tests.evaluation.scene.scene import APPLIED, Asset
from tests.evaluation.scene.trade import Billing

# --- bills ------------------------------------------------------------------------------------


def impostor(held: Held) -> None:
    """The acceptor at the exchange bears the core enterprise's name, nearly, and is somebody else (2019-20)."""
    scene = held.scene
    shell = scene.meet(company(held.chance.of("shell")))
    shell.name = held.acceptor.name.replace("股份有限公司", "集团有限公司")
    held.bill.acceptor = held.bill.drawer = shell
    mark(held.asset, "impostor_acceptor")


def impostor_on_paper(held: Held) -> None:
    """... and so it stands on the paper: only the name looks like that of a known debtor."""
    scene = held.scene
    shell = scene.meet(company(held.chance.of("shell")))
    shell.name = held.acceptor.name.replace("股份有限公司", "集团有限公司")
    held.bill.acceptor = held.bill.drawer = shell
    _show_instead(held)
    mark(held.asset, "impostor_on_the_paper")


def _show_instead(held: Held, **changes: Any) -> None:
    old = held.asset.primary
    new = exchange.paper(held.bill, held.bill.parts[0], held.bill.issued, **changes)
    for paper in held.scene.papers:
        if paper.document is old:
            paper.document = new
    held.asset.primary = new
    held.asset.face = new.amount


def _state(held: Held, **changes: Any) -> None:
    held.bill.parts[0] = replace(held.bill.parts[0], **changes)


def pledged(held: Held) -> None:
    """Pledged to another bank."""
    other = held.scene.meet(company(held.chance.of("bank"), "large", suffix="银行股份有限公司"))
    _state(held, flag="TF0304", pledgee=other)
    mark(held.asset, "pledged_bill")


def locked(held: Held) -> None:
    """Locked by a discount that is under way elsewhere."""
    _state(held, flag="TF0302", lock="贴现申请中")
    mark(held.asset, "locked_bill")


def discounted(held: Held) -> None:
    """Discounted last month: another bank holds it."""
    other = held.scene.meet(company(held.chance.of("bank"), "large", suffix="银行股份有限公司"))
    _state(held, holder=other)
    mark(held.asset, "discounted_before")


def ended(held: Held) -> None:
    """Paid and ended."""
    _state(held, status="CS06", flag="TF0501")
    mark(held.asset, "bill_paid_already")


def forged(held: Held) -> None:
    """The exchange has no such bill."""
    held.scene.bills.pop(held.bill.number)
    mark(held.asset, "forged_bill")


def overlapping(held: Held) -> None:
    """A second part is brought whose units are in the first one."""
    part = held.bill.parts[0]
    half = BillPart((part.first + part.last) // 2, part.last, part.holder)
    body = exchange.paper(held.bill, half, held.bill.issued)
    held.scene.show(body, held.scene.supplier, APPLIED - timedelta(days=3))
    again = Asset(body, body.amount, Decimal(0))
    held.scene.assets.append(again)
    for each in (held.asset, again):
        mark(each, "overlapping_units")


def beyond_range(held: Held) -> None:
    """More units than the holder has: the neighbour's are in it."""
    held.bill.parts[0] = replace(held.bill.parts[0], last=held.bill.units * 6 // 10)
    other = held.scene.meet(company(held.chance.of("neighbour")))
    held.bill.parts[1:] = [BillPart(held.bill.parts[0].last + 1, held.bill.units, other)]
    whole = BillPart(1, held.bill.units, held.scene.supplier)
    old = held.asset.primary
    new = exchange.paper(held.bill, whole, held.bill.issued)
    for paper in held.scene.papers:
        if paper.document is old:
            paper.document = new
    held.asset.primary, held.asset.face = new, new.amount
    mark(held.asset, "neighbours_units", worth=new.amount * 6 / 10)


def overdue(held: Held) -> None:
    """The acceptor is on the list of those that do not pay."""
    held.bill.overdue = True
    mark(held.asset, "acceptor_overdue")


def sold_bill(held: Held) -> None:
    """Another member bank has a claim on it."""
    number = held.asset.primary.number
    held.scene.claims.append(ClaimEntry(number, Decimal(1), False, APPLIED - timedelta(days=9)))
    mark(held.asset, "bill_sold_to_other_bank")


def pledged_later(held: Held) -> None:
    """Pledged to somebody else after the money is out."""
    other = held.scene.meet(company(held.chance.of("bank"), "large", suffix="银行股份有限公司"))
    first = held.bill.parts[0]
    held.bill.parts.append(replace(first, flag="TF0304", pledgee=other, since=APPLIED + timedelta(days=7)))
    mark(held.asset, "bill_pledged_later")


# --- orders -----------------------------------------------------------------------------------


def used_up(placed: Placed) -> None:
    """All of it has been delivered and invoiced already."""
    lines = [line.of(line.quantity) for line in placed.order.lines]
    day = APPLIED - timedelta(days=7)
    received = placed.trader.receive(lines, day)
    placed.trader.bill(
        received.lines, day + timedelta(days=1), Billing(order=placed.order.paper.number, confirmed_after=3)
    )
    mark(placed.asset, "order_used_up")


def order_sold(placed: Placed) -> None:
    """Another bank lends on it."""
    placed.scene.claims.append(
        ClaimEntry(placed.order.paper.number, Decimal(1), False, APPLIED - timedelta(days=5))
    )
    mark(placed.asset, "order_sold_to_other_bank")


def order_over_invoice(placed: Placed) -> None:
    """Its first invoice went to another bank."""
    lines = [line.of(line.quantity) for line in placed.order.lines]
    day = APPLIED - timedelta(days=7)
    received = placed.trader.receive(lines, day)
    owed = placed.trader.bill(
        received.lines, day + timedelta(days=1), Billing(order=placed.order.paper.number, confirmed_after=3)
    )
    placed.scene.claims.append(
        ClaimEntry(owed.primary.number, Decimal(1), False, APPLIED - timedelta(days=2))
    )
    mark(placed.asset, "invoice_of_the_order_sold")


def order_forged(placed: Placed) -> None:
    """The supplier wrote it itself."""
    for paper in placed.scene.papers:
        if paper.document is placed.order.paper:
            paper.by, paper.signed = placed.scene.supplier, False
    mark(placed.asset, "forged_order")


def order_blanket(placed: Placed) -> None:
    """All receivables, also future ones, are pledged to another bank."""
    placed.scene.filings.append(
        Filing(
            number=placed.chance.digits(20),
            assignor=placed.scene.supplier,
            secured="西部银行股份有限公司",
            day=APPLIED - timedelta(days=250),
            until=APPLIED + timedelta(days=500),
            assets="all_receivables",
            description="应收账款质押：出质人现有的以及将有的全部应收账款",
        )
    )
    mark(placed.asset, "order_under_blanket_pledge")


def _bill(
    name: str,
    title: str,
    needs: tuple[str, ...],
    commit: Any,
    visible: Any = "before funding",
    case: str = "further kind",
) -> Fraud:
    return Fraud(name, title, case, needs, visible, commit, "", "bill")


def _order(
    name: str, title: str, needs: tuple[str, ...], commit: Any, visible: Any = "before funding", why: str = ""
) -> Fraud:
    return Fraud(name, title, "further kind", needs, visible, commit, why, "order")


_BILLS: Final = ("bills",)
FRAUDS: Final = (
    _bill(
        "impostor_acceptor",
        "somebody else accepted it than the paper says",
        _BILLS,
        impostor,
        case="impostor acceptors 2019-20",
    ),
    _bill(
        "impostor_on_the_paper",
        "an acceptor whose name looks like a known debtor's",
        _BILLS,
        impostor_on_paper,
        case="impostor acceptors 2019-20",
    ),
    _bill("pledged_bill", "pledged to another bank", _BILLS, pledged),
    _bill("locked_bill", "locked by a discount elsewhere", _BILLS, locked),
    _bill("discounted_before", "another bank holds it", _BILLS, discounted),
    _bill("bill_paid_already", "paid and ended", _BILLS, ended),
    _bill("forged_bill", "the exchange does not know it", _BILLS, forged),
    replace(_bill("overlapping_units", "two parts share units", ("bill",), overlapping), any_of=True),
    _bill("neighbours_units", "more units than the holder has", _BILLS, beyond_range),
    _bill("acceptor_overdue", "the acceptor does not pay its bills", _BILLS, overdue),
    _bill("bill_sold_to_other_bank", "another member bank has a claim", ("ledger",), sold_bill),
    _bill("bill_pledged_later", "pledged after the money is out", _BILLS, pledged_later, "in life"),
    _order("order_used_up", "delivered and invoiced already", ("invoice",), used_up),
    _order("order_sold_to_other_bank", "another bank lends on it", ("ledger",), order_sold),
    _order("invoice_of_the_order_sold", "its invoice is with another bank", ("ledger",), order_over_invoice),
    _order("forged_order", "the supplier wrote it itself", ("purchase_order",), order_forged),
    _order(
        "order_under_blanket_pledge",
        "all receivables, also future ones, are pledged",
        ("registry",),
        order_blanket,
    ),
)
