"""``ChaincodeEvents`` and ``CommitStatus``. Other tests write to the same channel: each looks for its own names."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.orderer import ab_pb2
from tests.support.embedded import Code, Committed, RawClient, bend_transaction, drop_one, refusal
from tests.support.ledgers import OTHER, Keys, LedgerUnderTest, height_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
C = grpc.StatusCode
PATIENCE_S = 20.0
Seen = list[tuple[int, str]]


def at(number: int) -> ab_pb2.SeekPosition:
    """A block by number."""
    return ab_pb2.SeekPosition(specified=ab_pb2.SeekSpecified(number=number))


NEWEST = ab_pb2.SeekPosition(newest=ab_pb2.SeekNewest())
OLDEST = ab_pb2.SeekPosition(oldest=ab_pb2.SeekOldest())
NEXT = ab_pb2.SeekPosition(next_commit=ab_pb2.SeekNextCommit())


class Events:
    """One event stream, of which only events with a test's own names are looked at."""

    def __init__(self, client: RawClient, k: Keys | None = None, **request: Any) -> None:
        fields = {
            "channel_id": client.ledger,
            "chaincode_id": client.chaincode,
            "identity": client.identity.serialized(),
        }
        self.request = gateway_pb2.ChaincodeEventsRequest(**(fields | request)).SerializeToString()
        signature = client.identity.sign(self.request)
        self.call = client.gateway.ChaincodeEvents(
            gateway_pb2.SignedChaincodeEventsRequest(request=self.request, signature=signature)
        )
        self.own = "" if k is None else k.prefix

    async def next(self, count: int) -> Seen:
        """Blocks and names of the next own events."""
        found: Seen = []
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < count:
                answer = await self.call.read()
                assert answer.events, "a response without events"
                found += [
                    (answer.block_number, event.event_name.removeprefix(self.own + "-"))
                    for event in answer.events
                    if event.event_name.startswith(self.own)
                ]
        assert len(found) == count
        return found

    async def __aenter__(self) -> Events:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.call.cancel()


async def emit(client: RawClient, k: Keys, *names: str) -> list[Committed]:
    """One event each, one block after the other."""
    return [await client.submit("event", k(name), f"payload of {name}") for name in names]


def seen(done: list[Committed], *names: str) -> Seen:
    """What a stream should show of them."""
    return [(item.block, name) for item, name in zip(done, names, strict=True)]


