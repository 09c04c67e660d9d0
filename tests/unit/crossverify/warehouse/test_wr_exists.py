"""WR_EXISTS: the keeper's word, count and capacity."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from crossverify.rule import Effect
from tests.support.goods_world import (
    KEEPER,
    OTHER_KEEPER,
    OTHER_SITE,
    attestation,
    attested,
    goods_codes,
    goods_judged,
    goods_world,
    paper_of,
    stored,
)
from tests.support.trade_world import OTHER, SELLER, handle

RULE = "WR_EXISTS"


def test_attested_and_counted() -> None:
    assert goods_codes(goods_world(paper_of(), attestation()), RULE) == [("PASS", "CONFIRMED")]


def test_nobody_attests() -> None:
    (finding,) = goods_judged(goods_world(paper_of()), RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("UNKNOWN", "NOT_ATTESTED", Effect.REFER)


def test_only_the_keepers_own_word_counts() -> None:
    world = goods_world(paper_of())
    world.add(attestation(), pushed_by=handle(SELLER))
    assert goods_codes(world, RULE) == [("UNKNOWN", "NOT_FROM_KEEPER")]
    world.add(attestation(), pushed_by=handle(SELLER), signed_by=handle(KEEPER))
    assert goods_codes(world, RULE) == [("PASS", "CONFIRMED")]


def test_another_keeper_cannot_attest() -> None:
    assert goods_codes(goods_world(paper_of(), attestation(keeper=OTHER_KEEPER)), RULE) == [
        ("UNKNOWN", "NOT_ATTESTED")
    ]


def test_a_void_attestation_is_none() -> None:
    world = goods_world(paper_of())
    world.add(attestation(), state="void")
    assert goods_codes(world, RULE) == [("UNKNOWN", "NOT_ATTESTED")]


def test_the_latest_word_counts() -> None:
    early = attestation(
        "KA-1", attested(quantity=10), issue_date=date(2026, 6, 10), counted_on=date(2026, 6, 9)
    )
    assert goods_codes(goods_world(paper_of(), attestation("KA-2"), early), RULE) == [("PASS", "CONFIRMED")]
    late = attestation("KA-3", attested(quantity=10), issue_date=date(2026, 6, 25))
    assert goods_codes(goods_world(paper_of(), attestation("KA-2"), late), RULE) == [("FAIL", "SHORT")]


def test_a_date_in_the_future() -> None:
    ahead = attestation(issue_date=date(2026, 7, 2), counted_on=date(2026, 7, 2))
    assert goods_codes(goods_world(paper_of(), ahead), RULE) == [("UNKNOWN", "DATED_AHEAD")]
    assert goods_codes(goods_world(paper_of(), ahead, attestation("KA-0")), RULE) == [("PASS", "CONFIRMED")]


def test_a_receipt_that_the_keeper_did_not_issue() -> None:
    disowned = attestation("KA-1", attested(state="unknown_receipt", quantity=None))
    (finding,) = goods_judged(goods_world(paper_of(), disowned), RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == (
        "FAIL",
        "UNKNOWN_RECEIPT",
        Effect.EXCLUDE,
    )


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("100", ("PASS", "CONFIRMED")), ("99.7", ("PASS", "CONFIRMED")), ("99.69", ("FAIL", "SHORT"))],
)
def test_the_loss_standard_of_the_receipt(quantity: str, expected: tuple[str, str]) -> None:
    said = attestation("KA-1", attested(quantity=0).model_copy(update={"quantity": Decimal(quantity)}))
    assert goods_codes(goods_world(paper_of(), said), RULE) == [expected]


@pytest.mark.parametrize(
    ("standard", "quantity", "code"),
    [
        (None, "99.5", "CONFIRMED"),
        (None, "99.4", "SHORT"),
        ("损耗 2‰", "99.8", "CONFIRMED"),
        ("损耗 2‰", "99.7", "SHORT"),
        ("按行业惯例", "99.5", "CONFIRMED"),
        ("1 ％", "99", "CONFIRMED"),
    ],
)
def test_loss_standards(standard: str | None, quantity: str, code: str) -> None:
    said = attestation("KA-1", attested(quantity=0).model_copy(update={"quantity": Decimal(quantity)}))
    world = goods_world(paper_of(loss_standard=standard), said)
    assert [each[1] for each in goods_codes(world, RULE)] == [code]


def test_what_was_given_out_is_not_missing() -> None:
    line = attested(quantity=60, state="partly_released", released=Decimal(40))
    assert goods_codes(goods_world(paper_of(), attestation("KA-1", line)), RULE) == [("PASS", "CONFIRMED")]


def test_other_units() -> None:
    kilograms = attested(quantity=100_000, unit="KGM")
    assert goods_codes(goods_world(paper_of(), attestation("KA-1", kilograms)), RULE) == [
        ("PASS", "CONFIRMED")
    ]
    pieces = attested(quantity=50, unit="H87")
    assert goods_codes(goods_world(paper_of(), attestation("KA-1", pieces)), RULE) == [
        ("UNKNOWN", "NOT_COMPARABLE")
    ]


def test_no_quantity_stands_for_what_the_receipt_says() -> None:
    assert goods_codes(goods_world(paper_of(), attestation("KA-1", attested(quantity=None))), RULE) == [
        ("PASS", "CONFIRMED")
    ]
    partly = attested(quantity=None, state="partly_released")
    assert goods_codes(goods_world(paper_of(), attestation("KA-1", partly)), RULE) == [
        ("UNKNOWN", "NOT_COMPARABLE")
    ]


def test_lines_are_told_apart() -> None:
    two = paper_of("WR-1", stored("L1"), stored("L2", 50, line_id="2"))
    both = (attested(lots=stored("L1").lots), attested(line_id="2", quantity=50, lots=stored("L2").lots))
    assert goods_codes(goods_world(two, attestation("KA-1", *both)), RULE) == [("PASS", "CONFIRMED")]
    assert goods_codes(goods_world(two, attestation("KA-1", both[0])), RULE) == [("UNKNOWN", "LINE_MISSING")]
    short = both[1].model_copy(update={"quantity": Decimal(5)})
    assert goods_codes(goods_world(two, attestation("KA-1", both[0], short)), RULE) == [("FAIL", "SHORT")]


def test_lines_by_number() -> None:
    two = paper_of("WR-1", stored("L1"), stored("L2", 50, line_id="2"))
    lines = (attested(receipt_line="1"), attested(line_id="2", quantity=50, receipt_line="2"))
    assert goods_codes(goods_world(two, attestation("KA-1", *lines)), RULE) == [("PASS", "CONFIRMED")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"issue_date": date(2026, 5, 31), "counted_on": date(2026, 5, 31)}, "CONFIRMED"),
        ({"issue_date": date(2026, 5, 30), "counted_on": date(2026, 5, 30)}, "OLD_WORD"),
        ({"counted_on": date(2026, 4, 1)}, "CONFIRMED"),
        ({"counted_on": date(2026, 3, 31)}, "OLD_COUNT"),
    ],
)
def test_old_words_and_counts(fields: dict[str, Any], code: str) -> None:
    (finding,) = goods_judged(goods_world(paper_of(), attestation(**fields)), RULE)
    assert finding.code == code
    assert finding.effect is (Effect.INFORMATION if code == "CONFIRMED" else Effect.REFER)


def test_thresholds() -> None:
    world = goods_world(paper_of(), attestation())
    assert goods_codes(world, RULE, word_days=5) == [("WARN", "OLD_WORD")]
    assert goods_codes(world, RULE, count_days=5) == [("WARN", "OLD_COUNT")]


@pytest.mark.parametrize(
    ("capacity", "occupied", "code"),
    [
        (1_000, 400, "CONFIRMED"),
        (1_000, 1_000, "CONFIRMED"),
        (1_000, 1_001, "ABOVE_CAPACITY"),
        (99, None, "ABOVE_CAPACITY"),
        (None, 99, "ABOVE_CAPACITY"),
    ],
)
def test_capacity(capacity: int | None, occupied: int | None, code: str) -> None:
    said = attestation(
        capacity=None if capacity is None else Decimal(capacity),
        occupied=None if occupied is None else Decimal(occupied),
        capacity_unit="TNE",
    )
    assert [each[1] for each in goods_codes(goods_world(paper_of(), said), RULE)] == [code]


def test_receipts_together_above_capacity() -> None:
    one, other = paper_of("WR-1"), paper_of("WR-2", stored("L2"), depositor=OTHER, holder=SELLER)
    said = attestation(
        "KA-1", attested("WR-1"), attested("WR-2", "2"), capacity=Decimal(150_000), capacity_unit="KGM"
    )
    found = goods_judged(goods_world(one, other, said), RULE)
    assert [each.code for each in found] == ["ABOVE_CAPACITY", "ABOVE_CAPACITY"]
    assert "WR-1, WR-2 promise 200000 KGM" in found[0].message


def test_receipts_elsewhere_take_no_room() -> None:
    said = attestation(capacity=Decimal(150), capacity_unit="TNE")
    elsewhere = paper_of(
        "WR-2", stored("L2"), storage_place="7号库", storage_address=OTHER_SITE, depositor=OTHER
    )
    other_keeper = paper_of("WR-3", stored("L3"), keeper=OTHER_KEEPER, depositor=OTHER)
    assert goods_codes(goods_world(paper_of(), said, elsewhere, other_keeper), RULE) == [
        ("PASS", "CONFIRMED")
    ]


def test_what_was_given_out_takes_no_room() -> None:
    gone = attested("WR-2", "2", quantity=0, state="released", released=Decimal(100))
    said = attestation("KA-1", attested(), gone, capacity=Decimal(150), capacity_unit="TNE")
    world = goods_world(paper_of(), paper_of("WR-2", stored("L2"), depositor=OTHER), said)
    assert goods_codes(world, RULE) == [("PASS", "CONFIRMED")]


def test_receipts_of_others_are_not_judged() -> None:
    assert goods_codes(goods_world(paper_of(depositor=OTHER), attestation()), RULE) == []


def test_two_words_of_one_day() -> None:
    one, other = attestation("KA-1"), attestation("KA-2", attested(quantity=50))
    (finding,) = goods_judged(goods_world(paper_of(), one, other), RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("UNKNOWN", "CONTRADICTION", Effect.REFER)
    assert goods_codes(goods_world(paper_of(), one, attestation("KA-2")), RULE) == [("PASS", "CONFIRMED")]
    world = goods_world(paper_of(), one)
    world.add(other, pushed_by=handle(SELLER))
    assert goods_codes(world, RULE) == [("PASS", "CONFIRMED")]


def test_a_receipt_over_nothing() -> None:
    for state in ("in_store", "released"):
        said = attestation("KA-1", attested(quantity=0, state=state))
        assert goods_codes(goods_world(paper_of("WR-1", stored(quantity=0)), said), RULE) == [
            ("FAIL", "NO_QUANTITY")
        ]
