"""Days and open amounts, as the rules on terms reckon them."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from crossverify.percase import per_case
from crossverify.rule import Input, clip
from crossverify.rules.cash.agreed import bills_given
from crossverify.rules.cash.allocation import allocate
from crossverify.terms import Term

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


def today(case: Case) -> date:
    """The day of evaluation, UTC."""
    return datetime.fromtimestamp(case.now, UTC).date()


def months_after(day: date, months: int) -> date:
    """The same day some months later, or the last one of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def still_open(receivable: Receivable) -> Decimal:
    """Face value less what was taken back; never negative."""
    return max(receivable.face - receivable.credited, Decimal(0))


@per_case
def paid(case: Case) -> Mapping[str, tuple[Decimal, Input | None]]:
    """What the bank saw paid, and what was paid by bill, by receivable, with one input that shows it. Where the bank
    says nothing, nothing was seen."""
    answers = {each.fingerprint: case.payments(each.primary.fingerprint) for each in case.receivables}
    bills = bills_given(case)
    found: dict[str, tuple[Decimal, Input | None]] = {}
    for key, payments in allocate(case, answers).items():
        given = bills.get(key, ())
        amount = sum((each.amount for each in payments), Decimal(0)) + sum(
            (each.amount for each in given), Decimal(0)
        )
        told = case.of_document(given[-1].item, "amount", f"{given[-1].amount:f}") if given else None
        if payments:
            last = payments[-1].payment
            told = case.of_source("bank", key, f"payments/{last.entry_reference}", f"{last.amount:f}")
        found[key] = (amount, told)
    return found


def of_invoice(case: Case, receivable: Receivable, field: str = "issue_date") -> Input:
    """A field of the invoice as an input."""
    return case.of_document(receivable.primary, field, getattr(receivable.invoice, field))


def inputs_of(case: Case, *terms: Iterable[Term[object]]) -> tuple[Input, ...]:
    """Terms as inputs."""
    return clip(each.input(case) for some in terms for each in some)
