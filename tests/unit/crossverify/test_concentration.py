"""CONCENTRATION: the bank's own limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from consortium.documents.party import primary_id
from crossverify.desk import DeskInfo, Exposure, Rates
from crossverify.evidence import ClaimState
from crossverify.rule import Effect, Finding
from tests.support.portfolio_world import declare, judged
from tests.support.trade_world import BUYER, OTHER, World, credit_note, despatch, fp, invoice

BILL, SECOND = fp(invoice()), fp(invoice("INV-2", buyer=OTHER))
ONE, TWO = str(primary_id(BUYER)), str(primary_id(OTHER))


def exposure(
    debtor: str = ONE, amount: str = "0", limit: str = "2000", currency: str = "CNY", group: str = ""
) -> Exposure:
    return Exposure(
        debtor=debtor, group=group, amount=Decimal(amount), limit=Decimal(limit), currency=currency
    )


def world(*exposures: Exposure, **desk: Any) -> World:
    """Two invoices of 1,130.00, each to another debtor."""
    made = World(invoice(), invoice("INV-2", buyer=OTHER))
    made.changes |= {"desk": DeskInfo(as_of=made.now, exposures=exposures, **desk), "version": 2}
    return made


def found(made: World, subject: str = BILL, **thresholds: Any) -> Finding:
    (finding,) = [item for item in judged(made, "CONCENTRATION", **thresholds) if item.subject == subject]
    return finding


@pytest.mark.parametrize(
    ("amount", "limit", "expected"),
    [
        ("0", "1412.51", ("PASS", "UNDER")),
        ("0", "1412.50", ("WARN", "NEAR")),
        ("0", "1130", ("WARN", "NEAR")),
        ("0.01", "1130", ("FAIL", "OVER")),
        ("5000", "1130", ("FAIL", "OVER")),
    ],
)
def test_limits(amount: str, limit: str, expected: tuple[str, str]) -> None:
    finding = found(world(exposure(amount=amount, limit=limit)))
    assert (finding.outcome.value, finding.code) == expected
    assert finding.effect is Effect.INFORMATION, "the waterfall takes the excess"
    assert finding.deduct is None
    assert finding.inputs[0].source == "desk"


def test_what_is_near_comes_from_the_profile() -> None:
    assert found(world(exposure()), near="0.5").code == "NEAR"


def test_without_a_limit_it_does_not_apply() -> None:
    made = world(exposure(debtor=TWO))
    assert (found(made).outcome.value, found(made).code) == ("NOT_APPLICABLE", "NO_LIMIT")
    assert found(made, SECOND).code == "UNDER"
    assert found(World(invoice())).code == "NO_LIMIT"


@pytest.mark.parametrize("places", [(0, 1), (1, 0)], ids=["as listed", "the other way round"])
def test_two_debtors_on_one_paper_gain_no_room(places: tuple[int, int]) -> None:
    used_up = exposure(amount="2000", group="A")
    roomy = exposure(debtor=TWO, limit="999999", group="B")
    made = world(*((used_up, roomy)[each] for each in places))
    assert [found(made).code, found(made, SECOND).code] == ["OVER", "UNDER"]
    both = BUYER.model_copy(update={"identifiers": (*BUYER.identifiers, *OTHER.identifiers)})
    made.add(despatch(buyer=both))
    assert [found(made).code, found(made, SECOND).code] == ["OVER", "OVER"]


def test_a_group_shares_its_least_limit() -> None:
    made = world(exposure(limit="2500", group="G"), exposure(TWO, "240", "9000", group="G"))
    assert (found(made).code, found(made, SECOND).code) == ("NEAR", "NEAR")
    assert "100 % of the limit" in found(made).message
    named = world(exposure(limit="2259.99", group=""), groups={ONE: "G", TWO: "G"})
    assert (found(named).code, found(named, SECOND).code) == ("OVER", "OVER")


def test_what_was_credited_or_financed_by_the_bank_itself_is_no_new_exposure() -> None:
    made = world(exposure(limit="1000"))
    assert found(made).code == "OVER"
    made.add(credit_note(lines=[{"quantity": Decimal(80)}]))
    assert found(made).code == "UNDER"
    made = world(exposure(limit="1000"))
    own = ClaimState(claim="c1", share_ppb=500_000_000, state="financed", own=True)
    made.asset(BILL, claims=(own,))
    assert found(made).code == "UNDER"
    made.asset(BILL, claims=(own.model_copy(update={"own": False}),))
    assert found(made).code == "OVER"
    made.asset(BILL, claims=(own.model_copy(update={"state": "reserved"}),))
    assert found(made).code == "OVER", "a reservation is no outstanding amount yet"


def test_cancelled_receivables_add_nothing() -> None:
    made = world(exposure(limit="1000"))
    made.tax[BILL] |= {"state": "void"}
    assert found(made).code == "UNDER"


def test_other_currencies_need_a_rate() -> None:
    usd = exposure(limit="200", currency="USD")
    finding = found(world(usd))
    assert (finding.outcome.value, finding.code, finding.effect) == ("UNKNOWN", "NO_RATE", Effect.REFER)
    rates = Rates(source="PBoC", as_of=1, rates={"USD/CNY": Decimal("5.65")})
    finding = found(world(usd, rates=rates))
    assert (finding.code, "USD/CNY 5.65 (PBoC)" in finding.message) == ("NEAR", True)


def test_below_coverage_a_pass_is_unknown_but_an_excess_stays() -> None:
    made = world(exposure())
    declare(made, "9000.00", customers={BUYER: "9000.00"})
    assert (found(made).outcome.value, found(made).code) == ("UNKNOWN", "LOW_COVERAGE")
    made = world(exposure(limit="100"))
    declare(made, "9000.00", customers={BUYER: "9000.00"})
    assert found(made).code == "OVER"
