"""chaincode.state: the overlay that both hosts share."""

from __future__ import annotations

import pytest

from chaincode.state import (
    MAX_FAILURE_BYTES,
    Context,
    Creator,
    Response,
    State,
    StateError,
    Timestamp,
    composite_key,
    run,
    split_composite_key,
)
from tests.support.memory_stub import MemoryLedger, MemoryStub


class Nothing:
    async def invoke(self, context: Context) -> Response:
        return Response(200)


@pytest.fixture
def stub() -> MemoryStub:
    ledger = MemoryLedger(Nothing(), state={"a": b"1", "b": b"2", composite_key("t", "x", "y"): b"3"})
    return MemoryStub(ledger, "tx", Timestamp(0), Creator("M", b""), (b"f",), {})


async def test_reads_see_the_transactions_own_writes(stub: MemoryStub) -> None:
    state = State(stub)
    state.put("a", b"new")
    state.delete("b")
    state.put("c", b"third")
    assert await state.get_many(["a", "b", "c", "d", "a"]) == [b"new", None, b"third", None, b"new"]
    assert stub.reads == [("d",)]
    state.put("d", b"later")
    assert await state.get("d") == b"later"
    await state.flush()
    assert stub.writes == {"a": b"new", "b": None, "c": b"third", "d": b"later"}


async def test_what_was_read_is_not_asked_for_again(stub: MemoryStub) -> None:
    state = State(stub)
    assert await state.get_many(["a", "a", "z"]) == [b"1", b"1", None]
    assert await state.get_many(["z", "b", "a"]) == [None, b"2", b"1"]
    assert stub.reads == [("a", "z"), ("b",)]
    assert state.known("a") == b"1"
    assert state.known("z") is None
    state.put("a", b"new")
    assert state.known("a") == b"new"
    with pytest.raises(KeyError):
        state.known("never asked")
    assert await state.get_many([]) == []


async def test_collections_are_apart(stub: MemoryStub) -> None:
    state = State(stub)
    state.put("a", b"private", "collection")
    assert await state.get("a") == b"1"
    assert await state.get("a", "collection") == b"private"


async def test_ranges_over_own_writes_are_refused(stub: MemoryStub) -> None:
    state = State(stub)
    assert [each.key async for each in state.range("a", "b")] == ["a"]
    assert [each.value async for each in state.by_partial_key("t", "x")] == [b"3"]
    state.put("a5", b"")
    with pytest.raises(StateError):
        _ = [each async for each in state.range("a", "b")]
    assert [each.key async for each in state.range("b", "")] == ["b"]


def test_composite_keys() -> None:
    key = composite_key("type", "one", "two")
    assert key == "\x00type\x00one\x00two\x00"
    assert split_composite_key(key) == ("type", ("one", "two"))
    for bad in ("\x00", "\U0010ffff"):
        with pytest.raises(ValueError, match="composite"):
            composite_key("type", bad)
    with pytest.raises(ValueError, match="empty"):
        State(None).put("", b"")  # type: ignore[arg-type]


async def test_a_failing_contract_writes_nothing(stub: MemoryStub) -> None:
    class Failing:
        async def invoke(self, context: Context) -> Response:
            context.state.put("x", b"1")
            raise KeyError("oh")

    class Refusing:
        async def invoke(self, context: Context) -> Response:
            context.state.put("x", b"1")
            return Response(400, message="no")

    assert (await run(Failing(), stub)).status == 500
    assert (await run(Refusing(), stub)).status == 400
    assert stub.writes == {}


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (400, "拒" * 1000, "拒" * (MAX_FAILURE_BYTES // 3)),
        (500, "x" * 5000, "x" * MAX_FAILURE_BYTES),
        (400, "no \udc80 text", "no ? text"),
        (200, "x" * 5000, "x" * 5000),
        (200, "no \udc80 text", "no ? text"),
    ],
    ids=["long", "longer", "surrogate", "long success", "surrogate in a success"],
)
async def test_messages_that_can_be_sent(stub: MemoryStub, status: int, said: str, told: str) -> None:
    class Saying:
        async def invoke(self, context: Context) -> Response:
            return Response(status, b"payload", said)

    assert await run(Saying(), stub) == Response(status, b"payload", told)


async def test_what_an_exception_says_is_cut(stub: MemoryStub) -> None:
    class Failing:
        async def invoke(self, context: Context) -> Response:
            raise ValueError("y" * 5000)

    message = (await run(Failing(), stub)).message
    assert message == ("ValueError: " + "y" * 5000)[:MAX_FAILURE_BYTES]
