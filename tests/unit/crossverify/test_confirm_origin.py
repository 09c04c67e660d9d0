"""CONFIRM_ORIGIN: by which way did the confirmation come?"""

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
    confirmation,
    handle,
    invoice,
    judged2,
)

RULE = "CONFIRM_ORIGIN"
DOMAIN = "greatwheel-motors.com"


def from_address(address: str, number: str = "AR-1") -> Any:
    """A confirmation that names the address it came from among the debtor's identifiers."""
    mail = PartyId(scheme="em", value=address)
    buyer = Party(name=BUYER.name, identifiers=(*BUYER.identifiers, mail), address=BUYER.address)
    return confirmation(number=number, buyer=buyer)


def world(body: Any = None, by: Party = BUYER, **fields: Any) -> World:
    made = World(invoice())
    made.add(body or confirmation(), **({"pushed_by": handle(by)} | fields))
    made.changes["desk"] = DeskInfo.model_validate(
        {"as_of": NOW, "contacts": {str(primary_id(BUYER)): {"domains": [DOMAIN]}}}
    )
    return made


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (world(), ("PASS", "DEBTOR_IDENTITY")),
        (world(by=OTHER, signed_by=handle(BUYER)), ("PASS", "DEBTOR_IDENTITY")),
        (world(by=SELLER, signed_by=handle(BUYER)), ("PASS", "DEBTOR_IDENTITY")),
        (world(by=SELLER), ("FAIL", "FROM_SELLER")),
        (world(by=OTHER), ("WARN", "UNCLEAR")),
        (world(from_address(f"ap@{DOMAIN}"), by=OTHER), ("PASS", "KNOWN_DOMAIN")),
        (world(from_address(f"ap@mail.{DOMAIN}"), by=OTHER), ("PASS", "KNOWN_DOMAIN")),
        (world(from_address(f"ap@mail.{DOMAIN}"), by=SELLER), ("FAIL", "FROM_SELLER")),
        (world(from_address("ap@greatwheel-rnotors.com"), by=OTHER), ("FAIL", "LOOK_ALIKE")),
        (world(from_address("ap@greatwheel-motors.co"), by=SELLER), ("FAIL", "LOOK_ALIKE")),
        (world(from_address("ap@greatwheel-motors.co")), ("FAIL", "LOOK_ALIKE")),
        (world(from_address("somebody@elsewhere.com"), by=OTHER), ("WARN", "UNCLEAR")),
        (World(invoice()), ("NOT_APPLICABLE", "NO_CONFIRMATION")),
    ],
)
def test_the_way_decides(made: World, expected: tuple[str, str]) -> None:
    assert codes2(made, RULE) == [expected]


def test_the_address_may_stand_on_the_confirmation_itself() -> None:
    assert codes2(world(confirmation(sent_from=f"ap@{DOMAIN}"), by=OTHER), RULE) == [("PASS", "KNOWN_DOMAIN")]
    assert codes2(world(confirmation(sent_from="greatwhee1-motors.com"), by=OTHER), RULE) == [
        ("FAIL", "LOOK_ALIKE")
    ]


def test_a_look_alike_excludes_and_names_what_it_apes() -> None:
    (finding,) = judged2(world(from_address("ap@greatwheel-motors.co"), by=OTHER), RULE)
    assert finding.effect is Effect.EXCLUDE
    assert DOMAIN in finding.message
    assert [item.source for item in finding.inputs] == ["documents", "desk"]


def test_what_the_seller_hands_in_is_referred() -> None:
    (finding,) = judged2(world(by=SELLER), RULE)
    assert finding.effect is Effect.REFER


def test_the_debtors_own_word_counts_before_a_later_one_of_the_seller() -> None:
    made = world()
    made.add(confirmation(number="AR-2"), pushed_by=handle(SELLER))
    assert codes2(made, RULE) == [("PASS", "DEBTOR_IDENTITY")]


def test_a_seller_that_is_its_own_debtor_confirms_nothing() -> None:
    made = World(invoice(buyer=SELLER))
    made.add(confirmation(buyer=SELLER), pushed_by=handle(SELLER))
    assert codes2(made, RULE) == [("FAIL", "FROM_SELLER")]


def test_without_contacts_a_domain_is_unclear() -> None:
    made = world(from_address(f"ap@{DOMAIN}"), by=OTHER)
    del made.changes["desk"]
    assert codes2(made, RULE) == [("WARN", "UNCLEAR")]
