"""One writer per stream, one question per transaction, one answer per transaction."""

from __future__ import annotations

import asyncio

import pytest

from chaincode.hosts.peer.exchange import Exchange, Outbox
from chaincode.hosts.peer.frames import Kind
from chaincode.state import StateError
from consortium.wire.fabric.peer.chaincode_shim_pb2 import ChaincodeMessage


class Wire:
    """Notes what is written, and whether writes meet."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.writing = 0
        self.met = False
        self.blocked = asyncio.Event()
        self.blocked.set()

    async def write(self, data: bytes) -> None:
        """Takes a turn of the loop, as a network does."""
        self.writing += 1
        self.met |= self.writing > 1
        await asyncio.sleep(0)
        await self.blocked.wait()
        self.frames.append(data)
        self.writing -= 1

    @property
    def messages(self) -> list[ChaincodeMessage]:
        """What was written."""
        return [ChaincodeMessage.FromString(data) for data in self.frames]


async def test_writes_do_not_meet_and_keep_their_order() -> None:
    wire, outbox = Wire(), Outbox()
    writer = asyncio.create_task(outbox.run(wire.write))

    async def put(number: int) -> None:
        await asyncio.sleep(0)
        outbox.put(bytes([number]))

    await asyncio.gather(*(put(number) for number in range(100)))
    outbox.close()
    await writer
    assert wire.frames == [bytes([number]) for number in range(100)]
    assert not wire.met


async def test_what_is_queued_when_it_closes_is_written() -> None:
    wire, outbox = Wire(), Outbox()
    outbox.put(b"a")
    outbox.put(b"b")
    outbox.close()
    await outbox.run(wire.write)
    assert wire.frames == [b"a", b"b"]


async def test_it_is_full_by_number_or_by_size_until_it_is_drained() -> None:
    for data, number in ((b"", 4096), (bytes(1024 * 1024), 32)):
        wire, outbox = Wire(), Outbox()
        for _ in range(number - 1):
            outbox.put(data)
        assert not outbox.is_full
        outbox.put(data)
        assert outbox.is_full
        draining = asyncio.create_task(outbox.drained())
        writer = asyncio.create_task(outbox.run(wire.write))
        async with asyncio.timeout(10):
            await draining
        assert not outbox.is_full
        assert len(wire.frames) == number
        await outbox.drained()
        outbox.close()
        await writer


def response(payload: bytes, kind: int = Kind.RESPONSE) -> ChaincodeMessage:
    """A peer's answer."""
    return ChaincodeMessage(type=kind, payload=payload)  # type: ignore[arg-type]


class Talk:
    """An exchange whose questions can be looked at."""

    def __init__(self) -> None:
        self.wire, self.outbox = Wire(), Outbox()
        self.exchange = Exchange(self.outbox, "channel", "tx")
        self.writer = asyncio.create_task(self.outbox.run(self.wire.write))

    async def asked(self, number: int) -> None:
        """Waits until so many messages are out, and gives more a chance to come."""
        async with asyncio.timeout(10):
            while len(self.wire.frames) < number:
                await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(self.wire.frames) == number

    async def end(self) -> list[ChaincodeMessage]:
        """All that was written."""
        self.outbox.close()
        await self.writer
        return self.wire.messages


async def test_questions_take_turns() -> None:
    talk = Talk()
    questions = [
        asyncio.create_task(talk.exchange.ask(Kind.GET_STATE, bytes([number]))) for number in range(3)
    ]
    for number in range(3):
        await talk.asked(number + 1)
        assert talk.exchange.deliver(response(bytes([number + 10])))
    assert [await question for question in questions] == [b"\x0a", b"\x0b", b"\x0c"]
    written = await talk.end()
    assert [(each.channel_id, each.txid, each.payload) for each in written] == [
        ("channel", "tx", bytes([number])) for number in range(3)
    ]


async def test_an_error_is_raised_and_an_answer_to_nothing_is_not_taken() -> None:
    talk = Talk()
    assert not talk.exchange.deliver(response(b"early"))
    question = asyncio.create_task(talk.exchange.ask(Kind.GET_STATE, b""))
    await talk.asked(1)
    assert talk.exchange.deliver(response(b"no \xff", Kind.ERROR))
    with pytest.raises(StateError, match="no \N{REPLACEMENT CHARACTER}"):
        await question
    assert not talk.exchange.deliver(response(b"late"))
    await talk.end()


async def test_a_question_given_up_holds_back_the_next_until_it_is_answered() -> None:
    talk = Talk()
    first = asyncio.create_task(talk.exchange.ask(Kind.GET_STATE, b"1"))
    await talk.asked(1)
    first.cancel()
    second = asyncio.create_task(talk.exchange.ask(Kind.GET_STATE, b"2"))
    await talk.asked(1)
    assert talk.exchange.unanswered
    assert talk.exchange.deliver(response(b"of the first"))
    await talk.asked(2)
    assert talk.exchange.deliver(response(b"of the second"))
    assert await second == b"of the second"
    await talk.end()


async def test_a_transaction_is_answered_once_and_asks_nothing_then() -> None:
    talk = Talk()
    talk.exchange.finish(Kind.COMPLETED, b"done", b"")
    talk.exchange.finish(Kind.ERROR, b"and again")
    with pytest.raises(StateError, match="has ended"):
        await talk.exchange.ask(Kind.GET_STATE, b"")
    assert [(each.type, each.payload) for each in await talk.end()] == [(Kind.COMPLETED, b"done")]


async def test_an_abandoned_transaction_says_nothing() -> None:
    talk = Talk()
    talk.exchange.abandon()
    talk.exchange.finish(Kind.COMPLETED, b"done")
    with pytest.raises(StateError, match="has ended"):
        await talk.exchange.ask(Kind.GET_STATE, b"")
    assert await talk.end() == []
