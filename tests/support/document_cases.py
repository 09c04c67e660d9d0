"""One example of every kind of document as plain JSON values, and strategies that change them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel

from consortium.documents import KINDS, Document, parse_canonical
from consortium.documents.base import is_amount
from consortium.documents.validation import nested_models
from tests.support.case_parties import BANK, BUYER, CARRIER, EUROPEAN_BUYER, EUROPEAN_SELLER, ITEM, SELLER
from tests.support.later_cases import LATER_EXAMPLES

__all__ = [
    "BANK",
    "BUYER",
    "CARRIER",
    "EUROPEAN_BUYER",
    "EUROPEAN_SELLER",
    "EXAMPLES",
    "ITEM",
    "NUMERIC",
    "SELLER",
    "TAX",
    "UBL_KINDS",
    "as_json",
    "document",
    "example",
    "examples_with_path",
    "is_number",
    "leaf_paths",
    "other_value",
    "rewritten",
    "value_at",
    "with_value",
]

TAX = {"category": "S", "rate": "13"}


def _line(number: int) -> dict[str, Any]:
    return {
        "line_id": str(number),
        "item": dict(ITEM),
        "quantity": "100",
        "unit": "C62",
        "price": "0.925",
        "net_amount": "92.5",
        "tax": dict(TAX),
        "order_line": str(number),
    }


_BILL = {
    "currency": "CNY",
    "order_number": "PO-2026-0007",
    "seller": SELLER,
    "buyer": BUYER,
    "taxes": [{"category": "S", "rate": "13", "taxable_amount": "185", "tax_amount": "24.05"}],
    "totals": {"line_net": "185", "net": "185", "tax": "24.05", "gross": "209.05", "payable": "209.05"},
    "lines": [_line(1), _line(2)],
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "purchase_order": {
        "kind": "purchase_order",
        "number": "PO-2026-0007",
        "issue_date": "2026-01-05",
        "order_type": "220",
        "currency": "CNY",
        "buyer": BUYER,
        "seller": SELLER,
        "payment_terms": "货到验收后60天付款",
        "totals": {"line_net": "185", "net": "185", "tax": "24.05", "gross": "209.05", "payable": "209.05"},
        "lines": [
            {name: each for name, each in _line(1).items() if name != "order_line"} | {"note": "分批交货"}
        ],
    },
    "despatch_advice": {
        "kind": "despatch_advice",
        "number": "DN-1",
        "issue_date": "2026-01-12",
        "order_number": "PO-2026-0007",
        "seller": SELLER,
        "buyer": BUYER,
        "shipment": {"consignment": "YD0000011", "carrier": "顺达物流", "vehicle": "沪A10001"},
        "lines": [
            {
                "line_id": "1",
                "item": ITEM,
                "delivered": "90",
                "outstanding": "10",
                "unit": "C62",
                "order_line": "1",
                "lots": [{"number": "L2026-1", "expiry": "2028-01-01"}],
            }
        ],
    },
    "goods_receipt": {
        "kind": "goods_receipt",
        "number": "GR-1",
        "issue_date": "2026-01-14",
        "order_number": "PO-2026-0007",
        "despatch_number": "DN-1",
        "despatch_status": "CA",
        "seller": SELLER,
        "buyer": BUYER,
        "lines": [
            {
                "line_id": "1",
                "item": ITEM,
                "received": "90",
                "short": "10",
                "rejected": "2",
                "unit": "C62",
                "reject_reason": "外观不良",
                "order_line": "1",
                "despatch_line": "1",
            }
        ],
    },
    "warehouse_receipt": {
        "kind": "warehouse_receipt",
        "title": "仓单",
        "number": "CD-2026-00017",
        "issue_date": "2026-01-05",
        "issue_place": "上海",
        "keeper": BUYER,
        "depositor": SELLER,
        "storage_place": "3号库 A区 12排",
        "loss_standard": "0.3%",
        "currency": "CNY",
        "declared_value": "860000",
        "lines": [
            {
                "line_id": "1",
                "item": {"name": "电解铜 1#"},
                "quantity": "25.5",
                "unit": "TNE",
                "pieces": 12,
                "lots": [{"number": "L1"}],
            }
        ],
    },
    "invoice": {
        "kind": "invoice",
        "type_code": "380",
        "number": "INV-2026-0042",
        "issue_date": "2026-01-15",
        "due_date": "2026-03-16",
        "receipt_number": "GR-1",
        "payee_accounts": [{"account_id": "6222020000001234", "name": "苏州恒昌紧固件有限公司"}],
        "delivery": {"date": "2026-01-14"},
        **_BILL,
    },
    "credit_note": {
        "kind": "credit_note",
        "type_code": "381",
        "number": "CN-2026-0003",
        "issue_date": "2026-01-25",
        "preceding_invoices": [{"number": "INV-2026-0042", "issue_date": "2026-01-15"}],
        **_BILL,
    },
    "debtor_confirmation": {
        "kind": "debtor_confirmation",
        "number": "QR-2026-0009",
        "issue_date": "2026-01-26",
        "buyer": BUYER,
        "seller": SELLER,
        "invoice_number": "INV-2026-0042",
        "invoice_date": "2026-01-15",
        "response_code": "AP",
        "currency": "CNY",
        "confirmed_amount": "209.05",
        "due_date": "2026-03-16",
        "set_off_waived": False,
    },
}
EXAMPLES |= LATER_EXAMPLES

UBL_KINDS = (
    "purchase_order",
    "despatch_advice",
    "goods_receipt",
    "invoice",
    "credit_note",
    "debtor_confirmation",
)
"""Kinds that travel as UBL too."""


def example(kind: str, /, **changes: Any) -> dict[str, Any]:
    """A copy of an example with some fields changed; ``None`` removes a field."""
    values = copy.deepcopy(EXAMPLES[kind]) | changes
    return {name: value for name, value in values.items() if value is not None}


def document(kind: str, /, **changes: Any) -> Document:
    """An example as a document."""
    return parse_canonical(kind, example(kind, **changes))


def as_json(values: dict[str, Any]) -> bytes:
    """Plain values as JSON bytes."""
    return json.dumps(values, ensure_ascii=False).encode()


def leaf_paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the single values of nested plain values are."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaf_paths(each, (*at, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from leaf_paths(each, (*at, number))
    else:
        yield at


def value_at(values: Any, path: tuple[Any, ...]) -> Any:
    """The value at a path."""
    for part in path:
        values = values[part]
    return values


def with_value(values: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy with another value at a path."""
    changed = copy.deepcopy(values)
    value_at(changed, path[:-1])[path[-1]] = value
    return changed


