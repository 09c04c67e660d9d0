"""The labelled sets of others (AuditIQ, GR/IR): precision and recall of the rules that match, and of duplicates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from crossverify.profiles import Profile
from tests.evaluation.tally import Rate
from tests.sample_data import DATA
from tests.support.procurement import CLEAN, Labelled, Score, auditiq, grir, scores

RULES: Final = frozenset(
    {"MATCH_QTY", "MATCH_PRICE", "PO_EXHAUSTED", "TOTALS_TAX", "DUP_EXACT", "DUP_SIMILAR"}
)
"""The sets have orders, receipts and invoices, and nothing that an institution could be asked about."""


@dataclass(frozen=True, slots=True)
class Set:
    """How the rules did on one set.

    :ivar scores: by label
    """

    name: str
    scores: dict[str, Score]

    @property
    def recall(self) -> Rate:
        """Wrong invoices that fail or cannot be matched."""
        wrong = [score for label, score in self.scores.items() if not label.startswith(CLEAN)]
        return Rate(
            sum(score.failed + score.unknown for score in wrong), sum(score.invoices for score in wrong)
        )

    @property
    def false_alarms(self) -> Rate:
        """Clean invoices on an order without a wrong one that fail or cannot be matched."""
        clean = self.scores[CLEAN]
        return Rate(clean.failed + clean.unknown, clean.invoices)

    @property
    def precision(self) -> Rate:
        """Of all that fail or cannot be matched, how many are wrong; orders that clean and wrong invoices share are
        left out, as the label does not say which of the two is too much."""
        return Rate(self.recall.hits, self.recall.hits + self.false_alarms.hits)

    def to_json(self) -> dict[str, Any]:
        """Everything, for scripts."""
        return {
            "recall": self.recall.to_json(),
            "precision": self.precision.to_json(),
            "false_alarms": self.false_alarms.to_json(),
            "labels": {
                label: {"invoices": score.invoices, "failed": score.failed, "unknown": score.unknown}
                for label, score in self.scores.items()
            },
        }


def labelled(profile: Profile) -> list[Set]:
    """Both sets; none where the sample data are not at hand."""
    if DATA is None or not (DATA / "procurement").is_dir():
        return []
    matching = replace(profile, rules=tuple(item for item in profile.rules if item.rule.id in RULES))
    folder = DATA / "procurement"
    found: dict[str, Labelled] = {"AuditIQ": auditiq(folder / "auditiq"), "GR/IR": grir(folder / "grir")}
    return [Set(name, scores(each, matching)) for name, each in found.items()]
