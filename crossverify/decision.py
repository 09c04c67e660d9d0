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
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from crossverify.evidence import FACE_VALUE_PPB
from crossverify.rule import Effect, Finding, Input, Outcome, Step
from crossverify.wording import percent, rounded_down, rounded_up

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable
    from crossverify.figures import Waterfall

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
    about = [item for item in findings if item.subject == ""]
    return SubjectDecision(gravest(about), reasons_of(about))


def decide(case: Case, findings: Sequence[Finding], figures: Waterfall) -> tuple[ReceivableDecision, ...]:
    """Steps 2 and 3 for every receivable of the case, in the case's order, with the first form of the waterfall;
    the second is :func:`crossverify.eligible.decide`."""
    general, own = by_subject(findings, (item.fingerprint for item in case.receivables))
    return tuple(_decide(case, item, general, own[item.fingerprint], figures) for item in case.receivables)


def by_subject(
    findings: Iterable[Finding], subjects: Iterable[str]
) -> tuple[list[Finding], dict[str, list[Finding]]]:
    """Findings about the subject of the request that exclude everything, and those about each thing lent on."""
    own: dict[str, list[Finding]] = {subject: [] for subject in subjects}
    general = []
    for finding in findings:
        if finding.subject in own:
            own[finding.subject].append(finding)
        elif finding.subject == "" and finding.effect is Effect.EXCLUDE:
            general.append(finding)
    return general, own


def _decide(
    case: Case, receivable: Receivable, general: list[Finding], own: list[Finding], figures: Waterfall
) -> ReceivableDecision:
    found = [*general, *own]
    steps = waterfall(receivable, own, figures)
    amount = steps[-1].balance
    decision, reasons = gravest(found), reasons_of(found)
    if decision is not Decision.EXCLUDED and amount <= 0:
        decision = Decision.EXCLUDED
        face = case.of_document(receivable.primary, "totals/payable", receivable.invoice.totals.payable)
        reasons = (Reason("DECISION.NOTHING_LEFT", "Nothing is left to lend on.", None, face), *reasons)
    return ReceivableDecision(
        fingerprint=receivable.fingerprint,
        document=receivable.primary.fingerprint,
        number=receivable.invoice.number,
        currency=receivable.currency,
        decision=decision,
        reasons=reasons[:MAX_REASONS],
        waterfall=steps,
        amount=amount,
        eligible=amount if decision is Decision.ELIGIBLE else amount * 0,
    )


def gravest(findings: Iterable[Finding]) -> Decision:
    """The decision that findings lead to."""
    effects = {item.effect for item in findings}
    if Effect.EXCLUDE in effects:
        return Decision.EXCLUDED
    return Decision.REFER if Effect.REFER in effects else Decision.ELIGIBLE


_GRAVITY = {Effect.EXCLUDE: 0, Effect.REFER: 1, Effect.INFORMATION: 2}
_URGENCY = {outcome: place for place, outcome in enumerate((Outcome.FAIL, Outcome.WARN, Outcome.UNKNOWN))} | {
    Outcome.PASS: 3,
    Outcome.NOT_APPLICABLE: 3,
}
_SAID_OUTCOMES = frozenset({Outcome.FAIL, Outcome.WARN, Outcome.UNKNOWN})


REQUIRED = " The profile lends only where this is known."
"""Said of what cannot be known and therefore excludes."""


def reasons_of(findings: Iterable[Finding], *, required: bool = False) -> tuple[Reason, ...]:
    """The gravest first, each code once; what merely informs is said last, and passes are not.

    :param required: as in the second form: say why what is unknown excludes; of one effect failures come first, then
        warnings
    """
    said = [
        item for item in findings if item.effect is not Effect.INFORMATION or item.outcome in _SAID_OUTCOMES
    ]
    # Stable: else in the order of the findings.
    said.sort(key=lambda item: (_GRAVITY[item.effect], _URGENCY[item.outcome] if required else 0))
    reasons: dict[str, Reason] = {}
    for item in said:
        code = f"{item.rule}.{item.code}"
        if code not in reasons:
            unknown = item.outcome is Outcome.UNKNOWN and item.effect is Effect.EXCLUDE
            message = item.message + REQUIRED if required and unknown else item.message
            reasons[code] = Reason(code, message, item.line, item.inputs[0] if item.inputs else None)
    return tuple(reasons.values())[:MAX_REASONS]


# --- the waterfall ------------------------------------------------------------------------------


