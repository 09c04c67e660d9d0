"""DEBTOR_CONFIRM: the debtor's own word."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from consortium.documents import Clarification, DocumentRef
from crossverify.rule import Effect, Step
from tests.support.trade_world import (
    BUYER,
    OTHER,
    SELLER,
    World,
    codes,
    confirmation,
    credit_note,
    handle,
    invoice,
    judged,
)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AP", ("PASS", "ACCEPTED")),
        ("CA", ("WARN", "CONDITIONAL")),
        ("UQ", ("WARN", "UNDER_QUERY")),
        ("RE", ("FAIL", "REJECTED")),
        ("PD", ("FAIL", "PAID")),
        ("AB", ("NOT_APPLICABLE", "ANSWER_AB")),
        ("IP", ("NOT_APPLICABLE", "ANSWER_IP")),
    ],
)
def test_response_codes(code: str, expected: tuple[str, str]) -> None:
    assert codes(World(invoice(), confirmation(code)), "DEBTOR_CONFIRM") == [expected]


def test_the_latest_answer_counts() -> None:
    world = World(
        invoice(),
        confirmation("AP", "AR-2", issue_date=date(2026, 5, 2)),
        confirmation("RE", "AR-1", issue_date=date(2026, 5, 1)),
    )
    assert codes(world, "DEBTOR_CONFIRM") == [("PASS", "ACCEPTED")]
    world.add(confirmation("RE", "AR-3", issue_date=date(2026, 5, 3)))
    assert codes(world, "DEBTOR_CONFIRM") == [("FAIL", "REJECTED")]


def test_no_answer_is_unknown_and_informs() -> None:
    (finding,) = judged(World(invoice()), "DEBTOR_CONFIRM")
    assert (finding.outcome.value, finding.code, finding.effect) == (
        "UNKNOWN",
        "NO_ANSWER",
        Effect.INFORMATION,
    )


def test_only_the_debtors_own_identity_counts() -> None:
    world = World(invoice())
    world.add(confirmation(), pushed_by=handle(SELLER))
    assert codes(world, "DEBTOR_CONFIRM") == [("UNKNOWN", "NOT_FROM_DEBTOR")]
    world.add(confirmation(), pushed_by=handle(SELLER), signed_by=handle(BUYER))
    assert codes(world, "DEBTOR_CONFIRM") == [("PASS", "ACCEPTED")]


def test_another_company_cannot_confirm() -> None:
    world = World(invoice())
    world.add(confirmation(buyer=OTHER), pushed_by=handle(OTHER))
    assert codes(world, "DEBTOR_CONFIRM") == [("UNKNOWN", "NOT_FROM_DEBTOR")]


def test_an_older_answer_of_the_debtor_counts_more_than_a_later_one_of_the_seller() -> None:
    world = World(invoice(), confirmation("RE", "AR-1"))
    world.add(confirmation("AP", "AR-2", issue_date=date(2026, 5, 9)), pushed_by=handle(SELLER))
    assert codes(world, "DEBTOR_CONFIRM") == [("FAIL", "REJECTED")]


@pytest.mark.parametrize(
    ("amount", "expected", "short"),
    [
        ("1130", ("PASS", "ACCEPTED"), None),
        ("1130.01", ("PASS", "ACCEPTED"), None),
        ("1129.99", ("WARN", "PARTLY_CONFIRMED"), "0.01"),
        ("500", ("WARN", "PARTLY_CONFIRMED"), "630"),
    ],
)
def test_the_confirmed_amount_bounds_the_eligible_one(
    amount: str, expected: tuple[str, str], short: str | None
) -> None:
    answer = confirmation(confirmed_amount=Decimal(amount), currency="CNY")
    (finding,) = judged(World(invoice(), answer), "DEBTOR_CONFIRM")
    assert (finding.outcome.value, finding.code) == expected
    assert (finding.deduct.amount if finding.deduct else None) == (Decimal(short) if short else None)
    if finding.deduct:
        assert finding.deduct.step is Step.NOT_CONFIRMED


def test_what_was_credited_need_not_be_confirmed() -> None:
    note = credit_note(lines=[{"quantity": Decimal(10)}], preceding_invoices=(DocumentRef(number="INV-1"),))
    answer = confirmation(confirmed_amount=Decimal(1017), currency="CNY")
    assert codes(World(invoice(), note, answer), "DEBTOR_CONFIRM") == [("PASS", "ACCEPTED")]


def test_another_currency_goes_to_a_person() -> None:
    answer = confirmation(confirmed_amount=Decimal(1130), currency="EUR")
    (finding,) = judged(World(invoice(), answer), "DEBTOR_CONFIRM")
    assert (finding.code, finding.effect) == ("CURRENCY", Effect.REFER)


@pytest.mark.parametrize(
    ("waived", "text"),
    [(True, "waives set-off"), (False, "keeps set-off"), (None, "says nothing of set-off")],
)
def test_acceptance_is_no_waiver_of_set_off(waived: bool | None, text: str) -> None:
    (finding,) = judged(World(invoice(), confirmation(set_off_waived=waived)), "DEBTOR_CONFIRM")
    assert text in finding.message


def test_a_query_says_why() -> None:
    answer = confirmation("UQ", clarifications=(Clarification(text="the quantity is wrong"),))
    (finding,) = judged(World(invoice(), answer), "DEBTOR_CONFIRM")
    assert "the quantity is wrong" in finding.message


def test_a_void_confirmation_is_none() -> None:
    world = World(invoice())
    world.add(confirmation(), state="void")
    assert codes(world, "DEBTOR_CONFIRM") == [("UNKNOWN", "NO_ANSWER")]
