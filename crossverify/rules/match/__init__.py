"""Rules of the family match, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.match import date_order_v1, match_price_v1, match_qty_v1, po_exhausted_v1
from crossverify.rules.match.date_order import DateOrder
from crossverify.rules.match.link_weight import LinkWeight
from crossverify.rules.match.match_price import MatchPrice
from crossverify.rules.match.match_qty import MatchQty
from crossverify.rules.match.po_exhausted import PoExhausted
from crossverify.rules.match.price_fair import PriceFair

RULES: Final[tuple[Rule[Any], ...]] = (
    date_order_v1.DateOrder(),
    DateOrder(),
    LinkWeight(),
    match_price_v1.MatchPrice(),
    MatchPrice(),
    match_qty_v1.MatchQty(),
    MatchQty(),
    po_exhausted_v1.PoExhausted(),
    PoExhausted(),
    PriceFair(),
)
