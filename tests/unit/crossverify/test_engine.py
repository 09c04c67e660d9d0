"""The engine: pure, deterministic, replayable, and no slower than its evidence is long."""

from __future__ import annotations

import decimal
import sys
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossverify.decision import Decision
from crossverify.engine import Evaluation, evaluate
from crossverify.evidence import ClaimState, Evidence
from crossverify.figures import MaxAges
from crossverify.profiles import RECEIVABLE_V1, Profile
from crossverify.rule import STAGE_ORDER, Effect, Outcome, Rule, Stage
from crossverify.rules import ALL
from tests.support.trade_world import (
    World,
    confirmation,
    credit_note,
    decided,
    fp,
    invoice,
    order,
    receipt,
)

QUANTITIES = st.decimals(1, 150, places=2, allow_nan=False, allow_infinity=False)
UNITS = st.sampled_from(["H87", "EA", "DZN", "KGM", "XBX", "HUR"])
SOURCES = st.sampled_from(["tax", "bank", "credit", "ledger"])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """One order with receipts, invoices, notes, claims, payments and gaps of any kind."""
    world = World(order(lines=[{"unit": draw(UNITS)}]))
    day = date(2026, 4, 1)
    for number in range(draw(st.integers(0, 3))):
        got = {"received": draw(st.none() | QUANTITIES), "unit": draw(UNITS)}
        world.add(receipt(f"GR-{number}", [got]))
    for number in range(draw(st.integers(1, 4))):
        price = Decimal(draw(st.sampled_from([9, 10, 11])))
        line: dict[str, Any] = {"quantity": draw(QUANTITIES), "unit": draw(UNITS), "price": price}
        issued = day + timedelta(days=draw(st.integers(0, 3)))
        bill = invoice(f"INV-{number}", [line], issue_date=issued)
        name = world.add(bill, block=draw(st.integers(0, 3)))
        if draw(st.booleans()):
            part = {**line, "quantity": draw(QUANTITIES)}
            world.add(credit_note(f"CN-{number}", [part], corrects=f"INV-{number}"))
        if draw(st.booleans()):
            claim = ClaimState(
                claim="1" * 16,
                share_ppb=draw(st.integers(0, 1_100_000_000)),
                state=draw(st.sampled_from(["reserved", "financed"])),
                own=draw(st.booleans()),
                expires=world.now + draw(st.integers(-2000, 2000)),
            )
            world.asset(name, claims=(claim,), diluted_ppb=draw(st.integers(0, 1_000_000_000)))
        if draw(st.booleans()):
            world.pay(
                name, str(draw(QUANTITIES)), credited_account=draw(st.sampled_from(["1", "6222000011112222"]))
            )
    if draw(st.booleans()):
        world.link()
    for source in draw(st.lists(SOURCES, max_size=2, unique=True)):
        draw(st.sampled_from([world.silence, world.forget]))(source)
    return world


bounded = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@bounded
@given(worlds())
def test_the_same_evidence_gives_the_same_bytes(world: World) -> None:
    evidence = world.evidence()
    first = evaluate(evidence, RECEIVABLE_V1).to_bytes()
    assert evaluate(evidence, RECEIVABLE_V1).to_bytes() == first
    parsed = Evidence.from_bytes(evidence.to_bytes())
    profile = Profile.from_json(RECEIVABLE_V1.to_json())
    assert evaluate(parsed, profile).to_bytes() == first


@bounded
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_in_which_documents_are_listed_does_not_matter(world: World, random: Any) -> None:
    evidence = world.evidence()
    shuffled = list(evidence.documents)
    random.shuffle(shuffled)
    again = evidence.model_copy(update={"documents": tuple(shuffled)})
    assert evaluate(again, RECEIVABLE_V1).to_bytes() == evaluate(evidence, RECEIVABLE_V1).to_bytes()


@bounded
@given(worlds())
def test_waterfalls_sum_exactly_and_only_go_down(world: World) -> None:
    for item in decided(world).receivables:
        steps = item.waterfall
        assert sum(step.amount for step in steps) == item.amount == steps[-1].balance >= 0
        for before, after in pairwise(steps):
            assert after.amount <= 0
            assert before.balance + after.amount == after.balance
        assert all(step.balance == step.balance.quantize(Decimal("0.01")) for step in steps)
        assert item.eligible == (item.amount if item.decision is Decision.ELIGIBLE else 0)
        assert len(item.reasons) <= 5


@bounded
@given(worlds())
def test_every_rule_says_something_of_every_receivable_and_effects_decide(world: World) -> None:
    evaluation = decided(world)
    per_receivable = {item.rule.id for item in RECEIVABLE_V1.rules} - {"CONSENT", "CREDIT_STATUS"}
    for item in evaluation.receivables:
        own = [each for each in evaluation.findings if each.subject == item.fingerprint]
        assert {each.rule for each in own} == per_receivable
        effects = {each.effect for each in own}
        if item.decision is Decision.ELIGIBLE:
            assert effects == {Effect.INFORMATION}
        elif item.decision is Decision.REFER:
            assert Effect.EXCLUDE not in effects
    for finding in evaluation.findings:
        assert finding.inputs
        if finding.outcome is Outcome.FAIL:
            assert finding.effect is not Effect.INFORMATION


@bounded
@given(worlds())
def test_silencing_a_source_never_makes_anything_eligible(world: World) -> None:
    before = {item.fingerprint: item for item in decided(world).receivables}
    for source in ("tax", "bank", "ledger"):
        world.silence(source)
        for item in decided(world).receivables:
            known = before.get(item.fingerprint)
            if known is None or known.decision is not Decision.ELIGIBLE:
                assert item.decision is not Decision.ELIGIBLE
        world.changes.pop(source)


