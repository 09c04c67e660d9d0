"""The same applications with one institution silent: nothing may pass that did not pass before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from crossverify.decision import Decision
from crossverify.profiles import Profile
from crossverify.rule import Stage
from tests.evaluation.frauds.base import Fraud
from tests.evaluation.honesty import honest_scene
from tests.evaluation.scene.scene import APPLIED, Scene
from tests.evaluation.tally import Rate
from tests.evaluation.trial import Verdicts, honest_twin, judge, stage_case
from tests.evaluation.views.look import SOURCES, Look


@dataclass(slots=True)
class Outage:
    """What became of receivables while a source was silent.

    :ivar abstained: eligible with the source, referred or excluded without it
    :ivar passed: stopped with it, eligible without it: must be none
    :ivar more: eligible for a larger amount without it: must be none
    """

    eligible: int = 0
    abstained: int = 0
    others: int = 0
    passed: int = 0
    more: int = 0
    examples: list[str] = field(default_factory=list)
    by: Counter[str] = field(default_factory=Counter)

    def add(self, other: Outage) -> None:
        """Adds another count."""
        self.eligible += other.eligible
        self.abstained += other.abstained
        self.others += other.others
        self.passed += other.passed
        self.more += other.more
        self.examples += other.examples
        self.by.update(other.by)

    def to_json(self) -> dict[str, Any]:
        """Everything, for scripts."""
        return {
            "abstained": Rate(self.abstained, self.eligible).to_json(),
            "looked_at": self.eligible + self.others,
            "turned_into_a_pass": self.passed,
            "amount_rose": self.more,
            "examples": self.examples[:5],
            "by": dict(sorted(self.by.items())),
        }


def try_outages(
    scene: Scene, name: str, profile: Profile, stage: Stage = Stage.BEFORE_FUNDING
) -> dict[str, Outage]:
    """One application with everybody answering, then with each source silent."""
    full = judge(scene, Look(APPLIED, stage), profile)
    return {
        source: _compare(
            full, judge(scene, Look(APPLIED, stage, source), profile), f"{name} without {source}"
        )
        for source in SOURCES
    }


def _compare(full: Verdicts, silent: Verdicts, name: str) -> Outage:
    count = Outage()
    held = full.subject_decision is not Decision.ELIGIBLE
    free = silent.subject_decision is Decision.ELIGIBLE
    for key, said in full.said.items():
        other, number = silent.said[key], said.number
        if said.decision is Decision.ELIGIBLE and not held:
            count.eligible += 1
            if other.decision is not Decision.ELIGIBLE or not free:
                count.abstained += 1
                count.by.update(other.alarms - said.alarms | silent.subject - full.subject)
        else:
            count.others += 1
            if other.decision is Decision.ELIGIBLE and free:
                count.passed += 1
                count.examples.append(f"{name}: {number} {sorted(said.alarms)}")
        if free and other.eligible > max(said.eligible, Decimal(0)):
            count.more += 1
            count.examples.append(f"{name}: {number} rose from {said.eligible} to {other.eligible}")
    return count


def honest_outages(seed: object, number: int, profile: Profile) -> dict[str, Outage]:
    """An honest application."""
    return try_outages(honest_scene(seed, number), f"honest {seed} {number}", profile)


def twin_outages(product: str, seed: object, profile: Profile) -> dict[str, Outage]:
    """An honest supplier with an order, goods in store or a bill."""
    scene, _ = honest_twin(product, seed)
    return try_outages(scene, f"honest {product} {seed}", profile)


def fraud_outages(fraud: Fraud, seed: object, profile: Profile) -> dict[str, Outage]:
    """One with a fraud in it."""
    scene, _ = stage_case(fraud, seed)
    return try_outages(scene, f"{fraud.name} {seed}", profile)
