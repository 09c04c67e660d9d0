"""Small valid documents of one trade, as plain JSON values."""

from __future__ import annotations

from typing import Any

from tests.integration.industry.world import BUYER, SELLER

ITEM = {"name": "六角螺栓 M10x60", "seller_number": "BLT-1060"}
TAX = {"category": "S", "rate": "13"}


def order(number: str, quantity: int = 1000, price: int = 10, **changes: Any) -> dict[str, Any]:
    """A purchase order over so many pieces."""
    net = quantity * price
    line = {
        "line_id": "1",
        "item": ITEM,
        "quantity": str(quantity),
        "unit": "C62",
        "price": str(price),
        "net_amount": str(net),
    }
    totals = {
        "line_net": str(net),
        "net": str(net),
        "tax": str(net * 13 / 100),
        "payable": str(net * 113 / 100),
    }
    made = {
        "kind": "purchase_order",
        "number": number,
        "issue_date": "2026-01-10",
        "currency": "CNY",
        "buyer": BUYER,
        "seller": SELLER,
        "totals": _plain(totals),
        "lines": [line],
    }
    return made | changes


def invoice(
    number: str, quantity: int = 500, price: int = 10, order_number: str | None = None, **changes: Any
) -> dict[str, Any]:
    """An invoice over so many pieces."""
    made = _bill("invoice", number, quantity, price) | {"due_date": "2026-06-30"}
    if order_number is not None:
        made["order_number"] = order_number
    return made | changes


def credit_note(number: str, invoice_number: str, quantity: int = 50, **changes: Any) -> dict[str, Any]:
    """A credit note for so many pieces of an invoice."""
    made = _bill("credit_note", number, quantity, 10)
    made["preceding_invoices"] = [{"number": invoice_number, "issue_date": "2026-02-01"}]
    return made | changes


def confirmation(number: str, invoice_number: str, **changes: Any) -> dict[str, Any]:
    """The debtor's confirmation of an invoice."""
    made = {
        "kind": "debtor_confirmation",
        "number": number,
        "issue_date": "2026-02-05",
        "buyer": BUYER,
        "seller": SELLER,
        "invoice_number": invoice_number,
        "invoice_date": "2026-02-01",
        "response_code": "AP",
    }
    return made | changes


def _bill(kind: str, number: str, quantity: int, price: int) -> dict[str, Any]:
    net = quantity * price
    line = {
        "line_id": "1",
        "item": ITEM,
        "quantity": str(quantity),
        "unit": "C62",
        "price": str(price),
        "net_amount": str(net),
        "tax": TAX,
    }
    tax, gross = net * 13 / 100, net * 113 / 100
    return {
        "kind": kind,
        "number": number,
        "issue_date": "2026-02-01",
        "currency": "CNY",
        "seller": SELLER,
        "buyer": BUYER,
        "taxes": [_plain({"category": "S", "rate": "13", "taxable_amount": net, "tax_amount": tax})],
        "totals": _plain({"line_net": net, "net": net, "tax": tax, "gross": gross, "payable": gross}),
        "lines": [line],
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in values.items()}
