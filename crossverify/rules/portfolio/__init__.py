"""Rules of the family portfolio, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.portfolio.circular_trade import CircularTrade
from crossverify.rules.portfolio.concentration import Concentration
from crossverify.rules.portfolio.coverage import CoverageRule
from crossverify.rules.portfolio.related_party import RelatedParty
from crossverify.rules.portfolio.scale_fit import ScaleFit

RULES: Final[tuple[Rule[Any], ...]] = (
    CircularTrade(),
    Concentration(),
    CoverageRule(),
    RelatedParty(),
    ScaleFit(),
)
