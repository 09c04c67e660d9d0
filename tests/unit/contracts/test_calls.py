"""What holds for every function: envelopes, operation ids, replay, refusals of the whole call."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from chaincode.contracts import router
from chaincode.contracts.operations import Reader, Writer
from chaincode.state import Context
from consortium.contract import decode, encode, names, read_results, reasons, refusal
from consortium.contract.reasons import REMEDIES
from tests.support.contract_world import (
    BANK_A,
    INDUSTRY_A,
    INDUSTRY_B,
    World,
    at_once,
    digest,
    document,
    fp,
)

WRITERS = sorted(name for name, function in router.FUNCTIONS.items() if isinstance(function, Writer))
READERS = sorted(name for name, function in router.FUNCTIONS.items() if isinstance(function, Reader))


def test_every_published_name_is_a_function() -> None:
    published = {
        value
        for name, value in vars(names).items()
        if isinstance(value, str) and name.isupper() and (":" in value or name == "ATTEST")
    }
    assert published == set(router.FUNCTIONS)


def test_every_reason_has_a_remedy() -> None:
    published = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert published == set(REMEDIES)


@pytest.mark.parametrize(
    ("function", "body", "reason"),
    [
        ("documents:burn", b"{}", reasons.UNKNOWN_FUNCTION),
        ("", b"{}", reasons.UNKNOWN_FUNCTION),
        ("documents:register", b"", reasons.BAD_REQUEST),
        ("documents:register", b"[]", reasons.BAD_REQUEST),
        ("documents:register", b'{"op":', reasons.BAD_REQUEST),
        ("documents:register", b'{"op":"\xff"}', reasons.BAD_REQUEST),
        ("documents:register", b"[" * 100_000, reasons.BAD_REQUEST),
        ("documents:register", b'{"op":1e999,"items":[]}', reasons.BAD_REQUEST),
    ],
)
def test_calls_that_cannot_be_understood(function: str, body: bytes, reason: str) -> None:
    world = World()
    response = world.call(INDUSTRY_A, function, body)
    assert response.status == 400
    error = refusal(response.message)
    assert error is not None
    assert error.reason == reason
    assert error.remedy
    assert not world.ledger.state


@pytest.mark.parametrize("function", WRITERS)
@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"op": "operation-000000001"},
        {"op": "operation-000000001", "items": {}},
        {"op": "operation-000000001", "items": []},
        {"op": "operation-000000001", "items": [{}] * 1001},
        {"op": "short", "items": [{}]},
        {"op": "x" * 65, "items": [{}]},
        {"op": "with blanks in it", "items": [{}]},
        {"op": 1, "items": [{}]},
        {"op": "operation-000000001", "items": [{}], "more": 1},
    ],
)
def test_malformed_envelopes_fail_the_call(function: str, request_: dict[str, object]) -> None:
    world = World()
    response = world.call(INDUSTRY_A, function, request_)
    assert (response.status, response.message.split(":")[0]) == (400, reasons.BAD_REQUEST)
    assert not world.ledger.state


@pytest.mark.parametrize("function", WRITERS)
def test_items_of_no_known_shape_are_refused_by_themselves(function: str) -> None:
    world = World()
    bad: list[Any] = [None, 1, "x", [], {}, {"unknown": 1}, {"fp": digest("x")}]
    results = world.write(INDUSTRY_A, function, *bad)
    assert [result["reason"] for result in results] == [reasons.INVALID_ITEM] * len(bad)
    assert [key.split("\x00")[1] for key in world.ledger.state] == ["op"]


@pytest.mark.parametrize("function", READERS)
@pytest.mark.parametrize("request_", [{}, {"fps": []}, {"surplus": 1}, {"fps": ["x"]}])
def test_malformed_reads_fail_the_call(function: str, request_: dict[str, object]) -> None:
    response = World().call(BANK_A, function, request_)
    assert (response.status, response.message.split(":")[0]) == (400, reasons.BAD_REQUEST)


def test_a_function_takes_one_argument() -> None:
    world = World()
    world.call(INDUSTRY_A, "documents:get", encode({"fps": [fp("x")]}))
    assert world.last is not None
    for args in ((b"documents:get",), (b"documents:get", b"{}", b"{}"), ()):
        world.last.args = args
        response = at_once(world.ledger.contract.invoke(Context.of(world.last)))
        assert response.status == 400


def test_requests_are_limited_in_size() -> None:
    body = b'{"op":"operation-000000001","items":["' + b"x" * names.MAX_REQUEST_BYTES + b'"]}'
    response = World().call(INDUSTRY_A, "documents:register", body)
    assert response.message.startswith("BAD_REQUEST: a request has at most")


def test_the_same_operation_answers_the_stored_results() -> None:
    world = World()
    world.register(document("old"))
    items = [
        document("I1"),
        document("old"),
        document("GR1", kind="goods_receipt"),
        document("bad", kind="x"),
        document("old", content="other"),
        "nothing at all",
    ]
    request = {"op": "operation-of-a-test", "items": items}
    first = world.call(INDUSTRY_A, "documents:register", request)
    state = dict(world.ledger.state)
    world.now += 1000
    again = world.call(INDUSTRY_A, "documents:register", request)
    assert again.status == 200
    assert read_results(again.payload) == read_results(first.payload)
    assert decode(again.payload)["replayed"] is True
    assert "replayed" not in decode(first.payload)
    assert world.ledger.state == state
    assert world.last is not None
    assert world.last.event is None


def test_a_stored_register_holds_only_what_is_not_plain() -> None:
    world = World()
    items = [document(f"I{number}") for number in range(999)] + [document("I0")]
    response = world.call(INDUSTRY_A, "documents:register", {"op": "operation-of-a-test", "items": items})
    assert response.status == 200
    (stored,) = [orjson.loads(value) for key, value in world.ledger.state.items() if key.startswith("\x00op")]
    assert list(stored["odd"]) == ["999"]


def test_the_same_operation_id_with_other_bytes_is_refused() -> None:
    world = World()
    request = {"op": "operation-of-a-test", "items": [document("I1")]}
    world.call(INDUSTRY_A, "documents:register", request)
    for function, changed in (
        ("documents:register", {**request, "items": [document("I2")]}),
        ("documents:void", request),
    ):
        response = world.call(INDUSTRY_A, function, changed)
        assert (response.status, response.message.split(":")[0]) == (400, reasons.OPERATION_ID_REUSED)
    assert fp("I2") not in str(world.ledger.state)


def test_operation_ids_of_organisations_do_not_meet_and_do_not_name_them() -> None:
    world = World()
    request = {"op": "operation-of-a-test", "items": [document("I1")]}
    world.call(INDUSTRY_A, "documents:register", request)
    response = world.call(INDUSTRY_B, "documents:register", request)
    assert read_results(response.payload)[0]["status"] == "already"
    operations = [key for key in world.ledger.state if key.startswith("\x00op")]
    assert len(operations) == 2
    assert all("Industry" not in key + str(world.ledger.state[key]) for key in operations)


def test_a_message_of_others_is_no_refusal() -> None:
    assert refusal("KeyError: 'x'") is None
    assert refusal("something failed") is None


def test_a_replayed_fact_names_the_impaired_assets_again() -> None:
    world = World()
    world.trade()
    world.register(document("I1"))
    world.claim(BANK_A, "I1", "a")
    item = {"fp": fp("I1"), "reason": "cancelled", "evidence": None}
    request = {"op": "operation-of-a-test", "items": [item]}
    first = decode(world.call(INDUSTRY_A, "documents:void", request).payload)
    again = decode(world.call(INDUSTRY_A, "documents:void", request).payload)
    assert first["changed"]
    assert again == {**first, "replayed": True}