class TestEvents:
    """``ChaincodeEvents``."""

    async def test_from_a_block_on(self, client: RawClient, k: Keys) -> None:
        done = await emit(client, k, "a", "b")
        async with Events(client, k, start_position=at(done[0].block)) as events:
            assert await events.next(2) == seen(done, "a", "b")

    async def test_what_an_event_holds(self, client: RawClient, k: Keys) -> None:
        [done] = await emit(client, k, "a")
        async with Events(client, k, start_position=at(done.block)) as events:
            async with asyncio.timeout(PATIENCE_S):
                answer = await events.call.read()
        [event] = [item for item in answer.events if item.event_name == k("a")]
        assert (event.chaincode_id, event.tx_id) == (client.chaincode, done.txid)
        assert event.payload == b"payload of a"

    async def test_blocks_without_events_are_left_out(self, client: RawClient, k: Keys) -> None:
        [before] = await emit(client, k, "before")
        await client.submit("put", k("quiet"), "1")
        [after] = await emit(client, k, "after")
        async with Events(client, k, start_position=at(before.block)) as events:
            assert await events.next(2) == seen([before, after], "before", "after")

    async def test_those_of_one_block_in_its_order(self, client: RawClient, k: Keys) -> None:
        start = await height_of(client)
        names = [f"{number}" for number in range(8)]
        prepared = await asyncio.gather(*(client.endorse("event", k(name), "x") for name in names))
        found = await client.order_all(*prepared)
        async with Events(client, k, start_position=at(start)) as events:
            assert await events.next(len(names)) == [
                (block, name) for (_, block), name in zip(found, names, strict=True)
            ]

    @pytest.mark.parametrize("position", [None, NEXT])
    async def test_from_now_on(
        self, client: RawClient, k: Keys, position: ab_pb2.SeekPosition | None
    ) -> None:
        await emit(client, k, "past")
        async with Events(client, k, start_position=position) as events:
            reading = asyncio.create_task(events.next(1))
            sent: list[Committed] = []
            while not reading.done():  # until the peer has begun to listen
                sent += await emit(client, k, f"future{len(sent)}")
                await asyncio.wait([reading], timeout=0.5)
            [(block, name)] = await reading
        assert name.startswith("future")
        assert block == sent[int(name.removeprefix("future"))].block

    async def test_after_a_transaction(self, client: RawClient, k: Keys) -> None:
        done = await emit(client, k, "one", "two", "three")
        for start in (at(0), at(done[0].block), at(done[2].block + 1000), None):
            resume = {"start_position": start, "after_transaction_id": done[0].txid}
            async with Events(client, k, **resume) as events:
                assert await events.next(2) == seen(done[1:], "two", "three")

    async def test_after_a_transaction_within_a_block(self, client: RawClient, k: Keys) -> None:
        prepared = await asyncio.gather(
            *(client.endorse("event", k(str(number)), "x") for number in range(6))
        )
        found = await client.order_all(*prepared)
        async with Events(client, k, after_transaction_id=prepared[2][0]) as events:
            assert await events.next(3) == [(found[number][1], str(number)) for number in (3, 4, 5)]

    async def test_after_an_invalid_transaction_nothing_comes(self, client: RawClient, k: Keys) -> None:
        """It is in the chain, but has no event that could be passed."""
        txid, envelope = await client.endorse("event", k("never"), "x")
        [(code, _)] = await client.order_all((txid, bend_transaction(envelope, drop_one)))
        assert code == Code.ENDORSEMENT_POLICY_FAILURE
        await emit(client, k, "unheard")
        await self.nothing(client, k, txid)

    async def test_after_an_unknown_transaction_nothing_comes(self, client: RawClient, k: Keys) -> None:
        await self.nothing(client, k, "ab" * 32)

    async def nothing(self, client: RawClient, k: Keys, after: str) -> None:
        """A stream from the first block on, which would show a thing if it showed anything."""
        marks = await emit(client, k, "mark")
        async with (
            Events(client, k, start_position=at(0)) as all_of_it,
            Events(client, k, start_position=at(0), after_transaction_id=after) as events,
        ):
            reading = asyncio.create_task(events.call.read())
            while (await all_of_it.next(1))[0][0] < marks[0].block:
                pass
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reading, 0.3)

    async def test_from_a_future_block(self, client: RawClient, k: Keys) -> None:
        start = await height_of(client) + 3
        async with Events(client, k, start_position=at(start)) as events:
            reading = asyncio.create_task(events.next(1))
            done: list[Committed] = []
            while not done or done[-1].block < start:
                done += await emit(client, k, str(len(done)))
            first = next(number for number, item in enumerate(done) if item.block >= start)
            assert await reading == [(done[first].block, str(first))]

    async def test_invalid_transactions_have_none(self, client: RawClient, k: Keys) -> None:
        txid, envelope = await client.endorse("event", k("never"), "x")
        [(code, block)] = await client.order_all((txid, bend_transaction(envelope, drop_one)))
        assert code == Code.ENDORSEMENT_POLICY_FAILURE
        done = await emit(client, k, "valid")
        async with Events(client, k, start_position=at(block)) as events:
            assert await events.next(1) == seen(done, "valid")

    async def test_other_chaincodes_have_their_own(self, client: RawClient, k: Keys) -> None:
        other = await client.submit("event", k("elsewhere"), "x", chaincode=OTHER)
        own = await emit(client, k, "here")
        async with Events(client, k, start_position=at(other.block)) as events:
            assert await events.next(1) == seen(own, "here")
        async with Events(client, k, start_position=at(other.block), chaincode_id=OTHER) as events:
            assert await events.next(1) == seen([other], "elsewhere")

    async def test_of_a_chaincode_that_is_not_there(self, client: RawClient) -> None:
        """No error, never an event."""
        async with Events(client, start_position=at(0), chaincode_id="nothing") as events:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(events.call.read(), 0.3)

    async def test_events_of_called_chaincodes_do_not_count(self, client: RawClient, k: Keys) -> None:
        done = await client.submit("call", OTHER, "event", k("inner"), "x")
        own = await emit(client, k, "outer")
        async with Events(client, k, start_position=at(done.block)) as events:
            assert await events.next(1) == seen(own, "outer")

    async def test_the_last_one_set_counts(self, client: RawClient, k: Keys) -> None:
        done = await client.submit("two_events", k("first"), k("second"))
        async with Events(client, k, start_position=at(done.block)) as events:
            assert await events.next(1) == seen([done], "second")

    @pytest.mark.parametrize("position", [OLDEST, NEWEST])
    async def test_other_positions(self, client: RawClient, position: ab_pb2.SeekPosition) -> None:
        error = await refusal(Events(client, start_position=position).call.read())
        assert error.code() == C.INVALID_ARGUMENT

    async def test_refused(self, client: RawClient, ledger: LedgerUnderTest) -> None:
        error = await refusal(Events(client, channel_id="nowhere").call.read())
        assert error.code() == C.PERMISSION_DENIED
        events = Events(client)
        for bad in (b"", b"garbage", client.identity.sign(b"other")):
            request = gateway_pb2.SignedChaincodeEventsRequest(request=events.request, signature=bad)
            error = await refusal(client.gateway.ChaincodeEvents(request).read())
            assert error.code() == C.PERMISSION_DENIED
        for data in (b"", b"\xff"):
            request = gateway_pb2.SignedChaincodeEventsRequest(request=data)
            error = await refusal(client.gateway.ChaincodeEvents(request).read())
            assert error.code() == C.INVALID_ARGUMENT
        events.call.cancel()


