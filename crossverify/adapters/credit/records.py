"""What the credit bureau is told, as values."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from consortium.documents.codes import MINOR_UNITS
from consortium.documents.money import Currency, NaturalQuantity, too_precise
from crossverify.adapters.strict import Flag, Identifier, StrictRecord

Count = Annotated[int, Field(ge=0, le=100_000, strict=True)]


class ReportRecord(StrictRecord):
    """The bureau's file on one subject.

    :ivar current_overdue_days: days by which the worst current debt is overdue
    :ivar past_overdue_count: number of past debts that were overdue
    :ivar under_enforcement: whether a court enforces against it
    :ivar liabilities: debts
    """

    subject_id: Identifier
    current_overdue_days: Count
    past_overdue_count: Count
    under_enforcement: Flag
    liabilities: NaturalQuantity
    currency: Currency

    @model_validator(mode="after")
    def _liabilities_fit_currency(self) -> Self:
        digits = MINOR_UNITS[self.currency]
        if too_precise(Decimal(self.liabilities), digits):
            raise ValueError(f"liabilities have more decimals than the {digits} of {self.currency}")
        return self