class Fall:
    """A balance that only goes down, and never below zero."""

    def __init__(self, face: Decimal, currency: str, note: str = "amount due with tax") -> None:
        self._currency = currency
        self.face = rounded_down(face, currency)
        self.steps = [WaterfallStep(Step.FACE, self.face, self.face, note)]

    @property
    def balance(self) -> Decimal:
        """What is left."""
        return self.steps[-1].balance

    def take(self, step: Step, amount: Decimal | Fraction, note: str) -> None:
        """Takes an amount, rounded up, as far as there is something left. A step that takes nothing is left
        out."""
        taken = min(rounded_up(amount, self._currency), self.balance)
        if taken > 0:
            self.steps.append(WaterfallStep(step, -taken, self.balance - taken, note))

    def keep(self, step: Step, rate: Decimal, note: str) -> None:
        """Keeps a part of the balance, rounded down. The step is shown even where it takes nothing."""
        kept = rounded_down(Fraction(self.balance) * Fraction(rate), self._currency)
        self.steps.append(WaterfallStep(step, kept - self.balance, kept, note))


def waterfall(
    receivable: Receivable, findings: Iterable[Finding], figures: Waterfall
) -> tuple[WaterfallStep, ...]:
    """The steps from face value to what could be lent.

    1. Face value: the amount due with tax.
    2. Credit notes; what is red at tax beyond them; payments that the bank saw.
    3. What the ledger counts as settled or diluted beyond all that: facts whose documents are not here.
    4. Quantity within tolerance that was not received; what is left above what the debtor confirmed.
    5. Claims of others. Facts take the free share first, so others' claims stay whole.
    6. The profile's dilution reserve and advance rate.
    """
    taken = _deductions(findings, receivable.currency)
    fall = Fall(receivable.face, receivable.currency)
    fall.take(Step.CREDIT_NOTES, receivable.credited, f"{len(receivable.credits)} credit notes")
    fall.take(Step.TAX_RED, taken[Step.TAX_RED], "reversed at tax, without a credit note here")
    fall.take(Step.PAYMENTS, taken[Step.PAYMENTS], "seen by the bank that keeps the account")
    known = fall.face - fall.balance
    facts = max((asset.settled_ppb + asset.diluted_ppb for asset in receivable.assets), default=0)
    on_ledger = share(fall.face, facts)
    fall.take(
        Step.LEDGER_FACTS,
        on_ledger - Fraction(known),
        "settled or diluted on the ledger beyond the documents here",
    )
    fall.take(Step.NOT_RECEIVED, taken[Step.NOT_RECEIVED], "invoiced above what was received")
    confirmed = fall.face - receivable.credited - taken[Step.PAYMENTS] - taken[Step.NOT_CONFIRMED]
    if taken[Step.NOT_CONFIRMED] > 0:
        fall.take(Step.NOT_CONFIRMED, fall.balance - confirmed, "the debtor accepted less")
    caps = [item.cap_ppb for item in findings if item.cap_ppb is not None]
    others = FACE_VALUE_PPB - min(facts, FACE_VALUE_PPB) - min(caps) if caps else 0
    fall.take(
        Step.CLAIMS_OF_OTHERS,
        share(fall.face, max(others, 0)),
        "shares that others hold, or that are not free",
    )
    if figures.dilution_reserve:
        fall.keep(
            Step.DILUTION, 1 - figures.dilution_reserve, f"{percent(figures.dilution_reserve)} held back"
        )
    fall.keep(Step.ADVANCE, figures.advance_rate, f"{percent(figures.advance_rate)} advanced")
    return tuple(fall.steps)


def share(face: Decimal, ppb: int) -> Fraction:
    """A share of a face value, at most all of it.

    :param ppb: in billionths
    """
    return Fraction(face) * min(ppb, FACE_VALUE_PPB) / FACE_VALUE_PPB


def _deductions(findings: Iterable[Finding], currency: str) -> dict[Step, Decimal]:
    """Sums of what findings take, by step. A deduction in another currency has no rate here and is not
    taken: the rule that found it has to refer."""
    taken = dict.fromkeys(Step, Decimal(0))
    for item in findings:
        if item.deduct is not None and item.deduct.currency == currency:
            taken[item.deduct.step] += item.deduct.amount
    return taken


def total(receivables: Iterable[ReceivableDecision]) -> Mapping[str, Mapping[str, Decimal]]:
    """Per currency: face, eligible, refer and excluded amounts.

    ``eligible`` and ``refer`` are what could be lent; ``excluded`` is face value. Currencies are never added
    up: there is no rate here.
    """
    totals: dict[str, dict[str, Decimal]] = {}
    for item in sorted(receivables, key=lambda each: each.currency):
        sums = totals.setdefault(
            item.currency, dict.fromkeys(("face", "eligible", "refer", "excluded"), item.amount * 0)
        )
        face = item.waterfall[0].balance
        sums["face"] += face
        sums["eligible"] += item.eligible
        if item.decision is Decision.REFER:
            sums["refer"] += item.amount
        elif item.decision is Decision.EXCLUDED:
            sums["excluded"] += face
    return totals
