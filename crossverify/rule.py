"""What a rule is and what it says: outcomes, effects, verdicts and findings.

A rule is one class in one file under ``crossverify/rules``. It is pure: it reads a
:class:`~crossverify.case.Case`, which indexes the evidence, and its thresholds, and yields verdicts. The
engine turns a verdict into a finding by adding the rule's name and version, the stage, and the effect that
the profile gives to the outcome. A finding is a value: a bad invoice never raises.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict

from consortium.errors import InvalidInputError

if TYPE_CHECKING:
    from crossverify.case import Case

MAX_INPUTS_PER_FINDING = 24
"""Most inputs that a finding lists: enough to follow it, and a 10,000-line invoice cannot swell a package."""


class Outcome(StrEnum):
    """What a rule found."""

    PASS = "PASS"  # noqa: S105 - an outcome, no password
    WARN = "WARN"
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    """Cannot be known: a source is down, late, stale or was not asked, or a document is missing. Never a
    pass."""
    NOT_APPLICABLE = "NOT_APPLICABLE"


class Stage(StrEnum):
    """When rules are run; a rule runs from its own stage on."""

    ASSESS = "assess"
    BEFORE_FUNDING = "before_funding"
    IN_LIFE = "in_life"


STAGE_ORDER: Mapping[Stage, int] = {Stage.ASSESS: 0, Stage.BEFORE_FUNDING: 1, Stage.IN_LIFE: 2}


class Effect(StrEnum):
    """What a finding does to a receivable, or as a subject-level finding to the whole request."""

    EXCLUDE = "exclude"
    REFER = "refer"
    """A person of the bank has to look."""
    INFORMATION = "information"


class Input(NamedTuple):
    """One value that a finding rests on.

    :param document: fingerprint of the document, or of the receivable that was asked about; "" for the
        subject
    :param field: field name, such as ``due_date`` or ``lines/2/quantity``
    :param value: the value, as text; "" when there is none
    :param source: ``documents``, ``ledger``, ``tax``, ``bank``, ``credit`` or ``request``
    :param as_of: state of knowledge, seconds since 1970 UTC; 0 when the source gave none
    """

    document: str
    field: str
    value: str
    source: str
    as_of: int

    def to_json(self) -> dict[str, Any]:
        """The input as canonical JSON data."""
        return {
            "document": self.document,
            "field": self.field,
            "value": self.value,
            "source": self.source,
            "as_of": self.as_of,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Input:
        """Reads what :meth:`to_json` wrote."""
        return Input(data["document"], data["field"], data["value"], data["source"], data["as_of"])


class Step(StrEnum):
    """Steps of the waterfall from face value to eligible amount, in their order."""

    FACE = "face"
    CREDIT_NOTES = "credit_notes"
    TAX_RED = "tax_red_beyond_credit_notes"
    PAYMENTS = "payments_seen"
    LEDGER_FACTS = "ledger_facts_not_in_documents"
    NOT_RECEIVED = "not_received_within_tolerance"
    NOT_CONFIRMED = "not_confirmed_by_debtor"
    INVOICED = "invoiced_already"
    GOODS_GONE = "goods_released"
    CLAIMS_OF_OTHERS = "claims_of_others"
    AGEING = "ageing"
    DILUTION = "dilution_reserve"
    CONCENTRATION = "concentration_excess"
    ADVANCE = "advance_rate"


@dataclass(frozen=True, slots=True)
class Deduction:
    """What a finding takes out of the eligible amount.

    :param step: step of the waterfall
    :param amount: how much, in major units of the currency; never negative
    :param currency: ISO 4217 code
    """

    step: Step
    amount: Decimal
    currency: str


class Verdict(NamedTuple):
    """What a rule says before the engine names it.

    :param subject: fingerprint of the receivable (its asset), or "" when it is about the subject of the
        request
    :param outcome: see :class:`Outcome`
    :param code: stable name of the case within the rule, such as ``OVER_RECEIVED``
    :param message: one or two sentences for a loan officer
    :param inputs: what it rests on
    :param line: identifier of the document line, where the rule judges line by line
    :param cap_ppb: the eligible amount is at most this share of face value, in billionths
    :param deduct: what leaves the eligible amount
    """

    subject: str
    outcome: Outcome
    code: str
    message: str
    inputs: tuple[Input, ...] = ()
    line: str | None = None
    cap_ppb: int | None = None
    deduct: Deduction | None = None


class Finding(NamedTuple):
    """A verdict with its rule, version, stage and effect, as it stands in a package."""

    rule: str
    version: int
    stage: Stage
    subject: str
    outcome: Outcome
    effect: Effect
    code: str
    message: str
    inputs: tuple[Input, ...] = ()
    line: str | None = None
    cap_ppb: int | None = None
    deduct: Deduction | None = None

    def to_json(self) -> dict[str, Any]:
        """The finding as canonical JSON data; optional fields are left out when they say nothing."""
        data: dict[str, Any] = {
            "rule": self.rule,
            "version": self.version,
            "stage": self.stage.value,
            "subject": self.subject,
            "outcome": self.outcome.value,
            "effect": self.effect.value,
            "code": self.code,
            "message": self.message,
            "inputs": [item.to_json() for item in self.inputs],
        }
        if self.line is not None:
            data["line"] = self.line
        if self.cap_ppb is not None:
            data["cap_ppb"] = self.cap_ppb
        if self.deduct is not None:
            data["deduct"] = {
                "step": self.deduct.step.value,
                "amount": format(self.deduct.amount, "f"),
                "currency": self.deduct.currency,
            }
        return data

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Finding:
        """Reads what :meth:`to_json` wrote.

        :raises InvalidInputError: ``FINDING_INVALID`` when it is something else
        """
        try:
            deduct = data.get("deduct")
            return Finding(
                rule=data["rule"],
                version=data["version"],
                stage=Stage(data["stage"]),
                subject=data["subject"],
                outcome=Outcome(data["outcome"]),
                effect=Effect(data["effect"]),
                code=data["code"],
                message=data["message"],
                inputs=tuple(Input.from_json(item) for item in data["inputs"]),
                line=data.get("line"),
                cap_ppb=data.get("cap_ppb"),
                deduct=None
                if deduct is None
                else Deduction(Step(deduct["step"]), Decimal(deduct["amount"]), deduct["currency"]),
            )
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise InvalidInputError(
                f"A finding cannot be read: {error!r}.",
                reason="FINDING_INVALID",
                remedy="Take the package as its issuer made it.",
            ) from error


@dataclass(frozen=True, slots=True)
class Text:
    """The same said in English and in Chinese, for a loan officer."""

    en: str
    zh: str

    def to_json(self) -> dict[str, str]:
        """Both, by language."""
        return {"en": self.en, "zh": self.zh}


class Thresholds(BaseModel):
    """Base of a rule's thresholds: frozen, unknown names refused, decimals given as strings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NoThresholds(Thresholds):
    """For rules that have nothing to set."""


