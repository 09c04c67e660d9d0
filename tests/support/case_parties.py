"""Parties and goods of the example documents."""

from __future__ import annotations

from typing import Any

SELLER: dict[str, Any] = {
    "name": "苏州恒昌紧固件有限公司",
    "identifiers": [{"scheme": "uscc", "value": "91310115MA1K3BTP2B"}],
    "address": {"street": "工业园路1号", "city": "苏州", "country": "CN"},
}
BUYER: dict[str, Any] = {
    "name": "上海远航集团股份有限公司",
    "identifiers": [{"scheme": "uscc", "value": "91152201078377449P"}],
    "address": {"city": "上海", "country": "CN"},
}
EUROPEAN_SELLER: dict[str, Any] = {
    "name": "Lieferant GmbH",
    "trading_name": "Lieferant",
    "identifiers": [
        {"scheme": "vat", "value": "DE136695976"},
        {"scheme": "legal-de", "value": "HRB 1234"},
        {"scheme": "gln", "value": "4000001123452"},
    ],
    "address": {"city": "München", "postal_code": "80333", "country": "DE"},
}
EUROPEAN_BUYER: dict[str, Any] = {
    "name": "Kunden AG Mitte",
    "identifiers": [{"scheme": "lei", "value": "5493001KJTIIGC8Y1R12"}],
    "address": {"city": "Wien", "country": "AT"},
}
BANK: dict[str, Any] = {
    "name": "示范银行",
    "identifiers": [{"scheme": "lei", "value": "300300C1030100000081"}],
}
CARRIER: dict[str, Any] = {"name": "顺达物流", "identifiers": [{"scheme": "gln", "value": "6901234500009"}]}
ITEM: dict[str, Any] = {
    "name": "六角螺栓 M10x60",
    "seller_number": "BLT-1060",
    "classifications": [{"list_id": "CN-TAX", "code": "1080315020000000000"}],
}
