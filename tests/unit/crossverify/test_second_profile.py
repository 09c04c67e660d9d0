"""The second profile as a whole: what is sound is eligible, and no silence ever makes anything so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossverify.answers import SOURCES
from crossverify.decision import Decision
from crossverify.engine import Evaluation, evaluate
from crossverify.evidence import Evidence
from crossverify.explain import explain
from crossverify.profiles import PROFILES, RECEIVABLE_V2, Profile
from crossverify.rule import Effect, Finding, Outcome, Stage
from tests.support.full_world import FullWorld, sound
from tests.support.trade_world import World, confirmation, credit_note, fp, invoice, order, receipt
from tests.unit.crossverify.test_engine import calls_of, many_trades, one_invoice, worlds

BILL = fp(invoice())


def decided(world: FullWorld, **overrides: Any) -> Evaluation:
    profile = RECEIVABLE_V2.with_overrides(overrides) if overrides else RECEIVABLE_V2
    return evaluate(world.evidence(), profile)


def test_what_nothing_speaks_against_is_eligible() -> None:
    evaluation = decided(sound())
    (found,) = evaluation.receivables
    assert (found.decision, str(found.eligible)) == (Decision.ELIGIBLE, "858.80")
    assert evaluation.subject.decision is Decision.ELIGIBLE
    assert {item.effect for item in evaluation.findings} == {Effect.INFORMATION}


def test_every_rule_of_its_stage_says_something() -> None:
    said = {item.rule for item in decided(sound()).findings}
    assert said == {item.rule.id for item in RECEIVABLE_V2.rules if item.rule.stage is Stage.ASSESS}


@pytest.mark.parametrize("source", [*SOURCES, "ledger"])
@pytest.mark.parametrize("how", ["silence", "forget", "stale", "future"])
def test_no_source_makes_anything_eligible_by_saying_nothing(source: str, how: str) -> None:
    world = FullWorld(order(), receipt(), invoice(), invoice("INV-2", order_number="PO-9"), confirmation())
    world.link()
    before = {item.number: item.decision for item in decided(world).receivables}
    if how in {"silence", "forget"}:
        getattr(world, how)(source)
    elif source != "bills":  # which nobody had to ask
        world.age(source, 10**7 if how == "stale" else -(10**4))
    evaluation = decided(world)
    for item in evaluation.receivables:
        if before[item.number] is not Decision.ELIGIBLE:
            assert item.decision is not Decision.ELIGIBLE
    for finding in evaluation.findings:
        if finding.outcome is Outcome.PASS and source in SOURCES:
            assert all(item.source != source for item in finding.inputs), finding


@pytest.mark.parametrize("source", ["tax", "bank", "registry", "ledger"])
def test_without_an_institution_that_matters_nothing_is_eligible(source: str) -> None:
    world = sound()
    world.silence(source)
    (found,) = decided(world).receivables
    assert found.decision is not Decision.ELIGIBLE


def test_a_doubt_of_the_bureau_stands_above_the_receivables_or_refers_them() -> None:
    world = sound()
    world.silence("credit")
    assert decided(world).subject.decision is Decision.REFER


def test_what_the_profile_requires_excludes_and_says_why() -> None:
    world = sound()
    world.silence("registry", "maintenance")
    (found,) = decided(world).receivables
    assert found.decision is Decision.EXCLUDED
    assert found.reasons[0].code == "REGISTRY_PRIOR.SOURCE_SILENT"
    assert found.reasons[0].message.endswith("lends only where this is known.")


def test_a_bank_changes_figures_by_name() -> None:
    world = sound()
    (found,) = decided(world, waterfall={"advance_rate": "1", "dilution_reserve": "0.1"}).receivables
    assert str(found.eligible) == "1017.00"
    (found,) = decided(world, waterfall={"ageing": [{"over_days": 0, "part": "0.5"}]}).receivables
    assert str(found.eligible) == "858.80"


@pytest.mark.parametrize("name", PROFILES)
def test_the_same_evidence_gives_the_same_bytes(name: str) -> None:
    world = sound(credit_note(), invoice("INV-7"))
    evidence, profile = world.evidence(), PROFILES[name]
    first = evaluate(evidence, profile).to_bytes()
    parsed = Evidence.from_bytes(evidence.to_bytes())
    assert evaluate(parsed, Profile.from_json(profile.to_json())).to_bytes() == first
    turned = evidence.model_copy(update={"documents": evidence.documents[::-1]})
    assert evaluate(turned, profile).to_bytes() == first


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), st.sampled_from(list(PROFILES)))
def test_anything_is_judged_the_same_twice(world: World, name: str) -> None:
    evidence, profile = world.evidence(), PROFILES[name]
    first = evaluate(evidence, profile)
    again = evaluate(Evidence.from_bytes(evidence.to_bytes()), Profile.from_json(profile.to_json()))
    assert again.to_bytes() == first.to_bytes()
    for finding in first.findings:
        assert Finding.from_json(finding.to_json()) == finding
        assert finding.inputs
        assert explain(finding.rule, finding.version, finding.code) is not None
    for item in first.receivables:
        assert sum(step.amount for step in item.waterfall) == item.amount >= 0
        assert len(item.reasons) <= 5


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), st.sampled_from(["tax", "bank", "credit", "ledger"]))
def test_silence_never_makes_anything_of_any_kind_eligible(world: World, source: str) -> None:
    before = {
        item.fingerprint: item.decision for item in evaluate(world.evidence(), RECEIVABLE_V2).receivables
    }
    world.silence(source)
    for item in evaluate(world.evidence(), RECEIVABLE_V2).receivables:
        if before.get(item.fingerprint) is not Decision.ELIGIBLE:
            assert item.decision is not Decision.ELIGIBLE


@pytest.mark.parametrize("shape", [many_trades, one_invoice])
def test_work_grows_with_the_evidence(shape: Any) -> None:
    few, many = shape(75).evidence(), shape(300).evidence()  # beyond what is kept of an item's prices
    evaluate(few, RECEIVABLE_V2)
    small = calls_of(lambda: evaluate(few, RECEIVABLE_V2))
    large = calls_of(lambda: evaluate(many, RECEIVABLE_V2))
    assert large < 5 * small
