"""ASSIGNABLE: free, barred by agreement, by law or under foreign law, disputed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from crossverify.rule import Step
from tests.support import terms_world as t
from tests.support.trade_world import World, confirmation, invoice


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ({}, ("PASS", "FREE")),
        ({"assignment_barred": False, "governing_law": "GB"}, ("PASS", "FREE")),
        ({"assignment_barred": True}, ("WARN", "BARRED_BY_AGREEMENT")),
        ({"assignment_barred": True, "governing_law": "CN"}, ("WARN", "BARRED_BY_AGREEMENT")),
        ({"assignment_barred": True, "governing_law": "GB"}, ("FAIL", "BARRED_FOREIGN_LAW")),
        ({"assignment_barred_by_law": "养老金请求权"}, ("FAIL", "BARRED_BY_LAW")),
    ],
)
def test_clauses_of_the_contract(clauses: dict[str, Any], expected: tuple[str, str]) -> None:
    assert t.codes(World(invoice(), t.contract(**clauses)), "ASSIGNABLE") == [expected]


def test_the_message_says_what_becomes_of_set_off() -> None:
    for said, words in (
        (None, "nothing is said of set-off"),
        (True, "waives set-off"),
        (False, "keeps set-off"),
    ):
        world = World(invoice(), t.contract(), confirmation(set_off_waived=said))
        (found,) = t.verdicts(world, "ASSIGNABLE")
        assert words in found.message


def test_without_a_contract_its_clauses_are_not_known() -> None:
    assert t.codes(World(invoice()), "ASSIGNABLE") == [("UNKNOWN", "NO_CONTRACT")]
    named = World(invoice(contract_number="HT-9"), t.contract(assignment_barred=True))
    assert t.codes(named, "ASSIGNABLE") == [("UNKNOWN", "CONTRACT_NOT_SHOWN")]


def test_a_dispute_excludes_and_one_about_a_part_takes_that_part() -> None:
    rejected = World(invoice(), t.contract(), confirmation("RE"))
    assert t.codes(rejected, "ASSIGNABLE") == [("FAIL", "DISPUTED")]
    whole = World(invoice(), t.contract(), t.statement(line={"disputed_amount": t.GROSS}))
    assert t.codes(whole, "ASSIGNABLE") == [("FAIL", "DISPUTED")]
    part = World(invoice(), t.contract(), t.statement(line={"disputed_amount": Decimal(130)}))
    (found,) = t.verdicts(part, "ASSIGNABLE")
    assert (found.outcome.value, found.code) == ("WARN", "DISPUTED_IN_PART")
    assert found.deduct is not None
    assert (found.deduct.step, found.deduct.amount) == (Step.NOT_CONFIRMED, Decimal(130))
    assert found.inputs[0].field == "lines/1/disputed_amount"


def test_a_dispute_that_was_settled_is_none() -> None:
    world = World(
        invoice(),
        t.contract(),
        t.statement(line={"disputed_amount": t.GROSS}),
        confirmation(issue_date=date(2026, 6, 1)),
    )
    assert t.codes(world, "ASSIGNABLE") == [("PASS", "FREE")]


def test_the_debtors_answers_to_the_assignment() -> None:
    refused = World(invoice(), t.contract(), t.notice(), t.acknowledgement(response="refused"))
    assert t.codes(refused, "ASSIGNABLE") == [("FAIL", "DISPUTED")]
    reserved = t.acknowledgement(response="conditional", objections="质保金除外")
    world = World(invoice(), t.contract(assignment_barred=True), t.notice(), reserved)
    assert t.codes(world, "ASSIGNABLE") == [("WARN", "BARRED_BY_AGREEMENT"), ("WARN", "OBJECTIONS")]


def test_a_bank_names_the_laws_that_it_knows() -> None:
    world = World(invoice(), t.contract(assignment_barred=True, governing_law="US"))
    assert t.codes(world, "ASSIGNABLE", {"home_law": ("CN", "US")}) == [("WARN", "BARRED_BY_AGREEMENT")]
