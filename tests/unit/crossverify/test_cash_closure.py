"""CASH_CLOSURE: who paid, and to which account."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents.party import primary_id
from crossverify.rule import Effect, Finding, Step
from tests.support.trade_world import BUYER, DAY, OTHER, World, codes, credit_note, fp, invoice, judged

BILL = fp(invoice())
TREASURY = str(primary_id(OTHER))


def paid(amount: str = "500", **fields: Any) -> World:
    world = World(invoice())
    world.pay(BILL, amount, **fields)
    return world


def first(world: World, **overrides: Any) -> Finding:
    return judged(world, "CASH_CLOSURE", **overrides)[0]


def test_unpaid_and_not_due_does_not_apply() -> None:
    assert codes(World(invoice()), "CASH_CLOSURE") == [("NOT_APPLICABLE", "NOT_DUE")]


def test_paid_in_part_by_the_debtor_passes_and_leaves_the_eligible_amount() -> None:
    finding = first(paid())
    assert (finding.outcome.value, finding.code) == ("PASS", "AGREES")
    assert finding.deduct is not None
    assert (finding.deduct.step, finding.deduct.amount) == (Step.PAYMENTS, Decimal(500))
    assert finding.inputs[0].source == "bank"


@pytest.mark.parametrize(
    ("amount", "code", "effect"),
    [
        ("1129.99", "AGREES", Effect.INFORMATION),
        ("1130", "SETTLED", Effect.EXCLUDE),
        ("2000", "SETTLED", Effect.EXCLUDE),
    ],
)
def test_wholly_paid_is_excluded_as_settled(amount: str, code: str, effect: Effect) -> None:
    finding = first(paid(amount))
    assert (finding.outcome.value, finding.code, finding.effect) == ("PASS", code, effect)


def test_what_was_credited_need_not_be_paid() -> None:
    world = paid("1017")
    world.add(credit_note(lines=[{"quantity": Decimal(10)}]))
    assert first(world).code == "SETTLED"


@pytest.mark.parametrize("spelling", ["6222000011112222", "6222 0000-1111 2222"])
def test_spelling_of_an_account_does_not_matter(spelling: str) -> None:
    assert first(paid(credited_account=spelling)).code == "AGREES"


def test_a_diverted_payment_fails_and_excludes() -> None:
    finding = first(paid(credited_account="9999", credited_owner="Somebody", found_by="payer"))
    assert (finding.outcome.value, finding.code, finding.effect) == ("FAIL", "DIVERTED", Effect.EXCLUDE)
    assert finding.deduct is not None  # the debtor has paid, wherever it went


def test_another_account_of_the_seller_is_for_a_person() -> None:
    finding = first(paid(credited_account="9999", found_by="owner"))
    assert (finding.outcome.value, finding.code, finding.effect) == ("FAIL", "OTHER_ACCOUNT", Effect.REFER)


def test_an_invoice_without_account_cannot_be_diverted_from() -> None:
    open_end = invoice(payee_accounts=())
    world = World(open_end)
    world.pay(fp(open_end), "500", credited_account="9999", found_by="owner")
    assert codes(world, "CASH_CLOSURE") == [("PASS", "AGREES")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"payer_id": TREASURY, "payer_name": BUYER.name}, "THIRD_PARTY_PAYER"),  # a name proves nothing
        ({"payer_id": "", "payer_name": BUYER.name}, "PAYER_NOT_IDENTIFIED"),
        ({"payer_id": TREASURY, "ultimate_payer_ids": [str(primary_id(BUYER))]}, "AGREES"),
        ({"payer_id": "", "payer_ids": [TREASURY, str(primary_id(BUYER))]}, "AGREES"),
    ],
)
def test_the_payer_is_judged_by_identifier(fields: dict[str, Any], code: str) -> None:
    assert first(paid(**fields)).code == code


def test_a_group_treasury_may_pay_for_its_debtor_only() -> None:
    world = paid(payer_id=TREASURY)
    assert first(world, group_payers={str(primary_id(BUYER)): [TREASURY]}).code == "AGREES"
    assert first(world, group_payers={"uscc:X": [TREASURY]}).code == "THIRD_PARTY_PAYER"


def test_every_fault_is_said_once() -> None:
    world = paid(payer_id=TREASURY, credited_account="9999", found_by="payer")
    world.pay(BILL, "100", payer_id=TREASURY, credited_account="9999", found_by="payer")
    found = judged(world, "CASH_CLOSURE")
    assert sorted(item.code for item in found) == ["DIVERTED", "THIRD_PARTY_PAYER"]
    assert sum(item.deduct.amount for item in found if item.deduct) == Decimal(600)


def test_reversals_count_against() -> None:
    world = paid("1130")
    world.pay(BILL, "1130", reversal=True)
    assert codes(world, "CASH_CLOSURE") == [("PASS", "AGREES")]
    assert first(world).deduct is None


def test_a_payment_of_two_invoices_is_one_payment() -> None:
    other = invoice("INV-2", issue_date=date(2026, 4, 11))
    world = World(invoice(), other)
    for name in (BILL, fp(other)):
        world.pay(name, "1500", entry_reference="E1")
    amounts = {item.subject: item.deduct.amount for item in judged(world, "CASH_CLOSURE") if item.deduct}
    assert amounts == {BILL: Decimal(1130), fp(other): Decimal(370)}


def test_what_the_remittance_says_goes_where_it_says() -> None:
    other = invoice("INV-2", issue_date=date(2026, 4, 11))
    world = World(invoice(), other)
    world.pay(BILL, "1500", entry_reference="E1", document_amount="400")
    world.pay(fp(other), "1500", entry_reference="E1", document_amount="1100")
    amounts = {item.subject: item.deduct.amount for item in judged(world, "CASH_CLOSURE") if item.deduct}
    assert amounts == {BILL: Decimal(400), fp(other): Decimal(1100)}


def test_a_payment_in_another_currency_is_unknown_unless_instructed_in_this_one() -> None:
    finding = first(paid(currency="EUR"))
    assert (finding.outcome.value, finding.code) == ("UNKNOWN", "CURRENCY")
    instructed = first(paid("70", currency="EUR", instructed_amount="500", instructed_currency="CNY"))
    assert instructed.deduct is not None
    assert instructed.deduct.amount == Decimal(500)


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (date(2026, 6, 29), ("WARN", "DUE_AND_UNPAID")),
        (date(2026, 6, 30), ("NOT_APPLICABLE", "NOT_DUE")),
        (None, ("NOT_APPLICABLE", "NOT_DUE")),
    ],
)
def test_due_and_unpaid_warns(due: date | None, expected: tuple[str, str]) -> None:
    assert codes(World(invoice(due_date=due)), "CASH_CLOSURE") == [expected]


def test_a_due_date_after_the_statements_end_says_nothing_yet() -> None:
    world = World(invoice(due_date=date(2026, 6, 28)))
    world.bank[BILL]["statements_until"] = "2026-06-28"
    assert codes(world, "CASH_CLOSURE") == [("NOT_APPLICABLE", "NOT_DUE")]


def test_the_debtors_history_is_said() -> None:
    before = invoice("INV-0", issue_date=date(2026, 3, 10), due_date=date(2026, 5, 30))
    world = World(before, invoice())
    world.pay(fp(before), "1130")  # on 1 June
    message = judged(world, "CASH_CLOSURE")[1].message
    assert "paid on 1 other invoices of this package, 1 of them late" in message


@pytest.mark.parametrize(("until", "code"), [("2026-06-26", "NOT_DUE"), ("2026-06-25", "SOURCE_STALE")])
def test_statements_that_end_early_are_stale(until: str, code: str) -> None:
    world = World(invoice())
    world.bank[BILL]["statements_until"] = until
    assert [found for _, found in codes(world, "CASH_CLOSURE")] == [code]


def test_what_the_bank_does_not_say_is_unknown() -> None:
    world = World(invoice())
    world.bank[BILL]["account_known"] = False
    assert codes(world, "CASH_CLOSURE") == [("UNKNOWN", "ACCOUNT_NOT_KNOWN")]
    world.silence("bank")
    assert codes(world, "CASH_CLOSURE") == [("UNKNOWN", "SOURCE_SILENT")]
    world.forget("bank")
    assert codes(world, "CASH_CLOSURE") == [("UNKNOWN", "NOT_ASKED")]
    del world.changes["bank"]
    world.age("bank", 4 * DAY + 1)
    assert codes(world, "CASH_CLOSURE") == [("UNKNOWN", "SOURCE_STALE")]
    del world.changes["bank"]
    del world.bank[BILL]
    assert codes(world, "CASH_CLOSURE") == [("UNKNOWN", "NOT_ANSWERED")]
