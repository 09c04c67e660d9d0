"""What the credit bureau is told, as values."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from consortium.documents.codes import MINOR_UNITS
from consortium.documents.money import Currency, NaturalQuantity, too_precise
from crossverify.adapters.strict import Flag, Identifier, StrictRecord
from crossverify.sources.credit import MAX_RELATED

Count = Annotated[int, Field(ge=0, le=100_000, strict=True)]


class RelatedRecord(StrictRecord):
    """Somebody or something that the subject may share with others.

    :ivar identifier: of a company as "scheme:value", of a person as the bureau keys it ("person:..."), or the text of
        an address ("address:...") or contact ("contact:...")
    :ivar share_percent: what an owner or controller holds
    """

    kind: Literal["owner", "officer", "controller", "address", "contact"]
    identifier: Annotated[str, Field(min_length=3, max_length=400, strict=True)]
    name: Annotated[str, Field(max_length=400, strict=True)] = ""
    share_percent: Annotated[NaturalQuantity, Field(le=100)] | None = None

    @field_validator("identifier")
    @classmethod
    def _has_a_scheme(cls, value: str) -> str:
        scheme, colon, rest = value.partition(":")
        if not colon or not scheme.strip() or not rest.strip() or not value.isprintable():
            raise ValueError("it is written scheme:value, such as uscc:..., person:..., address:...")
        return f"{scheme.strip().lower()}:{' '.join(rest.split())}"


class ReportRecord(StrictRecord):
    """The bureau's file on one subject.

    :ivar current_overdue_days: days by which the worst current debt is overdue
    :ivar past_overdue_count: number of past debts that were overdue
    :ivar under_enforcement: whether a court enforces against it
    :ivar liabilities: debts
    :ivar status: registration; empty when the bureau does not know
    :ivar related: owners, officers, controllers, addresses, contacts
    """

    subject_id: Identifier
    current_overdue_days: Count
    past_overdue_count: Count
    under_enforcement: Flag
    liabilities: NaturalQuantity
    currency: Currency
    status: Literal["", "active", "suspended", "revoked", "deregistered", "insolvent"] = ""
    related: Annotated[tuple[RelatedRecord, ...], Field(max_length=MAX_RELATED)] = ()

    @model_validator(mode="after")
    def _liabilities_fit_currency(self) -> Self:
        digits = MINOR_UNITS[self.currency]
        if too_precise(Decimal(self.liabilities), digits):
            raise ValueError(f"liabilities have more decimals than the {digits} of {self.currency}")
        return self
