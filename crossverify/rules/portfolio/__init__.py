"""Rules of the family portfolio, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.portfolio.circular_trade import CircularTrade

RULES: Final[tuple[Rule[Any], ...]] = (CircularTrade(),)
