"""What all documents and their parts have in common.

Models are frozen and refuse unknown fields. A field that is absent is ``None`` (or an empty tuple) and does
not appear in the canonical form, so a field added later does not change the bytes of documents that do not
have it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Final, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from consortium.documents.codes import MINOR_UNITS, UNITS
from consortium.documents.money import AmountMark, too_precise

MAX_LINES: Final = 10_000
"""Lines of one document. A longer one would not fit the limits of a ledger transaction's evidence in any
sensible time."""
EARLIEST_DATE: Final = date(1970, 1, 1)
LATEST_DATE: Final = date(2149, 12, 31)
"""Dates outside of these two are slips of the keyboard or fillers such as 0001-01-01 and 9999-12-31."""

_CONTROLS = r"[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F]*"


def _date(value: object) -> date:
    if type(value) is date:
        found = value
    elif type(value) is str and len(value) == 10 and value[4] == value[7] == "-":
        try:
            found = date.fromisoformat(value)
        except ValueError as error:
            raise PydanticCustomError("DATE_IMPOSSIBLE", "There is no such day.") from error
    else:
        raise PydanticCustomError("DATE_FORMAT", "A date is written YYYY-MM-DD.")
    if not EARLIEST_DATE <= found <= LATEST_DATE:
        raise PydanticCustomError("DATE_IMPOSSIBLE", "No trade document is from that year.")
    return found


def _unit(value: object) -> str:
    if type(value) is not str or value not in UNITS:
        raise PydanticCustomError(
            "UNIT_UNKNOWN", "This is not a unit code of UN/ECE Recommendation 20 or 21."
        )
    return value


def _text(max_length: int) -> StringConstraints:
    return StringConstraints(
        strip_whitespace=True, min_length=1, max_length=max_length, pattern=f"^{_CONTROLS}$", strict=True
    )


Code = Annotated[str, _text(64)]
"""A code of some list."""
Number = Annotated[str, _text(128)]
"""A number or identifier that somebody gave to a document, a line or a thing."""
Text = Annotated[str, _text(10_000)]
"""Free text."""
Day = Annotated[date, PlainValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
"""A calendar date (日期), without a time zone."""
Unit = Annotated[str, PlainValidator(_unit), WithJsonSchema({"type": "string", "examples": ["C62", "KGM"]})]
"""Unit of measure (单位): UN/ECE Recommendation 20, or 21 prefixed with X."""
Country = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$", strict=True)]
"""Country (国家), ISO 3166-1 alpha-2."""


class Part(BaseModel):
    """A frozen part of a document; unknown fields are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )


class Document(Part):
    """Base of all documents. ``kind`` is fixed by each subclass."""

    kind: str
    number: Number
    """BT-1 and its likes: the document's own number (编号), as its issuer wrote it. UBL: ``cbc:ID``."""
    issue_date: Day
    """BT-2: date of issue (开具日期). UBL: ``cbc:IssueDate``."""

    currency_field: ClassVar[str | None] = None
    """Name of the field that holds the currency of the document's amounts."""

    def amounts(self) -> Iterator[Decimal]:
        """Every amount of money in the document's currency, for the check of its minor units."""
        return iter(())

    @model_validator(mode="after")
    def _amounts_fit_currency(self) -> Self:
        name = self.currency_field
        if name is None:
            return self
        digits = MINOR_UNITS.get(getattr(self, name) or "", 2)
        if any(too_precise(amount, digits) for amount in self.amounts()):
            raise PydanticCustomError(
                "AMOUNT_PRECISION",
                "An amount has more decimals than its currency, which has {digits}.",
                {"digits": digits},
            )
        return self


Lines = Field(min_length=1, max_length=MAX_LINES)


def is_amount(model: type[BaseModel], name: str) -> bool:
    """Whether a field holds money of the document's currency (directly, or optionally)."""
    info = model.model_fields[name]
    marks = [
        *info.metadata,
        *(mark for part in get_args(info.annotation) for mark in getattr(part, "__metadata__", ())),
    ]
    return any(isinstance(mark, AmountMark) for mark in marks)
