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


class AccountAnswer(Answer):
    """What the bank knows of one account; fields as in ``AccountAnswer`` of the wire. Its reference is
    :func:`account_reference`.

    :ivar owner_match: "identifier", "name", "differs" or "unknown": how its owner compares with who was named
    """

    known: bool
    owner_name: str = ""
    owner_ids: tuple[str, ...] = ()
    owner_match: str = "unknown"
    statements_until: Day = None


class FlowAccount(Answer):
    """One account that was counted."""

    account: str
    statements_from: Day = None
    statements_until: Day = None


class FlowMonth(Answer):
    """What came in during one month. :ivar month: "2026-05" """

    month: str
    currency: str
    inflow: Money
    returned: Money = Decimal(0)
    own_transfers: Money = Decimal(0)
    payments: int = 0


class FlowPayer(Answer):
    """One payer of a flow; ``amount`` is net of what went back."""

    payer_id: str = ""
    payer_name: str = ""
    currency: str
    amount: Money
    payments: int = 0


class Flow(Answer):
    """What came in on all accounts of one owner; fields as in ``FlowAnswer`` of the wire. Its reference is
    :func:`flow_reference`."""

    known: bool
    accounts: tuple[FlowAccount, ...] = ()
    months: tuple[FlowMonth, ...] = ()
    payers: tuple[FlowPayer, ...] = ()
    further_payers: int = 0


def plain_account(account: str) -> str:
    """An account number as it is compared: upper case, letters and digits only."""
    return "".join(character for character in account.upper() if character.isalnum())


def account_reference(account: str) -> str:
    """Reference of the answer on an account's owner."""
    return f"account:{plain_account(account)}"


def flow_reference(identifier: str) -> str:
    """Reference of the answer on an owner's flow. :param identifier: "scheme:value" """
    return f"flow:{identifier}"
