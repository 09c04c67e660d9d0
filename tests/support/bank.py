"""Questions to the reference bank, and what it answers."""

from __future__ import annotations

from typing import Any

from crossverify.sources.bank import BankSource, PaymentQuestion
from tests.support.adapters import ACCOUNT, BUYER, SELLER, RunningAdapter

OTHER_ACCOUNT = "FI2112345600000785"
OWNER = (
    "<Ownr><Nm>{name}</Nm><Id><OrgId><Othr><Id>{id}</Id><SchmeNm><Prtry>USCC</Prtry></SchmeNm></Othr></OrgId>"
    "</Id></Ownr>"
)


def owner(identifier: str, name: str = "Some Co") -> str:
    return OWNER.format(name=name, id=identifier.removeprefix("uscc:"))


def question(number: str = "INV-1", **values: Any) -> PaymentQuestion:
    return PaymentQuestion(
        **{
            "reference": number,
            "invoice_number": number,
            "payee_account": ACCOUNT,
            "amount": "1130.00",
            "currency": "CNY",
            "seller_id": SELLER,
            "buyer_id": BUYER,
            "seller_name": "Seller Co",
            **values,
        }
    )


async def ask(bank: RunningAdapter, *questions: PaymentQuestion) -> list[dict[str, Any]]:
    answer = await BankSource(bank.channel()).ask(questions)
    assert answer.reason == ""
    return [answer.answers[each.reference] for each in questions]


async def payments(bank: RunningAdapter, asked: PaymentQuestion | None = None) -> list[dict[str, Any]]:
    (answer,) = await ask(bank, asked or question())
    found: list[dict[str, Any]] = answer["payments"]
    return found
