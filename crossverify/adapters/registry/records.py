"""What the registry keeps and is told, as values; and the arithmetic of terms.

A registration is effective from its time to the second, for its term in months (统一登记办法, 2022: to 30 years).
Names are compared without blanks, signs and width, so that one writing finds another.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from crossverify.adapters.strict import Identifier, StrictRecord
from crossverify.collateral import name_key

KINDS: Final = ("assignment", "pledge", "movables", "lease", "retention", "other")
AMENDMENTS: Final = ("description", "term", "release")
REASONS: Final = ("paid", "agreed", "error")
MAX_TERM_MONTHS: Final = 360
MAX_NAME_CHARACTERS: Final = 200
MAX_DESCRIPTION_CHARACTERS: Final = 20_000
MAX_IDENTIFIERS: Final = 16
MAX_NAMES: Final = 32
MAX_AMENDMENTS: Final = 200


def add_months(start: int, months: int) -> int:
    """The same time of day so many calendar months later; the last day of a shorter month.

    :param start: seconds since 1970 UTC
    """
    begin = datetime.fromtimestamp(start, UTC)
    year, month = divmod(begin.year * 12 + begin.month - 1 + months, 12)
    day = min(begin.day, monthrange(year, month + 1)[1])
    return int(begin.replace(year=year, month=month + 1, day=day).timestamp())


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("a time is written in ISO 8601, such as 2026-05-04T10:15:30+08:00") from error
    if found.tzinfo is None:
        raise ValueError("a time needs its offset, such as +08:00 or Z")
    return int(found.timestamp())


def _named(value: str) -> str:
    if not name_key(value) or not value.isprintable():
        raise ValueError("a name has letters or digits, and can be printed")
    return value


Seconds = Annotated[int, BeforeValidator(_seconds), Field(ge=0, lt=2**40, strict=True)]
Name = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS, strict=True), AfterValidator(_named)
]
Description = Annotated[str, Field(min_length=1, max_length=MAX_DESCRIPTION_CHARACTERS, strict=True)]
Term = Annotated[int, Field(ge=1, le=MAX_TERM_MONTHS, strict=True)]
Number = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{4,40}$", strict=True)]


class RegistryParty(StrictRecord):
    """A party of a registration."""

    name: Name
    identifiers: Annotated[tuple[Identifier, ...], Field(max_length=MAX_IDENTIFIERS)] = ()
    former_names: Annotated[tuple[Name, ...], Field(max_length=MAX_NAMES)] = ()


class Amendment(StrictRecord):
    """One later change.

    :ivar description: the new one, or what is released
    :ivar term_months: of the registration from its beginning on, for "term"
    """

    at: Seconds
    kind: Literal["description", "term", "release"]
    description: Annotated[str, Field(max_length=MAX_DESCRIPTION_CHARACTERS, strict=True)] = ""
    term_months: Annotated[int, Field(ge=0, le=MAX_TERM_MONTHS, strict=True)] = 0

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.kind == "term" and not self.term_months:
            raise ValueError("a change of term needs term_months")
        if self.kind != "term" and not self.description:
            raise ValueError(f"a {self.kind} needs a description")
        if (self.kind == "term") == bool(self.description) or (self.kind != "term" and self.term_months):
            raise ValueError("a change is of the term or of the description, not of both")
        return self


class RegistrationRecord(StrictRecord):
    """One registration as it is loaded: fields as in ``chanrong.sources.v1.Registration``.

    :ivar registered: ISO 8601 with offset, or seconds since 1970 UTC; to the second
    :ivar description: as it was first registered
    :ivar cancelled: when it was cancelled
    """

    number: Number
    kind: Literal["assignment", "pledge", "movables", "lease", "retention", "other"]
    assignor: RegistryParty
    secured_party: RegistryParty
    description: Description
    registered: Seconds
    term_months: Term
    cancelled: Seconds | None = None
    amendments: Annotated[tuple[Amendment, ...], Field(max_length=MAX_AMENDMENTS)] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [self.registered, *(each.at for each in self.amendments)]
        if times != sorted(times):
            raise ValueError("amendments stand in their order, after the registration")
        if self.cancelled is not None and self.cancelled < times[-1]:
            raise ValueError("it was cancelled before it was registered or amended")
        return self


class Entry(BaseModel):
    """A registration as the registry keeps it.

    :ivar sequence: place in the registry's order
    :ivar filed_by: MSP id of the member that filed it through this server
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    record: RegistrationRecord
    sequence: int
    filed_by: str = ""

    @property
    def term_months(self) -> int:
        """The term as it is now."""
        terms = [each.term_months for each in self.record.amendments if each.kind == "term"]
        return terms[-1] if terms else self.record.term_months

    @property
    def description(self) -> str:
        """The description as it is now, releases not taken out."""
        texts = [each.description for each in self.record.amendments if each.kind == "description"]
        return texts[-1] if texts else self.record.description

    @property
    def expires(self) -> int:
        """When it ends by itself, seconds since 1970 UTC."""
        return add_months(self.record.registered, self.term_months)

    def state(self, now: int) -> str:
        """ "live", "expired" or "cancelled"."""
        if self.record.cancelled is not None and self.record.cancelled <= now:
            return "cancelled"
        return "live" if now < self.expires else "expired"

    def changed(self, **values: Any) -> Entry:
        """The same with other values of its record."""
        return self.model_copy(update={"record": self.record.model_copy(update=values)})
