"""What institutions answer, with types: the one place that reads the plain JSON of a :class:`SourceAnswer`.

A field that is not there has the default that says least; what cannot be read is a gap, never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from crossverify.evidence import LedgerView, SourceAnswer, SourceState

NAMES = {
    "ledger": "The ledger",
    "tax": "The tax authority",
    "bank": "The bank that keeps the account",
    "credit": "The credit bureau",
}
"""How a message names a source."""


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


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class TaxInvoice(_Answer):
    """What tax knows of one invoice; fields as in ``chanrong.sources.v1.InvoiceAnswer``."""

    known: bool
    differing: tuple[str, ...] = ()
    state: str = ""
    red_amount: Money = Decimal(0)
    use_confirmed: bool = False
    red_confirmation_open: bool = False


class Taxpayer(_Answer):
    """What tax knows of one taxpayer; fields as in ``TaxpayerAnswer``."""

    known: bool
    state: str = ""
    name: str = ""
    former_names: tuple[str, ...] = ()
    registered_on: Day = None


class Payment(_Answer):
    """One payment on an account; fields as in ``Payment`` of the wire."""

    entry_reference: str = ""
    booking_date: Day = None
    amount: Money
    currency: str
    credited_account: str = ""
    credited_owner: str = ""
    credited_owner_ids: tuple[str, ...] = ()
    payer_id: str = ""
    payer_ids: tuple[str, ...] = ()
    payer_name: str = ""
    payer_account: str = ""
    ultimate_payer_name: str = ""
    ultimate_payer_ids: tuple[str, ...] = ()
    reversal: bool = False
    instructed_amount: Annotated[Decimal | None, BeforeValidator(lambda value: value or None)] = None
    instructed_currency: str = ""
    document_amount: Annotated[Decimal | None, BeforeValidator(lambda value: value or None)] = None
    matched_by: str = ""
    found_by: str = ""


class PaymentAnswer(_Answer):
    """Payments found for one receivable; fields as in ``PaymentAnswer`` of the wire."""

    payments: tuple[Payment, ...] = ()
    account_known: bool = False
    statements_until: Day = None
    account_owner: str = ""
    account_owner_ids: tuple[str, ...] = ()


class CreditReport(_Answer):
    """What the bureau says of one subject; fields as in ``CreditReport`` of the wire."""

    known: bool
    current_overdue_days: Annotated[int, Field(ge=0)] = 0
    past_overdue_count: Annotated[int, Field(ge=0)] = 0
    under_enforcement: bool = False
    liabilities: Money = Decimal(0)
    currency: str = ""


CANCELLED_BY_TAX = frozenset({"void", "red_full"})
"""Tax states of an invoice that is no invoice any more."""

A = TypeVar("A", bound=_Answer)


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
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        text = f"{NAMES[source]} gave an answer that cannot be read (field {where})."
        return Gap("ANSWER_UNREADABLE", text, source, answer.as_of)
