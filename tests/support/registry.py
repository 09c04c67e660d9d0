"""Registrations to load into the reference registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.adapters import SELLER

RECEIVER = "uscc:9131000071A2B3C4D5"


def registration_json(
    number: str = "20260501000000000001",
    *,
    assignor: str = SELLER,
    assignor_name: str = "Seller Co",
    former_names: Sequence[str] = (),
    secured: str = "Other Bank",
    description: str = "应收账款转让。1. 付款人:Buyer Co;发票号码:INV-1;金额:CNY 1,130。",
    registered: Any = "2026-05-01T10:00:00+08:00",
    **more: Any,
) -> dict[str, Any]:
    """A registration, 12 months, as loaded."""
    return {
        "number": number,
        "kind": "assignment",
        "assignor": {
            "name": assignor_name,
            "identifiers": [assignor] if assignor else [],
            "former_names": list(former_names),
        },
        "secured_party": {"name": secured, "identifiers": []},
        "description": description,
        "registered": registered,
        "term_months": 12,
        **more,
    }
