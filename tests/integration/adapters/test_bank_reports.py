"""The reference bank: several reports of the same money, owners of accounts, flow, sheets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from crossverify.adapters.bank import inflow, store
from crossverify.answers import account_reference, flow_reference
from crossverify.sources.bank import AccountQuestion, BankSource, FlowQuestion
from tests.support.adapters import (
    ACCOUNT,
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


# --- several reports of the same money --------------------------------------------------------


def report(content: bytes, form: str) -> bytes:
    """The same as another message: "052" or "054"."""
    message, part = {"052": ("BkToCstmrAcctRpt", "Rpt"), "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}[form]
    text = content.decode().replace("camt.053", f"camt.{form}").replace("BkToCstmrStmt", message)
    return text.replace("<Stmt>", f"<{part}>").replace("</Stmt>", f"</{part}>").encode()


def refs(**names: str) -> str:
    return "<Refs>" + "".join(f"<{name}>{value}</{name}>" for name, value in names.items()) + "</Refs>"


REFERENCES = [
    {"bank_reference": "B-1"},
    {"reference": "N-1"},
    {"more": refs(EndToEndId="E2E-1")},
    {"more": refs(TxId="T-1")},
    {"more": refs(UETR="U-1")},
    {"remittance": "<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd>"},
]


@pytest.mark.parametrize("values", REFERENCES, ids=lambda values: next(iter(values)))
@pytest.mark.parametrize("first", ["052", "053", "054"])
async def test_intraday_statement_and_notification_of_one_payment_count_once(
    bank: RunningAdapter, values: dict[str, str], first: str
) -> None:
    content = camt(entry("10", "INV-1", **values))
    forms = [first, *({"052", "053", "054"} - {first})]
    counts = []
    for form in forms:
        told = await bank.load(content if form == "053" else report(content, form))
        counts.append((told.loaded, told.unchanged))
    assert counts == [(1, 0), (0, 1), (0, 1)]
    assert len(await payments(bank)) == 1


async def test_equal_payments_of_one_report_stay_as_many(bank: RunningAdapter) -> None:
    one = entry("10", "INV-1", more=refs(EndToEndId="SAME"))
    assert (await bank.load(report(camt(one * 3), "054"))).loaded == 3
    assert (await bank.load(camt(one * 4))).loaded == 1
    assert len(await payments(bank)) == 4


async def test_another_amount_or_day_is_another_payment(bank: RunningAdapter) -> None:
    same = {"more": refs(EndToEndId="SAME")}
    await bank.load(report(camt(entry("10", "INV-1", **same)), "054"))
    other = entry("11", "INV-1", **same) + entry("10", "INV-1", booked="2026-06-11", **same)
    assert (await bank.load(camt(other))).loaded == 2


async def test_statements_of_two_days_are_not_merged_by_what_the_payer_chose(bank: RunningAdapter) -> None:
    same = camt(entry("10", "INV-1", more=refs(EndToEndId="RENT")), identifier="S1")
    await bank.load(same)
    assert (await bank.load(same.replace(b"<Id>S1</Id>", b"<Id>S2</Id>"))).loaded == 1


BATCH = "".join(
    f'<TxDtls>{refs(EndToEndId=f"E-{number}")}<AmtDtls><TxAmt><Amt Ccy="CNY">{amount}</Amt></TxAmt></AmtDtls>'
    f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
    for number, amount, text in ((1, "600", "INV-1"), (2, "400", "INV-2"))
)


@pytest.mark.parametrize("order", [("statement", "notification"), ("notification", "statement")])
async def test_the_transactions_of_a_batch_stand_for_its_entry(
    bank: RunningAdapter, order: tuple[str, str]
) -> None:
    files = {
        "statement": camt(entry("1000", details=" ", bank_reference="B-9")),
        "notification": report(camt(entry("1000", details=BATCH, bank_reference="B-9")), "054"),
    }
    for name in order:
        await bank.load(files[name])
    for name in order:
        assert (await bank.load(files[name])).loaded == 0
    first, second = await ask(bank, question("INV-1"), question("INV-2"))
    assert [each["payments"][0]["amount"] for each in (first, second)] == ["600", "400"]
    flow = (await flows(bank, FlowQuestion.of(SELLER, name="Seller Co")))[0]
    assert flow["months"][0]["inflow"] == "1000"


async def test_a_notification_alone_is_no_statement(bank: RunningAdapter) -> None:
    await bank.load(report(camt(entry("10", "INV-1")), "054"))
    (answer,) = await ask(bank, question())
    assert (answer["account_known"], answer["statements_until"], len(answer["payments"])) == (False, "", 1)
    await bank.load(camt("", identifier="LATER"))
    (answer,) = await ask(bank, question())
    assert (answer["account_known"], answer["statements_until"]) == (True, "2026-06-30")


# --- owners and flow ----------------------------------------------------------------------------


async def accounts(bank: RunningAdapter, *asked: AccountQuestion) -> list[tuple[bool, str]]:
    answer = await BankSource(bank.channel()).ask(accounts=asked)
    return [
        (answer.answers[each.reference]["known"], answer.answers[each.reference]["owner_match"])
        for each in asked
    ]


@pytest.mark.parametrize(
    ("held", "owner_id", "name", "match"),
    [
        (owner(SELLER, "Registered Name"), SELLER, "Seller Co", "identifier"),
        (owner(OTHER_SELLER, "Seller Co"), SELLER, "Seller Co", "differs"),
        ("<Ownr><Nm>SELLER  CO.</Nm></Ownr>", SELLER, "Seller Co", "name"),
        ("<Ownr><Nm>Stranger</Nm></Ownr>", SELLER, "Seller Co", "differs"),
        (owner(SELLER, "Seller Co"), "lei:5493001KJTIIGC8Y1R12", "Seller Co", "name"),
        ("", SELLER, "Seller Co", "unknown"),
        ("<Ownr><Nm>Seller Co</Nm></Ownr>", SELLER, "", "unknown"),
    ],
)
async def test_whose_an_account_is(
    bank: RunningAdapter, held: str, owner_id: str, name: str, match: str
) -> None:
    await bank.load(camt("", owner=held))
    asked = AccountQuestion(account_reference(ACCOUNT), ACCOUNT, owner_id, name)
    other = AccountQuestion(account_reference("XX00"), "XX00", owner_id, name)
    assert await accounts(bank, asked, other) == [(True, match), (False, "unknown")]


async def test_a_question_about_no_account_costs_only_itself(bank: RunningAdapter) -> None:
    await bank.load(camt(""))
    source = BankSource(bank.channel())
    asked = [AccountQuestion("account:", "---"), AccountQuestion(account_reference(ACCOUNT), ACCOUNT)]
    answer = await source.ask(accounts=asked)
    assert answer.answers["account:"]["error"]["reason"] == "QUESTION_INVALID"
    assert answer.answers[asked[1].reference]["known"]


async def flows(bank: RunningAdapter, *asked: FlowQuestion) -> list[dict[str, Any]]:
    answer = await BankSource(bank.channel()).ask(flows=asked)
    assert answer.reason == ""
    return [answer.answers[each.reference] for each in asked]


async def test_flow_over_all_accounts_of_an_owner(bank: RunningAdapter) -> None:
    held = owner(SELLER, "Seller Co")
    await bank.load(
        camt(
            entry("100", payer=debtor(BUYER, "Buyer Co"), booked="2026-05-10")
            + entry("30", payer=debtor(BUYER, "Buyer Co"), booked="2026-06-10")
            + entry("10", direction="DBIT", reversal="true", payer=debtor(BUYER), booked="2026-06-11")
            + entry("500", payer=debtor(SELLER, "Seller Co"), booked="2026-06-12")
            + entry("7", direction="DBIT", booked="2026-06-12")
            + entry("9", status="PDNG"),
            owner=held,
        )
    )
    shown = camt(
        entry("20", payer=debtor(name="Walk-in"), booked="2026-06-20")
        + entry("40", payer=debtor(name="Own", account=ACCOUNT), booked="2026-06-21"),
        account=OTHER_ACCOUNT,
        owner="",
        identifier="S2",
    )
    await bank.load(shown)
    asked = FlowQuestion.of(SELLER, name="Seller Co", accounts=[OTHER_ACCOUNT])
    found, nobody = await flows(bank, asked, FlowQuestion.of(BUYER))
    assert [
        (each["month"], each["inflow"], each["returned"], each["own_transfers"]) for each in found["months"]
    ] == [
        ("2026-05", "100", "0", "0"),
        ("2026-06", "50", "10", "540"),
    ]
    assert [(each["payer_id"], each["payer_name"], each["amount"]) for each in found["payers"]] == [
        (BUYER, "Buyer Co", "120"),
        ("", "Walk-in", "20"),
    ]
    assert {each["account"] for each in found["accounts"]} == {ACCOUNT, OTHER_ACCOUNT}
    assert not nobody["known"]


async def test_an_account_of_somebody_else_is_not_counted(bank: RunningAdapter) -> None:
    await bank.load(camt(entry("20"), owner=owner(OTHER_SELLER)))
    (found,) = await flows(bank, FlowQuestion.of(SELLER, accounts=[ACCOUNT]))
    assert not found["known"]


async def test_a_flow_from_a_month_on(bank: RunningAdapter) -> None:
    held = owner(SELLER)
    await bank.load(camt(entry("1", booked="2026-04-30") + entry("2", booked="2026-05-01"), owner=held))
    (found,) = await flows(bank, FlowQuestion.of(SELLER, from_month="2026-05"))
    assert [each["inflow"] for each in found["months"]] == ["2"]
    answer = await BankSource(bank.channel()).ask(flows=[FlowQuestion.of(SELLER, from_month="May")])
    assert "from_month" in answer.answers[flow_reference(SELLER)]["error"]["message"]


async def test_many_questions_are_answered_in_parts(bank: RunningAdapter) -> None:
    await bank.load(camt("".join(entry(text=f"INV-{number:04}") for number in range(300))))
    asked = [question(f"INV-{number:04}") for number in range(300)]
    found = await ask(bank, *asked)
    assert all(len(each["payments"]) == 1 for each in found)


async def test_a_sheet_and_a_statement_meet_by_the_banks_reference(bank: RunningAdapter) -> None:
    await bank.load(camt(entry("1130", "INV-1", bank_reference="B-1")))
    sheet = f"Date,Amount,Currency,Account,Reference,Text\n2026-06-10,1130.00,CNY,{ACCOUNT},B-1,INV-1\n"
    assert (await bank.load(sheet)).unchanged == 1
    assert (await bank.load(sheet.replace("B-1", "B-2"))).loaded == 1
    assert len(await payments(bank)) == 2


async def test_a_sheets_name_may_say_whose_it_is(bank: RunningAdapter) -> None:
    sheet = "Date,Amount,Text\n2026-06-10,1130.00,INV-1\n"
    assert (await bank.load(sheet, name=f"account={ACCOUNT}; currency=CNY; june.csv")).loaded == 1
    (payment,) = await payments(bank)
    assert payment["credited_account"] == ACCOUNT


async def test_a_number_that_everybody_uses_costs_only_its_question(
    bank: RunningAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_FOUND_OF_A_NUMBER", 2)
    await bank.load(camt(entry(text="Invoice 77", amount="1130") * 3 + entry(text="INV-1")))
    answer = await BankSource(bank.channel()).ask([question("77"), question("INV-1")])
    assert answer.answers["77"]["error"]["reason"] == "TOO_MANY_PAYMENTS"
    assert len(answer.answers["INV-1"]["payments"]) == 1


async def test_a_flow_that_is_too_long_costs_only_itself(
    bank: RunningAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflow, "MAX_INFLOW", 2)
    await bank.load(camt(entry("1") * 3, owner=owner(SELLER)))
    await bank.load(camt(entry("1"), owner=owner(OTHER_SELLER), account=OTHER_ACCOUNT))
    answer = await BankSource(bank.channel()).ask(
        flows=[FlowQuestion.of(SELLER), FlowQuestion.of(OTHER_SELLER)]
    )
    assert answer.answers[flow_reference(SELLER)]["error"]["reason"] == "TOO_MANY_PAYMENTS"
    assert answer.answers[flow_reference(OTHER_SELLER)]["months"][0]["inflow"] == "1"
