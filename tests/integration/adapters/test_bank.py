"""The reference bank: which payments are whose, and how often they count."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from crossverify.sources.bank import BankSource, PaymentQuestion
from tests.support.adapters import (
    ACCOUNT,
    AS_OF,
    BUYER,
    OTHER_SELLER,
    SELLER,
    RunningAdapter,
    adapter,
    camt,
    debtor,
    entry,
)
from tests.support.bank import OTHER_ACCOUNT, ask, owner, payments, question
from tests.support.certs import TestConsortium


@pytest.fixture
async def bank(consortium: TestConsortium, tmp_path: Path) -> AsyncIterator[RunningAdapter]:
    async with adapter("bank", consortium, tmp_path) as running:
        yield running


async def test_a_payment_with_all_that_the_statement_says(bank: RunningAdapter) -> None:
    payer = debtor(BUYER, "Buyer Co", "FR7630006000011234567890189")
    treasury = "<UltmtDbtr><Pty><Nm>Group Treasury</Nm></Pty></UltmtDbtr>"
    content = camt(entry("1130.00", "Invoice INV-1", bank_reference="B-77", payer=payer + treasury))
    assert (await bank.load(content, as_of=AS_OF)).loaded == 1
    (answer,) = await ask(bank, question())
    assert answer == {
        "reference": "INV-1",
        "account_known": True,
        "statements_until": "2026-06-30",
        "account_owner": "Seller Co",
        "account_owner_ids": [],
        "payments": [
            {
                "entry_reference": "B-77",
                "booking_date": "2026-06-10",
                "amount": "1130",
                "currency": "CNY",
                "credited_account": ACCOUNT,
                "credited_owner": "Seller Co",
                "payer_id": BUYER,
                "payer_name": "Buyer Co",
                "payer_account": "FR7630006000011234567890189",
                "reversal": False,
                "instructed_amount": "",
                "instructed_currency": "",
                "document_amount": "",
                "matched_by": "unstructured",
                "found_by": "account",
                "payer_ids": [BUYER],
                "ultimate_payer_name": "Group Treasury",
                "ultimate_payer_ids": [],
                "credited_owner_ids": [],
            }
        ],
    }


async def test_no_payment_on_a_known_account_and_on_an_unknown_one(bank: RunningAdapter) -> None:
    await bank.load(camt(entry(text="INV-10")))
    known, unknown = await ask(bank, question("INV-1"), question("INV-2", payee_account="XX00"))
    assert (known["payments"], known["account_known"], known["statements_until"]) == ([], True, "2026-06-30")
    assert (unknown["payments"], unknown["account_known"], unknown["statements_until"]) == ([], False, "")


@pytest.mark.parametrize(
    "remittance",
    [
        "<Strd><RfrdDocInf><Nb>INV-1</Nb></RfrdDocInf></Strd>",
        "<Strd><CdtrRefInf><Ref>INV-1</Ref></CdtrRefInf></Strd>",
        "<Ustrd>Payment of INV-1</Ustrd>",
        "<Strd><AddtlRmtInf>INV 1</AddtlRmtInf></Strd>",
    ],
)
async def test_every_place_of_a_number_is_seen(bank: RunningAdapter, remittance: str) -> None:
    await bank.load(camt(entry(remittance=remittance)))
    (payment,) = await payments(bank)
    assert payment["matched_by"] == (
        "structured" if "Inf>" in remittance and "Addtl" not in remittance else "unstructured"
    )


async def test_the_end_to_end_reference_is_seen(bank: RunningAdapter) -> None:
    await bank.load(camt(entry(more="<Refs><EndToEndId>INV-1</EndToEndId></Refs>")))
    (payment,) = await payments(bank)
    assert payment["matched_by"] == "end_to_end"


async def test_another_number_of_the_invoice_will_do(bank: RunningAdapter) -> None:
    await bank.load(
        camt(entry(remittance="<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd>"))
    )
    assert await payments(bank) == []
    (payment,) = await payments(bank, question(other_numbers=("RF18 5390 0754 7034",)))
    assert payment["matched_by"] == "structured"


async def test_structured_remittance_divides_a_payment(bank: RunningAdapter) -> None:
    parts = "".join(
        f"<Strd><RfrdDocInf><Nb>{number}</Nb></RfrdDocInf><RfrdDocAmt>"
        f'<RmtdAmt Ccy="CNY">{amount}</RmtdAmt></RfrdDocAmt></Strd>'
        for number, amount in (("INV-1", "1130"), ("INV-2", "70.50"))
    )
    await bank.load(camt(entry("1200.50", remittance=parts, bank_reference="B-1")))
    first, second = await ask(bank, question("INV-1"), question("INV-2"))
    assert [each["payments"][0]["document_amount"] for each in (first, second)] == ["1130", "70.5"]
    assert first["payments"][0]["entry_reference"] == second["payments"][0]["entry_reference"] == "B-1"


async def test_a_reversal_is_told_beside_the_payment(bank: RunningAdapter) -> None:
    content = camt(
        entry(text="INV-1", booked="2026-06-10")
        + entry(text="Return INV-1", booked="2026-06-12", direction="DBIT", reversal="true")
    )
    await bank.load(content)
    assert [(each["reversal"], each["amount"]) for each in await payments(bank)] == [
        (False, "1130"),
        (True, "1130"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        entry(text="INV-1", direction="DBIT"),
        entry(text="INV-1", reversal="true"),
        entry(text="INV-1", more="<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>"),
        entry(text="INV-1", status="PDNG"),
    ],
)
async def test_what_is_no_booked_payment_is_not_told(bank: RunningAdapter, content: str) -> None:
    assert (await bank.load(camt(content))).loaded == 1
    assert await payments(bank) == []


async def test_payments_come_oldest_first(bank: RunningAdapter) -> None:
    days = ("2026-06-20", "2026-06-05", "2026-06-11")
    await bank.load(camt("".join(entry("10", "INV-1", booked=day) for day in days)))
    assert [each["booking_date"] for each in await payments(bank)] == sorted(days)


async def test_loading_a_statement_again_counts_nothing_twice(bank: RunningAdapter) -> None:
    content = camt(entry("10", "INV-1") + entry("10", "INV-1") + entry("10", "INV-1", reference="R"))
    assert (await bank.load(content)).loaded == 3
    again = await bank.load(content)
    assert (again.loaded, again.unchanged) == (0, 3)
    assert len(await payments(bank)) == 3


async def test_the_same_movement_on_two_statements_counts_once(bank: RunningAdapter) -> None:
    """A monthly statement repeats the daily ones: the bank's reference tells."""
    once = entry("10", "INV-1", bank_reference="B-1")
    await bank.load(camt(once, identifier="DAY"))
    report = await bank.load(camt(once + entry("20", "INV-1", bank_reference="B-2"), identifier="MONTH"))
    assert (report.loaded, report.unchanged) == (1, 1)
    assert [each["amount"] for each in await payments(bank)] == ["10", "20"]


