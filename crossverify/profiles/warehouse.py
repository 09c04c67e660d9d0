"""Goods in a warehouse (仓单质押)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from crossverify.figures import DAY, AssetKind, MaxAges, Waterfall2
from crossverify.profiles.model import Profile, settings

WAREHOUSE_V1: Final = Profile(
    id="warehouse-v1",
    version=1,
    description="Pledge of warehouse receipts (仓单质押, 民法典 440, 908-910).",
    rules=settings(
        {
            "CONSENT": 1,
            "SANCTIONS": 1,
            "PARTY_ID": 2,
            "ORIGIN_SIG": 1,
            "DUP_EXACT": 1,
            "WR_EXISTS": 1,
            "WR_GOODS_OVERLAP": 1,
            "WR_TITLE": 1,
            "WR_RELEASE": 1,
            "WR_VALUE": 1,
            "GOODS_INSPECTED": 1,
            "REGISTRY_PRIOR": 1,
            "REGISTRY_OWN": 1,
            "LATE_REGISTRATION": 1,
            "CREDIT_STATUS": 2,
        },
        requires=("REGISTRY_PRIOR",),
    ),
    max_ages=MaxAges(registry=DAY, bills=DAY),
    waterfall=Waterfall2(advance_rate=Decimal("0.7"), dilution_reserve=Decimal(0), ageing=()),
    lends_on=AssetKind.WAREHOUSE_RECEIPT,
)
