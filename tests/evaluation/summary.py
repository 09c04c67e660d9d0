"""The figures that the aims are about."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tests.evaluation.tally import BASE_RATE, Rate, precision

if TYPE_CHECKING:
    from tests.evaluation.run import Report

VISIBLE_CAUGHT: Final = 0.95
HONEST_FAILED: Final = 0.001
HONEST_REFERRED: Final = 0.05


def summary(report: Report) -> dict[str, Any]:
    """Aims and what is reached."""
    visible = [kind for kind in report.kinds if kind.fraud.visible != "never"]
    cases = Rate(sum(kind.in_time.hits for kind in visible), sum(kind.in_time.of for kind in visible))
    reaching = Rate(sum(kind.in_time.value >= VISIBLE_CAUGHT for kind in visible), len(visible))
    value = sum((kind.value for kind in visible), Decimal(0))
    caught_value = sum((kind.value_in_time for kind in visible), Decimal(0))
    stopped = [kind for kind in visible if kind.fraud.visible == "before funding"]
    share = sum(kind.before.value for kind in stopped) / len(stopped) if stopped else 0.0
    excluded = (
        sum(kind.counted("stopped") / len(kind.cases) for kind in stopped if kind.cases) / len(stopped)
        if stopped
        else 0.0
    )
    honest = report.honest
    alarms = Rate(honest.failed + honest.referred, honest.receivables)
    return {
        "visible_kinds": len(visible),
        "kinds_never_visible": len(report.kinds) - len(visible),
        "visible_cases_caught": cases.to_json(),
        "visible_kinds_at_95_percent": reaching.to_json(),
        "value_caught": round(float(caught_value / value), 6) if value else 0.0,
        "honest_failed": honest.fail_rate.to_json(),
        "honest_referred": honest.refer_rate.to_json(),
        "honest_value_failed": _part(honest.value_failed, honest.value),
        "honest_value_referred": _part(honest.value_referred, honest.value),
        "base_rate": BASE_RATE,
        "frauds_stopped_or_referred_before_funding": round(share, 6),
        "precision_of_exclusions": round(precision(excluded, honest.fail_rate.value), 6),
        "precision_of_all_alarms": round(precision(share, alarms.value), 6),
        "outages_turned_into_a_pass": sum(outage.passed for outage in report.outages.values()),
        "aims": {
            "visible kinds caught": cases.value >= VISIBLE_CAUGHT,
            "honest failed": honest.fail_rate.value <= HONEST_FAILED,
            "honest referred": honest.refer_rate.value <= HONEST_REFERRED,
            "no outage a pass": not any(outage.passed for outage in report.outages.values()),
        },
    }


def _part(part: Decimal, whole: Decimal) -> float:
    return round(float(part / whole), 6) if whole else 0.0
