"""SANCTIONS: identifiers first, then names as a person compares them."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.documents import Party, PartyId
from consortium.documents.party import primary_id
from crossverify.desk import DeskInfo
from crossverify.rule import Effect
from tests.support.trade_world import (
    BUYER,
    NOW,
    OTHER,
    SELLER,
    World,
    codes2,
    despatch,
    fp,
    invoice,
    judged2,
    party,
)

RULE = "SANCTIONS"
CHINESE = party("华东铸造有限公司", "MA1FL009")


def world(*listed: dict[str, Any], bill: Any = None) -> World:
    made = World(bill or invoice())
    entries = [{"list": "UN", "name": "Nobody We Know", **entry} for entry in listed]
    made.changes["desk"] = DeskInfo.model_validate({"as_of": NOW, "sanctions": entries})
    return made


def of_invoice(made: World) -> tuple[str, str]:
    (found,) = [item for item in judged2(made, RULE) if item.subject]
    return found.outcome.value, found.code


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, ("PASS", "CLEAR")),
        ({"identifiers": [str(primary_id(BUYER))]}, ("FAIL", "HIT")),
        ({"identifiers": [primary_id(BUYER).value.lower()]}, ("FAIL", "HIT")),
        ({"name": "GREAT WHEEL MOTORS CO., LTD."}, ("FAIL", "HIT")),
        ({"aliases": ["great-wheel motors"]}, ("FAIL", "HIT")),
        ({"name": "Great Wheel Motors", "identifiers": ["uscc:91310000MA1FL00777"]}, ("WARN", "CLOSE_NAME")),
        ({"name": "Great Wheel Motors", "identifiers": ["lei:529900T8BM49AURSDO55"]}, ("FAIL", "HIT")),
        ({"name": "Great Wheel Motor"}, ("WARN", "CLOSE_NAME")),
        ({"name": "Great Vheel Motors Ltd"}, ("WARN", "CLOSE_NAME")),
        ({"name": "Small Wheel Motors"}, ("PASS", "CLEAR")),
    ],
)
def test_identifier_then_name(entry: dict[str, Any], expected: tuple[str, str]) -> None:
    assert of_invoice(world(entry)) == expected


def test_of_namesakes_on_two_lists_the_gravest_counts() -> None:
    other = {"name": "Great Wheel Motors", "identifiers": ["uscc:91310000MA1FL00777"]}
    nameless = {"name": "Great Wheel Motors", "list": "EU"}
    assert of_invoice(world(other, nameless)) == ("FAIL", "HIT")
    assert of_invoice(world(nameless, other)) == ("FAIL", "HIT")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("华东铸造股份有限公司", ("FAIL", "HIT")),  # another legal form
        ("華东铸造有限公司", ("WARN", "CLOSE_NAME")),
        ("华东铸造", ("FAIL", "HIT")),
        ("华东锻压有限公司", ("PASS", "CLEAR")),
    ],
)
def test_chinese_names(name: str, expected: tuple[str, str]) -> None:
    assert of_invoice(world({"name": name}, bill=invoice(buyer=CHINESE))) == expected


def test_a_hit_excludes_and_says_by_what() -> None:
    found = next(item for item in judged2(world({"name": BUYER.name}), RULE) if item.subject)
    assert found.effect is Effect.EXCLUDE
    assert "on the list UN" in found.message
    assert [item.source for item in found.inputs] == ["documents", "desk"]


def test_the_subject_and_parties_of_other_documents_are_looked_up_too() -> None:
    (subject,) = [item for item in judged2(world({"name": SELLER.name}), RULE) if not item.subject]
    assert (subject.code, subject.effect) == ("HIT", Effect.EXCLUDE)
    made = world({"identifiers": [str(primary_id(OTHER))]})
    assert [item.code for item in judged2(made, RULE)] == ["CLEAR", "CLEAR"]
    made.add(despatch(seller=OTHER))
    (subject, bill) = judged2(made, RULE)
    assert (subject.subject, subject.code, bill.code) == ("", "HIT", "CLEAR")
    assert subject.inputs[0].document == fp(despatch(seller=OTHER))


def test_without_a_list_nothing_is_known() -> None:
    made = World(invoice())
    assert codes2(made, RULE) == [("UNKNOWN", "NO_LIST")]
    assert judged2(made, RULE)[0].effect is Effect.INFORMATION


def test_a_long_list_is_not_read_letter_by_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    from crossverify import names
    from crossverify.rules.party import sanctions

    compared = []
    real = names.alike

    def counting(one: str, other: str) -> bool:
        compared.append(other)
        return real(one, other)

    monkeypatch.setattr(sanctions, "alike", counting)
    entries: list[dict[str, Any]] = [{"name": f"Great Company Number {number}"} for number in range(3000)]
    codes2(world(*entries), RULE)
    assert 0 < len(compared) <= 10 * sanctions.MAX_CANDIDATES


def test_a_party_without_a_name_is_looked_up_by_identifier() -> None:
    nameless = Party(identifiers=(PartyId(scheme="lei", value="529900T8BM49AURSDO55"),))
    made = world({"identifiers": ["lei:529900T8BM49AURSDO55"]}, bill=invoice(buyer=nameless))
    assert of_invoice(made) == ("FAIL", "HIT")
