"""Chaincode events and block streams."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest

from chaincode.hosts.embedded.server import EmbeddedLedger
from chaincode.hosts.embedded.wire import header_hash
from consortium.identity.msp import make_identity
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.common.ledger_pb2 import BlockchainInfo
from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.orderer import ab_pb2
from consortium.wire.fabric.peer import events_pb2
from consortium.wire.fabric.peer.transaction_pb2 import ProcessedTransaction
from tests.support.embedded import CHANNEL, Code, Network, RawClient, bend_transaction, drop_one, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")
Status = common_pb2.Status
PATIENCE_S = 20.0


def at(number: int) -> ab_pb2.SeekPosition:
    """A block by number."""
    return ab_pb2.SeekPosition(specified=ab_pb2.SeekSpecified(number=number))


NEWEST = ab_pb2.SeekPosition(newest=ab_pb2.SeekNewest())
OLDEST = ab_pb2.SeekPosition(oldest=ab_pb2.SeekOldest())
NEXT = ab_pb2.SeekPosition(next_commit=ab_pb2.SeekNextCommit())


class Events:
    """One event stream."""

    def __init__(self, client: RawClient, **request: Any) -> None:
        self.request = gateway_pb2.ChaincodeEventsRequest(
            **(
                {"channel_id": CHANNEL, "chaincode_id": "kv", "identity": client.identity.serialized()}
                | request
            )
        ).SerializeToString()
        self.call = client.gateway.ChaincodeEvents(
            gateway_pb2.SignedChaincodeEventsRequest(
                request=self.request, signature=client.identity.sign(self.request)
            )
        )

    async def next(self) -> tuple[int, list[str]]:
        """Block and event names of the next response."""
        async with asyncio.timeout(PATIENCE_S):
            answer = await self.call.read()
        return answer.block_number, [event.event_name for event in answer.events]

    async def __aenter__(self) -> Events:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.call.cancel()


async def emit(client: RawClient, *names: str) -> list[tuple[str, int]]:
    """Transaction id and block of one event each."""
    done = [await client.submit("event", name, f"payload of {name}") for name in names]
    return [(item.txid, item.block) for item in done]


class TestEvents:
    """``ChaincodeEvents``."""

    async def test_from_a_block_on(self, client: RawClient) -> None:
        sent = await emit(client, "a", "b")
        async with Events(client, start_position=at(sent[0][1])) as events:
            assert await events.next() == (sent[0][1], ["a"])
            assert await events.next() == (sent[1][1], ["b"])

    async def test_blocks_without_events_are_left_out(self, client: RawClient) -> None:
        sent = await emit(client, "before")
        await client.submit("put", "quiet", "1")
        after = await emit(client, "after")
        async with Events(client, start_position=at(sent[0][1])) as events:
            assert [await events.next(), await events.next()] == [
                (sent[0][1], ["before"]),
                (after[0][1], ["after"]),
            ]

    @pytest.mark.parametrize("position", [None, NEXT])
    async def test_from_now_on(self, client: RawClient, position: ab_pb2.SeekPosition | None) -> None:
        await emit(client, "past")
        async with Events(client, start_position=position) as events:
            reading = asyncio.create_task(events.next())
            await until_listening(client)
            sent = await emit(client, "future")
            assert await reading == (sent[0][1], ["future"])

    async def test_after_a_transaction(self, client: RawClient) -> None:
        sent = await emit(client, "one", "two", "three")
        async with Events(client, start_position=at(0), after_transaction_id=sent[0][0]) as events:
            assert await events.next() == (sent[1][1], ["two"])
            assert await events.next() == (sent[2][1], ["three"])

    async def test_after_an_unknown_transaction_nothing_ever_comes(self, client: RawClient) -> None:
        async with Events(client, start_position=at(0), after_transaction_id="ab" * 32) as events:
            await emit(client, "unheard")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(events.call.read(), 0.3)

    async def test_from_a_future_block(self, client: RawClient, ledger: EmbeddedLedger) -> None:
        async with Events(client, start_position=at(ledger.height + 1)) as events:
            reading = asyncio.create_task(events.next())
            sent = await emit(client, "too early", "in time")
            assert await reading == (sent[1][1], ["in time"])

    async def test_invalid_transactions_have_none(self, client: RawClient) -> None:
        txid, envelope = await client.endorse("event", "never", "x")
        bent = bend_transaction(envelope, drop_one)
        await client.order(txid, client.sign(bent))
        code, block = await client.status(txid)
        assert code == Code.ENDORSEMENT_POLICY_FAILURE
        sent = await emit(client, "valid")
        async with Events(client, start_position=at(block)) as events:
            assert await events.next() == (sent[0][1], ["valid"])

    async def test_other_chaincodes_have_their_own(self, client: RawClient) -> None:
        done = await client.submit("event", "elsewhere", "x", chaincode="other")
        own = await emit(client, "here")
        async with Events(client, start_position=at(done.block)) as events:
            assert await events.next() == (own[0][1], ["here"])
        async with Events(client, start_position=at(done.block), chaincode_id="other") as events:
            assert await events.next() == (done.block, ["elsewhere"])

    async def test_events_of_called_chaincodes_do_not_count(self, client: RawClient) -> None:
        done = await client.submit("call", "other", "event", "inner", "x")
        own = await emit(client, "outer")
        async with Events(client, start_position=at(done.block)) as events:
            assert await events.next() == (own[0][1], ["outer"])

    @pytest.mark.parametrize("position", [OLDEST, NEWEST])
    async def test_other_positions(self, client: RawClient, position: ab_pb2.SeekPosition) -> None:
        error = await refusal(Events(client, start_position=position).call.read())
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT

    async def test_refused(self, client: RawClient) -> None:
        error = await refusal(Events(client, channel_id="nowhere").call.read())
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED
        events = Events(client)
        for bad in (b"", b"garbage", client.identity.sign(b"other")):
            request = gateway_pb2.SignedChaincodeEventsRequest(request=events.request, signature=bad)
            error = await refusal(client.gateway.ChaincodeEvents(request).read())
            assert error.code() == grpc.StatusCode.PERMISSION_DENIED
        error = await refusal(
            client.gateway.ChaincodeEvents(gateway_pb2.SignedChaincodeEventsRequest(request=b"\xff")).read()
        )
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
        events.call.cancel()


class TestCommitStatus:
    """``CommitStatus``."""

    async def test_waits(self, client: RawClient) -> None:
        txid, envelope = await client.endorse("put", "waited", "1")
        waiting = asyncio.create_task(client.status(txid))
        await client.submit("put", "other", "1")
        assert not waiting.done()
        await client.order(txid, client.sign(envelope))
        assert (await waiting)[0] == Code.VALID

    async def test_refused(self, client: RawClient) -> None:
        error = await refusal(client.gateway.CommitStatus(client.status_request("x", "nowhere")))
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED
        request = client.status_request("x")
        request.signature = client.identity.sign(b"other")
        error = await refusal(client.gateway.CommitStatus(request))
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED
        for changes, text in (
            ({"identity": b""}, "no identity provided"),
            ({"channel_id": ""}, "no channel ID provided"),
            ({"transaction_id": ""}, "transaction ID should not be empty"),
        ):
            fields = {"identity": b"x", "channel_id": CHANNEL, "transaction_id": "x"} | changes
            data = gateway_pb2.CommitStatusRequest(**fields).SerializeToString()  # type: ignore[arg-type]
            error = await refusal(
                client.gateway.CommitStatus(gateway_pb2.SignedCommitStatusRequest(request=data))
            )
            assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, text)


async def until_listening(client: RawClient) -> None:
    """A round trip after which an earlier call on the same connection was begun by the server."""
    await client.evaluate("get_many", "x")


def seek(
    client: RawClient,
    start: ab_pb2.SeekPosition | None,
    stop: ab_pb2.SeekPosition | None,
    *,
    channel: str = CHANNEL,
    timestamp: float | None = None,
    **more: Any,
) -> common_pb2.Envelope:
    """A signed request for blocks."""
    header = common_pb2.ChannelHeader(type=common_pb2.DELIVER_SEEK_INFO, channel_id=channel)
    header.timestamp.seconds = int(time.time() if timestamp is None else timestamp)
    payload = common_pb2.Payload(
        header=common_pb2.Header(
            channel_header=header.SerializeToString(),
            signature_header=common_pb2.SignatureHeader(
                creator=client.identity.serialized()
            ).SerializeToString(),
        ),
        data=ab_pb2.SeekInfo(start=start, stop=stop, **more).SerializeToString(),
    ).SerializeToString()
    return common_pb2.Envelope(payload=payload, signature=client.identity.sign(payload))


async def deliver(
    client: RawClient, requests: Sequence[common_pb2.Envelope], method: str = "Deliver"
) -> list[events_pb2.DeliverResponse]:
    """Everything that comes until the stream ends."""

    async def each() -> AsyncIterator[common_pb2.Envelope]:
        for request in requests:
            yield request

    async with asyncio.timeout(PATIENCE_S):
        return [answer async for answer in getattr(client.deliver, method)(each())]


def shape(answers: Sequence[events_pb2.DeliverResponse]) -> list[int | str]:
    """Block numbers, and the names of statuses."""
    return [
        Status.Name(answer.status) if answer.WhichOneof("Type") == "status" else answer.block.header.number
        for answer in answers
    ]


class TestDeliver:
    """``Deliver`` and its kin."""

    async def test_ranges(self, client: RawClient, ledger: EmbeddedLedger) -> None:
        await emit(client, "a", "b", "c")
        last = ledger.height - 1
        cases: list[tuple[ab_pb2.SeekPosition, ab_pb2.SeekPosition, list[int | str]]] = [
            (at(1), at(3), [1, 2, 3, "SUCCESS"]),
            (OLDEST, at(1), [0, 1, "SUCCESS"]),
            (OLDEST, OLDEST, [0, "SUCCESS"]),
            (NEWEST, NEWEST, [last, "SUCCESS"]),
            (at(last - 1), NEWEST, [last - 1, last, "SUCCESS"]),
            (at(3), at(2), ["BAD_REQUEST"]),
            (at(last + 2), at(last + 9), ["NOT_FOUND"]),
            (ab_pb2.SeekPosition(), at(2), ["NOT_FOUND"]),
        ]
        for start, stop, expected in cases:
            assert shape(await deliver(client, [seek(client, start, stop)])) == expected

    async def test_several_requests_on_one_stream(self, client: RawClient) -> None:
        requests = [seek(client, at(0), at(1)), seek(client, at(1), at(1)), seek(client, at(0), at(0))]
        assert shape(await deliver(client, requests)) == [0, 1, "SUCCESS", 1, "SUCCESS", 0, "SUCCESS"]

    async def test_a_refusal_ends_the_stream(self, client: RawClient) -> None:
        requests = [seek(client, at(1), at(0)), seek(client, at(0), at(0))]
        assert shape(await deliver(client, requests)) == ["BAD_REQUEST"]

    async def test_refused(self, client: RawClient, network: Network, ledger: EmbeddedLedger) -> None:
        unsigned = seek(client, at(0), at(0))
        unsigned.signature = client.identity.sign(b"other")
        cases = [
            (seek(client, at(0), at(0), channel="nowhere"), "NOT_FOUND"),
            (seek(client, at(0), at(0), timestamp=time.time() - 1000), "BAD_REQUEST"),
            (seek(client, None, at(0)), "BAD_REQUEST"),
            (seek(client, at(0), None), "BAD_REQUEST"),
            (unsigned, "FORBIDDEN"),
            (common_pb2.Envelope(payload=b"\xff"), "BAD_REQUEST"),
            (common_pb2.Envelope(), "BAD_REQUEST"),
        ]
        for request, expected in cases:
            assert shape(await deliver(client, [request])) == [expected]
        erp = make_identity("BankAMSP", network.authorities["BankAMSP"].issue("x", ou="erp"))
        async with network.client(ledger, identity=erp) as stranger:
            assert shape(await deliver(stranger, [seek(stranger, at(0), at(0))])) == ["FORBIDDEN"]

    async def test_waits_at_the_height(self, client: RawClient, ledger: EmbeddedLedger) -> None:
        height = ledger.height
        waiting = asyncio.create_task(deliver(client, [seek(client, at(height), at(height + 1))]))
        await emit(client, "one", "two")
        assert shape(await waiting) == [height, height + 1, "SUCCESS"]

    async def test_fails_when_told_not_to_wait(self, client: RawClient, ledger: EmbeddedLedger) -> None:
        last = ledger.height - 1
        request = seek(client, at(last), at(last + 1), behavior=ab_pb2.SeekInfo.FAIL_IF_NOT_READY)
        assert shape(await deliver(client, [request])) == [last, "NOT_FOUND"]

    async def test_from_the_next_block(self, client: RawClient, ledger: EmbeddedLedger) -> None:
        height = ledger.height
        call = client.deliver.Deliver()
        await call.write(seek(client, NEXT, at(2**53 - 1)))
        await until_listening(client)
        await emit(client, "next")
        async with asyncio.timeout(PATIENCE_S):
            answer = await call.read()
        call.cancel()
        assert answer.block.header.number == height

    async def test_blocks_are_chained_and_signed(self, client: RawClient, ledger: EmbeddedLedger) -> None:
        answers = await deliver(client, [seek(client, OLDEST, NEWEST)])
        blocks = [answer.block for answer in answers[:-1]]
        assert [block.header.number for block in blocks] == list(range(ledger.height))
        previous = b""
        for block in blocks:
            assert block.header.previous_hash == previous
            assert block.header.data_hash == hashlib.sha256(b"".join(block.data.data)).digest()
            assert len(block.metadata.metadata[common_pb2.TRANSACTIONS_FILTER]) == len(block.data.data)
            assert common_pb2.Metadata.FromString(block.metadata.metadata[0]).signatures
            previous = header_hash(block.header)

    async def test_headers_only(self, client: RawClient) -> None:
        request = seek(client, at(0), at(2), content_type=ab_pb2.SeekInfo.HEADER_WITH_SIG)
        answers = await deliver(client, [request])
        assert [len(answer.block.data.data) for answer in answers[:-1]] == [1, 0, 0]

    async def test_filtered(self, client: RawClient) -> None:
        txid, envelope = await client.endorse("event", "bad", "hidden")
        bent = bend_transaction(envelope, drop_one)
        await client.order(txid, client.sign(bent))
        _, block = await client.status(txid)
        answers = await deliver(client, [seek(client, at(block), at(block))], "DeliverFiltered")
        found = answers[0].filtered_block
        assert (found.channel_id, found.number) == (CHANNEL, block)
        entry = found.filtered_transactions[0]
        assert (entry.txid, entry.tx_validation_code) == (txid, Code.ENDORSEMENT_POLICY_FAILURE)
        event = entry.transaction_actions.chaincode_actions[0].chaincode_event
        assert (event.event_name, event.payload, event.chaincode_id) == ("bad", b"", "kv")
        assert answers[1].status == Status.SUCCESS

    async def test_with_private_data(
        self, client: RawClient, network: Network, ledger: EmbeddedLedger
    ) -> None:
        async with network.client(ledger, "BankAMSP") as bank:
            done = await bank.submit("put_private", "banks", "p", transient={"value": b"whispered"})
            request = seek(bank, at(done.block), at(done.block))
            theirs = await deliver(bank, [request], "DeliverWithPrivateData")
        request = seek(client, at(done.block), at(done.block))
        ours = await deliver(client, [request], "DeliverWithPrivateData")
        assert ours[0].block_and_private_data.block == theirs[0].block_and_private_data.block
        assert not ours[0].block_and_private_data.private_data_map
        assert b"whispered" in theirs[0].block_and_private_data.private_data_map[0].SerializeToString()


class TestQueries:
    """``qscc``."""

    async def query(self, client: RawClient, function: str, *args: str) -> bytes:
        """One query."""
        return await client.evaluate(function, CHANNEL, *args, chaincode="qscc")

    async def test_every_way_to_a_block(self, client: RawClient, ledger: EmbeddedLedger) -> None:
        done = await client.submit("put", "queried", "1")
        info = BlockchainInfo.FromString(await self.query(client, "GetChainInfo"))
        assert info.height == ledger.height == done.block + 1
        block = common_pb2.Block.FromString(await self.query(client, "GetBlockByNumber", str(done.block)))
        assert header_hash(block.header) == info.currentBlockHash
        assert block.header.previous_hash == info.previousBlockHash
        assert block.SerializeToString() == await self.query(client, "GetBlockByTxID", done.txid)
        newest = await self.query(client, "GetBlockByNumber", str(2**64 - 1))
        assert block.SerializeToString() == newest
        by_hash = client.proposal(
            "x", args=(b"GetBlockByHash", CHANNEL.encode(), info.currentBlockHash), chaincode="qscc"
        )
        assert block.SerializeToString() == await client.evaluate_signed(*by_hash)
        processed = ProcessedTransaction.FromString(await self.query(client, "GetTransactionByID", done.txid))
        assert processed.validationCode == Code.VALID
        assert processed.transactionEnvelope.SerializeToString() == block.data.data[0]

    @pytest.mark.parametrize(
        ("function", "args", "text"),
        [
            ("GetTransactionByID", ("ab" * 32,), "no such transaction ID"),
            ("GetBlockByTxID", ("ab" * 32,), "no such transaction ID"),
            ("GetBlockByNumber", ("999999",), "no such block number [999999] in index"),
            ("GetBlockByNumber", ("-1",), "Failed to parse block number"),
            ("GetBlockByNumber", ("²",), "Failed to parse block number"),
            ("GetBlockByNumber", (str(2**64),), "Failed to parse block number"),
            ("GetBlockByNumber", (str(2**63),), "no such block number"),
            ("GetBlockByHash", ("x",), "no such block hash"),
            ("GetBlockByNumber", (), "missing 3rd argument"),
            ("GetEverything", ("x",), "Requested function GetEverything not found"),
        ],
    )
    async def test_refused(self, client: RawClient, function: str, args: tuple[str, ...], text: str) -> None:
        error = await refusal(self.query(client, function, *args))
        assert error.code() == grpc.StatusCode.UNKNOWN
        assert text in (error.details() or "")

    async def test_another_channel(self, client: RawClient) -> None:
        error = await refusal(client.evaluate("GetChainInfo", "nowhere", chaincode="qscc"))
        assert "Invalid chain ID, nowhere" in (error.details() or "")
