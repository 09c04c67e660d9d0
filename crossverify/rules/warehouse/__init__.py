"""Rules of the family warehouse, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.warehouse.goods_inspected import GoodsInspected
from crossverify.rules.warehouse.wr_exists import WrExists
from crossverify.rules.warehouse.wr_goods_overlap import WrGoodsOverlap
from crossverify.rules.warehouse.wr_release import WrRelease
from crossverify.rules.warehouse.wr_title import WrTitle
from crossverify.rules.warehouse.wr_value import WrValue

RULES: Final[tuple[Rule[Any], ...]] = (
    WrExists(),
    WrGoodsOverlap(),
    WrTitle(),
    WrRelease(),
    WrValue(),
    GoodsInspected(),
)