async def test_one_reference_twice_on_one_statement_is_two_movements(bank: RunningAdapter) -> None:
    twice = entry("10", "INV-1", bank_reference="B-1") * 2
    assert (await bank.load(camt(twice, identifier="DAY"))).loaded == 2
    assert (await bank.load(camt(twice, identifier="MONTH"))).unchanged == 2


async def test_a_booked_entry_does_not_change(bank: RunningAdapter) -> None:
    await bank.load(camt(entry("10", "INV-1", reference="R")))
    report = await bank.load(camt(entry("99", "INV-1", reference="R") + entry("5", reference="Q")))
    assert report.loaded == 1
    (problem,) = report.problems
    assert "R" in problem.message
    assert problem.path == "data/Stmt[1]/Ntry[1]"
    assert [each["amount"] for each in await payments(bank)] == ["10"]


async def test_a_bad_entry_costs_only_itself(bank: RunningAdapter) -> None:
    report = await bank.load(camt(entry("1,0") + entry("10", "INV-1")), name="june.xml")
    assert report.loaded == 1
    assert [problem.path for problem in report.problems] == ["june.xml/Stmt[1]/Ntry[1]/Amt"]
    assert len(await payments(bank)) == 1


@pytest.mark.parametrize(
    ("statement", "payer", "found_by"),
    [
        ({"owner": owner(SELLER)}, "", "owner"),
        ({"owner": "<Ownr><Nm>SELLER  CO.</Nm></Ownr>"}, "", "owner"),
        ({"owner": owner(OTHER_SELLER)}, debtor(BUYER), "payer"),
        ({"owner": owner(OTHER_SELLER)}, "", ""),
        ({"owner": "<Ownr><Nm>Stranger</Nm></Ownr>"}, "", ""),
        ({"owner": owner(OTHER_SELLER)}, debtor(name="Buyer Co"), ""),
        ({"owner": ""}, "", "amount"),
    ],
)
async def test_a_payment_to_another_account_needs_a_tie(
    bank: RunningAdapter, statement: dict[str, str], payer: str, found_by: str
) -> None:
    """Diverted payments are told; those for another seller's invoice of the same number are not."""
    await bank.load(camt("", identifier="S0"))
    await bank.load(camt(entry(text="INV-1", payer=payer), account=OTHER_ACCOUNT, **statement))
    found = await payments(bank)
    assert [(each["found_by"], each["credited_account"]) for each in found] == (
        [(found_by, OTHER_ACCOUNT)] if found_by else []
    )


