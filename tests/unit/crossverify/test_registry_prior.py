"""REGISTRY_PRIOR."""

from __future__ import annotations

from typing import Any

import pytest

from crossverify.desk import DeskInfo, ReleaseLetter
from crossverify.rule import Effect
from tests.support.registry_world import SUBJECT, codes, judged, own, registered, registration
from tests.support.trade_world import BUYER, DAY, NOW, World, fp, invoice

RULE = "REGISTRY_PRIOR"
ALL = "转让人现有及将有的全部应收账款"
ALL_ON_DEBTOR = "转让人对Great Wheel Motors享有的全部应收账款"
ENDED: dict[str, Any] = {"state": "cancelled", "cancelled_unix": NOW - DAY}
EXPIRED: dict[str, Any] = {"expires_unix": NOW - 1}


def world(*registrations: dict[str, Any], **answer: Any) -> World:
    return registered(World(invoice()), *registrations, **answer)


@pytest.mark.parametrize(
    ("registrations", "said"),
    [
        ([], ("PASS", "NONE")),
        ([registration()], ("FAIL", "SAME_ASSET")),
        ([registration(description=ALL)], ("FAIL", "BLANKET")),
        ([registration(description=ALL_ON_DEBTOR, kind="pledge")], ("FAIL", "BLANKET")),
        ([registration(description="保理")], ("WARN", "VAGUE")),
        ([registration(description="")], ("WARN", "VAGUE")),
        ([registration(description="机器设备一批", kind="lease")], ("PASS", "OTHER_ASSETS")),
        ([registration(description="发票号码:INV-2、INV-3。")], ("PASS", "OTHER_ASSETS")),
        ([registration(description="对Other Motors Inc享有的全部应收账款")], ("PASS", "OTHER_ASSETS")),
        ([registration(**ENDED)], ("PASS", "ENDED")),
        ([registration(**EXPIRED)], ("PASS", "ENDED")),
        ([own()], ("PASS", "OWN")),
        ([own(registered_unix=NOW - 200 * DAY), registration()], ("WARN", "LATER")),
        ([own(), registration()], ("FAIL", "SAME_ASSET")),
        ([own(**ENDED), registration(**ENDED)], ("PASS", "ENDED")),
        # an ended own registration gives no place any more
        ([own(registered_unix=NOW - 200 * DAY, **ENDED), registration()], ("FAIL", "SAME_ASSET")),
        # same second: the registry's order decides; where that is not known the bank is not first
        ([own(registered_unix=NOW - 100 * DAY, sequence=6), registration()], ("WARN", "LATER")),
        ([own(registered_unix=NOW - 100 * DAY, sequence=8), registration()], ("FAIL", "SAME_ASSET")),
        ([own(registered_unix=NOW - 100 * DAY, sequence=7), registration()], ("FAIL", "SAME_ASSET")),
    ],
)
def test_outcomes(registrations: list[dict[str, Any]], said: tuple[str, str]) -> None:
    assert codes(world(*registrations), RULE) == [said]


def test_what_excludes_and_what_refers() -> None:
    effects = {
        each.code: each.effect
        for w in (world(registration()), world(registration(description="保理")))
        for each in judged(w, RULE)
    }
    assert effects == {"SAME_ASSET": Effect.EXCLUDE, "VAGUE": Effect.REFER}


def test_the_message_and_inputs_name_registration_time_and_party() -> None:
    (finding,) = judged(world(registration()), RULE)
    assert "R-1 of 2026-03-22" in finding.message
    assert "Second Bank" in finding.message
    fields = {each.field: each.value for each in finding.inputs}
    assert fields["R-1/registered"] == "2026-03-22 12:00 UTC"
    assert "INV-1" in fields["R-1/description"]
    assert {each.source for each in finding.inputs} == {"registry"}


def test_each_receivable_by_itself() -> None:
    two = World(invoice(), invoice("INV-2"))
    registered(two, registration())
    found = {each.subject: each.code for each in judged(two, RULE)}
    assert found == {fp(invoice()): "SAME_ASSET", fp(invoice("INV-2")): "OTHER_ASSETS"}


def test_an_invoice_that_was_added_later_is_a_later_claim() -> None:
    """The other bank registered first, and brought this invoice in after the own registration."""
    added = registration(
        first_description="发票号码:INV-9。",
        description="发票号码:INV-9、INV-1。",
        registered_unix=NOW - 300 * DAY,
        amendments=[
            {"at_unix": NOW - 10 * DAY, "kind": "description", "description": "发票号码:INV-9、INV-1。"}
        ],
    )
    assert codes(world(own(), added), RULE) == [("WARN", "LATER")]
    assert codes(world(own(registered_unix=NOW - 5 * DAY), added), RULE) == [("FAIL", "SAME_ASSET")]
    kept = {**added, "first_description": "发票号码:INV-1。"}
    assert codes(world(own(), kept), RULE) == [("FAIL", "SAME_ASSET")]


