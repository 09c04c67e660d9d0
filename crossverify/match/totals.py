"""What stands on an account: quantities, prices, whose word it is, and what else there is to know of a line on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from crossverify.evidence import EvidenceDocument
from crossverify.match.accounts import Account, currency_of
from crossverify.match.billed import Billed
from crossverify.match.table import Fact, Note
from crossverify.units import Exact

_MAX_LINES_TOLD: Final = 8
"""Most order lines that a row names."""


class Totals(NamedTuple):
    """What stands on an account, in the unit of its tree."""

    documents: tuple[EvidenceDocument, ...]
    orders: tuple[str, ...]
    order_lines: tuple[str, ...]
    prices: tuple[Account, ...]
    """One order line for each price and unit that they have."""
    ordered: Exact | None
    all_ordered: bool
    despatched: Exact | None
    received: Exact | None
    rejected: Exact | None
    short: Exact | None
    accepted: Exact | None
    unclear: str
    receipts: bool
    by_debtor: bool
    sent: bool
    outstanding: Exact
    shared: bool
    repeated: bool


def totals_of(account: Account) -> Totals:
    """Sums of an account: its own and those below. What stands above counts for whether receipts are there."""
    above = []
    parent = account.parent
    while parent is not None:
        above.append(parent)
        parent = parent.parent
    own = account.parts[: len(account.parts) - len(above)]
    entries = [entry for each in own for entry in each.entries]
    shared = any(each.entries for each in above)
    clear = [entry for entry in entries if entry.received is not None]
    unclear = sorted({each.unclear for each in account.parts if each.unclear})
    ordered = [each.order_line for each in account.leaves if each.order_line is not None]
    quantities = [each.despatched for each in own if each.despatched is not None]
    slots = {id(each.slot): each.slot for each in account.leaves if each.slot is not None}.values()
    documents = {slot.order.fingerprint: slot.order for slot in slots if slot.order is not None}
    prices = {
        (each.price, each.price_unit, currency_of(each)): each
        for each in reversed(account.leaves)
        if each.order_line is not None
    }
    return Totals(
        documents=tuple(documents[key] for key in sorted(documents)),
        orders=tuple(sorted({each.document.number for each in documents.values()})),
        order_lines=tuple(
            each.name for each in account.leaves[:_MAX_LINES_TOLD] if each.order_line is not None
        ),
        prices=tuple(reversed(prices.values())),
        ordered=account.orders.capacity if ordered else None,
        all_ordered=len(ordered) == len(account.leaves),
        despatched=sum(quantities) if quantities else None,
        received=sum(entry.received or 0 for entry in clear) if clear else None,
        rejected=sum(entry.rejected for entry in clear) if clear else None,
        short=sum(entry.short for entry in clear) if clear else None,
        accepted=account.goods.capacity if clear else None,
        unclear=Fact.RECEIPT_CONTRADICTS
        if "RECEIPT_CONTRADICTS" in unclear
        else unclear[0]
        if unclear
        else "",
        receipts=bool(entries) or shared,
        by_debtor=all(each.by_debtor for each in account.parts),
        outstanding=_outstanding(own),
        sent=bool(entries) and not shared and all(entry.sent for entry in entries),
        shared=shared,
        repeated=any(each.repeated for each in account.parts),
    )


def _outstanding(accounts: Sequence[Account]) -> Exact:
    """What was sent by despatch advices that no receipt names, less what receipts cover that name none: goods whose
    receipt is still to come.

    A receipt covers nothing that was sent after it. So the latest advice is covered first: the receipts that can cover
    it can cover all earlier ones.
    """
    sent = sorted((item for each in accounts for item in each.unreceived), key=_day, reverse=True)
    if not sent:
        return 0
    loose = sorted(
        (
            (entry.day, (entry.received or 0) + entry.short)
            for each in accounts
            for entry in each.entries
            if entry.loose
        ),
        key=_day,
    )
    outstanding: Exact = 0
    covering: Exact = 0
    for day, quantity in sent:
        while loose and loose[-1][0] >= day:
            covering += loose.pop()[1]
        used = min(covering, quantity)
        covering -= used
        outstanding += quantity - used
    return outstanding


def _day(item: tuple[date, Exact]) -> date:
    return item[0]


def notes_of(billed: Billed, totals: Totals | None) -> tuple[Note, ...]:
    found = set(billed.place.notes)
    if billed.repeated:
        found.add(Note.REPEATED_LINE)
    if totals is not None:
        if totals.repeated:
            found.add(Note.RECEIPT_LINE_REPEATED)
        if totals.receipts and not totals.by_debtor:
            found.add(Note.SELLERS_RECEIPT)
        if totals.shared:
            found.add(Note.SHARED_RECEIPT)
        if totals.accepted is not None:
            if totals.ordered is not None and totals.all_ordered and totals.accepted > totals.ordered:
                found.add(Note.OVER_DELIVERED)
            received = totals.received or 0
            if totals.sent and totals.despatched is not None and received > totals.despatched:
                found.add(Note.MORE_THAN_SENT)
    return tuple(sorted(found))
