"""What the tax authority answers."""

from __future__ import annotations

from decimal import Decimal

from crossverify.answers.base import Answer, Day, Money


class TaxInvoice(Answer):
    """What tax knows of one invoice; fields as in ``chanrong.sources.v1.InvoiceAnswer``."""

    known: bool
    differing: tuple[str, ...] = ()
    state: str = ""
    red_amount: Money = Decimal(0)
    use_confirmed: bool = False
    red_confirmation_open: bool = False


class Taxpayer(Answer):
    """What tax knows of one taxpayer; fields as in ``TaxpayerAnswer``."""

    known: bool
    state: str = ""
    name: str = ""
    former_names: tuple[str, ...] = ()
    registered_on: Day = None


CANCELLED_BY_TAX = frozenset({"void", "red_full"})
"""Tax states of an invoice that is no invoice any more."""