@pytest.mark.parametrize(
    ("released", "said"),
    [
        ("发票号码:INV-1。", "RELEASED"),
        ("对Great Wheel Motors享有的全部应收账款", "RELEASED"),
        ("发票号码:INV-2。", "BLANKET"),
        ("部分应收账款", "BLANKET"),
    ],
)
def test_a_release_by_amendment(released: str, said: str) -> None:
    amendment = {"at_unix": NOW - DAY, "kind": "release", "description": released}
    found = codes(world(registration(description=ALL, amendments=[amendment])), RULE)
    assert [code for _, code in found] == [said]


@pytest.mark.parametrize(
    ("letter", "said"),
    [
        (ReleaseLetter(registration="R-1"), "RELEASED"),
        (ReleaseLetter(registration="R-1", secured_party="Second  bank", receivables=("INV-1",)), "RELEASED"),
        (ReleaseLetter(registration="R-1", receivables=(fp(invoice()),), dated="2026-06-01"), "RELEASED"),
        (ReleaseLetter(registration="R-1", receivables=("INV-2",)), "BLANKET"),
        (ReleaseLetter(registration="R-1", secured_party="Third Bank"), "BLANKET"),
        (ReleaseLetter(registration="R-2"), "BLANKET"),
    ],
)
def test_a_release_letter_that_the_bank_holds(letter: ReleaseLetter, said: str) -> None:
    found = world(registration(description=ALL))
    found.changes["desk"] = DeskInfo(release_letters=(letter,))
    assert [code for _, code in codes(found, RULE)] == [said]


def test_the_banks_own_identifier_makes_it_own() -> None:
    found = world(registration())
    found.changes["desk"] = DeskInfo(own_identifiers=("USCC:9131000071a2b3c4d5",))
    assert codes(found, RULE) == [("PASS", "OWN")]
    assert codes(world(registration(filed_by="BankBMSP")), RULE) == [("FAIL", "SAME_ASSET")]


def test_a_debtor_under_its_former_name_is_found() -> None:
    old = registration(description="对Small Wheel Works享有的全部应收账款")
    found = world(old)
    assert codes(found, RULE) == [("PASS", "OTHER_ASSETS")]
    found.taxpayer(BUYER, former_names=["Small Wheel Works"])
    assert codes(found, RULE) == [("FAIL", "BLANKET")]


def test_claims_under_a_contract_or_order() -> None:
    assert codes(world(registration(description="合同编号:PO-1项下的应收账款")), RULE) == [
        ("FAIL", "BLANKET")
    ]
    assert codes(world(registration(description="合同编号:PO-9项下的应收账款")), RULE) == [
        ("PASS", "OTHER_ASSETS")
    ]
    named = registered(
        World(invoice(contract_number="C-7")), registration(description="合同编号:C-7项下的应收账款")
    )
    assert codes(named, RULE) == [("FAIL", "BLANKET")]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"registered_unix": NOW + 3600}, "ANSWER_UNREADABLE"),
        ({"assignor": {"name": "Somebody", "identifiers": ["uscc:X"]}}, "ANSWER_UNREADABLE"),
        ({"registered_unix": "yesterday"}, "ANSWER_UNREADABLE"),
        ({"registered_unix": 0}, "ANSWER_UNREADABLE"),
        ({"secured_party": "a bank"}, "ANSWER_UNREADABLE"),
        ({"expires_unix": None}, "ANSWER_UNREADABLE"),
    ],
)
def test_nonsense_is_unknown_with_the_reason(wrong: dict[str, Any], code: str) -> None:
    (finding,) = judged(world(registration(**wrong)), RULE)
    assert (finding.outcome.value, finding.code, finding.effect) == ("UNKNOWN", code, Effect.REFER)


def test_a_registration_under_a_former_name_counts() -> None:
    old = registration(assignor={"name": "Old Castings", "identifiers": []})
    assert codes(world(old), RULE) == [("UNKNOWN", "ANSWER_UNREADABLE")]
    assert codes(world(old, searched_names=["Old Castings"]), RULE) == [("FAIL", "SAME_ASSET")]


def test_a_silent_stale_or_unasked_registry_is_unknown() -> None:
    found = World(invoice())
    assert codes(found, RULE) == [("UNKNOWN", "NOT_ASKED")]
    found.silence("registry")
    assert codes(found, RULE) == [("UNKNOWN", "SOURCE_SILENT")]
    registered(found)
    found.age("registry", 3 * DAY)
    assert codes(found, RULE) == [("UNKNOWN", "SOURCE_STALE")]
    registered(found)
    found.age("registry", -3600)
    assert codes(found, RULE) == [("UNKNOWN", "SOURCE_CLOCK")]


def test_an_answer_about_somebody_else_alone_is_unknown() -> None:
    found = world()
    answer = found.changes["registry"]
    found.changes["registry"] = answer.model_copy(update={"answers": {"uscc:OTHER": answer.answers[SUBJECT]}})
    assert codes(found, RULE) == [("UNKNOWN", "NOT_ANSWERED")]
