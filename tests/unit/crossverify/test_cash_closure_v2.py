"""CASH_CLOSURE, version 2: notices, verified accounts, the desk's group payers, bills, due dates of other documents."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents import Account, ListedInvoice
from consortium.documents.party import primary_id
from crossverify.desk import DeskInfo
from crossverify.rule import Effect, Finding, Step
from tests.support.goods_world import bill
from tests.support.terms_world import acknowledgement, notice, statement
from tests.support.trade_world import (
    BUYER,
    OTHER,
    SELLER,
    World,
    codes,
    codes2,
    fp,
    invoice,
    judged2,
    receipt,
)

RULE = "CASH_CLOSURE"
INVOICE = fp(invoice())
NEW = Account(account_id="6217 9999", name="Bank of the River")


def paid(amount: str = "500", *more: Any, **fields: Any) -> World:
    world = World(invoice(), *more)
    world.pay(INVOICE, amount, **fields)
    return world


def desk(world: World, **fields: Any) -> World:
    world.changes["desk"] = DeskInfo(as_of=world.now, **fields)
    return world


def found(world: World) -> list[Finding]:
    return judged2(world, RULE, 2)


def said(world: World) -> list[tuple[str, str]]:
    return codes2(world, RULE, 2)


STRANGER = {"credited_account": "6217 0000", "found_by": "payer"}
THIRD = {"payer_id": str(primary_id(OTHER)), "payer_name": "Third"}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"amount": "1130"},
        {"currency": "USD"},
        STRANGER,
        {**STRANGER, "found_by": "owner"},
        THIRD,
        {"payer_id": ""},
        {"payer_id": "", "ultimate_payer_ids": [str(primary_id(BUYER))]},
    ],
    ids=str,
)
def test_it_says_what_version_1_says_where_nothing_more_is_agreed(fields: dict[str, Any]) -> None:
    world = paid(**{"amount": "500", **fields})
    assert said(world) == codes(world, RULE)


def test_unpaid_not_due_and_due() -> None:
    assert said(World(invoice())) == [("NOT_APPLICABLE", "NOT_DUE")]
    assert said(World(invoice(due_date=date(2026, 6, 1)))) == [("WARN", "DUE_AND_UNPAID")]


def test_the_due_date_may_come_from_the_debtors_statement() -> None:
    line = {"due_date": date(2026, 6, 1)}
    world = World(invoice(due_date=None), statement(line=line))
    (finding,) = found(world)
    assert finding.code == "DUE_AND_UNPAID"
    assert "statement of account" in finding.message


@pytest.mark.parametrize(
    "known",
    [
        {"group_payers": {str(primary_id(BUYER)): (str(primary_id(OTHER)),)}},
        {"groups": {str(primary_id(BUYER)): "wheel", str(primary_id(OTHER)): "wheel"}},
    ],
    ids=lambda known: next(iter(known)),
)
def test_the_desk_knows_the_debtors_group(known: dict[str, Any]) -> None:
    world = paid(**THIRD)
    assert said(world) == [("WARN", "THIRD_PARTY_PAYER")]
    assert said(desk(world, **known)) == [("PASS", "AGREES")]


def test_another_group_is_a_third_party() -> None:
    groups = {str(primary_id(BUYER)): "wheel", str(primary_id(OTHER)): "trade"}
    assert said(desk(paid(**THIRD), groups=groups)) == [("WARN", "THIRD_PARTY_PAYER")]


def test_an_account_that_the_desk_verified_is_not_diverted() -> None:
    world = paid(credited_account="6217 9999", found_by="owner")
    assert said(world) == [("FAIL", "OTHER_ACCOUNT")]
    (finding,) = found(desk(world, verified_accounts={str(primary_id(SELLER)): ("62179999",)}))
    assert (finding.outcome.value, finding.code, finding.effect) == (
        "WARN",
        "VERIFIED_ACCOUNT",
        Effect.INFORMATION,
    )


@pytest.mark.parametrize("paper", [notice(payment_account=NEW), acknowledgement(payment_account=NEW)])
def test_the_account_of_a_notice_or_its_acknowledgement_is_agreed(paper: Any) -> None:
    more = (paper,) if paper.kind == "assignment_notice" else (notice(payment_account=NEW), paper)
    after = {"credited_account": NEW.account_id, "booking_date": "2026-06-01"}
    assert said(paid("500", *more, **after)) == [("PASS", "AGREES")]
    assert said(paid("500", *more, booking_date="2026-06-01")) == [("WARN", "OLD_ACCOUNT")]
    assert said(paid("500", *more, booking_date="2026-05-01")) == [("PASS", "AGREES")]


def test_a_notice_that_was_not_served_or_was_refused_changes_nothing() -> None:
    unserved = notice(payment_account=NEW, served_date=None)
    refused = acknowledgement(payment_account=NEW, response="refused")
    world = paid("500", unserved, refused, credited_account=NEW.account_id, found_by="payer")
    assert said(world) == [("FAIL", "DIVERTED")]


@pytest.mark.parametrize(
    ("found_by", "expected"),
    [("account", "AGREES"), ("owner", "AGREES"), ("amount", "OWNER_NOT_KNOWN"), ("payer", "DIVERTED")],
)
def test_without_an_agreed_account_its_owner_counts(found_by: str, expected: str) -> None:
    world = World(invoice(payee_accounts=()))
    world.pay(INVOICE, "500", credited_account="6217 0000", found_by=found_by)
    assert [code for _, code in said(world)] == [expected]


def given(amount: str | None, value: str = "1000") -> Any:
    line = ListedInvoice(
        line_id="1", invoice_number="INV-1", amount=None if amount is None else Decimal(amount)
    )
    units = int(Decimal(value) * 100)
    return bill(1, 1, units, amount=Decimal(value), lines=(line,))


@pytest.mark.parametrize(
    ("paper", "code", "deducted"),
    [
        (given("300"), "PART_BY_BILL", "300"),
        (given(None), "PART_BY_BILL", "1000"),
        (given(None, "1130"), "SETTLED_BY_BILL", "1130"),
        (given("1900", "2000"), "SETTLED_BY_BILL", "1130"),
    ],
)
def test_a_bill_counts_as_payment(paper: Any, code: str, deducted: str) -> None:
    (finding,) = found(World(invoice(), paper))
    assert (finding.outcome.value, finding.code) == ("PASS", code)
    assert finding.effect is (Effect.EXCLUDE if code == "SETTLED_BY_BILL" else Effect.INFORMATION)
    assert finding.deduct is not None
    assert (finding.deduct.step, finding.deduct.amount) == (Step.PAYMENTS, Decimal(deducted))


def test_a_bill_for_other_invoices_or_of_others_counts_nothing() -> None:
    line = ListedInvoice(line_id="1", invoice_number="INV-9")
    other = bill(1, payee=OTHER, lines=(ListedInvoice(line_id="1", invoice_number="INV-1"),))
    assert said(World(invoice(), bill(2, lines=(line,)), other, receipt())) == [("NOT_APPLICABLE", "NOT_DUE")]


def test_a_bill_is_known_even_where_the_bank_is_silent() -> None:
    world = World(invoice(), given("300"))
    world.silence("bank")
    assert said(world) == [("PASS", "PART_BY_BILL"), ("UNKNOWN", "SOURCE_SILENT")]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"account_known": False}, ("UNKNOWN", "ACCOUNT_NOT_KNOWN")),
        ({"statements_until": "2026-06-01"}, ("UNKNOWN", "SOURCE_STALE")),
        ({}, ("WARN", "DUE_AND_UNPAID")),
    ],
    ids=str,
)
def test_a_bill_for_a_part_does_not_hide_what_is_not_known_of_the_rest(
    answer: dict[str, Any], expected: tuple[str, str]
) -> None:
    world = World(invoice(due_date=date(2026, 6, 1)), given("0.01", "0.01"))
    world.bank[INVOICE] |= answer
    assert sorted(said(world)) == [("PASS", "PART_BY_BILL"), expected]


@pytest.mark.parametrize(
    ("answer", "code"),
    [({"account_known": False}, "ACCOUNT_NOT_KNOWN"), ({"statements_until": "2026-06-01"}, "SOURCE_STALE")],
    ids=str,
)
def test_a_payment_of_a_part_does_not_hide_that_others_cannot_be_seen(
    answer: dict[str, Any], code: str
) -> None:
    world = paid("500")
    world.bank[INVOICE] |= answer
    assert sorted(said(world)) == [("PASS", "AGREES"), ("UNKNOWN", code)]
    world = paid("1130")
    world.bank[INVOICE] |= answer
    assert said(world) == [("PASS", "SETTLED")]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": {"reason": "QUESTION_INVALID", "message": "amount is no amount"}}, "NOT_ANSWERED"),
        (
            {"error": {"reason": "ANSWER_UNREADABLE", "message": "a day in the future"}},
            "ANSWER_UNREADABLE",
        ),
        ({"payments": [{"amount": "much", "currency": "CNY"}]}, "ANSWER_UNREADABLE"),
        ({"payments": "none"}, "ANSWER_UNREADABLE"),
        ({"account_known": False}, "ACCOUNT_NOT_KNOWN"),
    ],
)
def test_nonsense_is_unknown_for_this_receivable_alone(answer: dict[str, Any], code: str) -> None:
    other = invoice("INV-2")
    world = World(invoice(), other)
    world.bank[INVOICE] = answer
    assert said(world) == [("UNKNOWN", code), ("NOT_APPLICABLE", "NOT_DUE")]
