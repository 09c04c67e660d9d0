"""The case: which documents are one receivable, and which belong to which."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from consortium.documents import DocumentRef, Fapiao, Party, PartyId
from crossverify.case import Case, Receivable
from crossverify.figures import MaxAges
from tests.support.trade_world import (
    BUYER,
    World,
    confirmation,
    credit_note,
    fp,
    invoice,
    order,
    receipt,
)

DIGITAL = Fapiao(fapiao_kind="digital_special", number="26112000000000000001")
SECOND = Fapiao(fapiao_kind="digital_special", number="26112000000000000002")
RED = Fapiao(fapiao_kind="digital_special", number="26112000000000000009")


def receivables(world: World) -> tuple[Receivable, ...]:
    return Case(world.evidence(), MaxAges()).receivables


def test_a_commercial_invoice_and_its_fapiao_are_one_receivable() -> None:
    commercial = invoice(fapiao=(DIGITAL,))
    official = invoice(DIGITAL.number, fapiao=(DIGITAL,), order_number=None)
    (one,) = receivables(World(commercial, official))
    assert {item.fingerprint for item in one.members} == {fp(commercial), fp(official)}
    assert one.face == Decimal(1130)


def test_several_fapiao_of_one_sale_are_one_receivable_of_the_whole_amount() -> None:
    commercial = invoice(fapiao=(DIGITAL, SECOND), issue_date=date(2026, 4, 9))
    halves = [invoice(each.number, [{"quantity": Decimal(50)}], fapiao=(each,)) for each in (DIGITAL, SECOND)]
    (one,) = receivables(World(commercial, *halves))
    assert (len(one.members), one.face) == (3, Decimal(1130))


def test_documents_of_one_asset_are_one_receivable() -> None:
    first, second = invoice("INV-1"), invoice("INV-2")
    world = World(first, second)
    world.asset(fp(second), aliases=(fp(second), fp(first)))
    del world.assets[fp(first)]
    (one,) = receivables(world)
    assert (one.fingerprint, one.primary.fingerprint) == (fp(second), fp(second))


def test_unrelated_invoices_are_receivables_of_their_own() -> None:
    assert len(receivables(World(invoice("INV-1"), invoice("INV-2")))) == 2


def test_a_credit_note_and_its_red_fapiao_take_back_once() -> None:
    lines = [{"quantity": Decimal(10)}]
    world = World(
        invoice(), credit_note("CN-1", lines, fapiao=(RED,)), credit_note(RED.number, lines, fapiao=(RED,))
    )
    (one,) = receivables(world)
    assert one.credited == Decimal(113)


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("100", ["1130", "0"]), ("150", ["1130", "565"]), ("250", ["1130", "1695"])],
)
def test_one_note_on_two_invoices_fills_them_in_turn(quantity: str, expected: list[str]) -> None:
    both = (DocumentRef(number="INV-1"), DocumentRef(number="INV-2"))
    note = credit_note(lines=[{"quantity": Decimal(quantity)}], preceding_invoices=both)
    world = World(invoice("INV-1"), invoice("INV-2", issue_date=date(2026, 4, 11)), note)
    assert [item.credited for item in receivables(world)] == [Decimal(each) for each in expected]


def test_a_void_note_takes_nothing_back() -> None:
    world = World(invoice())
    world.add(credit_note(), state="void")
    assert receivables(world)[0].credited == 0


def test_numbers_are_compared_as_people_write_them() -> None:
    note = credit_note(corrects="inv 0-1")
    world = World(invoice("INV-01"), note)
    assert receivables(world)[0].credited == Decimal(1130)


def test_a_party_known_by_another_identifier_is_found_by_one_in_common() -> None:
    number = PartyId(scheme="gln", value="6901234000009")
    both = BUYER.model_copy(update={"identifiers": (*BUYER.identifiers, number)})
    elsewhere = Party(name="Great Wheel Motors, gate 3", identifiers=(number,))
    world = World(order(buyer=both), receipt(buyer=elsewhere), invoice(buyer=both))
    case = Case(world.evidence(), MaxAges())
    (line,) = case.trade.lines(case.receivables[0])
    assert line.slot_line is not None
    assert len(line.slot_line.receipts) == 1


def test_an_answer_to_another_invoice_is_none_to_this() -> None:
    answers = [confirmation(number="AR-1"), confirmation(number="AR-2", invoice_number="INV-2")]
    (one,) = receivables(World(invoice(), *answers))
    assert [item.document.number for item in one.confirmations] == ["AR-1"]
