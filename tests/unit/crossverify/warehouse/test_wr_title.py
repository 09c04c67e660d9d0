"""WR_TITLE: holder, pledge, freeze, cover."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents import Period
from consortium.documents.party import primary_id
from consortium.documents.warehouse_receipt import Endorsement
from crossverify.desk import DeskInfo
from crossverify.rule import Effect
from tests.support.goods_world import (
    PLEDGEE,
    attestation,
    attested,
    goods_codes,
    goods_judged,
    goods_world,
    paper_of,
)
from tests.support.trade_world import OTHER, SELLER, handle

RULE = "WR_TITLE"


def passed_on(giver: Any, taker: Any, **fields: Any) -> Endorsement:
    values = {"date": date(2026, 5, 10), "purpose": "transfer", "endorser": giver, "endorsee": taker}
    return Endorsement(**({**values, "keeper_signature": "Harbour Storage"} | fields))


def test_clear() -> None:
    assert goods_codes(goods_world(paper_of(), attestation()), RULE) == [("PASS", "CLEAR")]


def test_without_the_keepers_word_nothing_is_clear() -> None:
    assert goods_codes(goods_world(paper_of()), RULE) == [("UNKNOWN", "NOT_ATTESTED")]
    world = goods_world(paper_of())
    world.add(attestation(), pushed_by=handle(SELLER))
    assert goods_codes(world, RULE) == [("UNKNOWN", "NOT_FROM_KEEPER")]


def test_passed_on_to_the_applicant() -> None:
    paper = paper_of(depositor=OTHER, holder=SELLER, endorsements=(passed_on(OTHER, SELLER),))
    assert goods_codes(goods_world(paper, attestation(depositor=OTHER, holder=SELLER)), RULE) == [
        ("PASS", "CLEAR")
    ]


def test_passed_on_to_somebody_else() -> None:
    paper = paper_of(endorsements=(passed_on(SELLER, OTHER),))
    (finding,) = goods_judged(goods_world(paper, attestation()), RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("FAIL", "NOT_HOLDER", Effect.EXCLUDE)


def test_the_keepers_register_has_another_holder() -> None:
    assert goods_codes(goods_world(paper_of(), attestation(holder=OTHER)), RULE) == [("FAIL", "NOT_HOLDER")]


def test_a_chain_with_a_gap() -> None:
    paper = paper_of(depositor=OTHER, holder=SELLER, endorsements=(passed_on(PLEDGEE, SELLER),))
    assert goods_codes(goods_world(paper, attestation(depositor=OTHER)), RULE) == [("WARN", "BROKEN_CHAIN")]


def test_a_holder_to_whom_nobody_passed_it() -> None:
    paper = paper_of(depositor=OTHER, holder=SELLER)
    assert goods_codes(goods_world(paper, attestation(depositor=OTHER)), RULE) == [("WARN", "BROKEN_CHAIN")]
    known = attestation(depositor=OTHER, holder=SELLER)
    assert goods_codes(goods_world(paper, known), RULE) == [("PASS", "CLEAR")]


def test_a_transfer_without_the_keepers_signature() -> None:
    step = passed_on(OTHER, SELLER, keeper_signature=None)
    paper = paper_of(depositor=OTHER, holder=SELLER, endorsements=(step,))
    assert goods_codes(goods_world(paper, attestation(depositor=OTHER)), RULE) == [
        ("WARN", "TRANSFER_UNSIGNED")
    ]


def test_pledged_as_the_keeper_says() -> None:
    world = goods_world(paper_of(), attestation("KA-1", attested(pledgee=PLEDGEE)))
    (finding,) = goods_judged(world, RULE)
    assert (finding.outcome.value, finding.code) == ("FAIL", "PLEDGED")
    assert "Bank of Somewhere" in finding.message


def test_pledged_on_the_receipt() -> None:
    step = passed_on(SELLER, PLEDGEE, purpose="pledge", date=date(2026, 6, 25))
    world = goods_world(paper_of(endorsements=(step,)), attestation())
    assert goods_codes(world, RULE) == [("FAIL", "PLEDGED")]
    # Asked later, the keeper knows of none: it was lifted.
    lifted = passed_on(SELLER, PLEDGEE, purpose="pledge")
    assert goods_codes(goods_world(paper_of(endorsements=(lifted,)), attestation()), RULE) == [
        ("PASS", "CLEAR")
    ]


def test_pledged_to_the_asking_bank() -> None:
    world = goods_world(paper_of(), attestation("KA-1", attested(pledgee=PLEDGEE)))
    world.changes["version"] = 2
    world.changes["desk"] = DeskInfo(own_identifiers=(str(primary_id(PLEDGEE)),))
    assert goods_codes(world, RULE) == [("PASS", "OWN_PLEDGE")]
    world = goods_world(
        paper_of(), attestation("KA-1", attested(pledgee=PLEDGEE), attested(line_id="2", pledgee=OTHER))
    )
    world.changes["version"] = 2
    world.changes["desk"] = DeskInfo(own_identifiers=(str(primary_id(PLEDGEE)),))
    assert goods_codes(world, RULE) == [("FAIL", "PLEDGED")]


def test_frozen() -> None:
    world = goods_world(paper_of(), attestation("KA-1", attested(frozen_by="上海海事法院")))
    (finding,) = goods_judged(world, RULE)
    assert (finding.outcome.value, finding.code) == ("FAIL", "FROZEN")
    assert "上海海事法院" in finding.message


def test_the_keepers_signature() -> None:
    world = goods_world(paper_of(keeper_signature=None), attestation())
    assert goods_codes(world, RULE) == [("WARN", "NOT_SIGNED")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"insured_amount": None, "insurance_period": None}, "NOT_INSURED"),
        ({"insured_amount": Decimal(6_999_999)}, "UNDERINSURED"),
        ({"insurance_period": Period(end=date(2026, 6, 29))}, "INSURANCE_ENDS"),
        ({"insurance_period": Period(end=date(2026, 9, 29))}, "INSURANCE_ENDS"),
        ({"insurance_period": Period(end=date(2026, 9, 30))}, "CLEAR"),
        ({"storage_period": None, "insurance_period": Period(end=date(2026, 7, 29))}, "INSURANCE_ENDS"),
        ({"storage_period": None, "insurance_period": Period(end=date(2026, 7, 30))}, "CLEAR"),
        ({"storage_period": Period(end=date(2026, 6, 29))}, "STORAGE_ENDED"),
        ({"storage_period": Period(end=date(2026, 6, 30))}, "CLEAR"),
    ],
)
def test_weak_cover(fields: dict[str, Any], code: str) -> None:
    (finding,) = goods_judged(goods_world(paper_of(**fields), attestation()), RULE)
    assert finding.code == code
    assert finding.effect is (Effect.INFORMATION if code == "CLEAR" else Effect.REFER)


def test_the_keeper_knows_of_a_shorter_insurance() -> None:
    world = goods_world(paper_of(), attestation(insured_until=date(2026, 8, 1)))
    assert goods_codes(world, RULE) == [("WARN", "INSURANCE_ENDS")]


def test_every_defect_is_told() -> None:
    paper = paper_of(insured_amount=Decimal(1), keeper_signature=None)
    world = goods_world(paper, attestation("KA-1", attested(pledgee=PLEDGEE, frozen_by="法院"), holder=OTHER))
    assert {code for _, code in goods_codes(world, RULE)} == {
        "NOT_HOLDER",
        "PLEDGED",
        "FROZEN",
        "NOT_SIGNED",
        "UNDERINSURED",
    }
