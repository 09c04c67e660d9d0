"""BILL_ACCEPTOR: impostors, look-alikes, accounts at another bank."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.documents import Account, Party
from crossverify.rule import Effect
from tests.support.bills import BANK_NUMBER, number
from tests.support.goods_world import BillWorld, bill, codes, exchange_party, judged
from tests.support.trade_world import BUYER, OTHER, invoice, party

RULE = "BILL_ACCEPTOR"


def accepted_by(name: str, registered: str, **fields: Any) -> dict[str, Any]:
    """An acceptor at the exchange."""
    values = {"account": "3100 0001", "bank_number": BANK_NUMBER}
    return exchange_party(party(name, registered), **(values | fields))


def test_the_same_company() -> None:
    assert codes(BillWorld(bill()), RULE) == [("PASS", "CONFIRMED")]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Great Wheel Motors", "IMPOSTOR"),
        ("Great Wheel Motors Co., Ltd", "IMPOSTOR"),
        ("Great Wheei Motors", "IMPOSTOR"),
        ("Great Whee1 Motors", "IMPOSTOR"),
        ("Gr\u0435at Wheel M\u043etors", "IMPOSTOR"),
        ("Great Wheel Motor", "IMPOSTOR"),
        ("Small Pedal Bicycles", "ACCEPTOR_DIFFERS"),
    ],
)
def test_another_identifier_is_another_company_whatever_its_name(name: str, code: str) -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, acceptor=accepted_by(name, "MA9XX999"))
    (finding,) = judged(world, RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("FAIL", code, Effect.EXCLUDE)


def test_a_name_that_looks_like_the_debtor_of_the_trade() -> None:
    aping = party("Great Whee1 Motors Co., Ltd", "MA9XX999")
    paper = bill(acceptor=aping, acceptor_bank=None)
    world = BillWorld(paper)
    world.says(paper, acceptor=exchange_party(aping))
    world.add(invoice())
    (finding,) = judged(world, RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("FAIL", "LOOKALIKE", Effect.EXCLUDE)
    assert BUYER.name is not None
    assert BUYER.name in finding.message


def test_a_name_a_letter_away_goes_to_a_person() -> None:
    near = party("Great Wheels Motors", "MA9XX999")
    paper = bill(acceptor=near, acceptor_bank=None)
    world = BillWorld(paper)
    world.says(paper, acceptor=exchange_party(near))
    world.add(invoice())
    (finding,) = judged(world, RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("WARN", "NEAR_NAME", Effect.REFER)


def test_another_company_of_the_same_trade_is_no_look_alike() -> None:
    paper = bill(acceptor=OTHER, acceptor_bank=None)
    world = BillWorld(paper)
    world.says(paper, acceptor=exchange_party(OTHER))
    world.add(invoice())
    assert codes(world, RULE) == [("PASS", "CONFIRMED")]


@pytest.mark.parametrize(
    ("bank_number", "expected"),
    [
        ("104290003033", ("PASS", "CONFIRMED")),
        ("313290000017", ("FAIL", "ACCOUNT_ELSEWHERE")),
        ("", ("PASS", "CONFIRMED")),
    ],
)
def test_a_bank_has_its_account_with_itself(bank_number: str, expected: tuple[str, str]) -> None:
    bank = party("中国银行股份有限公司上海分行", "MA1FLB01")
    paper = bill(number=number(first="5"), bill_type="bank_acceptance", acceptor=bank, acceptor_bank=None)
    world = BillWorld(paper)
    world.says(paper, bill_kind="bank", acceptor=exchange_party(bank, bank_number=bank_number))
    assert codes(world, RULE) == [expected]


def test_the_longest_name_of_a_bank_counts() -> None:
    bank = party("中国农业发展银行", "MA1FLB02")
    paper = bill(number=number(first="5"), bill_type="bank_acceptance", acceptor=bank, acceptor_bank=None)
    world = BillWorld(paper)
    world.says(paper, bill_kind="bank", acceptor=exchange_party(bank, bank_number="203290000012"))
    assert codes(world, RULE) == [("PASS", "CONFIRMED")]


@pytest.mark.parametrize("field", [{"account": "9999"}, {"bank_number": "313290000017"}])
def test_another_account_or_bank_than_the_documents(field: dict[str, str]) -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, acceptor=accepted_by("Great Wheel Motors", "MA1FL002", **field))
    (finding,) = judged(world, RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("WARN", "ACCOUNT_DIFFERS", Effect.REFER)


def test_an_account_in_another_writing_is_the_same() -> None:
    paper = bill(acceptor_bank=Account(account_id="31000001"))
    assert codes(BillWorld(paper), RULE) == [("PASS", "CONFIRMED")]


def test_a_former_name() -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, acceptor=accepted_by("Big Round Cars", "MA1FL002"))
    assert codes(world, RULE) == [("WARN", "NAME_DIFFERS")]
    world.taxpayer(BUYER, former_names=["Big Round Cars"])
    assert codes(world, RULE) == [("PASS", "CONFIRMED")]
    world.silence("tax")
    assert codes(world, RULE) == [("WARN", "NAME_DIFFERS")]


def test_an_acceptor_that_does_not_pay() -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, acceptor_overdue=True)
    assert codes(world, RULE) == [("WARN", "ACCEPTOR_OVERDUE")]


def test_names_alone_are_not_enough() -> None:
    paper = bill()
    world = BillWorld(paper)
    world.says(paper, acceptor={"name": "Great Wheel Motors"})
    (finding,) = judged(world, RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("UNKNOWN", "NO_IDENTIFIER", Effect.REFER)
    world.says(paper, acceptor={"name": "Small Pedal Bicycles"})
    assert codes(world, RULE) == [("FAIL", "ACCEPTOR_DIFFERS")]
    named = bill(2, acceptor=Party(name="Great Wheel Motors"))
    assert codes(BillWorld(named), RULE) == [("UNKNOWN", "NO_IDENTIFIER")]


def test_a_bill_that_the_exchange_does_not_have() -> None:
    paper = bill()
    world = BillWorld(paper)
    world.knows_nothing(paper)
    assert codes(world, RULE) == [("NOT_APPLICABLE", "NO_BILL")]


def test_a_silent_exchange() -> None:
    world = BillWorld(bill())
    world.silence("bills")
    assert codes(world, RULE) == [("UNKNOWN", "SOURCE_SILENT")]
