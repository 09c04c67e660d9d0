"""Rules of the family match, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.match import date_order_v1, match_price_v1, match_qty_v1, po_exhausted_v1
from crossverify.rules.match.link_weight import LinkWeight

RULES: Final[tuple[Rule[Any], ...]] = (
    date_order_v1.DateOrder(),
    LinkWeight(),
    match_price_v1.MatchPrice(),
    match_qty_v1.MatchQty(),
    po_exhausted_v1.PoExhausted(),
)
