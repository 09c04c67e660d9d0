"""INV_AUTHENTIC: does tax know the invoice?"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from consortium.documents import Fapiao
from crossverify.rule import Effect
from tests.support.trade_world import DAY, NOW, World, codes, codes2, fp, invoice, judged

FAPIAO = Fapiao(fapiao_kind="digital_special", number="26112000000000000001")


def test_passes_what_tax_knows() -> None:
    (finding,) = judged(World(invoice()), "INV_AUTHENTIC")
    assert (finding.outcome.value, finding.code) == ("PASS", "AGREES")
    assert finding.inputs[0].source == "tax"
    assert finding.inputs[0].as_of == NOW


def test_differing_figures_fail_and_are_named() -> None:
    world = World(invoice())
    world.tax[fp(invoice())]["differing"] = ["gross_amount", "buyer_tax_id"]
    (finding,) = judged(world, "INV_AUTHENTIC")
    assert (finding.code, finding.effect) == ("DIFFERS", Effect.EXCLUDE)
    assert finding.inputs[0].value == "gross_amount, buyer_tax_id"


END_OF_DAY = int(datetime(2026, 6, 30, tzinfo=UTC).timestamp())  # issued on 29 June


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (END_OF_DAY - 2 * DAY, ("WARN", "NOT_YET_VISIBLE")),  # before the issue date
        (END_OF_DAY, ("WARN", "NOT_YET_VISIBLE")),
        (END_OF_DAY + DAY - 1, ("WARN", "NOT_YET_VISIBLE")),
        (END_OF_DAY + DAY, ("FAIL", "NOT_KNOWN")),
    ],
)
def test_an_absent_invoice_may_be_on_its_way_for_a_day(as_of: int, expected: tuple[str, str]) -> None:
    new = invoice(issue_date=date(2026, 6, 29))
    world = World(new)
    world.tax[fp(new)] = {"known": False}
    world.now = END_OF_DAY + DAY
    world.age("tax", world.now - as_of)
    world.changes["tax"] = world.changes["tax"].model_copy(update={"as_of": as_of})
    found = codes(world, "INV_AUTHENTIC")
    if as_of == END_OF_DAY - 2 * DAY:
        assert found == [("UNKNOWN", "SOURCE_STALE")]  # three days old
        world.now = as_of + DAY
        found = codes(world, "INV_AUTHENTIC")
    assert found == [expected]


def test_the_delay_comes_from_the_profile() -> None:
    new = invoice(issue_date=date(2026, 6, 29))
    world = World(new)
    world.tax[fp(new)] = {"known": False}
    assert codes(world, "INV_AUTHENTIC", visible_after_hours=13) == [("WARN", "NOT_YET_VISIBLE")]
    assert codes(world, "INV_AUTHENTIC", visible_after_hours=12) == [("FAIL", "NOT_KNOWN")]


def test_an_old_invoice_that_tax_does_not_know_fails() -> None:
    world = World(invoice())
    world.tax[fp(invoice())] = {"known": False}
    assert codes(world, "INV_AUTHENTIC") == [("FAIL", "NOT_KNOWN")]


def test_a_silent_tax_authority_is_unknown_with_its_reason() -> None:
    world = World(invoice())
    world.silence("tax", "deadline of 2 s passed")
    (finding,) = judged(world, "INV_AUTHENTIC")
    assert (finding.outcome.value, finding.code, finding.effect) == ("UNKNOWN", "SOURCE_SILENT", Effect.REFER)
    assert "deadline of 2 s passed" in finding.message


@pytest.mark.parametrize(("age", "code"), [(2 * DAY, "AGREES"), (2 * DAY + 1, "SOURCE_STALE")])
def test_an_old_answer_is_unknown(age: int, code: str) -> None:
    world = World(invoice())
    world.age("tax", age)
    assert [found for _, found in codes(world, "INV_AUTHENTIC")] == [code]


@pytest.mark.parametrize(("ahead", "code"), [(300, "AGREES"), (301, "SOURCE_CLOCK")])
def test_an_answer_from_the_future_is_not_believed(ahead: int, code: str) -> None:
    world = World(invoice())
    world.age("tax", -ahead)
    assert [found for _, found in codes(world, "INV_AUTHENTIC")] == [code]


def test_not_asked_not_answered_and_unreadable_are_unknown() -> None:
    world = World(invoice())
    world.tax[fp(invoice())] = {"known": "perhaps"}
    assert codes(world, "INV_AUTHENTIC") == [("UNKNOWN", "ANSWER_UNREADABLE")]
    del world.tax[fp(invoice())]
    assert codes(world, "INV_AUTHENTIC") == [("UNKNOWN", "NOT_ANSWERED")]
    world.forget("tax")
    assert codes(world, "INV_AUTHENTIC") == [("UNKNOWN", "NOT_ASKED")]


def test_of_a_commercial_invoice_with_its_fapiao_the_fapiao_is_asked_about() -> None:
    commercial = invoice(fapiao=(FAPIAO,))
    official = invoice(FAPIAO.number, fapiao=(FAPIAO,), order_number=None)
    world = World(commercial, official)
    world.tax[fp(commercial)] = {"known": False}
    found = judged(world, "INV_AUTHENTIC")
    assert [(item.code, item.inputs[0].document) for item in found] == [("AGREES", fp(official))]


# --- version 2 ----------------------------------------------------------------------------------


def commercial(count: int) -> World:
    """A commercial invoice that names so many tax invoices that are not here."""
    named = tuple(
        Fapiao(fapiao_kind="digital_special", number=f"2611200000000000000{number}")
        for number in range(count)
    )
    return World(invoice(fapiao=named))


def answered(world: World, **fields: object) -> list[tuple[str, str]]:
    (name,) = world.assets
    world.tax[name] |= fields
    return codes2(world, "INV_AUTHENTIC", 2)


def test_the_named_tax_invoice_may_have_another_date() -> None:
    assert answered(commercial(1), differing=["issue_date"]) == [("PASS", "AGREES")]
    assert answered(commercial(1), differing=["issue_date", "gross_amount"]) == [("FAIL", "DIFFERS")]
    assert answered(World(invoice()), differing=["issue_date"]) == [("FAIL", "DIFFERS")]


def test_several_named_tax_invoices_are_not_known_here() -> None:
    assert answered(commercial(2), known=False) == [("UNKNOWN", "NAMES_SEVERAL")]
    assert answered(commercial(1), known=False) == [("FAIL", "NOT_KNOWN")]
    assert answered(commercial(2), known=True) == [("PASS", "AGREES")]


def test_the_first_version_stays_as_it_was() -> None:
    world = commercial(1)
    answered(world, differing=["issue_date"])
    assert codes(world, "INV_AUTHENTIC") == [("FAIL", "DIFFERS")]
