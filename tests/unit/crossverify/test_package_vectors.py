"""Packages that were made with an earlier release give the same bytes with this one, for ever."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Any

import orjson
import pytest

from consortium.documents.canonical import canonical_bytes
from crossverify.engine import evaluate
from crossverify.evidence import Evidence
from crossverify.profiles import PROFILES, Profile
from finance_gateway.packages.content import Heading, build_payload

FOLDER = Path(__file__).parents[2] / "vectors" / "packages"
NAMES = sorted(path.name.removesuffix(".payload.json") for path in FOLDER.glob("*.payload.json"))


def vector(name: str, part: str) -> bytes:
    return (FOLDER / f"{name}.{part}.json").read_bytes()


def cases(name: str) -> list[dict[str, Any]]:
    lines = lzma.decompress((FOLDER / f"{name}.cases.jsonl.xz").read_bytes()).splitlines()
    return [orjson.loads(line) for line in lines]


def test_the_first_profile_has_a_vector() -> None:
    assert "receivable-v1" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_rules_say_the_same(name: str) -> None:
    evidence = Evidence.from_bytes(vector(name, "evidence"))
    assert evidence.to_bytes() == vector(name, "evidence")
    profile = Profile.from_json(orjson.loads(vector(name, "profile")))
    assert canonical_bytes(profile.to_json()) == vector(name, "profile")
    assert evaluate(evidence, profile).to_bytes() == vector(name, "evaluation")


@pytest.mark.parametrize("name", NAMES)
def test_the_payload_is_the_same_but_for_the_code_that_made_it(name: str) -> None:
    payload = orjson.loads(vector(name, "payload"))
    evidence = Evidence.from_json(payload["evidence"])
    profile = Profile.from_json(payload["profile"])
    made = build_payload(Heading.from_json(payload["heading"]), evidence, profile)
    made["rules_digest"] = payload["rules_digest"]
    assert canonical_bytes(made) == vector(name, "payload")


@pytest.mark.parametrize("name", ["receivable-v1"])
def test_every_code_of_the_profile_is_said_as_it_was(name: str) -> None:
    profile = Profile.from_json(orjson.loads(vector(name, "profile")))
    assert PROFILES[name].to_json() == profile.to_json(), "a published profile stays as it is"
    said = set()
    for case in cases(name):
        evidence = Evidence.from_json(case["evidence"])
        assert evidence.to_json() == case["evidence"]
        chosen = profile.with_overrides(case["overrides"])
        assert evaluate(evidence, chosen).to_bytes() == canonical_bytes(case["evaluation"])
        said |= {(item["rule"], item["code"]) for item in case["evaluation"]["findings"]}
    published = {(item.rule.id, code) for item in profile.rules for code in item.rule.codes}
    assert said >= published
