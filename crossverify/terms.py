"""The terms of a receivable, each with the document and the field that it comes from.

A Chinese tax invoice says neither when it is due nor what was agreed: contract, statement and confirmation do. For
each term, all that documents say about it is kept, in this order of weight:

1. the debtor's confirmation, 2. its acknowledgement of the assignment, 3. its own statement of account,
4. the invoice, 5. the seller's statement of account, 6. the contract with its amendments (a due date by its rule),
7. the order.

The first one counts. What others say differently is told by :meth:`Terms.conflicts`, which TERMS_CONFLICT reports:
nothing is resolved silently. Of several words of one kind only the newest counts, as it replaces the older ones; an
amendment replaces what it amends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from consortium.documents import DueRule, GoodsReceipt, Invoice
from crossverify.agreements import Agreed, Voices, voices_of
from crossverify.evidence import EvidenceDocument
from crossverify.percase import per_case
from crossverify.rule import Input

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Voice = Literal["debtor", "seller", "both"]
"""Whose word it is: the debtor's own, the seller's, or what both agreed in a contract or order that the debtor handed
in or signed."""


@dataclass(frozen=True, slots=True, eq=False)
class Term(Generic[T_co]):
    """One term as one document says it.

    :ivar value: the value
    :ivar document: the document that it comes from
    :ivar field: the field there, such as ``due_date`` or ``lines/2/due_date``; of a rule ``due_rule``
    :ivar voice: whose word it is
    """

    value: T_co
    document: EvidenceDocument
    field: str
    voice: Voice

    def input(self, case: Case) -> Input:
        """The term as something that a finding rests on."""
        return case.of_document(self.document, self.field, said(self.value))

    @property
    def source(self) -> str:
        """``invoice INV-1``: the document in words."""
        return f"{self.document.document.kind.replace('_', ' ')} {self.document.document.number}"


def said(value: object) -> str:
    """A term's value as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Documents that say different things about one term.

    :ivar name: name of the term
    :ivar counts: what counts
    :ivar differs: what says otherwise
    """

    name: str
    counts: Term[object]
    differs: tuple[Term[object], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The terms of one receivable. Lists begin with what counts; empty: no document says anything.

    :ivar due_dates: days on which it is due
    :ivar due_rules: how that is reckoned, where a contract or an order says so
    :ivar payment_terms: in words
    :ivar pay_when_paid: whether the debtor pays only once a third party paid it
    :ivar assignment_barred: whether assigning the claim is barred by agreement
    :ivar assignment_barred_by_law: what bars it by law or by its nature
    :ivar set_off_waived: whether the debtor waives set-off
    :ivar governing_law: country
    :ivar retention: part that the debtor keeps back, in per cent
    :ivar acknowledged: amounts that the debtor acknowledged for this receivable alone, in its currency
    :ivar disputes: what the debtor disputes, and did not accept afterwards
    :ivar reservations: with which the debtor acknowledged, and did not drop afterwards
    :ivar disputed_amount: how much of it, where the debtor said so
    :ivar delivered: days on which the goods were received
    :ivar contracts: contracts that it comes from
    :ivar contracts_missing: numbers of contracts that are named and not shown
    """

    due_dates: tuple[Term[date], ...] = ()
    due_rules: tuple[Term[DueRule], ...] = ()
    payment_terms: tuple[Term[str], ...] = ()
    pay_when_paid: tuple[Term[bool], ...] = ()
    assignment_barred: tuple[Term[bool], ...] = ()
    assignment_barred_by_law: tuple[Term[str], ...] = ()
    set_off_waived: tuple[Term[bool], ...] = ()
    governing_law: tuple[Term[str], ...] = ()
    retention: tuple[Term[Decimal], ...] = ()
    acknowledged: tuple[Term[Decimal], ...] = ()
    disputes: tuple[Term[str], ...] = ()
    reservations: tuple[Term[str], ...] = ()
    disputed_amount: tuple[Term[Decimal], ...] = ()
    delivered: tuple[Term[date], ...] = ()
    contracts: tuple[Agreed, ...] = ()
    contracts_missing: tuple[str, ...] = ()

    @property
    def due_date(self) -> Term[date] | None:
        """The due date that counts."""
        return self.due_dates[0] if self.due_dates else None

    def conflicts(self, due_days: int = 0) -> Iterator[Conflict]:
        """Terms about which documents say different things.

        :param due_days: due dates may differ by so many days: a bank holiday is no contradiction
        """
        due: Callable[[date, date], bool] = lambda one, other: abs((one - other).days) <= due_days  # noqa: E731
        yield from _differing("due_date", self.due_dates, due)
        yield from _differing("due_rule", self.due_rules)
        yield from _differing("pay_when_paid", self.pay_when_paid)
        yield from _differing("assignment_barred", self.assignment_barred)
        yield from _differing("set_off_waived", self.set_off_waived)
        yield from _differing("governing_law", self.governing_law)
        yield from _differing("acknowledged_amount", self.acknowledged)


