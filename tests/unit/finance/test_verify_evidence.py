"""Checks of ``package verify`` on what the evidence says and what follows from it; the forger is the issuer itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from crossverify.evidence import AssetState, ClaimState, Evidence, LinkState
from finance_gateway.packages.envelope import read_envelope
from finance_gateway.packages.verify import (
    OTHER_CODE_NOTICE,
    OWN_CLAIMS_NOTICE,
    READ_SLACK_S,
    TAG_NOTICE,
)
from tests.support import trade_world as tw
from tests.support.package_forge import (
    CHANNEL,
    OTHER_BANK,
    Forge,
    changed,
    check,
    failing,
    message,
    sound,
    truth_of,
)

NOW, BANK = tw.NOW, tw.BANK


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return sound().evidence()


@pytest.fixture(scope="module")
def package(evidence: Evidence) -> bytes:
    return Forge(evidence).make()


# --- agreement ----------------------------------------------------------------------------------


def _claimed() -> Evidence:
    """The invoice is half claimed by somebody else."""
    world = sound()
    invoice = next(fp for fp, item in world.documents.items() if item.document.kind == "invoice")
    claim = ClaimState(claim="h" * 64, share_ppb=500_000_000, state="financed")
    world.asset(invoice, claims=(claim,), state="encumbered")
    return world.evidence()


def _asset(data: Any) -> Any:
    """The invoice's row in evidence as data."""
    invoice = next(d["fingerprint"] for d in data["documents"] if d["document"]["kind"] == "invoice")
    return data["ledger"]["assets"][invoice]


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda e: _asset(e).update(claims=[], state="free"), "claims"),
        (lambda e: _asset(e)["claims"][0].update(share_ppb=1), "claims"),
        (lambda e: _asset(e)["claims"][0].update(state="reserved"), "claims"),
        (lambda e: _asset(e)["claims"][0].update(claim="i" * 64), "claims"),
        (lambda e: _asset(e).update(state="free"), "state"),
        (lambda e: _asset(e).update(settled_ppb=1), "settled share"),
        (lambda e: _asset(e).update(diluted_ppb=1), "diluted share"),
        (lambda e: _asset(e).update(shortfall_ppb=1), "shortfall"),
        (lambda e: _asset(e).update(via={"c" * 64: 1}), "share used by children"),
        (lambda e: e["ledger"]["assets"].pop(_asset(e)["asset"]), "not in the evidence"),
        (lambda e: e["documents"][2].update(state="signed"), "state"),
        (lambda e: e["documents"][2].update(txid="t9"), "first transaction"),
        (lambda e: e["documents"][2].update(registered_by=OTHER_BANK), "registered by"),
        (lambda e: e["documents"][2].update(seller="e" * 64), "seller"),
        (lambda e: e["documents"][2].update(signed_by="e" * 64), "signature grade"),
        (lambda e: e["documents"][2].update(block=1), "position"),
        (lambda e: e["documents"][2].update(tx_index=1), "position"),
        (lambda e: e["ledger"].update(state="silent"), "nothing of the ledger"),
        (lambda e: e.update(ledger=None), "nothing of the ledger"),
        (lambda e: e["ledger"].update(channel="another"), "another channel"),
    ],
)
def test_evidence_that_says_something_else_than_the_organisations(
    spoil: Callable[[Any], Any], named: str
) -> None:
    """Signed by a dishonest issuer: every check but this one holds, or those that follow from it."""
    honest = _claimed()
    wanted = truth_of(honest)
    forge = Forge(
        changed(honest, spoil),
        truth=wanted,
        positions={item.fingerprint: (item.block, item.tx_index) for item in honest.documents},
    )
    data = forge.make()
    assert failing(data) == ["agreement"], check(data).checks
    assert named in message(data, "agreement")


def test_another_channel_in_the_heading(evidence: Evidence) -> None:
    assert failing(Forge(evidence, channel="another").make()) == ["agreement"]
    assert failing(Forge(evidence).make(), channel=CHANNEL) == []


def test_a_document_that_nobody_registered(evidence: Evidence) -> None:
    """As if the ledger did not matter: without transaction and block, under a commitment of the issuer's own."""
    invoice = evidence.documents[2].fingerprint
    bare = changed(evidence, lambda e: e["documents"][2].update(txid="", block=0))
    truth = truth_of(evidence)
    truth[invoice] = {"fp": invoice, "found": False}
    data = Forge(bare, truth=truth).make()
    assert failing(data) == ["agreement"]
    assert "not registered" in message(data, "agreement")


def test_a_claim_on_a_linked_order_that_the_issuer_leaves_out() -> None:
    """The order is not among the documents, and its row is signed all the same."""
    world = tw.World(tw.invoice(), tw.confirmation())
    order = tw.fp(tw.order())
    invoice = next(fp for fp, item in world.documents.items() if item.document.kind == "invoice")
    link = LinkState(child=invoice, parent=order, of_child_ppb=10**9, of_parent_ppb=10**9, basis="gross")
    world.asset(invoice, links=(link,))
    world.assets[order] = AssetState(asset=order, aliases=(order,))
    says = world.evidence()
    claim = ClaimState(claim="h" * 64, share_ppb=10**9, state="financed")
    world.asset(order, claims=(claim,), state="encumbered")
    assert check(Forge(world.evidence()).make()).ok
    data = Forge(says, truth=truth_of(world.evidence())).make()
    assert failing(data) == ["agreement"]
    assert "claims on" in message(data, "agreement")


def test_own_claims_are_the_gateways_word() -> None:
    mine = changed(_claimed(), lambda e: _asset(e)["claims"][0].update(own=True))
    report = check(Forge(mine).make())
    assert report.ok
    assert OWN_CLAIMS_NOTICE in report.notices


