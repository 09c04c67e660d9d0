"""Figures of a profile that belong to no single rule: how old an answer may be, and the waterfall's rates."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
"""Decimal context of every evaluation. A document's numbers have at most 28 digits, so sums and products of
two or three are exact; only a division can be rounded, in the hundredth digit."""

HOUR = 3_600
DAY = 24 * HOUR

Rate = Annotated[Decimal, Field(ge=0, le=1)]
Age = Annotated[int, Field(gt=0)]


class MaxAges(BaseModel):
    """Maximum age of what each source says, in seconds; older is UNKNOWN.

    :ivar ledger: claims and consents change from block to block
    :ivar tax: invoice states are published within a day; two, so that a night's outage refers nothing
    :ivar bank: end-of-day statements, over a long weekend
    :ivar credit: a bureau report is good for a month
    :ivar registry: registrations; none where the profile has no rule that asks
    :ivar bills: bills; none where the profile has no rule that asks
    :ivar clock_slack: how far an as-of time may lie ahead of the evaluation before it is not believed
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger: Age = HOUR
    tax: Age = 2 * DAY
    bank: Age = 4 * DAY
    credit: Age = 30 * DAY
    registry: Age | None = None
    bills: Age | None = None
    clock_slack: Age = 300

    def to_json(self) -> dict[str, int]:
        """By source; sources that are not used are left out."""
        found: dict[str, int] = self.model_dump(mode="json", exclude_none=True)
        return found


class AssetKind(StrEnum):
    """What a bank lends on under a profile."""

    RECEIVABLE = "receivable"
    ORDER = "order"
    BILL = "bill"
    WAREHOUSE_RECEIPT = "warehouse_receipt"


class Waterfall(BaseModel):
    """Figures of the way from face value to eligible amount.

    :ivar advance_rate: part of what is left that the bank advances
    :ivar dilution_reserve: part of what is left that is held back for later credit notes
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    advance_rate: Rate = Decimal("0.8")
    dilution_reserve: Rate = Decimal(0)


class Overdue(BaseModel):
    """What is held back of something overdue.

    :ivar over_days: for more than so many days after the due date
    :ivar part: held back
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    over_days: Annotated[int, Field(ge=0)]
    part: Rate


class Waterfall2(BaseModel):
    """Figures of the second form of the waterfall: ageing and concentration have steps of their own, and what is
    in another currency is converted with the bank's rates, which each step names.

    :ivar version: of the form
    :ivar advance_rate: part of what is left that the bank advances
    :ivar dilution_reserve: part of what is left that is held back for later credit notes
    :ivar ageing: what is held back of the overdue; the last that applies counts
    :ivar currency: totals are told in it too, where there are rates; empty: per currency only
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[2] = 2
    advance_rate: Rate = Decimal("0.8")
    dilution_reserve: Rate = Decimal("0.05")
    ageing: tuple[Overdue, ...] = (
        Overdue(over_days=30, part=Decimal("0.25")),
        Overdue(over_days=60, part=Decimal("0.5")),
        Overdue(over_days=90, part=Decimal(1)),
    )
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = "CNY"
