"""Rules of the family match, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.match.date_order import DateOrder
from crossverify.rules.match.link_weight import LinkWeight
from crossverify.rules.match.match_price import MatchPrice
from crossverify.rules.match.match_qty import MatchQty
from crossverify.rules.match.po_exhausted import PoExhausted

RULES: Final[tuple[Rule[Any], ...]] = (DateOrder(), LinkWeight(), MatchPrice(), MatchQty(), PoExhausted())
