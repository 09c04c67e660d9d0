"""What institutions answer, with types: the one place that reads the plain JSON of a :class:`SourceAnswer`.

A field that is not there has the default that says least; what cannot be read is a gap, never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from crossverify.evidence import LedgerView, SourceAnswer, SourceState

NAMES = {
    "ledger": "The ledger",
    "tax": "The tax authority",
    "bank": "The bank that keeps the account",
    "credit": "The credit bureau",
    "registry": "The movable-property registry",
    "bills": "The commercial-paper exchange",
}
"""How a message names a source."""


SOURCES = ("tax", "bank", "credit", "registry", "bills")
"""The institutions, in the order in which they are told."""

GAP_CODES = frozenset(
    {"NOT_ASKED", "SOURCE_SILENT", "SOURCE_STALE", "SOURCE_CLOCK", "NOT_ANSWERED", "ANSWER_UNREADABLE"}
)
"""Codes that every rule with a source may give, with outcome UNKNOWN."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Why a source says nothing about something.

    :param code: one of :data:`GAP_CODES`
    :param message: for a loan officer
    :param source: which source
    :param as_of: its as-of time, where there is one
    """

    code: str
    message: str
    source: str
    as_of: int = 0


def _amount(value: object) -> object:
    return "0" if value == "" else value


Money = Annotated[Decimal, BeforeValidator(_amount)]
Day = Annotated[date | None, BeforeValidator(lambda value: value or None)]


class Answer(BaseModel):
    """Base of what institutions answer: fields that nobody knows are ignored, values are never told in errors."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


A = TypeVar("A", bound=Answer)


def gap_of(
    answer: SourceAnswer | LedgerView | None, source: str, now: int, max_age: int, clock_slack: int
) -> Gap | None:
    """Why a whole source says nothing; ``None`` when its answers may be used.

    :param now: time of evaluation
    :param max_age: older answers are stale, in seconds
    :param clock_slack: how far an as-of time may lie ahead of ``now``, in seconds
    """
    name = NAMES[source]
    if answer is None:
        return Gap("NOT_ASKED", f"{name} was not asked.", source)
    why = f": {answer.reason}" if answer.reason else ""
    if answer.state is SourceState.SILENT:
        return Gap("SOURCE_SILENT", f"{name} did not answer{why}.", source, answer.as_of)
    if answer.state is SourceState.STALE:
        return Gap("SOURCE_STALE", f"{name} answered from old data{why}.", source, answer.as_of)
    if answer.as_of > now + clock_slack:
        ahead = answer.as_of - now
        return Gap("SOURCE_CLOCK", f"{name} dates its answer {ahead} s in the future.", source, answer.as_of)
    if answer.as_of < now - max_age:
        hours, limit = (now - answer.as_of) // 3600, max_age // 3600
        text = f"{name} answered from data that are {hours} h old; {limit} h are allowed."
        return Gap("SOURCE_STALE", text, source, answer.as_of)
    return None


def read(kind: type[A], answer: SourceAnswer, reference: str, source: str) -> A | Gap:
    """One typed answer out of a batch, or why there is none."""
    data: dict[str, Any] | None = answer.answers.get(reference)
    if data is None:
        return Gap("NOT_ANSWERED", f"{NAMES[source]} gave no answer to this question.", source, answer.as_of)
    if "error" in data:
        return _of_error(data["error"], source, answer.as_of)
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        text = f"{NAMES[source]} gave an answer that cannot be read (field {where})."
        return Gap("ANSWER_UNREADABLE", text, source, answer.as_of)


def _of_error(error: object, source: str, as_of: int) -> Gap:
    """An answer that says why there is none (``QuestionError`` of the wire)."""
    said = error if isinstance(error, dict) else {}
    reason, message = str(said.get("reason", "")), str(said.get("message", ""))
    if reason == "ANSWER_UNREADABLE":
        return Gap(reason, f"{NAMES[source]} gave an answer that cannot be used: {message}", source, as_of)
    text = f"{NAMES[source]} could not answer this question: {message or reason or 'it says no reason.'}"
    return Gap("NOT_ANSWERED", text, source, as_of)
