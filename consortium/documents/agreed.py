"""What parties agree on about payment: when an amount falls due (付款期限)."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from consortium.documents.base import LATEST_DATE, Part

MAX_TERM_DAYS: Final = 3660
"""Days of a term of payment; a longer one is a slip of the keyboard."""
MAX_TERM_MONTHS: Final = 120

DueBasis = Literal["invoice_date", "receipt_date", "statement_date", "order_date"]
"""Date of the invoice (开票日), of the receipt or acceptance of the goods (收货、验收日), of the statement of
account (对账日), of the order (下单日)."""


class DueRule(Part):
    """How a due date is reckoned (到期日规则): from a day, by steps 1 to 4 of :meth:`due_from`."""

    basis: DueBasis
    """The day that the term is counted from (起算日)."""
    end_of_month: Annotated[bool, Field(strict=True)] | None = None
    """Whether the term begins at the end of that day's month (月结)."""
    months: Annotated[int, Field(ge=0, le=MAX_TERM_MONTHS, strict=True)] | None = None
    """Months of the term (月数)."""
    days: Annotated[int, Field(ge=0, le=MAX_TERM_DAYS, strict=True)] | None = None
    """Days of the term (天数). UBL: ``cac:PaymentTerms/cac:SettlementPeriod/cbc:DurationMeasure``."""
    day_of_month: Annotated[int, Field(ge=1, le=31, strict=True)] | None = None
    """Day of the month on which payments are made (每月付款日); the last one where a month has no such day."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.months is None and self.days is None and self.day_of_month is None and not self.end_of_month:
            raise PydanticCustomError("DUE_RULE_EMPTY", "The rule names a day and no term.")
        return self

    def due_from(self, day: date) -> date:
        """The due date for a term that is counted from a day.

        1. The end of its month, where the rule says so. 2. Months later, on the same day or the month's last
        one. 3. Days later. 4. The next day of payment.
        """
        due = _last_of_month(day) if self.end_of_month else day
        if self.months:
            due = _months_later(due, self.months, to_end=bool(self.end_of_month))
        due = min(due + timedelta(days=self.days or 0), LATEST_DATE)
        if self.day_of_month is not None:
            due = _next_payday(due, self.day_of_month)
        return min(due, LATEST_DATE)

    def __str__(self) -> str:
        parts = [f"{self.months} months" if self.months else "", f"{self.days} days" if self.days else ""]
        term = " and ".join(part for part in parts if part) or "at once"
        begin = f"end of the month of {self.basis}" if self.end_of_month else self.basis
        paid = f", paid on day {self.day_of_month}" if self.day_of_month else ""
        return f"{term} from {begin}{paid}".replace("_", " ")


def _last_of_month(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _months_later(day: date, months: int, *, to_end: bool) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, last if to_end else min(day.day, last))


def _next_payday(day: date, payday: int) -> date:
    for later in (0, 1):
        first = _months_later(day.replace(day=1), later, to_end=False)
        found = first.replace(day=min(payday, calendar.monthrange(first.year, first.month)[1]))
        if found >= day:
            return found
    raise AssertionError("a month later there is one")
