"""WR_RELEASE: goods that left the store."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents import DespatchAdvice, DespatchLine, Item, Lot, TransportDocument
from consortium.documents.transport_document import TransportLine
from consortium.documents.warehouse_receipt import Endorsement
from crossverify.rule import Effect, Step
from tests.support.goods_world import (
    COPPER,
    PLEDGEE,
    attestation,
    attested,
    goods_codes,
    goods_judged,
    goods_world,
    paper_of,
    stored,
)
from tests.support.trade_world import BUYER, OTHER, SELLER, handle

RULE = "WR_RELEASE"


def given_out(released: int, there: int, **fields: Any) -> Any:
    """An attestation that some was given out."""
    state = "released" if not there else "partly_released"
    values: dict[str, Any] = {"quantity": there, "released": Decimal(released), "state": state}
    return attestation("KA-1", attested(**(values | fields)))


def sent(day: date = date(2026, 6, 1), lot: str = "L1001", **fields: Any) -> DespatchAdvice:
    """A despatch advice of the applicant."""
    line = DespatchLine(line_id="1", delivered=Decimal(10), unit="TNE", item=COPPER, lots=(Lot(number=lot),))
    values: dict[str, Any] = {
        "number": "DA-9",
        "issue_date": day,
        "seller": SELLER,
        "buyer": BUYER,
        "lines": (line,),
    }
    return DespatchAdvice(**(values | fields))


def test_all_there() -> None:
    assert goods_codes(goods_world(paper_of(), attestation()), RULE) == [("PASS", "ALL_THERE")]


def test_nobody_tells() -> None:
    assert goods_codes(goods_world(paper_of()), RULE) == [("UNKNOWN", "NOT_ATTESTED")]
    world = goods_world(paper_of())
    world.add(attestation(), pushed_by=handle(SELLER))
    assert goods_codes(world, RULE) == [("UNKNOWN", "NOT_FROM_KEEPER")]


def test_part_given_out_leaves_the_value() -> None:
    (finding,) = goods_judged(goods_world(paper_of(), given_out(30, 70)), RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("WARN", "PART_RELEASED", Effect.REFER)
    assert finding.deduct is not None
    assert (finding.deduct.step, finding.deduct.amount) == (Step.GOODS_GONE, Decimal("2100000.00"))


def test_the_value_is_rounded_for_the_bank() -> None:
    (finding,) = goods_judged(goods_world(paper_of("WR-1", stored(quantity=3)), given_out(1, 2)), RULE)
    assert finding.deduct is not None
    assert finding.deduct.amount == Decimal("2333333.34")


def test_goods_that_cannot_be_added_up_are_not_valued() -> None:
    paper = paper_of("WR-1", stored(), stored("L2", 10, line_id="2", unit="H87", item=Item(name="电机")))
    lines = (
        attested(receipt_line="1", quantity=70, released=Decimal(30), state="partly_released"),
        attested(line_id="2", receipt_line="2", quantity=10, unit="H87"),
    )
    (finding,) = goods_judged(goods_world(paper, attestation("KA-1", *lines)), RULE)
    assert (finding.code, finding.deduct) == ("PART_RELEASED", None)
    (finding,) = goods_judged(goods_world(paper_of(declared_value=None), given_out(30, 70)), RULE)
    assert (finding.code, finding.deduct, finding.effect) == ("PART_RELEASED", None, Effect.REFER)


def test_all_given_out() -> None:
    assert goods_codes(goods_world(paper_of(), given_out(100, 0)), RULE) == [("FAIL", "ALL_RELEASED")]
    told = attestation("KA-1", attested(quantity=None, state="released"))
    assert goods_codes(goods_world(paper_of(), told), RULE) == [("FAIL", "ALL_RELEASED")]


def test_given_out_while_pledged() -> None:
    (finding,) = goods_judged(goods_world(paper_of(), given_out(30, 70, pledgee=PLEDGEE)), RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == (
        "FAIL",
        "GONE_WHILE_PLEDGED",
        Effect.EXCLUDE,
    )
    assert "Bank of Somewhere" in finding.message


def test_given_out_with_the_pledgees_agreement() -> None:
    agreed = given_out(30, 70, pledgee=PLEDGEE, release_agreed_by=PLEDGEE)
    assert goods_codes(goods_world(paper_of(), agreed), RULE) == [("WARN", "PART_RELEASED")]
    by_another = given_out(30, 70, pledgee=PLEDGEE, release_agreed_by=OTHER)
    assert goods_codes(goods_world(paper_of(), by_another), RULE) == [("FAIL", "GONE_WHILE_PLEDGED")]


def test_given_out_before_the_pledge() -> None:
    before = given_out(
        30,
        70,
        pledgee=PLEDGEE,
        pledged=Decimal(70),
        pledge_date=date(2026, 6, 10),
        released_date=date(2026, 6, 9),
    )
    assert goods_codes(goods_world(paper_of(), before), RULE) == [("WARN", "PART_RELEASED")]
    same_day = before.model_copy(
        update={"lines": (before.lines[0].model_copy(update={"released_date": date(2026, 6, 10)}),)}
    )
    assert goods_codes(goods_world(paper_of(), same_day), RULE) == [("FAIL", "GONE_WHILE_PLEDGED")]


def test_a_pledge_on_the_receipt_alone() -> None:
    step = Endorsement(date=date(2026, 6, 19), purpose="pledge", endorser=SELLER, endorsee=PLEDGEE)
    world = goods_world(paper_of(endorsements=(step,)), given_out(30, 70))
    assert goods_codes(world, RULE) == [("FAIL", "GONE_WHILE_PLEDGED")]


def test_less_there_than_is_pledged() -> None:
    line = attested(quantity=60, pledgee=PLEDGEE, pledged=Decimal(80))
    assert goods_codes(goods_world(paper_of(), attestation("KA-1", line)), RULE) == [
        ("FAIL", "LESS_THAN_PLEDGED")
    ]
    enough = attested(quantity=100, pledgee=PLEDGEE, pledged=Decimal(80))
    assert goods_codes(goods_world(paper_of(), attestation("KA-1", enough)), RULE) == [("PASS", "ALL_THERE")]


def test_papers_that_send_the_lots_away() -> None:
    assert goods_codes(goods_world(paper_of(), attestation(), sent()), RULE) == [("WARN", "SENT_AWAY")]
    pledged = attestation("KA-1", attested(pledgee=PLEDGEE))
    assert goods_codes(goods_world(paper_of(), pledged, sent()), RULE) == [("FAIL", "SENT_WHILE_PLEDGED")]
    assert goods_codes(goods_world(paper_of(), sent()), RULE) == [
        ("UNKNOWN", "NOT_ATTESTED"),
        ("WARN", "SENT_AWAY"),
    ]


@pytest.mark.parametrize(
    "paper",
    [sent(date(2026, 5, 1)), sent(lot="L9999"), sent(seller=OTHER)],
    ids=["into the store", "another lot", "of another sender"],
)
def test_papers_that_say_nothing_of_it(paper: DespatchAdvice) -> None:
    assert goods_codes(goods_world(paper_of(), attestation(), paper), RULE) == [("PASS", "ALL_THERE")]


def test_a_waybill_sends_too() -> None:
    line = TransportLine(
        line_id="1", item=COPPER, quantity=Decimal(10), unit="TNE", lots=(Lot(number="L1001"),)
    )
    waybill = TransportDocument(
        number="W-1",
        issue_date=date(2026, 6, 5),
        transport_type="road_waybill",
        carrier=OTHER,
        shipper=SELLER,
        lines=(line,),
    )
    assert goods_codes(goods_world(paper_of(), attestation(), waybill), RULE) == [("WARN", "SENT_AWAY")]
