"""BILL_STATE: free, the holder's, and what it says it is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents.party import primary_id
from crossverify.desk import DeskInfo
from crossverify.rule import Effect
from tests.support.bills import number
from tests.support.goods_world import (
    BillWorld,
    bill,
    codes,
    exchange_party,
    exchange_units,
    judged,
)
from tests.support.trade_world import BUYER, OTHER, SELLER, party

RULE = "BILL_STATE"


def test_a_free_bill_in_the_applicants_hands() -> None:
    assert codes(BillWorld(bill()), RULE) == [("PASS", "FREE")]


@pytest.mark.parametrize(
    ("flag", "expected", "effect"),
    [
        ("TF0302", ("WARN", "LOCKED"), Effect.REFER),
        ("TF0303", ("FAIL", "NOT_TRANSFERABLE"), Effect.EXCLUDE),
        ("TF0305", ("FAIL", "SOLD_FOR_REPURCHASE"), Effect.EXCLUDE),
        ("TF0401", ("FAIL", "PRESENTED"), Effect.EXCLUDE),
        ("TF0402", ("FAIL", "RECOURSE"), Effect.EXCLUDE),
    ],
)
def test_flags(flag: str, expected: tuple[str, str], effect: Effect) -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, exchange_units(1, 100_000, circulation=flag))
    (finding,) = judged(world, RULE)
    assert ((finding.outcome.value, finding.code), finding.effect) == (expected, effect)


@pytest.mark.parametrize(
    ("status", "flag", "code"),
    [
        ("CS01", "TF0101", "NOT_RECEIVED"),
        ("CS02", "TF0302", "NOT_RECEIVED"),
        ("CS04", "TF0301", "PAST_DUE"),
        ("CS05", "TF0501", "ENDED"),
        ("CS06", "TF0501", "ENDED"),
    ],
)
def test_states(status: str, flag: str, code: str) -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, exchange_units(1, 100_000, status=status, circulation=flag))
    assert codes(world, RULE) == [("FAIL", code)]


def test_a_bill_that_fell_due_is_past_due_whatever_its_state() -> None:
    world = BillWorld(bill(due_date=date(2026, 6, 29)))
    assert codes(world, RULE) == [("FAIL", "PAST_DUE")]
    world = BillWorld(bill(due_date=date(2026, 6, 30)))
    assert codes(world, RULE) == [("PASS", "FREE")]


def test_a_pledged_part_names_the_pledgee_and_what_is_free() -> None:
    paper = bill()
    world = BillWorld(paper)
    pledged = exchange_units(40_001, 60_000, circulation="TF0304", pledgee=exchange_party(OTHER))
    world.says(paper, exchange_units(1, 40_000), pledged, exchange_units(60_001, 100_000))
    (finding,) = judged(world, RULE)
    assert (finding.outcome.value, finding.code) == ("FAIL", "PLEDGED")
    assert "Units 40001,60000 (200.00 CNY)" in finding.message
    assert OTHER.name is not None
    assert OTHER.name in finding.message
    assert "free: 1,40000 and 60001,100000" in finding.message


def test_the_gravest_part_decides() -> None:
    paper = bill()
    world = BillWorld(paper)
    locked = exchange_units(1, 10, circulation="TF0302", lock_reason="背书待签收")
    world.says(paper, locked, exchange_units(11, 100_000, circulation="TF0402"))
    assert codes(world, RULE) == [("FAIL", "RECOURSE")]
    world.says(paper, locked, exchange_units(11, 100_000))
    (finding,) = judged(world, RULE)
    assert finding.code == "LOCKED"
    assert "背书待签收" in finding.message


def test_a_bill_that_the_drawer_keeps_from_transfer() -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, transferable=False)
    assert codes(world, RULE) == [("FAIL", "NOT_TRANSFERABLE")]


def test_another_holder() -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, exchange_units(1, 100_000, holder=exchange_party(OTHER)))
    assert codes(world, RULE) == [("FAIL", "NOT_HOLDER")]
    world.says(paper, exchange_units(1, 500), exchange_units(501, 100_000, holder=exchange_party(OTHER)))
    (finding,) = judged(world, RULE)
    assert "Units 501,100000" in finding.message


def test_a_holder_without_identifier_is_known_by_name_alone() -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, exchange_units(1, 100_000, holder={"name": "HUADONG CASTINGS, LTD."}))
    assert codes(world, RULE) == [("PASS", "FREE")]
    world.says(paper, exchange_units(1, 100_000, holder={"name": "Huadong Trading"}))
    assert codes(world, RULE) == [("UNKNOWN", "HOLDER_UNCLEAR")]


def test_a_bill_passed_on_to_the_applicant_is_judged() -> None:
    paper = bill(payee=OTHER, holder=SELLER)
    assert codes(BillWorld(paper), RULE) == [("PASS", "FREE")]


def test_bills_of_others_are_not_judged() -> None:
    assert codes(BillWorld(bill(payee=OTHER)), RULE) == []
    assert codes(BillWorld(bill(holder=OTHER)), RULE) == []


@pytest.mark.parametrize(
    "field", [{"due_date": "2026-10-09"}, {"issue_date": "2026-04-11"}, {"currency": "EUR"}]
)
def test_another_date_than_the_documents(field: dict[str, Any]) -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, **field)
    (finding,) = judged(world, RULE)
    assert (finding.outcome.value, finding.code) == ("FAIL", "DIFFERS")
    assert next(iter(field)) in finding.message


def test_the_amount_of_a_package_that_goes_as_a_whole() -> None:
    paper = bill(first=0, last=0, amount=Decimal("1000.01"))
    assert codes(BillWorld(paper), RULE) == [("FAIL", "DIFFERS")]
    paper = bill(first=0, last=0)
    assert codes(BillWorld(paper), RULE) == [("PASS", "FREE")]


def test_a_bill_that_the_exchange_does_not_have() -> None:
    paper = bill()
    world = BillWorld(paper)
    world.knows_nothing(paper)
    assert codes(world, RULE) == [("FAIL", "ABSENT")]


def test_a_bill_of_today_may_not_be_there_yet() -> None:
    paper = bill(issue_date=date(2026, 6, 30), number=number(day="20260630"))
    world = BillWorld(paper)
    world.knows_nothing(paper)
    assert codes(world, RULE) == [("WARN", "NOT_YET_VISIBLE")]
    assert codes(world, RULE, visible_after_hours=1) == [("FAIL", "ABSENT")]


@pytest.mark.parametrize(
    ("issued", "due", "code"),
    [
        (date(2026, 3, 31), date(2026, 9, 30), "FREE"),
        (date(2026, 3, 31), date(2026, 10, 1), "TERM_TOO_LONG"),
        (date(2026, 6, 1), date(2026, 12, 1), "FREE"),
        (date(2026, 6, 1), date(2026, 12, 2), "TERM_TOO_LONG"),
    ],
)
def test_six_months_at_most(issued: date, due: date, code: str) -> None:
    assert [each[1] for each in codes(BillWorld(bill(issue_date=issued, due_date=due)), RULE)] == [code]


def test_a_year_before_2023() -> None:
    paper = bill(issue_date=date(2022, 12, 31), due_date=date(2023, 12, 31))
    world = BillWorld(paper)
    world.now = world.exchange_as_of = int(datetime(2023, 6, 30, tzinfo=UTC).timestamp())
    assert codes(world, RULE) == [("PASS", "FREE")]


def test_every_defect_is_told() -> None:
    paper = bill()
    world = BillWorld(paper)
    sold = exchange_units(1, 100_000, holder=exchange_party(OTHER), circulation="TF0302")
    world.says(paper, sold, due_date="2026-11-30")
    assert {code for _, code in codes(world, RULE)} == {"DIFFERS", "LOCKED", "NOT_HOLDER", "TERM_TOO_LONG"}


def test_a_silent_or_stale_exchange_is_never_a_pass() -> None:
    world = BillWorld(bill())
    world.age("bills", 2 * 86_400)
    assert codes(world, RULE) == [("UNKNOWN", "SOURCE_STALE")]
    world.silence("bills")
    (finding,) = judged(world, RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("UNKNOWN", "SOURCE_SILENT", Effect.REFER)
    world.forget("bills")
    assert codes(world, RULE) == [("UNKNOWN", "NOT_ASKED")]


@pytest.mark.parametrize(
    ("fields", "ranges"),
    [
        ({"package_number": number(2)}, []),
        ({"issue_date": "2026-07-02", "due_date": "2026-10-10"}, []),
        ({"due_date": "2026-04-01"}, []),
        ({"due_date": ""}, []),
        ({"bill_kind": "cheque"}, []),
        ({"package_units": 99}, []),
        ({"package_amount": "lots"}, []),
        ({"known": "perhaps"}, []),
        ({"acceptor": {}}, []),
        ({}, [exchange_units(1, 50_000), exchange_units(50_000, 100_000)]),
        ({}, [exchange_units(50_001, 100_000), exchange_units(1, 50_000)]),
        ({}, [exchange_units(1, 100_000, range_from=100_001)]),
        ({}, [exchange_units(1, 100_000, amount="999")]),
        ({}, [exchange_units(1, 100_000, status="CS06")]),
        ({}, [exchange_units(1, 100_000, circulation="TF0304")]),
        ({}, [exchange_units(1, 100_000, range_to="all")]),
        ({}, [exchange_units(0, 0)]),
    ],
)
def test_nonsense_is_unknown_with_the_reason(fields: dict[str, Any], ranges: list[dict[str, Any]]) -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, *ranges, **fields)
    for rule in (RULE, "BILL_RANGE", "BILL_ACCEPTOR"):
        (finding,) = judged(world, rule)
        assert (finding.outcome.value, finding.code, finding.effect) == (
            "UNKNOWN",
            "ANSWER_UNREADABLE",
            Effect.REFER,
        )


def test_units_beyond_those_asked_about_are_no_answer() -> None:
    paper = bill(1, 1, 50_000)
    world = BillWorld(paper)
    world.says(paper, exchange_units(1, 50_001))
    assert codes(world, RULE) == [("UNKNOWN", "ANSWER_UNREADABLE")]


def test_one_bill_without_an_answer_does_not_silence_the_other() -> None:
    one, other = bill(1), bill(2)
    world = BillWorld(one, other)
    world.exchange[one.reference] = {"error": {"reason": "QUESTION_INVALID", "message": "no such thing."}}
    assert sorted(codes(world, RULE)) == [("PASS", "FREE"), ("UNKNOWN", "NOT_ANSWERED")]


def test_a_void_bill_is_not_judged() -> None:
    world = BillWorld()
    world.add(bill(), state="void")
    assert codes(world, RULE) == []


def test_names_in_two_writings_are_one() -> None:
    paper = bill(payee=party("上海恒昌电气有限公司", "MA1FL001"))
    world = BillWorld(paper)
    world.says(paper, exchange_units(1, 100_000, holder={"name": "上海恒昌电气 有限公司"}))
    assert codes(world, RULE) == [("PASS", "FREE")]


def test_the_buyers_own_bill_is_not_the_sellers_asset() -> None:
    assert codes(BillWorld(bill(payee=BUYER)), RULE) == []


def test_held_by_or_pledged_to_the_asking_bank() -> None:
    paper = bill()
    world = BillWorld(paper)
    world.changes["desk"] = DeskInfo(own_identifiers=(str(primary_id(OTHER)),))
    world.says(paper, exchange_units(1, 100_000, holder=exchange_party(OTHER)))
    assert codes(world, RULE) == [("PASS", "OWN")]
    world.says(paper, exchange_units(1, 100_000, circulation="TF0304", pledgee=exchange_party(OTHER)))
    assert codes(world, RULE) == [("PASS", "OWN")]
    world.says(paper, exchange_units(1, 100_000, circulation="TF0304", pledgee=exchange_party(BUYER)))
    assert codes(world, RULE) == [("FAIL", "PLEDGED")]
    world.says(paper, exchange_units(1, 100_000, circulation="TF0402", holder=exchange_party(OTHER)))
    assert codes(world, RULE) == [("FAIL", "RECOURSE")]
