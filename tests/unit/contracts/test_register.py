"""documents:register, get, history."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from consortium.contract import names, reasons
from tests.support.contract_world import (
    FACE,
    INDUSTRY_A,
    INDUSTRY_B,
    Json,
    World,
    alias,
    digest,
    document,
    fp,
    key,
    link,
    refused,
    signed_by,
)


@pytest.fixture
def world() -> World:
    world = World()
    world.trade()
    return world


def test_registered_document_is_read_back_under_every_key(world: World) -> None:
    item = document("I1", keys=[key("I1"), key("I1", epoch=2)], links=[link("PO1", 5)])
    (result,) = world.register(item)
    assert world.last is not None
    assert result == {"status": "registered", "fp": fp("I1"), "txid": world.last.txid}
    for epoch in (1, 2):
        (record,) = world.read(names.DOCUMENTS_GET, fps=[fp("I1", epoch)])["documents"]
        assert record["fp"] == fp("I1")
        assert record["keys"] == item["keys"]
        assert record["commitment"] == item["commitment"]
        assert (record["state"], record["grade"], record["owner"]) == ("asserted", "asserted", INDUSTRY_A)
        assert (record["seller"], record["buyer"], record["issuer"]) == (
            digest("seller"),
            digest("buyer"),
            digest("seller"),
        )
        assert record["asset"] == fp("I1")
        assert record["links"] == item["links"]
        assert (record["first_tx"], record["time"]) == (result["txid"], world.now)
        assert record["origin"] is None
    assert world.read(names.DOCUMENTS_GET, fps=[fp("nothing")]) == {"documents": [None]}


@pytest.mark.parametrize(
    ("kind", "opens"),
    [
        ("purchase_order", True),
        ("invoice", True),
        ("warehouse_receipt", True),
        ("despatch_advice", False),
        ("goods_receipt", False),
        ("credit_note", False),
        ("debtor_confirmation", False),
        ("contract", False),
        ("statement_of_account", False),
        ("assignment_notice", False),
        ("assignment_acknowledgement", False),
        ("bill", True),
        ("transport_document", False),
        ("financing_request", False),
        ("keeper_attestation", False),
        ("inspection_report", False),
    ],
)
def test_only_what_can_be_financed_opens_an_asset(world: World, kind: str, opens: bool) -> None:
    (result,) = world.register(document("D", kind=kind, asset=not opens))
    assert refused(result) == reasons.INVALID_ITEM
    (result,) = world.register(document("D", kind=kind))
    assert result["status"] == "registered"
    assert result.get("asset", fp("D")) == (fp("D") if opens else None)
    (row,) = world.read(names.ENCUMBRANCES_GET, assets=[fp("D")])["rows"]
    assert (row is not None) == opens


def test_the_same_again_is_already_registered_with_the_first_transaction(world: World) -> None:
    (first,) = world.register(document("I1"))
    world.now += 60
    again = document("I1", commitment=digest("other salt"))
    (result,) = world.register(again, msp=INDUSTRY_B)
    assert result == {"status": "already", "fp": fp("I1"), "txid": first["txid"]}
    assert world.record("I1")["owner"] == INDUSTRY_A


def test_other_content_under_the_same_fingerprint_is_a_conflict(world: World) -> None:
    (first,) = world.register(document("I1"))
    (result,) = world.register(document("I1", content="amount changed"), msp=INDUSTRY_B)
    assert (result["status"], result["txid"], result["fp"]) == ("conflict", first["txid"], fp("I1"))
    assert result["reason"] == reasons.CONTENT_CONFLICT
    assert world.record("I1")["commitment"] == document("I1")["commitment"]


@pytest.mark.parametrize("content", ["", "changed"])
def test_keys_of_another_epoch_meet_the_document(world: World, content: str) -> None:
    (first,) = world.register(document("I1", keys=[key("I1"), key("I1", epoch=2)]))
    new_keys = [key("I1", epoch=3, content=content), key("I1", epoch=2, content=content)]
    (result,) = world.register(document("I1", keys=new_keys), msp=INDUSTRY_B)
    assert result["status"] == ("conflict" if content else "already")
    assert (result["txid"], result["fp"]) == (first["txid"], fp("I1"))


def test_twice_in_one_batch(world: World) -> None:
    results = world.register(document("I1"), document("I1"), document("I1", content="x"), document("I2"))
    assert [result["status"] for result in results] == ["registered", "already", "conflict", "registered"]
    assert {result["txid"] for result in results} == {results[0]["txid"]}


def test_an_alias_leads_to_the_document_and_groups_the_other_one(world: World) -> None:
    """A commercial invoice names its 数电票; both are one asset, whichever comes first."""
    world.register(document("commercial", keys=[key("commercial"), alias("fapiao")]))
    assert world.record("fapiao")["fp"] == fp("commercial")
    (result,) = world.register(document("fapiao"))
    assert result["status"] == "registered"
    assert result["grouped"] is True
    assert result["asset"] == fp("commercial")
    assert "relink" not in result
    assert world.record("fapiao")["fp"] == fp("fapiao")
    assert world.row("fapiao")["asset"] == world.row("commercial")["asset"] == fp("commercial")
    (view,) = world.read(names.ASSETS_GET, assets=[fp("fapiao")])["assets"]
    assert view["documents"] == [fp("commercial"), fp("fapiao")]
    assert view["keys"] == [fp("commercial"), fp("fapiao")]

    (result,) = world.register(document("other way", keys=[key("other way"), alias("fapiao")]))
    assert (result["status"], result["asset"], result["grouped"]) == ("registered", fp("commercial"), True)


def test_a_grouped_document_with_links_asks_for_linking(world: World) -> None:
    world.register(document("fapiao"))
    item = document("commercial", keys=[key("commercial"), alias("fapiao")], links=[link("PO1")])
    (result,) = world.register(item)
    assert result["relink"] is True


def test_several_assets_under_one_document_ask_to_be_joined(world: World) -> None:
    world.register(document("fapiao1"), document("fapiao2"), document("fapiao3"))
    keys = [key("C"), alias("fapiao1"), alias("fapiao2"), alias("fapiao3")]
    (result,) = world.register(document("C", keys=keys))
    assert (result["asset"], result["join"]) == (fp("fapiao1"), [fp("fapiao2"), fp("fapiao3")])


def test_an_alias_of_another_sellers_document_is_a_conflict(world: World) -> None:
    (first,) = world.register(document("fapiao"))
    keys = [key("C"), alias("fapiao")]
    (result,) = world.register(document("C", seller="thief", keys=keys), msp=INDUSTRY_B)
    assert (result["status"], result["txid"]) == ("conflict", first["txid"])
    assert world.read(names.DOCUMENTS_GET, fps=[fp("C")]) == {"documents": [None]}


def test_an_own_key_takes_precedence_over_another_sellers_alias(world: World) -> None:
    world.register(document("C", seller="thief", keys=[key("C"), alias("fapiao")]), msp=INDUSTRY_B)
    (result,) = world.register(document("fapiao"))
    assert (result["status"], "grouped" in result) == ("registered", False)
    assert world.record("fapiao")["seller"] == digest("seller")
    assert world.row("fapiao")["asset"] == fp("fapiao")


def test_signed_by_the_issuer(world: World) -> None:
    statement = b"origin statement of I1"
    origin = {**signed_by("seller", statement), "digest": sha256(statement).hexdigest()}
    (result,) = world.register(document("I1", origin=origin))
    assert result["status"] == "registered"
    record = world.record("I1")
    assert (record["state"], record["grade"]) == ("signed", "signed")
    assert record["origin"] == {**origin, "type": "origin"}


def test_a_wrong_signature_refuses_only_its_document(world: World) -> None:
    statement = b"origin"
    good = {**signed_by("seller", statement), "digest": sha256(statement).hexdigest()}
    results = world.register(
        document("I1", origin={**good, "digest": digest("something else")}),
        document("I2", origin={**good, "party": digest("buyer")}),
        document("I3", origin={**good, "key": 2}),
        document("I4", seller="stranger", origin={**good, "party": digest("stranger")}),
        document("I5", origin=good),
        document("I6", origin={**good, "signature": "AAAAAAAAAAAAAAAA"}),
    )
    assert [refused(result) for result in results[:4]] == [
        reasons.SIGNATURE_INVALID,
        reasons.NOT_ENTITLED,
        reasons.UNKNOWN_KEY,
        reasons.UNKNOWN_PARTY,
    ]
    assert results[4]["status"] == "registered"
    assert refused(results[5]) == reasons.SIGNATURE_INVALID
    assert world.read(names.DOCUMENTS_GET, fps=[fp("I1")]) == {"documents": [None]}


BAD_ITEMS: list[tuple[Json, str]] = [
    ({"kind": "cheque"}, "item.kind"),
    ({"commitment": "ABC"}, "item.commitment"),
    ({"commitment": digest("x").upper()}, "item.commitment"),
    ({"seller": 5}, "item.seller"),
    ({"issuer": None}, "item.issuer"),
    ({"asset": 1}, "item.asset"),
    ({"surplus": 1}, "surplus"),
    ({"keys": []}, "item.keys"),
    ({"keys": [key("a"), key("a")]}, "item.keys"),
    ({"keys": [alias("a")]}, "item.keys[0].tag"),
    ({"keys": [{**key("a"), "alias": False}]}, "item.keys[0]"),
    ({"keys": [{**key("a"), "epoch": -1}]}, "item.keys[0].epoch"),
    ({"keys": [{**key("a"), "epoch": True}]}, "item.keys[0].epoch"),
    ({"keys": [key(str(number)) for number in range(33)]}, "item.keys"),
    ({"links": [link("p"), link("p")]}, "item.links"),
    ({"links": [link("X")]}, "item.links"),
    ({"links": [link("p", FACE + 1)]}, "item.links[0].of_parent"),
    ({"links": [link("p", -1)]}, "item.links[0].of_parent"),
    ({"links": [{**link("p"), "of_child": None}]}, "item.links[0].of_child"),
    ({"links": [{**link("p"), "of_child": 0.5}]}, "item.links[0].of_child"),
    ({"links": [{**link("p"), "basis": "net"}]}, "item.links[0].basis"),
    ({"links": [link(str(number)) for number in range(257)]}, "item.links"),
    ({"seller": None}, "item.seller"),
    ({"origin": {"party": digest("seller")}}, "item.origin.key"),
]


def test_bad_items_are_refused_one_by_one(world: World) -> None:
    items: list[Any] = [{**document("X"), **change} for change, _ in BAD_ITEMS]
    items += ["no object", document("good")]
    results = world.register(*items)
    for (change, where), result in zip(BAD_ITEMS, results, strict=False):
        assert refused(result) == reasons.INVALID_ITEM, change
        assert where in result["message"], change
    assert refused(results[-2]) == reasons.INVALID_ITEM
    assert results[-1]["status"] == "registered"


def test_missing_field_is_named(world: World) -> None:
    item = document("X")
    del item["buyer"]
    (result,) = world.register(item)
    assert result["message"] == "item.buyer: is missing"


def test_counting_links_do_not_sum_to_more_than_the_document(world: World) -> None:
    half = FACE // 2
    parents = [link("PO1", of_child=half), link("PO2", of_child=half + 1)]
    receipt = link("GR1", kind="goods_receipt")
    results = world.register(
        document("I1", links=parents), document("I2", links=[link("PO1", of_child=FACE), receipt])
    )
    assert refused(results[0]) == reasons.LINKS_OVER_CHILD
    assert results[1]["status"] == "registered"


def test_a_batch_reads_once_and_writes_only_its_own_keys(world: World) -> None:
    world.register(document("PO1", kind="purchase_order"))
    items = [document(f"I{number}", links=[link("PO1", 10)]) for number in range(1000)]
    results = world.register(*items)
    assert {result["status"] for result in results} == {"registered"}
    assert world.last is not None
    assert len(world.last.reads) == 1
    assert not world.last.ranges
    own = {fp(f"I{number}") for number in range(1000)}
    for written in world.last.writes:
        kind, *parts = written.strip("\x00").split("\x00")
        assert kind == "op" or parts[-1] in own, written
    assert fp("PO1") not in "".join(key for question in world.last.reads for key in question)


def test_the_event_tells_every_result(world: World) -> None:
    world.register(document("I0"))
    world.register(document("I1"), document("I0"), document("I0", content="y"), document("X", kind="nothing"))
    event = world.event()
    assert (event["name"], event["fn"]) == ("documents", "documents:register")
    assert [result["status"] for result in event["results"]] == [
        "registered",
        "already",
        "conflict",
        "refused",
    ]


def test_history_names_every_version(world: World) -> None:
    world.register(document("C", keys=[key("C"), alias("I1")]))
    world.register(document("I1"))
    world.now += 10
    item = {"fp": fp("I1"), "reason": "cancelled", "evidence": None}
    assert world.one(INDUSTRY_A, names.DOCUMENTS_VOID, item)["status"] == "voided"
    answer = world.read(names.DOCUMENTS_HISTORY, fp=fp("I1"))
    assert answer["fp"] == fp("I1")
    assert [(entry["state"], entry["time"]) for entry in answer["entries"]] == [
        ("void", world.now),
        ("asserted", world.now - 10),
    ]
    assert world.read(names.DOCUMENTS_HISTORY, fp=fp("nothing")) == {"fp": fp("nothing"), "entries": []}