def test_a_body_matched_by_tag_is_the_gateways_word_and_an_amended_one_cannot_be(evidence: Evidence) -> None:
    truth = truth_of(evidence)
    invoice = evidence.documents[2].fingerprint
    truth[invoice]["commitment"] = "f" * 64
    by_tag = changed(evidence, lambda e: e["documents"][2].update(matched_by="tag"))
    report = check(Forge(by_tag, truth=truth).make())
    assert report.ok
    assert any(notice == f"{TAG_NOTICE}: 1" for notice in report.notices)
    truth[invoice]["state"] = "amended"
    amended = changed(by_tag, lambda e: e["documents"][2].update(state="amended"))
    assert failing(Forge(amended, truth=truth).make()) == ["agreement"]


# --- sources, replay, validity ------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p["sources"][0].update(evidence_digest="0" * 64),
        lambda p: p["sources"][0].update(state="silent"),
        lambda p: p["sources"].pop(),
        lambda p: p.pop("sources"),
    ],
)
def test_sources_that_are_not_those_of_the_evidence(evidence: Evidence, spoil: Callable[[Any], Any]) -> None:
    assert failing(Forge(evidence, payload=spoil).make()) == ["sources", "replay"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p["summary"]["counts"].update(eligible=9),
        lambda p: p["receivables"][0].update(eligible="999999.00"),
        lambda p: p["receivables"][0]["waterfall"][0].update(amount="999999.00"),
        lambda p: p["findings"].pop(0),
        lambda p: p["findings"][0].update(outcome="PASS", code="FINE"),
        lambda p: p["evidence"]["tax"]["answers"].popitem(),
        lambda p: p.update(valid_until=p["valid_until"] + 86_400),
        lambda p: p.update(retention_class="none"),
        lambda p: p["conditions_precedent"].pop(),
        lambda p: p.update(subject={}),
        lambda p: p.update(more=1),
        lambda p: p.update(rules_digest="the newest"),
        lambda p: p.pop("rules_digest"),
        lambda p: p.update(profile_digest="0" * 64),
        lambda p: p["profile"]["waterfall"].update(advance_rate="1"),
        lambda p: p["profile"]["rules"].pop(),
    ],
)
def test_a_result_that_the_rules_do_not_give(evidence: Evidence, spoil: Callable[[Any], Any]) -> None:
    """A dishonest issuer that signs better findings than its own evidence gives."""
    found = failing(Forge(evidence, payload=spoil).make())
    assert "replay" in found
    assert set(found) <= {"replay", "sources"}


def test_other_code_that_gives_the_same_result_is_no_fault(evidence: Evidence) -> None:
    report = check(Forge(evidence, payload=lambda p: p.update(rules_digest="0" * 64)).make())
    assert report.ok
    assert OTHER_CODE_NOTICE in report.notices
    assert OTHER_CODE_NOTICE not in check(Forge(evidence).make()).notices


def test_other_code_is_no_excuse_for_another_result(evidence: Evidence) -> None:
    def spoil(payload: Any) -> None:
        payload.update(rules_digest="0" * 64)
        payload["receivables"][0].update(decision="eligible", eligible="999999.00")

    data = Forge(evidence, payload=spoil).make()
    assert failing(data) == ["replay"]
    assert message(data, "replay").endswith(
        "different: receivables; made with other rule code than this program has"
    )


VECTORS = Path(__file__).parents[2] / "vectors" / "packages"


def old_package(spoil: Callable[[Any], Any] = lambda payload: None) -> bytes:
    """A package as the first release made it, with reads that are fresh."""
    payload = orjson.loads((VECTORS / "receivable-v1.payload.json").read_bytes())
    evidence = Evidence.from_json(payload["evidence"])

    def replace_all(made: Any) -> None:
        made.clear()
        made.update(payload)
        spoil(made)

    return Forge(evidence, payload=replace_all).make()


def test_a_package_of_the_first_release_replays() -> None:
    report = check(old_package())
    assert [item for item in report.checks if not item.ok] == []
    assert OTHER_CODE_NOTICE in report.notices
    assert read_envelope(old_package())[1]["version"] == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: next(r for r in p["receivables"] if r["decision"] == "refer").update(decision="eligible"),
        lambda p: p["findings"].pop(),
        lambda p: p.update(explanations={}),
        lambda p: p["profile"]["rules"][0]["thresholds"].update(expiring_days=400),
    ],
)
def test_a_forged_package_of_the_first_release_does_not(spoil: Callable[[Any], Any]) -> None:
    assert failing(old_package(spoil)) == ["replay"]


def test_a_rule_version_that_nobody_has_is_refused_by_name() -> None:
    data = old_package(lambda p: p["profile"]["rules"][3].update(version=99))
    assert failing(data) == ["form"]
    assert "Rule TOTALS_TAX version 99" in message(data, "form")


def test_a_replay_names_what_is_different(evidence: Evidence) -> None:
    data = Forge(evidence, payload=lambda p: p["summary"]["counts"].update(eligible=9)).make()
    assert message(data, "replay").endswith("different: summary")


def test_a_package_runs_out_and_does_not_come_from_the_future(package: bytes) -> None:
    until = read_envelope(package)[1]["valid_until"]
    assert failing(package, at=until) == []
    assert failing(package, at=until + 1) == ["validity"]
    assert failing(package, at=NOW - READ_SLACK_S - 1) == ["validity"]


@pytest.mark.parametrize("value", [None, "tomorrow", []])
def test_a_package_that_does_not_say_until_when(evidence: Evidence, value: Any) -> None:
    data = Forge(evidence, payload=lambda p: p.update(valid_until=value)).make()
    assert failing(data) == ["replay", "validity"]
