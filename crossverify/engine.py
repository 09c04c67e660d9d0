"""The engine: evidence and a profile in, findings and decisions out.

Pure and deterministic: no I/O, clock, randomness or floats, no order that depends on the order of the
documents, and no rounding that depends on the caller's decimal context.

1. Index the evidence once (:class:`~crossverify.case.Case`).
2. Run the profile's rules whose stage has come.
3. Turn verdicts into findings, with the effect that the profile gives them.
4. Sort the findings: by receivable, then rule in the profile's order, then line, code and text.
5. Decide per receivable and for the subject (:mod:`crossverify.decision`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from operator import itemgetter
from typing import Any

from consortium.documents.canonical import canonical_bytes
from crossverify import decision, eligible
from crossverify.case import Case
from crossverify.decision import ReceivableDecision, SubjectDecision, decide_subject, total
from crossverify.eligible import Converted
from crossverify.evidence import Evidence
from crossverify.figures import EXACT, Waterfall
from crossverify.memory import few_collections
from crossverify.profiles import Profile
from crossverify.rule import STAGE_ORDER, Finding, clip


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the rules made of a request.

    :ivar findings: in the engine's order
    :ivar subject: decision on the subject as a whole
    :ivar receivables: one decision per receivable, by issue date, number, fingerprint
    :ivar totals: per currency: face, eligible, refer and excluded amounts
    :ivar converted: the same in one currency, where the profile names one
    """

    findings: tuple[Finding, ...]
    subject: SubjectDecision
    receivables: tuple[ReceivableDecision, ...]
    totals: Mapping[str, Mapping[str, Decimal]]
    converted: Converted | None = None

    def to_json(self) -> dict[str, Any]:
        """The evaluation as canonical JSON data."""
        return {
            "findings": [item.to_json() for item in self.findings],
            "subject": self.subject.to_json(),
            "receivables": [item.to_json() for item in self.receivables],
            "totals": {
                currency: {name: format(amount, "f") for name, amount in amounts.items()}
                for currency, amounts in self.totals.items()
            },
            **({"converted": self.converted.to_json()} if self.converted is not None else {}),
        }

    def to_bytes(self) -> bytes:
        """Canonical bytes: the same evidence and profile give the same bytes, wherever and whenever."""
        return canonical_bytes(self.to_json())


def evaluate(evidence: Evidence, profile: Profile) -> Evaluation:
    """Evaluates a request.

    :param evidence: everything that is known
    :param profile: rules, thresholds, effects, ages, waterfall
    """
    with few_collections(), localcontext(EXACT):
        return judge(case_of(evidence, profile), profile)


def case_of(evidence: Evidence, profile: Profile) -> Case:
    """The indexed evidence, as a profile looks at it. To be used in the context :data:`EXACT`."""
    return Case(evidence, profile.max_ages, profile.lends_on)


def judge(case: Case, profile: Profile) -> Evaluation:
    """Evaluates a case that was indexed for this profile. To be called in the context :data:`EXACT`."""
    findings = _findings(case, profile)
    subject = decide_subject(findings)
    figures = profile.waterfall
    if isinstance(figures, Waterfall):
        receivables = decision.decide(case, findings, figures)
        return Evaluation(findings, subject, receivables, total(receivables))
    receivables = eligible.decide(case, findings, figures)
    totals = total(receivables)
    return Evaluation(findings, subject, receivables, totals, eligible.converted(case, totals, figures))


def _findings(case: Case, profile: Profile) -> tuple[Finding, ...]:
    stage = case.evidence.request.stage
    rank = case.rank
    keyed = []
    for position, item in enumerate(profile.rules):
        rule = item.rule
        if STAGE_ORDER[rule.stage] > STAGE_ORDER[stage]:
            continue
        name, version, effect_of = rule.id, rule.version, item.effect_of
        for said in rule.evaluate(case, item.thresholds):
            subject, outcome, code, message, inputs, line, cap_ppb, deduct = said
            effect, kept = effect_of(outcome, code), clip(inputs)
            finding = Finding(
                name, version, stage, subject, outcome, effect, code, message, kept, line, cap_ppb, deduct
            )
            keyed.append(((rank(subject), position, _line_key(line), code, message), finding))
    keyed.sort(key=_first)
    return tuple(finding for _, finding in keyed)


_first = itemgetter(0)


def _line_key(line: str | None) -> tuple[int, int, str]:
    """Whole documents first, then numbered lines by number, then others by name."""
    if line is None:
        return (0, 0, "")
    return (1, int(line), line) if line.isascii() and line.isdigit() else (2, 0, line)