def other_value(value: Any) -> Any:
    """Another value of the same sort, so that the document most likely stays a document."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if is_number(value):
        return str(Decimal(value) + 1)
    if len(value) == 10 and value[4] == value[7] == "-":
        return f"{value[:8]}{'07' if value[8:] != '07' else '08'}"
    return f"{value}X"


def is_number(value: Any) -> bool:
    """Whether a text is a decimal number."""
    return isinstance(value, str) and value.replace(".", "", 1).replace("-", "", 1).isdigit()


def examples_with_path() -> st.SearchStrategy[tuple[str, tuple[Any, ...]]]:
    """A kind, and the path of one of its example's values."""
    return st.sampled_from([(kind, path) for kind in EXAMPLES for path in leaf_paths(EXAMPLES[kind])])


@st.composite
def rewritten(draw: st.DrawFn, value: Any, numeric: bool = False) -> Any:
    """The same plain values, written in another order and with equal numbers written differently."""
    if isinstance(value, dict):
        names = draw(st.permutations(list(value)))
        return {name: draw(rewritten(value[name], name in NUMERIC)) for name in names}
    if isinstance(value, list):
        return [draw(rewritten(each)) for each in value]
    if numeric and is_number(value):
        zeros = "0" * draw(st.integers(0, 3))
        padded = value + (zeros if "." in value else f".{zeros}" if zeros else "")
        return draw(st.sampled_from([padded, value, Decimal(padded), f"0{padded}"]))
    return value


def _numeric_fields() -> frozenset[str]:
    plain = {
        "quantity",
        "price",
        "base_quantity",
        "rate",
        "delivered",
        "outstanding",
        "received",
        "short",
        "rejected",
        "retention_percent",
        "tax_rate",
        "gross_weight",
        "capacity",
        "occupied",
        "released",
        "pledged",
        "declared",
        "found",
    }
    amounts = {name for model in KINDS.values() for name in _fields(model) if name}
    return frozenset(plain | amounts)


def _fields(model: type[BaseModel], seen: frozenset[type[BaseModel]] = frozenset()) -> Iterator[str]:
    for name in model.model_fields:
        if is_amount(model, name):
            yield name
    for part in nested_models(model).values():
        if part not in seen:
            yield from _fields(part, seen | {part})


NUMERIC = _numeric_fields()
