"""What a prepayment is, for the rules that match."""

from __future__ import annotations

from consortium.documents import Invoice

PREPAYMENT = "386"
"""UNTDID 1001: prepayment invoice (预付款发票), asked for before delivery."""


def is_prepayment(invoice: Invoice) -> bool:
    """Whether an invoice says by its type that it is a prepayment."""
    return invoice.type_code == PREPAYMENT