async def test_the_owner_of_the_payee_account_is_the_seller_by_any_name(bank: RunningAdapter) -> None:
    own = owner("uscc:91110000MA00000001", "Registered Name Ltd")
    await bank.load(camt("", owner=own))
    await bank.load(camt(entry(text="INV-1"), account=OTHER_ACCOUNT, owner=own, identifier="S2"))
    (payment,) = await payments(bank)
    assert (payment["found_by"], payment["credited_owner"]) == ("owner", "Registered Name Ltd")


async def test_an_unidentified_owner_needs_the_right_amount(bank: RunningAdapter) -> None:
    await bank.load(camt(entry("99", "INV-1"), account=OTHER_ACCOUNT, owner=""))
    assert await payments(bank) == []


@pytest.mark.parametrize(("amount", "found"), [("1130", 1), ("1129", 0)])
async def test_a_weak_match_needs_the_amount(bank: RunningAdapter, amount: str, found: int) -> None:
    await bank.load(camt(entry(amount, "Subscription 2024")))
    assert len(await payments(bank, question("2024"))) == found


async def test_the_amount_may_be_the_instructed_one(bank: RunningAdapter) -> None:
    more = '<AmtDtls><InstdAmt><Amt Ccy="EUR">143.20</Amt></InstdAmt></AmtDtls>'
    await bank.load(camt(entry("1119.50", "2024", more=more)))
    (payment,) = await payments(bank, question("2024", amount="143.20", currency="EUR"))
    assert (payment["instructed_amount"], payment["instructed_currency"]) == ("143.2", "EUR")


async def test_the_owner_and_the_end_follow_the_latest_statement(bank: RunningAdapter) -> None:
    await bank.load(camt("", identifier="S2", until="2026-07-31", owner=owner(SELLER, "New Name")))
    await bank.load(camt("", identifier="S1", until="2026-06-30", owner=owner(SELLER, "Old Name")))
    (answer,) = await ask(bank, question())
    assert (answer["account_owner"], answer["statements_until"]) == ("New Name", "2026-07-31")
    assert answer["account_owner_ids"] == [SELLER]


async def test_accounts_are_the_same_however_written(bank: RunningAdapter) -> None:
    await bank.load(camt(entry(text="INV-1")))
    (payment,) = await payments(bank, question(payee_account="de89 3704 0044 0532 0130 00"))
    assert payment["found_by"] == "account"


@pytest.mark.parametrize(
    ("field", "value"),
    [("amount", "1e3"), ("amount", "x"), ("invoice_number", ""), ("invoice_number", "9" * 500)],
)
async def test_a_question_that_cannot_be_understood_costs_only_itself(
    bank: RunningAdapter, field: str, value: str
) -> None:
    await bank.load(camt(entry(text="INV-1")))
    wrong, right = await ask_raw(bank, question("W", **{field: value}), question("INV-1"))
    assert wrong["error"]["reason"] == "QUESTION_INVALID"
    assert f"receivables[0].{field}" in wrong["error"]["message"]
    assert len(right["payments"]) == 1


async def test_too_many_other_numbers_are_told(bank: RunningAdapter) -> None:
    (wrong,) = await ask_raw(bank, question("W", other_numbers=("1",) * 17))
    assert wrong["error"]["reason"] == "BATCH_TOO_LONG"


async def ask_raw(bank: RunningAdapter, *questions: PaymentQuestion) -> list[dict[str, Any]]:
    answer = await BankSource(bank.channel()).ask(questions)
    return [answer.answers[each.reference] for each in questions]
