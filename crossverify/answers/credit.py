"""What the credit bureau answers, as far as it leaves the desk.

The report stays at the bank's side: what stands in evidence is derived from it (``crossverify.sources.credit``,
docs/decisions/0013). Persons, addresses and contacts are keys there that can be compared within one package and
say nothing outside of it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from crossverify.answers.base import Answer, Money


class Related(Answer):
    """Somebody or something that a subject may share with others.

    :ivar kind: "owner", "officer", "controller", "address" or "contact"
    :ivar key: equal for two subjects of one package where it is the same person, company, address or contact
    :ivar identifier: "scheme:value" where it is a company of this request's documents; else empty
    :ivar share_percent: what an owner or controller holds; None when not known
    """

    kind: str
    key: str
    identifier: str = ""
    share_percent: Annotated[Decimal | None, BeforeValidator(lambda value: value or None)] = None


class CreditReport(Answer):
    """What rules need of the bureau's report on one subject.

    :ivar relations_only: asked for a counterparty: related parties and status alone, no credit record
    :ivar status: registration: "active", "suspended", "revoked", "deregistered", "insolvent"; empty: not known
    """

    known: bool
    relations_only: bool = False
    current_overdue_days: Annotated[int, Field(ge=0)] = 0
    past_overdue_count: Annotated[int, Field(ge=0)] = 0
    under_enforcement: bool = False
    liabilities: Money = Decimal(0)
    currency: str = ""
    status: str = ""
    related: tuple[Related, ...] = ()
