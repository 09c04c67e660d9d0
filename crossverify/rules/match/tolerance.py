"""Tolerances of the rules that match: a part of what is compared and an amount of money; the narrower holds."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from crossverify.figures import Rate
from crossverify.rule import Thresholds
from crossverify.units import Exact

Money = Annotated[Decimal, Field(ge=0)]


class Tolerance(Thresholds):
    """How far something may be off and only warn. Both hold at once: the narrower decides.

    :ivar tolerance: as a part of what it is compared with
    :ivar tolerance_amount: as an amount without tax per line, in major units of the invoice's currency; none sets no
        such limit, since one amount does not suit every currency and every bank
    """

    tolerance: Rate
    tolerance_amount: Money | None = None

    def holds(self, off: Exact, of: Exact, amount: Exact) -> bool:
        """Whether a difference is within tolerance.

        :param off: the difference, in the unit of ``of``
        :param of: what it is compared with
        :param amount: what the difference is worth without tax
        """
        if Fraction(off) > Fraction(self.tolerance) * of:
            return False
        return self.tolerance_amount is None or amount <= Fraction(self.tolerance_amount)
