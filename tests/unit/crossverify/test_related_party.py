"""RELATED_PARTY: what seller and debtor have in common."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.documents import Address, Party, PartyId
from consortium.documents.party import primary_id
from crossverify.rule import Effect, Finding
from tests.support.portfolio_world import firm, judged
from tests.support.trade_world import BUYER, SELLER, World, fp, invoice

BILL = fp(invoice())
ONE, TWO = str(primary_id(SELLER)), str(primary_id(BUYER))


def link(kind: str, key: str = "k1", identifier: str = "", share: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "key": key, "identifier": identifier, "share_percent": share}


def world(seller: list[dict[str, Any]], debtor: list[dict[str, Any]]) -> World:
    made = World(invoice())
    made.credit[ONE] = {"known": True, "related": seller}
    made.credit[TWO] = {"known": True, "relations_only": True, "related": debtor}
    return made


def found(made: World, **thresholds: Any) -> Finding:
    (finding,) = [item for item in judged(made, "RELATED_PARTY", **thresholds) if item.subject == BILL]
    return finding


NOBODY: list[dict[str, Any]] = []


@pytest.mark.parametrize(
    ("seller", "debtor", "expected", "effect"),
    [
        (NOBODY, NOBODY, ("PASS", "NO_LINK"), Effect.INFORMATION),
        ([link("owner", "a")], [link("owner", "b")], ("PASS", "NO_LINK"), Effect.INFORMATION),
        ([link("owner")], [link("officer")], ("PASS", "ONE_LINK"), Effect.INFORMATION),
        ([link("address")], [link("address")], ("PASS", "ONE_LINK"), Effect.INFORMATION),
        (
            [link("address"), link("contact", "c")],
            [link("address"), link("contact", "c")],
            ("PASS", "ONE_LINK"),
            Effect.INFORMATION,
        ),
        (
            [link("officer"), link("owner")],
            [link("owner"), link("officer")],
            ("PASS", "ONE_LINK"),
            Effect.INFORMATION,
        ),
        (
            [link("officer"), link("address", "x")],
            [link("owner"), link("address", "x")],
            ("WARN", "TWO_LINKS"),
            Effect.REFER,
        ),
        (
            [link("officer"), link("owner", "k2", share="20")],
            [link("owner", share="30"), link("officer", "k2")],
            ("WARN", "TWO_LINKS"),
            Effect.REFER,
        ),
        ([link("controller")], [link("controller")], ("FAIL", "SAME_CONTROLLER"), Effect.EXCLUDE),
        ([link("controller")], [link("owner", share="50")], ("FAIL", "SAME_CONTROLLER"), Effect.EXCLUDE),
        (
            [link("owner", share="51")],
            [link("owner", share="49.9")],
            ("PASS", "ONE_LINK"),
            Effect.INFORMATION,
        ),
        ([link("controller", "d", TWO)], NOBODY, ("FAIL", "CONTROLS"), Effect.EXCLUDE),
        (NOBODY, [link("owner", "s", ONE, "80")], ("FAIL", "CONTROLS"), Effect.EXCLUDE),
        (NOBODY, [link("owner", "s", ONE, "10")], ("PASS", "ONE_LINK"), Effect.INFORMATION),
        (
            [link("owner", "d", TWO, "10"), link("officer")],
            [link("officer")],
            ("WARN", "TWO_LINKS"),
            Effect.REFER,
        ),
    ],
)
def test_links(
    seller: list[dict[str, Any]], debtor: list[dict[str, Any]], expected: tuple[str, str], effect: Effect
) -> None:
    finding = found(world(seller, debtor))
    assert ((finding.outcome.value, finding.code), finding.effect) == (expected, effect)


def test_an_address_of_a_crowd_links_nobody() -> None:
    made = world([link("address"), link("officer", "p")], [link("address"), link("officer", "p")])
    assert found(made).code == "TWO_LINKS"
    made.add(invoice("INV-2", buyer=firm(1)))
    made.credit[str(primary_id(firm(1)))] = {"known": True, "related": [link("address")]}
    assert found(made).code == "ONE_LINK"
    assert found(made, crowd=4).code == "TWO_LINKS"


def placed(who: Party, street: str) -> Party:
    return who.model_copy(update={"address": Address(street=street, city="Suzhou", country="CN")})


def test_the_documents_show_addresses_too() -> None:
    made = World(invoice(seller=placed(SELLER, "Jinji Road 1"), buyer=placed(BUYER, "JINJI ROAD  1")))
    made.credit = {
        ONE: {"known": True, "related": [link("officer")]},
        TWO: {"known": True, "related": [link("owner")]},
    }
    (finding,) = judged(made, "RELATED_PARTY")
    assert finding.code == "TWO_LINKS"
    assert "address in common on the documents" in finding.message


def test_thresholds() -> None:
    one = world([link("owner", share="30")], [link("owner", share="30")])
    assert found(one, control_percent="30").code == "SAME_CONTROLLER"
    assert found(one, links=1).code == "TWO_LINKS"


def test_what_the_bureau_does_not_say_is_unknown() -> None:
    made = World(invoice())
    assert found(made).code == "NOT_ANSWERED"
    assert found(made).message.startswith("About the debtor:")
    made.credit[TWO] = {"known": False}
    assert found(made).code == "NO_FILE"
    made.credit[TWO] = {"known": True, "related": "many"}
    assert found(made).code == "ANSWER_UNREADABLE"
    made.silence("credit")
    assert found(made).code == "SOURCE_SILENT"
    made.forget("credit")
    assert found(made).code == "NOT_ASKED"


def test_what_is_found_stands_though_the_other_report_is_missing() -> None:
    made = World(invoice())
    made.credit[ONE] = {"known": True, "related": [link("controller", "d", TWO)]}
    assert found(made).code == "CONTROLS"


def test_a_debtor_without_identifier() -> None:
    nameless = Party(name="Wheel Shop")
    made = World(invoice(buyer=nameless))
    (finding,) = judged(made, "RELATED_PARTY")
    assert finding.code == "NO_IDENTIFIER"


def test_a_debtor_abroad_is_in_no_file_and_refers_nobody() -> None:
    abroad = Party(
        name="Kesselbau",
        identifiers=(PartyId(scheme="vat", value="DE136695976"),),
        address=Address(country="DE"),
    )
    made = World(invoice(buyer=abroad))
    made.credit["vat:DE136695976"] = {"known": False}
    (finding,) = judged(made, "RELATED_PARTY")
    assert (finding.outcome.value, finding.code, finding.effect) == ("UNKNOWN", "ABROAD", Effect.INFORMATION)
    made = World(invoice(buyer=abroad.model_copy(update={"address": Address(country="CN")})))
    made.credit["vat:DE136695976"] = {"known": False}
    (finding,) = judged(made, "RELATED_PARTY")
    assert (finding.code, finding.effect) == ("NO_FILE", Effect.REFER)


def test_an_invoice_to_oneself() -> None:
    made = World(invoice(buyer=SELLER))
    (finding,) = judged(made, "RELATED_PARTY")
    assert finding.code == "CONTROLS"
