"""Orders, before they are delivered (订单融资)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from crossverify.figures import DAY, AssetKind, MaxAges, Waterfall2
from crossverify.profiles.model import Profile, settings
from crossverify.rule import Effect

ORDER_V1: Final = Profile(
    id="order-v1",
    version=1,
    description="Orders of creditworthy buyers, before delivery (订单融资).",
    rules=settings(
        {
            "CONSENT": 1,
            "SANCTIONS": 1,
            "PARTY_ID": 2,
            "ORIGIN_SIG": 1,
            "DUP_EXACT": 1,
            "DUP_CROSSDOC": 1,
            "REGISTRY_PRIOR": 1,
            "REGISTRY_OWN": 1,
            "PO_EXHAUSTED": 2,
            "PRICE_FAIR": 1,
            "LATE_REGISTRATION": 1,
            "CORE_DEBT": 1,
            "COVERAGE": 1,
            "CONCENTRATION": 1,
            "RELATED_PARTY": 1,
            "CIRCULAR_TRADE": 1,
            "SCALE_FIT": 1,
            "CREDIT_STATUS": 2,
        },
        figures={"PO_EXHAUSTED": {"warn_from": "0.95"}},
        effects={
            # An order that only the seller handed in is the seller's word.
            "ORIGIN_SIG": {"ASSERTED": Effect.REFER},
        },
        requires=("DUP_EXACT", "REGISTRY_PRIOR"),
    ),
    max_ages=MaxAges(registry=DAY, bills=DAY),
    waterfall=Waterfall2(advance_rate=Decimal("0.5")),
    lends_on=AssetKind.ORDER,
)