class TestCommitStatus:
    """``CommitStatus``."""

    async def test_waits(self, client: RawClient, bank: RawClient, k: Keys) -> None:
        """At any member's peer, for any transaction."""
        txid, envelope = await client.endorse("put", k("waited"), "1")
        waiting = [asyncio.create_task(asker.status(txid)) for asker in (client, bank)]
        await client.submit("put", k("other"), "1")
        assert not any(task.done() for task in waiting)
        [found] = await client.order_all((txid, envelope))
        assert found[0] == Code.VALID
        assert await asyncio.gather(*waiting) == [found, found]

    async def test_a_deadline(self, client: RawClient) -> None:
        request = client.status_request("ab" * 32)
        error = await refusal(client.gateway.CommitStatus(request, timeout=0.2))
        assert error.code() in {C.DEADLINE_EXCEEDED, C.CANCELLED}  # whichever side notices it first

    async def test_of_an_invalid_transaction(self, client: RawClient, k: Keys) -> None:
        done = await client.submit("put", k("a"), "1", organisations=["BankAMSP"])
        assert done.code == Code.ENDORSEMENT_POLICY_FAILURE
        assert await client.status(done.txid) == (done.code, done.block)

    async def test_refused(self, client: RawClient) -> None:
        error = await refusal(client.gateway.CommitStatus(client.status_request("x", "nowhere")))
        assert error.code() == C.PERMISSION_DENIED
        request = client.status_request("x")
        request.signature = client.identity.sign(b"other")
        error = await refusal(client.gateway.CommitStatus(request))
        assert error.code() == C.PERMISSION_DENIED
        for changes, text in (
            ({"identity": b""}, "no identity provided"),
            ({"channel_id": ""}, "no channel ID provided"),
            ({"transaction_id": ""}, "transaction ID should not be empty"),
        ):
            fields = {"identity": b"x", "channel_id": client.ledger, "transaction_id": "x"} | changes
            data = gateway_pb2.CommitStatusRequest(**fields).SerializeToString()  # type: ignore[arg-type]
            error = await refusal(
                client.gateway.CommitStatus(gateway_pb2.SignedCommitStatusRequest(request=data))
            )
            assert (error.code(), error.details()) == (C.INVALID_ARGUMENT, text)
        error = await refusal(client.gateway.CommitStatus(gateway_pb2.SignedCommitStatusRequest()))
        assert (error.code(), error.details()) == (
            C.INVALID_ARGUMENT,
            "a commit status request is required",
        )
