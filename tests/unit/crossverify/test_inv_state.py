"""INV_STATE: does the invoice stand at tax?"""

from __future__ import annotations

from decimal import Decimal

import pytest

from crossverify.rule import Effect, Step
from tests.support.trade_world import World, codes, credit_note, fp, invoice, judged, party


def at_tax(*notes: object, **fields: object) -> World:
    world = World(invoice(), *notes)  # type: ignore[arg-type]
    world.tax[fp(invoice())] |= fields
    return world


def test_passes_a_confirmed_invoice() -> None:
    (finding,) = judged(at_tax(), "INV_STATE")
    assert (finding.outcome.value, finding.code) == ("PASS", "STANDS")
    assert [item.field for item in finding.inputs] == ["state", "red_amount", "use_confirmed"]


def test_not_confirmed_is_for_a_person() -> None:
    (finding,) = judged(at_tax(use_confirmed=False), "INV_STATE")
    assert (finding.outcome.value, finding.code, finding.effect) == (
        "WARN",
        "USE_NOT_CONFIRMED",
        Effect.REFER,
    )


def test_use_confirmation_does_not_apply_to_foreign_buyers() -> None:
    abroad = invoice(buyer=party("Rad und Achse GmbH", "MA1FL009", country="DE"))
    world = World(abroad)
    world.tax[fp(abroad)]["use_confirmed"] = False
    assert codes(world, "INV_STATE") == [("NOT_APPLICABLE", "FOREIGN_BUYER"), ("PASS", "STANDS")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"state": "void"}, "VOID"),
        ({"state": "red_full", "red_amount": "1130"}, "WHOLLY_RED"),
        ({"red_confirmation_open": True}, "RED_CONFIRMATION_OPEN"),
    ],
)
def test_what_does_not_stand_fails(fields: dict[str, object], code: str) -> None:
    (finding,) = judged(at_tax(**fields), "INV_STATE")
    assert (finding.outcome.value, finding.code, finding.effect) == ("FAIL", code, Effect.EXCLUDE)


def test_red_amount_equal_to_the_notes_passes() -> None:
    note = credit_note(lines=[{"quantity": Decimal(10)}])  # 113.00 with tax
    assert codes(at_tax(note, state="red_partial", red_amount="113"), "INV_STATE") == [("PASS", "STANDS")]


@pytest.mark.parametrize(("red", "taken"), [("113.01", "0.01"), ("200", "87")])
def test_red_beyond_the_notes_leaves_the_eligible_amount(red: str, taken: str) -> None:
    note = credit_note(lines=[{"quantity": Decimal(10)}])
    (finding,) = judged(at_tax(note, state="red_partial", red_amount=red), "INV_STATE")
    assert (finding.outcome.value, finding.code) == ("WARN", "RED_DIFFERS")
    assert finding.deduct is not None
    assert (finding.deduct.step, finding.deduct.amount) == (Step.TAX_RED, Decimal(taken))


def test_notes_that_tax_does_not_know_yet_warn_and_take_nothing_more() -> None:
    note = credit_note(lines=[{"quantity": Decimal(10)}])
    (finding,) = judged(at_tax(note), "INV_STATE")
    assert (finding.code, finding.deduct) == ("RED_DIFFERS", None)


def test_both_doubts_are_said() -> None:
    found = codes(at_tax(use_confirmed=False, red_amount="5"), "INV_STATE")
    assert found == [("WARN", "RED_DIFFERS"), ("WARN", "USE_NOT_CONFIRMED")]


def test_what_cannot_be_known_is_unknown() -> None:
    assert codes(at_tax(known=False), "INV_STATE") == [("UNKNOWN", "NOT_KNOWN_TO_TAX")]
    world = at_tax()
    world.silence("tax")
    assert codes(world, "INV_STATE") == [("UNKNOWN", "SOURCE_SILENT")]
    assert codes(at_tax(red_amount="many"), "INV_STATE") == [("UNKNOWN", "ANSWER_UNREADABLE")]
