"""The second form of the payload: what a loan desk reads beyond decision and reasons."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import orjson
import pytest

from consortium.documents.canonical import canonical_bytes, document_bytes
from crossverify.desk import DeskInfo
from crossverify.evidence import ClaimState
from crossverify.explain import DECISIONS
from crossverify.profiles import PROFILES, RECEIVABLE_V2
from finance_gateway.packages.bulk import bytes_of
from finance_gateway.packages.content import Heading, build_payload, valid_until
from tests.support import trade_world as tw
from tests.support.full_world import FullWorld, sound
from tests.support.package_forge import Forge, check, failing

HEADING = Heading("ab" * 16, tw.BANK, "fabric", "c", None, ("BankBMSP", tw.BANK))


def payload(world: tw.World, profile: str = "receivable-v2") -> dict[str, Any]:
    made = build_payload(HEADING, world.evidence(), PROFILES[profile])
    return orjson.loads(canonical_bytes(made))  # type: ignore[no-any-return]


def test_version_2_for_evidence_of_version_2_only() -> None:
    evidence = sound().evidence()
    assert build_payload(HEADING, evidence, RECEIVABLE_V2)["version"] == 2
    first = evidence.model_copy(update={"version": 1, "registry": None, "bills": None, "desk": None})
    made = build_payload(HEADING, first, PROFILES["receivable-v1"])
    assert made["version"] == 1
    assert [item["source"] for item in made["sources"]] == ["tax", "bank", "credit", "ledger"]
    assert "explanations" not in made
    assert "registry" not in made["evidence"]


def test_it_says_who_was_asked_and_among_whom_duplicates_show() -> None:
    world = sound()
    world.silence("bank", "closed")
    made = payload(world)
    assert [(item["source"], item["state"]) for item in made["sources"]] == [
        ("tax", "answered"),
        ("bank", "silent"),
        ("credit", "answered"),
        ("registry", "answered"),
        ("bills", "not_asked"),
        ("ledger", "answered"),
        ("desk", "given"),
    ]
    desk = DeskInfo.model_validate(world.desk).to_json()
    assert made["sources"][-1]["evidence_digest"] == hashlib.sha256(canonical_bytes(desk)).hexdigest()
    assert (made["network"]["members"], made["network"]["channel"]) == (["BankBMSP", tw.BANK], "c")
    assert made["authorisation"]["consent"] == ""
    assert made["authorisation"]["purpose"] == "credit_assessment"
    assert made["lends_on"] == "receivable"


def test_a_receivable_has_its_lines_terms_and_priority() -> None:
    (one,) = payload(sound())["receivables"]
    (row,) = one["lines"]
    assert (row["line"], row["ordered"], row["accepted"], row["invoiced"], row["verdict"]) == (
        "1",
        "100",
        "100",
        "100",
        "agrees",
    )
    (due,) = one["terms"]["due_dates"]
    assert (due["value"], due["kind"], due["number"], due["field"]) == (
        "2026-08-08",
        "invoice",
        "INV-1",
        "due_date",
    )
    assert due["document"] == tw.fp(tw.invoice())
    assert one["priority"]["claims"] == []
    assert one["priority"]["next_rank"] == 1


def test_every_code_that_occurs_is_explained_in_both_languages() -> None:
    world = FullWorld(tw.order(), tw.receipt(), tw.invoice(lines=[{"quantity": Decimal(150)}]))
    made = payload(world)
    codes = made["explanations"]["codes"]
    said = {f"{item['rule']}.{item['code']}" for item in made["findings"]}
    reasons = {item["code"] for each in made["receivables"] for item in each["reasons"]}
    assert set(codes) == said | reasons | {f"DECISION.{code}" for code in DECISIONS}
    for text in codes.values():
        assert text["en"]
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text["zh"])
    assert made["explanations"]["rules"]["CONSENT"]["basis"]


def test_conditions_are_open_until_a_rule_says_that_they_are_met() -> None:
    world = sound()
    made = payload(world)
    states = {item["code"]: item["state"] for item in made["conditions_precedent"]}
    assert states == {"REGISTRY_OWN": "open", "ASSIGN_NOTICE": "open", "RESERVE": "open"}
    assert all(item["text"] and item["text_zh"] for item in made["conditions_precedent"])
    claim = ClaimState(claim="1" * 16, share_ppb=10**9, state="reserved", own=True, expires=tw.NOW + 60)
    world.asset(tw.fp(tw.invoice()), claims=(claim,))
    states = {item["code"]: item["state"] for item in payload(world)["conditions_precedent"]}
    assert states["RESERVE"] == "met"


@pytest.mark.parametrize(
    ("profile", "first"), [("bill-v1", "BILL_ENDORSED"), ("warehouse-v1", "PLEDGE_ENDORSED")]
)
def test_conditions_are_those_of_the_product(profile: str, first: str) -> None:
    made = payload(sound(), profile)
    assert made["conditions_precedent"][0]["code"] == first
    assert made["lends_on"] != "receivable"
    assert made["receivables"] == []


def test_an_order_has_no_lines_of_an_invoice() -> None:
    (one,) = payload(sound(), "order-v1")["receivables"]
    assert one["number"] == "PO-1"
    assert "lines" not in one
    assert "priority" in one


def test_it_holds_no_longer_than_registry_and_own_reservation() -> None:
    world = sound()
    ages = RECEIVABLE_V2.max_ages
    assert ages.registry is not None
    world.age("registry", ages.registry - 7)
    assert valid_until(world.evidence(), RECEIVABLE_V2) == tw.NOW + 7
    claim = ClaimState(claim="1" * 16, share_ppb=1, state="reserved", own=True, expires=tw.NOW + 5)
    world.asset(tw.fp(tw.invoice()), claims=(claim,))
    assert valid_until(world.evidence(), RECEIVABLE_V2) == tw.NOW + 4
    world.asset(tw.fp(tw.invoice()), claims=(claim.model_copy(update={"own": False}),))
    assert valid_until(world.evidence(), RECEIVABLE_V2) == tw.NOW + 7


def test_totals_in_one_currency_name_their_rates() -> None:
    world = sound(tw.invoice("INV-U", currency="USD"))
    converted = payload(world)["summary"]["converted"]
    assert converted["source"] == "SAFE"
    assert converted["rates"] == {"USD": "USD/CNY 7.10 (SAFE)"}
    assert converted["totals"]["face"] == "9153.00"
    world.desk["rates"] = None
    assert payload(world)["summary"]["converted"]["missing"] == ["USD"]


def test_bodies_that_are_at_hand_give_the_same_bytes() -> None:
    evidence = sound().evidence()
    bodies = {item.fingerprint: document_bytes(item.document) for item in evidence.documents}
    whole = canonical_bytes(build_payload(HEADING, evidence, RECEIVABLE_V2))
    assert bytes_of(build_payload(HEADING, evidence, RECEIVABLE_V2, bodies)) == whole


@pytest.mark.parametrize("profile", PROFILES)
def test_it_verifies_offline_whatever_is_lent_on(profile: str) -> None:
    report = check(Forge(sound().evidence(), profile=PROFILES[profile]).make())
    assert [item for item in report.checks if not item.ok] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p["receivables"][0]["lines"][0].update(accepted="1000"),
        lambda p: p["receivables"][0]["priority"].update(next_rank=9),
        lambda p: p["receivables"][0]["terms"]["due_dates"][0].update(value="2027-01-01"),
        lambda p: p["explanations"]["codes"].popitem(),
        lambda p: p["network"]["members"].append("Everybody"),
        lambda p: p["conditions_precedent"][0].update(state="met"),
        lambda p: p["evidence"]["desk"].update(exposures=[]),
        lambda p: p["evidence"]["registry"]["answers"].clear(),
        lambda p: p["profile"].update(lends_on="bill"),
        lambda p: p.update(version=1),
    ],
)
def test_nothing_of_it_can_be_changed(spoil: Any) -> None:
    data = Forge(sound().evidence(), profile=RECEIVABLE_V2, payload=spoil).make()
    assert "replay" in failing(data)
