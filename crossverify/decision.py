"""What the findings mean: a decision per receivable, a decision on the subject, and the way to the eligible
amount.

Pure, and replayed offline by whoever verifies a package.

1. A finding about the subject with effect *exclude* (no consent, say) excludes every receivable, with that
   finding as the reason. With effect *refer* it makes the decision on the subject *refer*: it stands above
   the receivables, which keep their own decisions, so that one silent bureau does not hide which receivables
   are sound.
2. A receivable with a finding of effect *exclude* is excluded; else with one of effect *refer* it is
   referred; else it is eligible if its amount is positive, and excluded as settled if nothing is left.
3. The waterfall starts at the face value and sums exactly, in minor units of the currency; every rounding is
   in favour of the bank. An excluded receivable has its waterfall too, and an eligible amount of zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from crossverify.rule import Finding, Input, Step

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.profiles import Profile

MAX_REASONS = 5
"""Reasons that a loan officer is shown per receivable; all findings are in the package."""


class Decision(StrEnum):
    """What becomes of a receivable."""

    ELIGIBLE = "eligible"
    REFER = "refer"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, in one line, pointing at the value that decided.

    :param code: rule and case, such as ``MATCH_QTY.OVER_RECEIVED``
    :param message: the finding's message
    :param line: document line, where the rule judges line by line
    :param input: the first input of the finding: document, field, value, source, as-of; none when it has none
    """

    code: str
    message: str
    line: str | None
    input: Input | None

    def to_json(self) -> dict[str, Any]:
        """The reason as canonical JSON data."""
        return {
            "code": self.code,
            "message": self.message,
            "line": self.line,
            "input": self.input.to_json() if self.input else None,
        }


@dataclass(frozen=True, slots=True)
class WaterfallStep:
    """One step: what it takes (negative) or, for the face value, gives.

    :param step: name
    :param amount: signed amount in major units, exact to the currency's minor unit
    :param balance: what is left after it
    :param note: where it comes from, for a person
    """

    step: Step
    amount: Decimal
    balance: Decimal
    note: str

    def to_json(self) -> dict[str, Any]:
        """The step as canonical JSON data."""
        return {
            "step": self.step.value,
            "amount": format(self.amount, "f"),
            "balance": format(self.balance, "f"),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class ReceivableDecision:
    """What becomes of one receivable.

    :param fingerprint: the receivable's asset on the ledger
    :param document: fingerprint of the document that states its amount
    :param number: that document's number
    :param currency: ISO 4217 code
    :param decision: eligible, refer or excluded
    :param reasons: at most five, the gravest first
    :param waterfall: from face value down; amounts sum exactly to the last balance
    :param amount: last balance of the waterfall: what could be lent if every doubt were settled
    :param eligible: the same when eligible, otherwise zero
    """

    fingerprint: str
    document: str
    number: str
    currency: str
    decision: Decision
    reasons: tuple[Reason, ...]
    waterfall: tuple[WaterfallStep, ...]
    amount: Decimal
    eligible: Decimal

    def to_json(self) -> dict[str, Any]:
        """The decision as canonical JSON data."""
        return {
            "fingerprint": self.fingerprint,
            "document": self.document,
            "number": self.number,
            "currency": self.currency,
            "decision": self.decision.value,
            "reasons": [item.to_json() for item in self.reasons],
            "waterfall": [item.to_json() for item in self.waterfall],
            "amount": format(self.amount, "f"),
            "eligible": format(self.eligible, "f"),
        }


@dataclass(frozen=True, slots=True)
class SubjectDecision:
    """What the findings about the subject itself mean for the whole request."""

    decision: Decision
    reasons: tuple[Reason, ...]

    def to_json(self) -> dict[str, Any]:
        """The decision as canonical JSON data."""
        return {"decision": self.decision.value, "reasons": [item.to_json() for item in self.reasons]}


def decide_subject(findings: Iterable[Finding]) -> SubjectDecision:
    """Step 1: what the subject-level findings say together."""
    raise NotImplementedError


def decide(
    case: Case, findings: Sequence[Finding], subject: SubjectDecision, profile: Profile
) -> tuple[ReceivableDecision, ...]:
    """Steps 2 and 3 for every receivable of the case, in the case's order."""
    raise NotImplementedError


def total(receivables: Iterable[ReceivableDecision]) -> Mapping[str, Mapping[str, Decimal]]:
    """Per currency: face, eligible, refer and excluded amounts. Currencies are never added up: there is no
    rate here."""
    raise NotImplementedError
