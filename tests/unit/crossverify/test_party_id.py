"""PARTY_ID: who the parties are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consortium.documents import Address, Party, PartyId
from crossverify.figures import AssetKind
from crossverify.rule import Effect, Finding
from tests.support.trade_world import (
    BUYER,
    OTHER,
    SELLER,
    World,
    alone,
    codes,
    codes2,
    despatch,
    invoice,
    judged,
    judged2,
    order,
    said,
)


def of_buyer(world: World) -> Finding:
    """What is found of the buyer of the only receivable: subject, seller, buyer is the order."""
    return judged(world, "PARTY_ID")[2]


def renamed(name: str) -> Party:
    return BUYER.model_copy(update={"name": name})


def test_passes_active_parties_under_their_names() -> None:
    found = judged(World(order(), invoice()), "PARTY_ID")
    assert [(item.subject == "", item.outcome.value, item.code) for item in found] == [
        (True, "PASS", "ACTIVE"),
        (False, "PASS", "ACTIVE"),
        (False, "PASS", "ACTIVE"),
    ]


def test_punctuation_width_and_case_of_names_do_not_matter() -> None:
    spelt = renamed("ＧＲＥＡＴ wheel   Motors.")
    assert of_buyer(World(order(), invoice(buyer=spelt))).code == "ACTIVE"


def test_another_name_warns_and_shows_both() -> None:
    finding = of_buyer(World(order(), invoice(buyer=renamed("Great Wheels"))))
    assert (finding.outcome.value, finding.code, finding.effect) == ("WARN", "NAME_DIFFERS", Effect.REFER)
    assert [item.value for item in finding.inputs] == ["Great Wheels", "Great Wheel Motors"]


def test_the_name_on_the_order_counts_too() -> None:
    assert of_buyer(World(order(buyer=renamed("Great Wheels")), invoice())).code == "NAME_DIFFERS"


def test_a_former_name_passes_and_is_said() -> None:
    world = World(order(), invoice(buyer=renamed("Great Wheels")))
    world.taxpayer(BUYER, former_names=["GREAT WHEELS", "Small Wheels"])
    finding = of_buyer(world)
    assert (finding.outcome.value, finding.code) == ("PASS", "FORMER_NAME")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("active", ("PASS", "ACTIVE")),
        ("suspended", ("WARN", "NOT_ACTIVE")),
        ("", ("WARN", "NOT_ACTIVE")),
        ("revoked", ("FAIL", "REVOKED")),
    ],
)
def test_status_at_tax(state: str, expected: tuple[str, str]) -> None:
    world = World(order(), invoice())
    world.taxpayer(BUYER, state=state)
    finding = of_buyer(world)
    assert (finding.outcome.value, finding.code) == expected


@pytest.mark.parametrize(
    ("scheme", "right", "wrong"),
    [
        ("lei", "529900T8BM49AURSDO55", "529900T8BM49AURSDO56"),
        ("vat", "DE136695976", "DE136695978"),
        ("uscc", str(BUYER.identifiers[0].value), "91310000MA1FL0029X"),
    ],
)
def test_a_wrong_check_character_fails(scheme: str, right: str, wrong: str) -> None:
    for value, expected in ((right, "ACTIVE"), (wrong, "BAD_CHECK_CHARACTER")):
        identifiers = {*BUYER.identifiers, PartyId(scheme=scheme, value=value)}
        named = BUYER.model_copy(update={"identifiers": tuple(sorted(identifiers, key=str))})
        assert of_buyer(World(invoice(buyer=named))).code == expected


def test_a_code_with_a_letter_in_front_is_legal() -> None:
    from consortium.documents.identifiers import make_uscc

    for authority in "ANY":
        code = PartyId(scheme="uscc", value=make_uscc(authority, "1", "310000", "MA1FL004"))
        named = BUYER.model_copy(update={"identifiers": (code,)})
        world = World(invoice(buyer=named))
        world.taxpayer(named)
        assert of_buyer(world).code == "ACTIVE"


def test_a_scheme_that_nobody_can_check_is_no_fault() -> None:
    other = PartyId(scheme="local", value="C-000")
    named = BUYER.model_copy(update={"identifiers": (*BUYER.identifiers, other)})
    assert of_buyer(World(invoice(buyer=named))).code == "ACTIVE"


def test_what_cannot_be_known_is_unknown() -> None:
    world = World(invoice(buyer=Party(name="Somebody")))
    assert (of_buyer(world).outcome.value, of_buyer(world).code) == ("UNKNOWN", "NO_IDENTIFIER")
    world = World(invoice())
    world.taxpayer(BUYER, known=False)
    assert (of_buyer(world).outcome.value, of_buyer(world).code) == ("UNKNOWN", "NOT_KNOWN_TO_TAX")
    world.silence("tax")
    assert {(item.outcome.value, item.code) for item in judged(world, "PARTY_ID")} == {
        ("UNKNOWN", "SOURCE_SILENT")
    }


def test_the_subject_is_judged_by_itself() -> None:
    world = World()
    world.taxpayer(SELLER, state="revoked")
    (finding,) = judged(world, "PARTY_ID")
    assert (finding.subject, finding.code, finding.effect) == ("", "REVOKED", Effect.EXCLUDE)
    world.subject = world.subject.model_copy(update={"identifiers": ("nonsense",)})
    assert judged(world, "PARTY_ID")[0].code == "BAD_IDENTIFIER"


# --- version 2 ----------------------------------------------------------------------------------

ABROAD = Party(
    name="Nordrad GmbH",
    identifiers=(PartyId(scheme="lei", value="529900T8BM49AURSDO55"),),
    address=Address(country="DE"),
)


def test_a_party_abroad_without_a_tax_number_is_not_asked_about() -> None:
    world = World(order(buyer=ABROAD), invoice(buyer=ABROAD))
    findings = judged2(world, "PARTY_ID", 2)
    assert [(item.outcome.value, item.code) for item in findings] == [
        ("PASS", "ACTIVE"),
        ("PASS", "ACTIVE"),
        ("NOT_APPLICABLE", "FOREIGN_PARTY"),
    ]
    assert codes(world, "PARTY_ID")[-1] == ("UNKNOWN", "NOT_ANSWERED"), "version 1 stays as it was"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"identifiers": (PartyId(scheme="lei", value="529900T8BM49AURSDO56"),)}, "BAD_CHECK_CHARACTER"),
        ({"address": Address(country="CN")}, "NOT_ANSWERED"),
        ({"address": None}, "NOT_ANSWERED"),
    ],
)
def test_abroad_is_no_excuse_for_the_rest(change: dict[str, Any], code: str) -> None:
    buyer = Party(**{**dict(ABROAD), **change})
    assert codes2(World(invoice(buyer=buyer)), "PARTY_ID", 2)[-1][1] == code


def test_a_paper_that_makes_one_party_of_two_is_shown_to_a_person() -> None:
    number = PartyId(scheme="gln", value="6901234000009")
    both = BUYER.model_copy(update={"identifiers": (*BUYER.identifiers, *OTHER.identifiers)})
    chain = [who.model_copy(update={"identifiers": (*who.identifiers, number)}) for who in (BUYER, OTHER)]
    for papers in ([despatch(buyer=both)], [despatch(f"DA-{n}", buyer=who) for n, who in enumerate(chain)]):
        found = [item for item in judged2(World(invoice(), *papers), "PARTY_ID", 2) if item.subject]
        assert [item.code for item in found if item.outcome.value != "PASS"] == ["TWO_COMPANIES"]
        assert {item.effect for item in found if item.code == "TWO_COMPANIES"} == {Effect.REFER}
    assert "TWO_COMPANIES" not in {
        code for _, code in codes2(World(invoice(), despatch(buyer=chain[0])), "PARTY_ID", 2)
    }


def test_version_2_finds_the_names_on_orders() -> None:
    other = Party(name="Great Whale Engines", identifiers=BUYER.identifiers, address=BUYER.address)
    world = World(order(buyer=other), invoice())
    assert codes2(world, "PARTY_ID", 2)[-1] == ("WARN", "NAME_DIFFERS")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Great Wheel Motor", "NAME_SLIP"),
        ("Great Wheel Motors Ltd", "NAME_SLIP"),
        ("Great Wheels Motors", "NAME_SLIP"),
        ("Great Whel Motors", "NAME_SLIP"),
        ("Great Stone Motors", "NAME_DIFFERS"),
        ("Third Hand Trading", "NAME_DIFFERS"),
    ],
)
def test_a_slip_of_the_pen_is_no_other_party(name: str, code: str) -> None:
    finding = judged2(World(invoice(buyer=renamed(name))), "PARTY_ID", 2)[-1]
    assert (finding.outcome.value, finding.code) == ("WARN", code)
    assert finding.effect is (Effect.INFORMATION if code == "NAME_SLIP" else Effect.REFER)


@pytest.mark.parametrize(
    ("name", "code"),
    [("长轮有华公司", "NAME_SLIP"), ("长江有限公司", "NAME_SLIP"), ("黄河有限公司", "NAME_DIFFERS")],
)
def test_a_slip_in_a_chinese_name(name: str, code: str) -> None:
    buyer = renamed("长轮有限公司")
    world = World(invoice(buyer=renamed(name)))
    world.taxpayer(buyer)
    assert judged2(world, "PARTY_ID", 2)[-1].code == code


def test_version_2_looks_at_orders_that_are_lent_on() -> None:
    world = World(order(seller=SELLER, buyer=BUYER))
    world.taxpayer(BUYER, state="revoked")
    profile = replace(alone("PARTY_ID", 2), lends_on=AssetKind.ORDER)
    assert [item.code for item in said(world, profile)] == ["ACTIVE", "ACTIVE", "REVOKED"]
