"""Commercial bills (票据贴现)."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from crossverify.figures import DAY, AssetKind, MaxAges, Waterfall2
from crossverify.profiles.model import Profile, settings

BILL_V1: Final = Profile(
    id="bill-v1",
    version=1,
    description="Discount of commercial bills (商业汇票贴现, 票据法).",
    rules=settings(
        {
            "CONSENT": 1,
            "SANCTIONS": 1,
            "PARTY_ID": 2,
            "ORIGIN_SIG": 1,
            "BILL_STATE": 1,
            "BILL_RANGE": 1,
            "BILL_ACCEPTOR": 1,
            "DUP_EXACT": 1,
            "DUP_CROSSDOC": 1,
            "LATE_REGISTRATION": 1,
            "CORE_DEBT": 1,
            "CONCENTRATION": 1,
            "CREDIT_STATUS": 2,
        }
    ),
    max_ages=MaxAges(registry=DAY, bills=DAY),
    waterfall=Waterfall2(advance_rate=Decimal(1), dilution_reserve=Decimal(0), ageing=()),
    lends_on=AssetKind.BILL,
)
