"""Receivables from performed deliveries (应收账款融资)."""

from __future__ import annotations

from typing import Final

from crossverify.figures import DAY, MaxAges, Waterfall, Waterfall2
from crossverify.profiles.model import Profile, settings

RECEIVABLE_V1: Final = Profile(
    id="receivable-v1",
    version=1,
    description="Single receivables from performed deliveries (应收账款融资), confirmed by debtors or not.",
    rules=settings(
        {
            "CONSENT": 1,
            "DOC_VALID": 1,
            "PARTY_ID": 1,
            "TOTALS_TAX": 1,
            "INV_AUTHENTIC": 1,
            "INV_STATE": 1,
            "DUP_EXACT": 1,
            "LINK_WEIGHT": 1,
            "MATCH_QTY": 1,
            "MATCH_PRICE": 1,
            "PO_EXHAUSTED": 1,
            "DATE_ORDER": 1,
            "DEBTOR_CONFIRM": 1,
            "CASH_CLOSURE": 1,
            "CREDIT_STATUS": 1,
        }
    ),
    max_ages=MaxAges(),
    waterfall=Waterfall(),
)

RECEIVABLE_V2: Final = Profile(
    id="receivable-v2",
    version=2,
    description=(
        "Single receivables from performed deliveries (应收账款融资), with line-level matching, registry, portfolio "
        "and terms."
    ),
    rules=settings(
        {
            "CONSENT": 1,
            "SANCTIONS": 1,
            "DOC_VALID": 1,
            "PARTY_ID": 2,
            "ORIGIN_SIG": 1,
            "TOTALS_TAX": 1,
            "INV_AUTHENTIC": 2,
            "INV_STATE": 1,
            "DUP_EXACT": 1,
            "DUP_SIMILAR": 1,
            "DUP_CROSSDOC": 1,
            "LINK_WEIGHT": 1,
            "REGISTRY_PRIOR": 1,
            "REGISTRY_OWN": 1,
            "ASSIGN_NOTICE": 1,
            "ASSIGNABLE": 1,
            "FUTURE_RECEIVABLE": 1,
            "MATCH_QTY": 2,
            "MATCH_PRICE": 2,
            "PRICE_FAIR": 1,
            "PO_EXHAUSTED": 2,
            "DATE_ORDER": 2,
            "TERMS_CONFLICT": 1,
            "TENOR": 1,
            "PAY_TERMS": 1,
            "AGEING": 1,
            "LATE_REGISTRATION": 1,
            "DEBTOR_CONFIRM": 1,
            "CONFIRM_ORIGIN": 1,
            "CORE_DEBT": 1,
            "CASH_CLOSURE": 2,
            "PAYEE_CHANGE": 1,
            "COVERAGE": 1,
            "DILUTION": 1,
            "CONCENTRATION": 1,
            "RELATED_PARTY": 1,
            "CIRCULAR_TRADE": 1,
            "SCALE_FIT": 1,
            "CREDIT_STATUS": 2,
        },
        requires=("DUP_EXACT", "REGISTRY_PRIOR"),
    ),
    max_ages=MaxAges(registry=DAY, bills=DAY),
    waterfall=Waterfall2(),
)
