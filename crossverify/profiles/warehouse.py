"""Goods in a warehouse (仓单质押)."""

from __future__ import annotations

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
            "PARTY_ID": 1,
            "CREDIT_STATUS": 1,
        }
    ),
    max_ages=MaxAges(registry=DAY, bills=DAY),
    waterfall=Waterfall2(),
    lends_on=AssetKind.WAREHOUSE_RECEIPT,
)
