"""What the tax authority answers."""

from __future__ import annotations

from decimal import Decimal

from crossverify.answers.base import Answer, Day, Money


class RedLetter(Answer):
    """One red-letter invoice (红字发票) or credit note; fields as in ``RedLetter`` of the wire."""

    number: str
    issue_date: Day = None
    amount: Money


class TaxInvoice(Answer):
    """What tax knows of one invoice; fields as in ``chanrong.sources.v1.InvoiceAnswer``."""

    known: bool
    differing: tuple[str, ...] = ()
    state: str = ""
    red_amount: Money = Decimal(0)
    use_confirmed: bool = False
    red_confirmation_open: bool = False
    red_confirmation_amount: Money = Decimal(0)
    red_letters: tuple[RedLetter, ...] = ()


class Taxpayer(Answer):
    """What tax knows of one taxpayer; fields as in ``TaxpayerAnswer``."""

    known: bool
    state: str = ""
    name: str = ""
    former_names: tuple[str, ...] = ()
    registered_on: Day = None


class DeclaredSales(Answer):
    """Declared sales of one month, without tax. :ivar month: "2026-05" """

    month: str
    currency: str
    amount: Money


class Counterparty(Answer):
    """Somebody whom the taxpayer sold to or bought from; fields as in ``Counterparty`` of the wire.

    :ivar role: "customer" or "supplier"
    """

    party_id: str
    name: str = ""
    role: str
    currency: str
    amount: Money
    invoices: int = 0


class Sales(Answer):
    """What a taxpayer declared; fields as in ``SalesAnswer``. Its reference is :func:`sales_reference`."""

    known: bool
    months: tuple[DeclaredSales, ...] = ()
    counterparties: tuple[Counterparty, ...] = ()
    counterparties_complete: bool = False


def sales_reference(identifier: str) -> str:
    """Reference of the answer on a taxpayer's declared sales. :param identifier: "scheme:value" """
    return f"sales:{identifier}"


CANCELLED_BY_TAX = frozenset({"void", "red_full"})
"""Tax states of an invoice that is no invoice any more."""
