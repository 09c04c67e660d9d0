"""What the credit bureau answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from crossverify.answers.base import Answer, Money


class CreditReport(Answer):
    """What the bureau says of one subject; fields as in ``CreditReport`` of the wire."""

    known: bool
    current_overdue_days: Annotated[int, Field(ge=0)] = 0
    past_overdue_count: Annotated[int, Field(ge=0)] = 0
    under_enforcement: bool = False
    liabilities: Money = Decimal(0)
    currency: str = ""
