"""What the bank that keeps an account answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator

from crossverify.answers.base import Answer, Day, Money


class Payment(Answer):
    """One payment on an account; fields as in ``Payment`` of the wire."""

    entry_reference: str = ""
    booking_date: Day = None
    amount: Money
    currency: str
    credited_account: str = ""
    credited_owner: str = ""
    credited_owner_ids: tuple[str, ...] = ()
    payer_id: str = ""
    payer_ids: tuple[str, ...] = ()
    payer_name: str = ""
    payer_account: str = ""
    ultimate_payer_name: str = ""
    ultimate_payer_ids: tuple[str, ...] = ()
    reversal: bool = False
    instructed_amount: Annotated[Decimal | None, BeforeValidator(lambda value: value or None)] = None
    instructed_currency: str = ""
    document_amount: Annotated[Decimal | None, BeforeValidator(lambda value: value or None)] = None
    matched_by: str = ""
    found_by: str = ""


class PaymentAnswer(Answer):
    """Payments found for one receivable; fields as in ``PaymentAnswer`` of the wire."""

    payments: tuple[Payment, ...] = ()
    account_known: bool = False
    statements_until: Day = None
    account_owner: str = ""
    account_owner_ids: tuple[str, ...] = ()
