"""The second waterfall: from face value to eligible amount, in whole steps, with the rates that it used."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consortium.documents.party import primary_id
from crossverify.decision import Decision, ReceivableDecision
from crossverify.desk import DeskInfo
from crossverify.engine import Evaluation, evaluate
from crossverify.evidence import ClaimState
from crossverify.figures import AssetKind, Overdue, Waterfall2
from crossverify.profiles import RECEIVABLE_V1, RECEIVABLE_V2, Profile
from crossverify.profiles.model import settings as rules_of
from crossverify.rule import Effect
from tests.support.trade_world import (
    BUYER,
    NOW,
    OTHER,
    World,
    confirmation,
    credit_note,
    despatch,
    fp,
    invoice,
    order,
    receipt,
)

BILL = fp(invoice())
DEBTOR = str(primary_id(BUYER))
USUAL = [item.rule.id for item in RECEIVABLE_V1.rules]
RATES = {"source": "SAFE", "as_of": NOW, "rates": {"USD/CNY": "7.10", "CNY/JPY": "20"}}


def profile(**figures: Any) -> Profile:
    """The rules of the first profile over the second waterfall; nothing is held back unless a test says so."""
    values: dict[str, Any] = {
        "advance_rate": Decimal(1),
        "dilution_reserve": Decimal(0),
        "ageing": (),
    } | figures
    effects = values.pop("effects", {})
    return Profile(
        id="test",
        version=1,
        description="",
        rules=rules_of(dict.fromkeys(USUAL, 1), effects=effects),
        max_ages=RECEIVABLE_V2.max_ages,
        waterfall=Waterfall2(**values),
        lends_on=AssetKind.RECEIVABLE,
    )


def sound(*more: Any) -> World:
    world = World(order(), receipt(), invoice(), confirmation(), *more)
    world.link()
    return world


def desk(world: World, **fields: Any) -> World:
    world.changes["desk"] = DeskInfo.model_validate({"as_of": NOW, **fields})
    return world


def judged(world: World, **figures: Any) -> Evaluation:
    return evaluate(world.evidence(), profile(**figures))


def one(world: World, **figures: Any) -> ReceivableDecision:
    (found,) = judged(world, **figures).receivables
    return found


def steps(found: ReceivableDecision) -> list[tuple[str, str]]:
    return [(item.step.value, str(item.amount)) for item in found.waterfall]


def limit(
    amount: str, most: str, debtor: str = DEBTOR, currency: str = "CNY", group: str = ""
) -> dict[str, str]:
    return {"debtor": debtor, "amount": amount, "limit": most, "currency": currency, "group": group}


def test_every_step_in_its_place_sums_exactly() -> None:
    world = desk(sound(credit_note(lines=[{"quantity": Decimal(10)}])), exposures=[limit("0", "400")])
    world.tax[BILL] |= {"state": "red_partial", "red_amount": "113"}
    world.pay(BILL, "100")
    claim = ClaimState(claim="1" * 16, share_ppb=250_000_000, state="financed")
    world.asset(BILL, claims=(claim,))
    world.now = NOW
    found = one(
        world,
        advance_rate=Decimal("0.8"),
        dilution_reserve=Decimal("0.05"),
        ageing=(Overdue(over_days=0, part=Decimal("0.1")),),
    )
    assert steps(found) == [
        ("face", "1130.00"),
        ("credit_notes", "-113.00"),
        ("payments_seen", "-100.00"),
        ("claims_of_others", "-282.50"),
        ("dilution_reserve", "-31.73"),  # rounded up
        ("concentration_excess", "-202.77"),
        ("advance_rate", "-80.00"),
    ]
    assert found.amount == Decimal("320.00")


@pytest.mark.parametrize(
    ("due", "taken"),
    [
        (date(2026, 6, 30), None),
        (date(2026, 5, 31), None),  # 30 days overdue is not over 30
        (date(2026, 5, 30), "-282.50"),
        (date(2026, 4, 30), "-565.00"),
        (date(2026, 4, 1), "-565.00"),  # 90 days
        (date(2026, 3, 31), "-1130.00"),
        (None, None),
    ],
)
def test_what_is_overdue_is_held_back_by_its_age(due: date | None, taken: str | None) -> None:
    world = World(order(), receipt(), invoice(due_date=due, issue_date=date(2026, 3, 20)))
    found = one(world, ageing=Waterfall2().ageing)
    assert dict(steps(found)).get("ageing") == taken


def test_a_limit_is_filled_in_the_order_of_the_case_and_by_the_eligible_first() -> None:
    """INV-0 has a doubt, so it gets what the two eligible ones left."""
    world = World(
        order(lines=[{"quantity": Decimal(300)}]),
        receipt(lines=[{"received": Decimal(300)}]),
        invoice("INV-0", issue_date=date(2026, 4, 9)),
        invoice("INV-1"),
        invoice("INV-2", issue_date=date(2026, 4, 11)),
    )
    world.link()
    world.tax[fp(invoice("INV-0", issue_date=date(2026, 4, 9)))] |= {"use_confirmed": False}
    desk(world, exposures=[limit("1000", "3000")])
    found = {item.number: item for item in judged(world).receivables}
    assert [found[f"INV-{number}"].decision for number in range(3)] == [
        Decision.EXCLUDED,
        Decision.ELIGIBLE,
        Decision.ELIGIBLE,
    ]
    assert found["INV-0"].reasons[0].code == "DECISION.NOTHING_LEFT"
    assert [str(found[name].amount) for name in ("INV-0", "INV-1", "INV-2")] == ["0.00", "1130.00", "870.00"]
    note = found["INV-2"].waterfall[-2].note
    assert note.startswith("above the limit of 3,000.00 CNY on ")


def test_members_of_a_group_share_the_least_limit() -> None:
    other = str(primary_id(OTHER))
    world = desk(
        sound(),
        exposures=[limit("500", "2000", group="Wheels"), limit("900", "1500", other, group="Wheels")],
    )
    assert dict(steps(one(world)))["concentration_excess"] == "-1030.00"
    world = desk(sound(), exposures=[limit("900", "1500", other)], groups={DEBTOR: "W", other: "W"})
    assert dict(steps(one(world)))["concentration_excess"] == "-530.00"


@pytest.mark.parametrize("places", [(0, 1), (1, 0)], ids=["as listed", "the other way round"])
def test_two_debtors_on_one_paper_gain_no_room(places: tuple[int, int]) -> None:
    limits = (limit("2000", "2000", group="A"), limit("0", "99999", str(primary_id(OTHER)), group="B"))
    both = BUYER.model_copy(update={"identifiers": (*BUYER.identifiers, *OTHER.identifiers)})
    world = desk(sound(despatch("DA-9", buyer=both)), exposures=[limits[each] for each in places])
    assert one(world).amount == 0


def test_what_is_financed_already_needs_no_more_room() -> None:
    world = desk(sound(), exposures=[limit("1130", "1130")])
    assert one(world).reasons[0].code == "DECISION.NOTHING_LEFT"
    claim = ClaimState(claim="1" * 16, share_ppb=1_000_000_000, state="financed", own=True)
    world.asset(BILL, claims=(claim,))
    assert one(world).amount == Decimal("1130.00")


def test_a_limit_in_another_currency_names_its_rate() -> None:
    world = desk(sound(), exposures=[limit("0", "100", currency="USD")], rates=RATES)
    found = one(world)
    assert dict(steps(found))["concentration_excess"] == "-420.00"
    assert found.waterfall[-2].note.endswith("; USD/CNY 7.10 (SAFE)")


def test_a_missing_rate_is_said_and_never_guessed() -> None:
    world = desk(sound(), exposures=[limit("0", "100", currency="EUR")], rates=RATES)
    found = one(world)
    assert (found.decision, found.reasons[0].code) == (Decision.REFER, "DECISION.NO_RATE")
    assert "CNY to EUR" in found.reasons[0].message
    assert "concentration_excess" not in dict(steps(found))


def test_a_credit_note_in_another_currency_is_converted_or_referred() -> None:
    note = credit_note(lines=[{"price": Decimal(1)}], currency="USD")  # 113.00 USD
    world = desk(sound(note), rates=RATES)
    effects = {"DOC_VALID": {"CREDIT_CURRENCY": Effect.INFORMATION}}
    found = one(world, effects=effects)
    assert dict(steps(found))["credit_notes"] == "-802.30"
    assert found.waterfall[1].note == "a credit note of 113.00 USD; USD/CNY 7.10 (SAFE)"
    assert one(desk(sound(note)), effects=effects).reasons[0].code == "DECISION.NO_RATE"


def test_what_the_profile_has_to_know_excludes_and_says_why() -> None:
    world = sound()
    world.silence("tax")
    found = one(world, effects={"INV_AUTHENTIC": {"UNKNOWN": Effect.EXCLUDE}})
    assert found.decision is Decision.EXCLUDED
    assert found.eligible == 0
    assert found.amount == Decimal("1130.00")  # if every doubt were settled
    reason = found.reasons[0]
    assert reason.code == "INV_AUTHENTIC.SOURCE_SILENT"
    assert reason.message.endswith("The profile lends only where this is known.")


def test_totals_are_told_in_one_currency_by_named_rates() -> None:
    world = sound()
    for currency in ("USD", "JPY", "EUR"):
        name = f"PO-{currency}"
        world.add(order(name, currency=currency))
        world.add(receipt(f"GR-{currency}", order_number=name))
        world.add(invoice(f"INV-{currency}", order_number=name, currency=currency))
    world.link()
    found = judged(desk(world, rates=RATES)).converted
    assert found is not None
    assert found.missing == ("EUR",)
    assert found.rates == {"JPY": "CNY/JPY 20 (SAFE)", "USD": "USD/CNY 7.10 (SAFE)"}
    assert (found.source, found.as_of) == ("SAFE", NOW)
    assert str(found.totals["face"]) == "9209.50"  # 1130 + 8023 + 56.50
    assert judged(desk(world, rates=RATES), currency="").converted is None


def test_an_order_lends_on_what_is_not_invoiced_yet() -> None:
    from dataclasses import replace

    world = World(
        order(lines=[{"quantity": Decimal(300)}]), invoice(), credit_note(lines=[{"quantity": Decimal(10)}])
    )
    lends = replace(profile(), lends_on=AssetKind.ORDER, rules=rules_of({"CONSENT": 1}))
    (found,) = evaluate(world.evidence(), lends).receivables
    assert steps(found)[:2] == [("face", "3390.00"), ("invoiced_already", "-1017.00")]
    assert found.number == "PO-1"


AMOUNTS = st.decimals(0, 3000, places=2, allow_nan=False, allow_infinity=False)
PARTS = st.decimals(0, 1, places=3, allow_nan=False, allow_infinity=False)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, dict[str, Any]]:
    """Invoices of one debtor in several currencies with anything that takes something, and any figures."""
    world = World()
    for number in range(draw(st.integers(1, 4))):
        currency = draw(st.sampled_from(["CNY", "CNY", "USD", "JPY", "EUR"]))
        line = {
            "price": Decimal(100 * draw(st.integers(1, 3))),
            "quantity": Decimal(draw(st.integers(1, 100))),
        }
        due = date(2026, draw(st.integers(2, 8)), draw(st.integers(1, 28)))
        body = invoice(
            f"INV-{number}",
            [line],
            currency=currency,
            due_date=due,
            issue_date=date(2026, 1, 5),
            order_number=None,
        )
        name = world.add(body)
        if draw(st.booleans()):
            note = {**line, "quantity": Decimal(draw(st.integers(1, 100)))}
            odd = draw(st.sampled_from([currency, "USD"]))
            world.add(credit_note(f"CN-{number}", [note], corrects=f"INV-{number}", currency=odd))
        if draw(st.booleans()):
            world.pay(
                name, str(draw(st.integers(0, 3000))), currency=draw(st.sampled_from([currency, "CNY"]))
            )
        share = draw(st.integers(0, 1_000_000_000))
        claim = ClaimState(claim="1" * 16, share_ppb=share, state="financed")
        world.asset(name, claims=(claim,), diluted_ppb=draw(st.integers(0, 500_000_000)))
    limits = [
        limit(
            str(draw(AMOUNTS)), str(1 + draw(AMOUNTS)), currency=draw(st.sampled_from(["CNY", "USD", "EUR"]))
        )
    ]
    desk(world, exposures=draw(st.sampled_from([limits, []])), rates=draw(st.sampled_from([RATES, None])))
    figures = {
        "advance_rate": draw(PARTS),
        "dilution_reserve": draw(PARTS),
        "ageing": draw(st.sampled_from([(), Waterfall2().ageing])),
    }
    return world, figures


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds())
def test_steps_sum_exactly_and_only_go_down(made: tuple[World, dict[str, Any]]) -> None:
    world, figures = made
    quiet = dict.fromkeys(("WARN", "FAIL", "UNKNOWN"), Effect.INFORMATION)
    evaluation = judged(world, **figures, effects=dict.fromkeys(USUAL, quiet))
    used = Decimal(0)
    for item in evaluation.receivables:
        assert sum(step.amount for step in item.waterfall) == item.amount == item.waterfall[-1].balance >= 0
        unit = Decimal(1) if item.currency == "JPY" else Decimal("0.01")
        for before, after in pairwise(item.waterfall):
            assert after.amount <= 0
            assert before.balance + after.amount == after.balance == after.balance.quantize(unit)
            assert after.note
        assert item.eligible == (item.amount if item.decision is Decision.ELIGIBLE else 0)
        names = [step.step for step in item.waterfall]
        assert names == sorted(names, key=list(type(names[0])).index)
        if item.currency == "CNY" and item.decision is not Decision.EXCLUDED:
            used += item.waterfall[-2].balance
    limits = world.changes["desk"].exposures
    if limits and limits[0].currency == "CNY":
        assert used <= max(limits[0].limit - limits[0].amount, Decimal(0))
    for totals in (evaluation.totals, {"": evaluation.converted.totals} if evaluation.converted else {}):
        assert all(amount >= 0 for each in totals.values() for amount in each.values())
