"""Orders, before they are delivered (订单融资)."""

from __future__ import annotations

from typing import Final

from crossverify.figures import DAY, AssetKind, MaxAges, Waterfall2
from crossverify.profiles.model import Profile, settings

ORDER_V1: Final = Profile(
    id="order-v1",
    version=1,
    description="Orders of creditworthy buyers, before delivery (订单融资).",
    rules=settings(
        {
            "CONSENT": 1,
            "PARTY_ID": 1,
            "CREDIT_STATUS": 1,
        }
    ),
    max_ages=MaxAges(registry=DAY, bills=DAY),
    waterfall=Waterfall2(),
    lends_on=AssetKind.ORDER,
)
