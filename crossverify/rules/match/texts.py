"""What several rules that match explain alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from crossverify.rule import Text

CANCELLED: Final = Text(
    "The invoice is cancelled: there is nothing to match.", "发票已作废或全额冲红，无需匹配。"
)
PREPAYMENT: Final = Text(
    "A prepayment is asked for before delivery and matched with nothing; the final invoice is.",
    "预付款发票在交货前开具，不参与匹配；以最终发票为准。",
)
SERVICE: Final = Text(
    "A service has no goods receipt. Look for the debtor's confirmation instead.",
    "服务类明细没有收货单，请查看债务人确认。",
)
TOO_MANY_LINES: Final = Text(
    "There are more lines than are matched in one request. Ask for fewer documents at a time.",
    "明细行数超过一次申请可匹配的上限。请减少单次申请的单证。",
)
COMMON: Final[Mapping[str, Text]] = {
    "LINE_NOT_MATCHED": Text(
        "A line of the invoice fits no line of the order that it names. Compare the two by hand.",
        "发票明细行与其所列订单的任何明细行都不对应。请人工比对。",
    ),
    "AMBIGUOUS": Text(
        "A line of the invoice fits several lines of different goods, and nothing tells which one is meant. Compare by "
        "hand.",
        "发票明细行可对应多个不同货物的订单行，无法确定。请人工比对。",
    ),
    "CONTRADICTS": Text(
        "What the line refers to is about another item, or its references belong to different trades. Ask the seller.",
        "明细行引用的订单行为其他货物，或其引用的单证属于不同交易。请向卖方核实。",
    ),
    "NO_REFERENCE": Text(
        "The invoice names no order or receipt, and none that fits is here. Ask the seller for it.",
        "发票未注明订单或收货单，也没有相符的单证。请向卖方索取。",
    ),
    "UNITS": Text(
        "The documents count in units that cannot be converted into each other. Ask how many of one make the other.",
        "单证使用的计量单位无法换算。请核实换算关系。",
    ),
}


def taken(explains: Mapping[str, Text], codes: Iterable[str]) -> dict[str, Text]:
    """What a later version explains, for the codes that an earlier one has."""
    return {code: explains[code] for code in sorted(codes)}
