"""Counts, rates and what they mean at realistic base rates."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from tests.evaluation.frauds.base import Fraud
from tests.evaluation.trial import CAUGHT_BEFORE, Case

Z: Final = 1.959964
"""95 %."""
BASE_RATE: Final = 0.001
"""One receivable of a thousand is a fraud."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share; 0 of 0 is 0."""
        return self.hits / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval, 95 %."""
        if not self.of:
            return 0.0, 1.0
        p, n = self.value, self.of
        middle = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        return max(middle - half, 0.0), min(middle + half, 1.0)

    def to_json(self) -> dict[str, Any]:
        """With its interval."""
        low, high = self.interval
        return {
            "hits": self.hits,
            "of": self.of,
            "rate": round(self.value, 6),
            "low": round(low, 6),
            "high": round(high, 6),
        }


@dataclass(slots=True)
class Kind:
    """What became of the cases of one kind of fraud."""

    fraud: Fraud
    cases: list[Case] = field(default_factory=list)

    def counted(self, *outcomes: str) -> int:
        """How many had one of these outcomes."""
        return sum(case.outcome in outcomes for case in self.cases)

    @property
    def before(self) -> Rate:
        """Caught before funding."""
        return Rate(self.counted(*CAUGHT_BEFORE), len(self.cases))

    @property
    def caught(self) -> Rate:
        """Caught before funding or in life."""
        return Rate(self.counted(*CAUGHT_BEFORE, "later"), len(self.cases))

    @property
    def in_time(self) -> Rate:
        """Caught when it can first be seen."""
        return self.before if self.fraud.visible == "before funding" else self.caught

    @property
    def value(self) -> Decimal:
        """What was claimed."""
        return sum((case.value for case in self.cases), Decimal(0))

    @property
    def value_in_time(self) -> Decimal:
        """... in cases caught when they could be seen."""
        good = CAUGHT_BEFORE | (set() if self.fraud.visible == "before funding" else {"later"})
        return sum((case.value for case in self.cases if case.outcome in good), Decimal(0))

    @property
    def lent(self) -> Decimal:
        """What the bank would have lent above what was real."""
        return sum((case.lent for case in self.cases), Decimal(0))

    def by(self, count: int = 3) -> list[str]:
        """The findings that gave it away most often."""
        found = Counter(code for case in self.cases for code in case.by)
        return [code for code, _ in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:count]]

    def missed(self) -> list[str]:
        """Seeds of the cases that were not seen in time."""
        late = {"missed"} if self.fraud.visible != "before funding" else {"missed", "later"}
        return [case.seed for case in self.cases if case.outcome in late]

    def to_json(self) -> dict[str, Any]:
        """Everything, for scripts."""
        fraud = self.fraud
        return {
            "name": fraud.name,
            "title": fraud.title,
            "case": fraud.case,
            "product": fraud.product,
            "needs": list(fraud.needs),
            "visible": fraud.visible,
            "why": fraud.why,
            "cases": len(self.cases),
            "outcomes": {
                name: self.counted(name) for name in ("stopped", "referred", "contained", "later", "missed")
            },
            "caught_before_funding": self.before.to_json(),
            "caught": self.caught.to_json(),
            "value": str(self.value),
            "lent_above_worth": str(self.lent),
            "by": self.by(6),
            "not_in_time": self.missed()[:5],
        }


@dataclass(slots=True)
class Honest:
    """What became of honest receivables.

    :ivar reasons: how often each finding stopped or referred one
    :ivar examples: a seed and number for each
    """

    receivables: int = 0
    failed: int = 0
    referred: int = 0
    doubtful: int = 0
    """Referred, and there is something to ask: overdue, use not confirmed yet, a paper missing, a slip of the pen."""
    obstacles: int = 0
    """Excluded, and rightly: honest, but the claim cannot be assigned."""
    requests: int = 0
    requests_stopped: int = 0
    requests_referred: int = 0
    value: Decimal = Decimal(0)
    value_failed: Decimal = Decimal(0)
    value_referred: Decimal = Decimal(0)
    too_much: int = 0
    """Eligible for more than is owed."""
    life: int = 0
    life_alarms: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, other: Honest) -> None:
        """Adds another count."""
        for name in (
            "receivables",
            "failed",
            "referred",
            "doubtful",
            "obstacles",
            "requests",
            "requests_stopped",
            "requests_referred",
            "value",
            "value_failed",
            "value_referred",
            "too_much",
            "life",
            "life_alarms",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.reasons.update(other.reasons)
        for code, example in other.examples.items():
            self.examples.setdefault(code, example)

    @property
    def fail_rate(self) -> Rate:
        """Excluded although something is owed."""
        return Rate(self.failed, self.receivables)

    @property
    def refer_rate(self) -> Rate:
        """Sent to a person."""
        return Rate(self.referred, self.receivables)

    def to_json(self) -> dict[str, Any]:
        """Everything, for scripts."""
        return {
            "receivables": self.receivables,
            "failed": self.fail_rate.to_json(),
            "referred": self.refer_rate.to_json(),
            "referred_for_a_real_doubt": Rate(self.doubtful, self.receivables).to_json(),
            "excluded_for_a_real_obstacle": Rate(self.obstacles, self.receivables).to_json(),
            "requests": self.requests,
            "requests_stopped": Rate(self.requests_stopped, self.requests).to_json(),
            "requests_referred": Rate(self.requests_referred, self.requests).to_json(),
            "value": str(self.value),
            "value_failed": str(self.value_failed),
            "value_referred": str(self.value_referred),
            "eligible_for_more_than_owed": self.too_much,
            "in_life_alarms": Rate(self.life_alarms, self.life).to_json(),
            "reasons": dict(sorted(self.reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
            "examples": dict(sorted(self.examples.items())),
        }


def precision(caught: float, alarms: float, base_rate: float = BASE_RATE) -> float:
    """Of a hundred alarms, how many are frauds, as a share.

    :param caught: share of frauds that give an alarm
    :param alarms: share of honest receivables that give one
    """
    true, false = caught * base_rate, alarms * (1 - base_rate)
    return true / (true + false) if true + false else 0.0
