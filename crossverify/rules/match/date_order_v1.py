"""DATE_ORDER: do the dates of the trade make sense?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

from pydantic import Field

from crossverify.answers import Gap
from crossverify.evidence import EvidenceDocument
from crossverify.rule import Effect, Input, Outcome, Rule, Thresholds, Verdict
from crossverify.rules.match import date_order
from crossverify.rules.match.texts import taken

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class DateOrderThresholds(Thresholds):
    """Figures of DATE_ORDER.

    :ivar clock_hours: how far ahead of UTC the day may already have begun where an invoice was written; no
        place on Earth is more than 14 hours ahead
    """

    clock_hours: Annotated[int, Field(ge=0, le=24)] = 14


class _Said(NamedTuple):
    outcome: Outcome
    code: str
    message: str
    inputs: tuple[Input, ...]


class DateOrder(Rule[DateOrderThresholds]):
    """Order, receipt, invoice, due date; each fault is a finding of its own.

    - PASS: in order. WARN: an invoice or a receipt before the order, an invoice before the receipt (先票后货 is
      normal).
    - FAIL: issued in the future, due before issued, or before a party existed.
    - UNKNOWN: the invoice's date is all there is.
    - NOT_APPLICABLE: never; every invoice has a date.
    """

    id = "DATE_ORDER"
    version = 1
    title = date_order.DateOrder.title
    basis = date_order.DateOrder.basis
    explains: ClassVar = taken(
        date_order.DateOrder.explains,
        {
            "DUE_BEFORE_ISSUE",
            "INVOICE_BEFORE_ORDER",
            "INVOICE_BEFORE_RECEIPT",
            "IN_ORDER",
            "IN_THE_FUTURE",
            "NO_DATES",
            "PARTY_NOT_YET_EXISTING",
            "RECEIPT_BEFORE_ORDER",
        },
    )
    applies_when = "always"
    sources = ("documents", "tax")
    effects: ClassVar = {"WARN": Effect.INFORMATION, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = DateOrderThresholds

    def evaluate(self, case: Case, thresholds: DateOrderThresholds) -> Iterator[Verdict]:
        """See the class."""
        today = datetime.fromtimestamp(case.now + thresholds.clock_hours * 3600, UTC).date()
        first: dict[int, tuple[EvidenceDocument, date]] = {}
        for receivable in case.receivables:
            issued = receivable.invoice.issue_date
            own = case.of_document(receivable.primary, "issue_date", issued)
            orders, receipts = _orders(case, receivable), _receipts(case, receivable, first)
            found = [
                *_impossible(case, receivable, own, today),
                *_unusual(case, receivable, own, orders, receipts),
            ]
            if not found and not orders and not receipts and receivable.invoice.due_date is None:
                text = "No order, no receipt and no due date to hold the invoice's date against."
                found = [_Said(Outcome.UNKNOWN, "NO_DATES", text, (own,))]
            if not found:
                inputs = (own, *_dated(case, "issue_date", orders), *_dated(case, "received_date", receipts))
                found = [_Said(Outcome.PASS, "IN_ORDER", "The dates of the trade are in order.", inputs)]
            for item in found:
                yield Verdict(receivable.fingerprint, *item)


def _impossible(case: Case, receivable: Receivable, own: Input, today: date) -> Iterator[_Said]:
    invoice = receivable.invoice
    if invoice.issue_date > today:
        text = f"The invoice is dated {invoice.issue_date}, which is still to come."
        yield _Said(Outcome.FAIL, "IN_THE_FUTURE", text, (own,))
    if invoice.due_date is not None and invoice.due_date < invoice.issue_date:
        text = f"The invoice is due on {invoice.due_date}, before it was issued on {invoice.issue_date}."
        due = case.of_document(receivable.primary, "due_date", invoice.due_date)
        yield _Said(Outcome.FAIL, "DUE_BEFORE_ISSUE", text, (due, own))
    for role, party in (("seller", invoice.seller), ("buyer", invoice.buyer)):
        for identifier in party.identifiers:
            known = case.taxpayer(str(identifier))
            if isinstance(known, Gap) or known.registered_on is None:
                continue
            if invoice.issue_date < known.registered_on:
                text = f"The {role} was registered on {known.registered_on}, after the invoice was issued."
                since = case.of_source("tax", "", f"{identifier}/registered_on", known.registered_on)
                yield _Said(Outcome.FAIL, "PARTY_NOT_YET_EXISTING", text, (own, since))
                break


def _unusual(
    case: Case,
    receivable: Receivable,
    own: Input,
    orders: list[tuple[EvidenceDocument, date]],
    receipts: list[tuple[EvidenceDocument, date]],
) -> Iterator[_Said]:
    issued = receivable.invoice.issue_date
    if orders:
        item, ordered = min(orders, key=lambda pair: pair[1])
        inputs = (own, case.of_document(item, "issue_date", ordered))
        if issued < ordered:
            text = f"The invoice of {issued} is older than the order of {ordered}."
            yield _Said(Outcome.WARN, "INVOICE_BEFORE_ORDER", text, inputs)
        if receipts and min(day for _, day in receipts) < ordered:
            text = f"Goods were received before the order of {ordered}."
            yield _Said(Outcome.WARN, "RECEIPT_BEFORE_ORDER", text, inputs)
    if receipts:
        item, received = min(receipts, key=lambda pair: pair[1])
        if issued < received:
            text = f"Invoiced on {issued}, before the goods were received on {received}."
            inputs = (own, case.of_document(item, "received_date", received))
            yield _Said(Outcome.WARN, "INVOICE_BEFORE_RECEIPT", text, inputs)


def _orders(case: Case, receivable: Receivable) -> list[tuple[EvidenceDocument, date]]:
    found = {}
    for line in case.trade.lines(receivable):
        order = line.slot.order if line.slot is not None else None
        if order is not None:
            found[order.fingerprint] = (order, order.document.issue_date)
    return list(found.values())


def _receipts(
    case: Case, receivable: Receivable, first: dict[int, tuple[EvidenceDocument, date]]
) -> list[tuple[EvidenceDocument, date]]:
    """The earliest receipt on each of the invoice's order lines.

    :param first: what was found before, by order line: many invoices may share one
    """
    found: dict[str, tuple[EvidenceDocument, date]] = {}
    for line in case.trade.lines(receivable):
        target = line.slot_line
        if target is None or not target.receipts:
            continue
        if id(target) not in first:
            dated = [
                (item, received.received_date or item.document.issue_date)
                for item, received, _ in target.receipts
            ]
            first[id(target)] = min(dated, key=lambda pair: pair[1])
        item, day = first[id(target)]
        known = found.get(item.fingerprint)
        found[item.fingerprint] = (item, min(day, known[1]) if known else day)
    return list(found.values())


def _dated(case: Case, field: str, items: list[tuple[EvidenceDocument, date]]) -> Iterator[Input]:
    for item, day in items:
        yield case.of_document(item, field, day)
