"""DATE_ORDER: do the dates of the trade make sense?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

from pydantic import Field

from consortium.documents import DespatchAdvice
from consortium.documents.roles import Reference
from crossverify.answers import Gap
from crossverify.evidence import EvidenceDocument
from crossverify.match import Matching, match_case
from crossverify.rule import MAX_INPUTS_PER_FINDING, Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.terms import terms_of

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable
    from crossverify.match.accounts import Account

_Dated = tuple[EvidenceDocument, date]


class DateOrderThresholds(Thresholds):
    """Figures of DATE_ORDER.

    :ivar clock_hours: how far ahead of UTC the day may already have begun where a document was written; no place on
        Earth is more than 14 hours ahead
    """

    clock_hours: Annotated[int, Field(ge=0, le=24)] = 14


class _Said(NamedTuple):
    outcome: Outcome
    code: str
    message: str
    inputs: tuple[Input, ...]


class DateOrder(Rule[DateOrderThresholds]):
    """Order, despatch, receipt, invoice, due date; each fault is a finding of its own. The due date comes from
    whichever document carries it (:mod:`crossverify.terms`), order and receipts from the match of lines.

    - PASS: in order. WARN: an invoice or a receipt before the order, an invoice before the receipt (先票后货 is
      normal), a receipt before the despatch that it names.
    - FAIL: an invoice or a receipt in the future, due before issued, or before a party existed.
    - UNKNOWN: the invoice's date is all there is; a later one of several receipts of its goods is in the future.
    - NOT_APPLICABLE: never; every invoice has a date.
    """

    id = "DATE_ORDER"
    version = 2
    title = Text("Do the dates of the trade make sense?", "交易日期是否合理？")
    basis = ("EN 16931 BT-2, BT-9", "民法典 761", "practice (先票后货)")
    explains: ClassVar = {
        "IN_ORDER": Text("The dates are in order. Nothing to do.", "日期顺序合理，无需处理。"),
        "IN_THE_FUTURE": Text(
            "The invoice is dated in the future. Ask the seller to correct it.",
            "发票日期在未来。请要求卖方更正。",
        ),
        "RECEIPT_IN_THE_FUTURE": Text(
            "A receipt is dated in the future: nobody can have received the goods yet. Ask the debtor.",
            "收货单日期在未来，货物尚不可能收到。请向债务人核实。",
        ),
        "DUE_BEFORE_ISSUE": Text(
            "It is due before it was issued. Ask which of the dates is wrong.",
            "到期日早于开票日。请核实日期。",
        ),
        "PARTY_NOT_YET_EXISTING": Text(
            "Seller or buyer was registered after the invoice was issued. Do not lend on it before this is explained.",
            "买方或卖方的成立日期晚于开票日。在查明之前不得融资。",
        ),
        "INVOICE_BEFORE_ORDER": Text(
            "The invoice is older than the order. Orders are often confirmed late; look at the trade where it is new.",
            "发票早于订单。订单常有补签；如为新客户请核查交易。",
        ),
        "INVOICE_BEFORE_RECEIPT": Text(
            "Invoiced before the goods were received, which is usual (先票后货).",
            "先开票后收货，属常见做法。",
        ),
        "RECEIPT_BEFORE_ORDER": Text(
            "Goods were received before the order. Late papers are common; look at the trade where it is new.",
            "收货早于订单。补单较常见；如为新客户请核查交易。",
        ),
        "ONE_RECEIPT_IN_THE_FUTURE": Text(
            "One of several receipts of these goods is dated in the future: a slip, or goods that are still to come. "
            "Ask the debtor what it received.",
            "同一货物的多份收货单中有一份日期在未来：录入有误，或货物尚未到达。请向债务人核实。",
        ),
        "RECEIPT_BEFORE_DESPATCH": Text(
            "Goods were received before they were sent. Ask which of the dates is wrong.",
            "收货日期早于发货日期。请核实日期。",
        ),
        "NO_DATES": Text(
            "No order, receipt or due date to hold the invoice's date against. Ask the seller for them.",
            "没有订单、收货单或到期日可供核对。请向卖方索取。",
        ),
    }
    applies_when = "always"
    sources = ("documents", "tax")
    effects: ClassVar = {"WARN": Effect.INFORMATION, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = DateOrderThresholds

    def evaluate(self, case: Case, thresholds: DateOrderThresholds) -> Iterator[Verdict]:
        """See the class."""
        today = datetime.fromtimestamp(case.now + thresholds.clock_hours * 3600, UTC).date()
        matching = match_case(case)
        firsts = _Firsts()
        for receivable in case.receivables:
            issued = receivable.invoice.issue_date
            own = case.of_document(receivable.primary, "issue_date", issued)
            accounts = _accounts(matching, receivable)
            orders, receipts = _orders(matching, receivable), firsts.of(accounts)
            due = terms_of(case, receivable).due_dates
            found = [
                *_impossible(case, receivable, own, today),
                *_unusual(case, receivable, own, orders, receipts),
                *_received(case, receipts, firsts.last_of(accounts), today),
            ]
            if not found and not orders and not receipts and not due:
                text = "No order, no receipt and no due date to hold the invoice's date against."
                found = [_Said(Outcome.UNKNOWN, "NO_DATES", text, (own,))]
            if not found:
                dated = chain(_dated(case, "issue_date", orders), _dated(case, "received_date", receipts))
                inputs = (own, *islice(dated, MAX_INPUTS_PER_FINDING - 1))
                found = [_Said(Outcome.PASS, "IN_ORDER", "The dates of the trade are in order.", inputs)]
            for item in found:
                yield Verdict(receivable.fingerprint, *item)


def _impossible(case: Case, receivable: Receivable, own: Input, today: date) -> Iterator[_Said]:
    invoice = receivable.invoice
    if invoice.issue_date > today:
        text = f"The invoice is dated {invoice.issue_date}, which is still to come."
        yield _Said(Outcome.FAIL, "IN_THE_FUTURE", text, (own,))
    for position, due in enumerate(terms_of(case, receivable).due_dates):
        counts = position == 0 or due.document is receivable.primary
        if counts and due.value < invoice.issue_date:
            text = f"The invoice is due on {due.value}, before it was issued on {invoice.issue_date}."
            told = case.of_document(due.document, due.field, due.value)
            yield _Said(Outcome.FAIL, "DUE_BEFORE_ISSUE", text, (told, own))
            break
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
    case: Case, receivable: Receivable, own: Input, orders: list[_Dated], receipts: list[_Dated]
) -> Iterator[_Said]:
    issued = receivable.invoice.issue_date
    if orders:
        item, ordered = min(orders, key=_by_day)
        inputs = (own, case.of_document(item, "issue_date", ordered))
        if issued < ordered:
            text = f"The invoice of {issued} is older than the order of {ordered}."
            yield _Said(Outcome.WARN, "INVOICE_BEFORE_ORDER", text, inputs)
        if receipts and min(day for _, day in receipts) < ordered:
            text = f"Goods were received before the order of {ordered}."
            yield _Said(Outcome.WARN, "RECEIPT_BEFORE_ORDER", text, inputs)
    if receipts:
        item, received = min(receipts, key=_by_day)
        if issued < received:
            text = f"Invoiced on {issued}, before the goods were received on {received}."
            inputs = (own, case.of_document(item, "received_date", received))
            yield _Said(Outcome.WARN, "INVOICE_BEFORE_RECEIPT", text, inputs)


def _received(case: Case, receipts: list[_Dated], last: _Dated | None, today: date) -> Iterator[_Said]:
    """Receipts that cannot be, or that are older than what they say was received.

    :param last: the latest of all
    """
    for item, day in receipts:
        if day > today:
            told = case.of_document(item, "received_date", day)
            text = f"The receipt {item.document.number} is dated {day}, which is still to come."
            yield _Said(Outcome.FAIL, "RECEIPT_IN_THE_FUTURE", text, (told,))
            return
    if last is not None and last[1] > today:
        item, day = last
        told = case.of_document(item, "received_date", day)
        text = f"Of several receipts of these goods {item.document.number} is dated {day}, which is still to come."
        yield _Said(Outcome.UNKNOWN, "ONE_RECEIPT_IN_THE_FUTURE", text, (told,))
        return
    for item, day in receipts:
        sent = _despatched(case, item)
        if sent is not None and day < sent[1]:
            text = f"Receipt {item.document.number} says received on {day}, before the goods were sent on {sent[1]}."
            inputs = (case.of_document(item, "received_date", day), case.of_document(*_issue(sent)))
            yield _Said(Outcome.WARN, "RECEIPT_BEFORE_DESPATCH", text, inputs)
            return


def _despatched(case: Case, item: EvidenceDocument) -> _Dated | None:
    """The despatch advice that a receipt names in its header, with the day on which the goods left."""
    body = item.document
    number = getattr(body, "despatch_number", None)
    if number is None:
        return None
    parties = getattr(body, "seller", None), getattr(body, "buyer", None)
    found = case.find(Reference("despatch_advice", number, *parties), body)
    if found is None or not isinstance(found.document, DespatchAdvice):
        return None
    shipment = found.document.shipment
    left = shipment.despatch_date if shipment is not None else None
    return (found, left) if left is not None else None


def _issue(dated: _Dated) -> tuple[EvidenceDocument, str, date]:
    return dated[0], "shipment/despatch_date", dated[1]


def _accounts(matching: Matching, receivable: Receivable) -> list[Account]:
    found = {
        id(line.account): line.account for line in matching.lines(receivable) if line.account is not None
    }
    return list(found.values())


def _orders(matching: Matching, receivable: Receivable) -> list[_Dated]:
    """The orders that the invoice names or was matched to."""
    found = {}
    for line in matching.lines(receivable):
        slot = line.billed.slot
        named = (slot.order,) if slot is not None and slot.order is not None else ()
        for order in (*named, *line.orders):
            found[order.fingerprint] = (order, order.document.issue_date)
    return list(found.values())


class _Firsts:
    """The earliest receipt on each account, and the latest; many invoices may share one."""

    def __init__(self) -> None:
        self._known: dict[int, _Dated | None] = {}
        self._at: dict[int, _Dated | None] = {}
        self._own_lasts: dict[int, _Dated | None] = {}
        self._lasts: dict[int, _Dated | None] = {}

    def _own(self, account: Account) -> _Dated | None:
        """The earliest receipt that stands at an account itself."""
        if id(account) not in self._at:
            dated = [(each.source, each.day) for each in account.entries]
            self._at[id(account)] = min(dated, key=_by_day) if dated else None
        return self._at[id(account)]

    def _own_last(self, account: Account) -> _Dated | None:
        """The latest receipt that stands at an account itself."""
        if id(account) not in self._own_lasts:
            dated = [(each.source, each.day) for each in account.entries]
            self._own_lasts[id(account)] = max(dated, key=_by_day, default=None)
        return self._own_lasts[id(account)]

    def last_of(self, accounts: Iterable[Account]) -> _Dated | None:
        """The latest receipt on accounts."""
        lasts = []
        for account in accounts:
            if id(account) not in self._lasts:
                dated = [last for part in account.parts if (last := self._own_last(part)) is not None]
                self._lasts[id(account)] = max(dated, key=_by_day, default=None)
            last = self._lasts[id(account)]
            lasts += [last] if last is not None else []
        return max(lasts, key=_by_day, default=None)

    def of(self, accounts: Iterable[Account]) -> list[_Dated]:
        """The earliest receipt on each account, each document once with its earliest day."""
        found: dict[str, _Dated] = {}
        for account in accounts:
            if id(account) not in self._known:
                dated = [first for part in account.parts if (first := self._own(part)) is not None]
                self._known[id(account)] = min(dated, key=_by_day) if dated else None
            first = self._known[id(account)]
            if first is not None:
                item, day = first
                known = found.get(item.fingerprint)
                found[item.fingerprint] = (item, min(day, known[1]) if known else day)
        return list(found.values())


def _by_day(dated: _Dated) -> tuple[date, str]:
    return dated[1], dated[0].fingerprint


def _dated(case: Case, field: str, items: Iterable[_Dated]) -> Iterator[Input]:
    for item, day in items:
        yield case.of_document(item, field, day)