T = TypeVar("T", bound=Thresholds)


class Rule(ABC, Generic[T]):
    """A rule. Its class docstring says what passes, warns, fails, does not apply and cannot be known."""

    id: ClassVar[str]
    version: ClassVar[int]
    """Raised whenever the same evidence could give another verdict than before."""
    stage: ClassVar[Stage] = Stage.ASSESS
    """First stage at which it runs."""
    title: ClassVar[Text] = Text("", "")
    """What it asks, in a few words."""
    basis: ClassVar[tuple[str, ...]] = ()
    """Laws and standards that it comes from; "practice" where there is none."""
    explains: ClassVar[Mapping[str, Text]] = {}
    """What each code means and what the officer does about it."""
    codes: ClassVar[frozenset[str]] = frozenset()
    """Every code that it may give, beside those of silent sources; never renamed once published. Made from
    ``explains``."""
    applies_when: ClassVar[str]
    """When it applies, for a person."""
    sources: ClassVar[tuple[str, ...]]
    """Where its inputs come from."""
    effects: ClassVar[Mapping[str, Effect]]
    """Default effect by outcome, and by code where a case of an outcome has another."""
    thresholds: ClassVar[type[Thresholds]] = NoThresholds

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "explains" in cls.__dict__:
            cls.codes = frozenset(cls.explains)

    @abstractmethod
    def evaluate(self, case: Case, thresholds: T) -> Iterable[Verdict]:
        """Judges a case.

        :param case: the indexed evidence
        :param thresholds: of this rule's ``thresholds`` type, from the profile
        """


def clip(inputs: Iterable[Input]) -> tuple[Input, ...]:
    """The first inputs, up to the limit."""
    kept = inputs if isinstance(inputs, tuple) else tuple(inputs)
    return kept if len(kept) <= MAX_INPUTS_PER_FINDING else kept[:MAX_INPUTS_PER_FINDING]