def sound() -> World:
    world = World(order(), receipt(), invoice(), confirmation())
    world.link()
    return world


def test_findings_stand_by_receivable_then_rule_then_line() -> None:
    world = World(order(lines=[{}] * 11), receipt(lines=[{}] * 11))
    world.add(invoice("INV-2", [{"quantity": Decimal(200)}] * 11, issue_date=date(2026, 4, 11)))
    world.add(invoice("INV-1"))
    findings = decided(world).findings
    names = {fp(item.document): item.document.number for item in world.documents.values()}
    subjects = [names.get(item.subject, "") for item in findings]
    assert subjects == sorted(subjects)
    lines = [item.line for item in findings if item.rule == "MATCH_QTY" and names[item.subject] == "INV-2"]
    assert lines == [str(number) for number in range(1, 12)]
    rules = [item.rule for item in findings if names.get(item.subject) == "INV-1"]
    assert rules == sorted(rules, key=[each.rule.id for each in RECEIVABLE_V1.rules].index)


def test_the_callers_decimal_context_does_not_matter() -> None:
    world = sound()
    expected = decided(world).to_bytes()
    with decimal.localcontext(decimal.Context(prec=5, rounding=decimal.ROUND_UP)):
        assert decided(world).to_bytes() == expected


def test_rules_of_later_stages_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(ALL["CASH_CLOSURE", 1]), "stage", Stage.IN_LIFE)
    world = sound()
    for stage in Stage:
        world.request = world.request.model_copy(update={"stage": stage})
        rules = {item.rule for item in decided(world).findings}
        assert ("CASH_CLOSURE" in rules) == (stage is Stage.IN_LIFE)
        assert all(item.stage is stage for item in decided(world).findings)
    assert [STAGE_ORDER[stage] for stage in Stage] == [0, 1, 2]


def test_purchases_of_the_subject_are_no_receivables() -> None:
    from tests.support.trade_world import BUYER, OTHER, SELLER

    bought = invoice("P-1", seller=OTHER, buyer=SELLER)
    elsewhere = invoice("X-1", seller=OTHER, buyer=BUYER)
    assert decided(World(bought, elsewhere)).receivables == ()


def test_a_request_without_documents_is_no_error() -> None:
    evaluation = decided(World())
    assert evaluation.receivables == ()
    assert evaluation.totals == {}
    assert {item.rule for item in evaluation.findings} == {"CONSENT", "PARTY_ID", "CREDIT_STATUS"}


def test_a_corrective_invoice_below_zero_takes_back() -> None:
    from consortium.documents import DocumentRef

    correction = invoice(
        "INV-K",
        [{"quantity": Decimal(-10), "net_amount": Decimal(-100)}],
        type_code="384",
        preceding_invoices=(DocumentRef(number="INV-1"),),
    )
    world = sound()
    world.add(correction)
    world.tax[fp(invoice())] |= {"state": "red_partial", "red_amount": "113"}
    (item,) = decided(world).receivables
    assert (item.number, item.decision) == ("INV-1", Decision.ELIGIBLE)
    assert item.waterfall[1].amount == Decimal(-113)


def test_max_ages_are_the_profiles() -> None:
    world = sound()
    world.age("tax", 100)
    assert decided(world).receivables[0].decision is Decision.ELIGIBLE
    strict = decided(world, max_ages={"tax": 99})
    assert strict.receivables[0].reasons[0].code == "PARTY_ID.SOURCE_STALE"
    assert MaxAges().tax > 99


# --- work grows with the evidence, not with its square ------------------------------------------


def one_order(count: int) -> World:
    """The worst shape: every receipt, invoice and note on the same order line."""
    world = World(order(lines=[{"quantity": Decimal(100 * count)}]))
    for number in range(count):
        world.add(receipt(f"GR-{number}"))
        world.add(invoice(f"INV-{number}"))
        world.add(credit_note(f"CN-{number}", [{"quantity": Decimal(1)}], corrects=f"INV-{number}"))
    world.link()
    world.asset(fp(world_order(world)), via=dict.fromkeys(world.assets, 1))
    return world


def world_order(world: World) -> Any:
    return next(iter(world.documents.values())).document


def one_invoice(count: int) -> World:
    """Long documents: an order, receipt, invoice and note of many lines."""
    lines: list[dict[str, Any]] = [{}] * count
    world = World(order(lines=lines), receipt(lines=lines), invoice(lines=lines))
    world.add(credit_note(lines=[{"quantity": Decimal(1)}] * count))
    world.link()
    return world


def many_trades(count: int) -> World:
    world = World()
    for number in range(count):
        name = f"PO-{number}"
        for document in (
            order(name),
            receipt(f"GR-{number}", order_number=name),
            invoice(f"INV-{number}", order_number=name),
        ):
            world.add(document)
    world.link()
    return world


def calls_of(work: Callable[[], Evaluation]) -> int:
    """How many Python and C functions a piece of work calls."""
    count = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("shape", [one_order, one_invoice, many_trades])
def test_work_grows_with_the_evidence(shape: Callable[[int], World]) -> None:
    few, many = shape(30).evidence(), shape(120).evidence()
    evaluate(few, RECEIVABLE_V1)
    small = calls_of(lambda: evaluate(few, RECEIVABLE_V1))
    large = calls_of(lambda: evaluate(many, RECEIVABLE_V1))
    assert large < 5 * small


def test_rules_have_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    for rule in ALL.values():
        assert isinstance(rule, Rule)
        assert not vars(rule)