def _differing(
    name: str, terms: tuple[Term[T], ...], same: Callable[[T, T], bool] | None = None
) -> Iterator[Conflict]:
    others = tuple(
        each
        for each in terms[1:]
        if not (same(terms[0].value, each.value) if same else terms[0].value == each.value)
    )
    if others:
        yield Conflict(name, terms[0], others)


def terms_of(case: Case, receivable: Receivable) -> Terms:
    """The terms of a receivable of a case."""
    return _all_terms(case)[receivable.fingerprint]


@per_case
def _all_terms(case: Case) -> Mapping[str, Terms]:
    voices = voices_of(case)
    return {each.fingerprint: _Reader(each, voices[each.fingerprint]).terms() for each in case.receivables}


class _Reader:
    """Reads the terms of one receivable."""

    def __init__(self, receivable: Receivable, voices: Voices) -> None:
        self._receivable = receivable
        self._voices = voices
        self._debtors = {receivable.primary.buyer} - {""}

    def terms(self) -> Terms:
        """All of them."""
        rules = (*self._of_contracts("due_rule"), *self._of_orders("due_rule"))
        delivered = tuple(self._delivered())
        return Terms(
            due_dates=(*self._due_dates(), *self._by_rules(rules, delivered)),
            due_rules=rules,
            payment_terms=(
                *self._of_invoices("payment_terms"),
                *self._of_contracts("payment_terms"),
                *self._of_orders("payment_terms"),
            ),
            pay_when_paid=self._of_contracts("pay_when_paid"),
            assignment_barred=self._of_contracts("assignment_barred"),
            assignment_barred_by_law=self._of_contracts("assignment_barred_by_law"),
            set_off_waived=(*self._of_debtor("set_off_waived"), *self._of_contracts("set_off_waived")),
            governing_law=self._of_contracts("governing_law"),
            retention=self._of_contracts("retention_percent"),
            acknowledged=tuple(self._acknowledged()),
            disputes=tuple(self._disputes()),
            reservations=tuple(self._reservations()),
            disputed_amount=tuple(self._disputed_amount()),
            delivered=delivered,
            contracts=tuple(self._voices.contracts),
            contracts_missing=tuple(self._voices.contracts_missing),
        )

    # --- by kind of document ----------------------------------------------------------------

    def _of_debtor(self, name: str) -> tuple[Term[bool], ...]:
        """A field that confirmation, acknowledgement and statement have alike, in the newest of each that says it."""
        found: list[Term[bool]] = []
        lists = (
            self._voices.confirmations,
            [(each.item, each.body) for each in self._voices.acknowledgements],
            [(each.item, each.body) for each in self._voices.acknowledged],
        )
        for words in lists:
            told = ((item, getattr(body, name)) for item, body in words)
            newest = next(((item, value) for item, value in told if value is not None), None)
            if newest is not None:
                found.append(Term(newest[1], newest[0], name, "debtor"))
        return tuple(found)

    def _of_invoices(self, name: str) -> tuple[Term[str], ...]:
        primary = self._receivable.primary
        members = (primary, *(item for item in self._receivable.members if item is not primary))
        return tuple(
            Term(value, item, name, "seller")
            for item in members
            if (value := getattr(item.document, name, None)) is not None
        )

    def _of_contracts(self, name: str) -> tuple[Term[Any], ...]:
        """Of each contract the newest part that says it."""
        found: list[Term[Any]] = []
        for agreed in self._voices.contracts:
            for item, body in agreed.parts:
                value = getattr(body, name)
                if value is not None:
                    found.append(Term(value, item, name, self._agreed_by(item)))
                    break
        return tuple(found)

    def _of_orders(self, name: str) -> tuple[Term[Any], ...]:
        return tuple(
            Term(value, item, name, self._agreed_by(item))
            for item, body in self._voices.orders
            if (value := getattr(body, name)) is not None
        )

    def _agreed_by(self, item: EvidenceDocument) -> Voice:
        debtors = self._debtors | ({item.buyer} - {""})
        return "both" if item.pushed_by in debtors or item.signed_by in debtors else "seller"

    # --- due dates --------------------------------------------------------------------------

    def _due_dates(self) -> Iterator[Term[date]]:
        """What documents say outright, by weight."""
        voices = self._voices
        for item, confirmation in voices.confirmations:
            if confirmation.due_date is not None:
                yield Term(confirmation.due_date, item, "due_date", "debtor")
                break
        for each in voices.acknowledgements:
            if each.line is not None and each.line.due_date is not None:
                yield Term(each.line.due_date, each.item, f"lines/{each.position}/due_date", "debtor")
                break
            if each.body.due_date is not None:
                yield Term(each.body.due_date, each.item, "due_date", "debtor")
                break
        yield from _of_statements(voices, own=True)
        primary = self._receivable.primary
        for item in (primary, *(each for each in self._receivable.members if each is not primary)):
            body = item.document
            if isinstance(body, Invoice) and body.due_date is not None:
                yield Term(body.due_date, item, "due_date", "seller")
        yield from _of_statements(voices, own=False)

    def _by_rules(
        self, rules: tuple[Term[DueRule], ...], delivered: tuple[Term[date], ...]
    ) -> Iterator[Term[date]]:
        for rule in rules:
            begins = self._begin(rule.value, delivered)
            if begins is not None:
                yield Term(rule.value.due_from(begins), rule.document, rule.field, rule.voice)

    def _begin(self, rule: DueRule, delivered: tuple[Term[date], ...]) -> date | None:
        """The day that a rule counts from; ``None`` where documents do not say one day."""
        days: set[date] = set()
        if rule.basis == "invoice_date":
            days = {self._receivable.invoice.issue_date}
        elif rule.basis == "receipt_date":
            days = {each.value for each in delivered}
        elif rule.basis == "order_date":
            days = {body.issue_date for _, body in self._voices.orders}
        elif self._voices.acknowledged or self._voices.statements:
            days = {(self._voices.acknowledged or self._voices.statements)[0].body.issue_date}
        return days.pop() if len(days) == 1 else None

    def _delivered(self) -> Iterator[Term[date]]:
        """When the goods were received: the last day that each receipt says."""
        for item, receipt in self._voices.receipts:
            yield Term(_received_on(receipt), item, _received_field(receipt), self._agreed_by(item))

    # --- the debtor's word ------------------------------------------------------------------

    def _acknowledged(self) -> Iterator[Term[Decimal]]:
        currency = self._receivable.currency
        for each in self._voices.acknowledgements:
            line = each.line
            if line is not None and line.amount is not None and each.body.currency == currency:
                yield Term(line.amount, each.item, f"lines/{each.position}/amount", "debtor")
                break
        for said_there in self._voices.acknowledged:
            if said_there.body.currency == currency:
                open_part = said_there.amount - (said_there.disputed or Decimal(0))
                yield Term(open_part, said_there.item, f"lines/{said_there.position}/amount", "debtor")
                break

    def _disputes(self) -> Iterator[Term[str]]:
        accepted = self._accepted_on()
        for item, confirmation in self._voices.confirmations[:1]:
            if confirmation.response_code == "RE" and not _earlier(item, accepted):
                yield Term("rejected", item, "response_code", "debtor")
        for each in self._voices.acknowledgements[:1]:
            if each.body.response == "refused" and not _earlier(each.item, accepted):
                yield Term(each.body.objections or "refused", each.item, "response", "debtor")
        for each_line in self._voices.acknowledged[:1]:
            disputed = each_line.disputed
            if disputed is not None and disputed > 0 and not _earlier(each_line.item, accepted):
                field = f"lines/{each_line.position}/disputed_amount"
                yield Term(f"{disputed:f} disputed", each_line.item, field, "debtor")

    def _reservations(self) -> Iterator[Term[str]]:
        accepted = self._accepted_on()
        for each in self._voices.acknowledgements[:1]:
            if each.body.response == "conditional" and not _earlier(each.item, accepted):
                yield Term(each.body.objections or "", each.item, "objections", "debtor")

    def _disputed_amount(self) -> Iterator[Term[Decimal]]:
        accepted = self._accepted_on()
        for each in self._voices.acknowledged[:1]:
            disputed = each.disputed
            if disputed is not None and disputed > 0 and not _earlier(each.item, accepted):
                yield Term(disputed, each.item, f"lines/{each.position}/disputed_amount", "debtor")

    def _accepted_on(self) -> date | None:
        """The last day on which the debtor accepted it without reservation."""
        days = [
            item.document.issue_date
            for item, confirmation in self._voices.confirmations[:1]
            if confirmation.response_code == "AP"
        ]
        days += [
            each.item.document.issue_date
            for each in self._voices.acknowledgements[:1]
            if each.body.response == "accepted"
        ]
        return max(days) if days else None


def _of_statements(voices: Voices, *, own: bool) -> Iterator[Term[date]]:
    for each in voices.acknowledged if own else voices.statements:
        voice: Voice = "debtor" if own else "seller"
        if each.line.due_date is not None:
            yield Term(each.line.due_date, each.item, f"lines/{each.position}/due_date", voice)
            return
        if each.body.due_date is not None:
            yield Term(each.body.due_date, each.item, "due_date", voice)
            return


def _received_on(receipt: GoodsReceipt) -> date:
    days = [line.received_date for line in receipt.lines if line.received_date is not None]
    return max(days) if days else receipt.issue_date


def _received_field(receipt: GoodsReceipt) -> str:
    return "received_date" if any(line.received_date for line in receipt.lines) else "issue_date"


def _earlier(item: EvidenceDocument, accepted: date | None) -> bool:
    return accepted is not None and item.document.issue_date < accepted
