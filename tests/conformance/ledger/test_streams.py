"""``Deliver`` and its kin: blocks, whole, filtered or with private data."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from chaincode.hosts.embedded.wire import header_hash
from consortium.identity.ca import CertificateAuthority
from consortium.identity.msp import make_identity
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet
from consortium.wire.fabric.orderer import ab_pb2
from consortium.wire.fabric.peer import events_pb2
from tests.support.embedded import Code, RawClient, bend_transaction, drop_one
from tests.support.ledgers import BANK, INDUSTRY, Keys, LedgerUnderTest, block_of, height_of, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
Status = common_pb2.Status
Shape = list[int | str]
PATIENCE_S = 20.0
QUIET_TRIES = 20


def at(number: int) -> ab_pb2.SeekPosition:
    """A block by number."""
    return ab_pb2.SeekPosition(specified=ab_pb2.SeekSpecified(number=number))


NEWEST = ab_pb2.SeekPosition(newest=ab_pb2.SeekNewest())
OLDEST = ab_pb2.SeekPosition(oldest=ab_pb2.SeekOldest())
NEXT = ab_pb2.SeekPosition(next_commit=ab_pb2.SeekNextCommit())
NOTHING = ab_pb2.SeekPosition()


def seek(
    client: RawClient,
    start: ab_pb2.SeekPosition | None,
    stop: ab_pb2.SeekPosition | None,
    *,
    channel: str = "",
    timestamp: float | None = None,
    **more: Any,
) -> common_pb2.Envelope:
    """A signed request for blocks."""
    header = common_pb2.ChannelHeader(type=common_pb2.DELIVER_SEEK_INFO, channel_id=channel or client.ledger)
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
    client: RawClient, *requests: common_pb2.Envelope, method: str = "Deliver"
) -> list[events_pb2.DeliverResponse]:
    """Everything that comes until the stream ends."""

    async def each() -> AsyncIterator[common_pb2.Envelope]:
        for request in requests:
            yield request

    async with asyncio.timeout(PATIENCE_S):
        return [answer async for answer in getattr(client.deliver, method)(each())]


def shape(answers: Sequence[events_pb2.DeliverResponse]) -> Shape:
    """Block numbers, and the names of statuses."""
    return [
        Status.Name(answer.status) if answer.WhichOneof("Type") == "status" else answer.block.header.number
        for answer in answers
    ]


async def while_quiet(client: RawClient, start: int, **more: Any) -> tuple[int, Shape]:
    """What a request from ``start`` blocks above the height comes to, when no block was added meanwhile."""
    for _ in range(QUIET_TRIES):
        height = await height_of(client)
        number = height + start
        answers = shape(await deliver(client, seek(client, at(number), at(number + 1), **more)))
        if await height_of(client) == height:
            return height, answers
    raise AssertionError("the channel is never quiet")


class TestRanges:
    """Which blocks come."""

    async def test_bounds(self, client: RawClient, k: Keys) -> None:
        for number in range(3):
            last = (await client.submit("put", k(str(number)), "x")).block
        cases: list[tuple[ab_pb2.SeekPosition, ab_pb2.SeekPosition, Shape]] = [
            (at(1), at(3), [1, 2, 3, "SUCCESS"]),
            (OLDEST, at(1), [0, 1, "SUCCESS"]),
            (OLDEST, OLDEST, [0, "SUCCESS"]),
            (at(last), OLDEST, [last, "SUCCESS"]),
            (at(3), at(2), ["BAD_REQUEST"]),
            (at(last + 1000), at(last + 1001), ["NOT_FOUND"]),
            (NOTHING, at(2), ["NOT_FOUND"]),
        ]
        answers = await asyncio.gather(*(deliver(client, seek(client, *case[:2])) for case in cases))
        assert [shape(answer) for answer in answers] == [case[2] for case in cases]

    async def test_the_newest(self, client: RawClient, k: Keys) -> None:
        done = await client.submit("put", k("a"), "x")
        [newest, status] = shape(await deliver(client, seek(client, NEWEST, NEWEST)))
        assert isinstance(newest, int)
        assert (newest >= done.block, status) == (True, "SUCCESS")
        *numbers, status = shape(await deliver(client, seek(client, at(done.block), NEWEST)))
        assert numbers == list(range(done.block, done.block + len(numbers)))
        assert (len(numbers) >= 1, status) == (True, "SUCCESS")

    async def test_several_requests_on_one_stream(self, client: RawClient) -> None:
        requests = [seek(client, at(0), at(1)), seek(client, at(1), at(1)), seek(client, at(0), at(0))]
        assert shape(await deliver(client, *requests)) == [0, 1, "SUCCESS", 1, "SUCCESS", 0, "SUCCESS"]

    async def test_a_refusal_ends_the_stream(self, client: RawClient) -> None:
        requests = [seek(client, at(1), at(0)), seek(client, at(0), at(0))]
        assert shape(await deliver(client, *requests)) == ["BAD_REQUEST"]

    async def test_waits_at_the_height(self, client: RawClient, k: Keys) -> None:
        height = await height_of(client)
        waiting = asyncio.create_task(deliver(client, seek(client, at(height), at(height + 1))))
        for number in range(2):
            await client.submit("put", k(str(number)), "x")
        assert shape(await waiting) == [height, height + 1, "SUCCESS"]

    async def test_refused_beyond_the_height(self, client: RawClient) -> None:
        assert (await while_quiet(client, 1))[1] == ["NOT_FOUND"]

    async def test_fails_when_told_not_to_wait(self, client: RawClient) -> None:
        height, answers = await while_quiet(client, -1, behavior=ab_pb2.SeekInfo.FAIL_IF_NOT_READY)
        assert answers == [height - 1, "NOT_FOUND"]
        _, answers = await while_quiet(client, 0, behavior=ab_pb2.SeekInfo.FAIL_IF_NOT_READY)
        assert answers == ["NOT_FOUND"]

    @pytest.mark.parametrize("stop", [2**53 - 1, 2**64 - 1])
    async def test_from_the_next_block_without_end(self, client: RawClient, k: Keys, stop: int) -> None:
        """As the clients for Node and Go ask."""
        height = await height_of(client)
        call = client.deliver.Deliver()
        await call.write(seek(client, NEXT, at(stop)))
        reading = asyncio.create_task(call.read())
        sent: list[int] = []
        while not reading.done():  # until the peer has begun to listen
            sent.append((await client.submit("put", k(str(len(sent))), "x")).block)
            await asyncio.wait([reading], timeout=0.5)
        first = (await reading).block.header.number
        assert height <= first <= sent[-1]
        async with asyncio.timeout(PATIENCE_S):
            await client.submit("put", k("more"), "x")
            assert (await call.read()).block.header.number == first + 1
        call.cancel()

    async def test_no_stop(self, client: RawClient, k: Keys) -> None:
        """A stop without a kind is block 0: behind the start, it is never reached."""
        done = await client.submit("put", k("a"), "x")
        call = client.deliver.Deliver()
        await call.write(seek(client, at(done.block), NOTHING))
        async with asyncio.timeout(PATIENCE_S):
            assert (await call.read()).block.header.number == done.block
            await client.submit("put", k("b"), "x")
            assert (await call.read()).block.header.number == done.block + 1
        call.cancel()


class TestRefused:
    """A status instead of blocks."""

    async def test_requests(self, client: RawClient) -> None:
        unsigned = seek(client, at(0), at(0))
        unsigned.signature = client.identity.sign(b"other")
        late, early = time.time() - 1000, time.time() + 1000
        cases = [
            (seek(client, at(0), at(0), channel="nowhere"), "NOT_FOUND"),
            (seek(client, at(0), at(0), timestamp=late), "BAD_REQUEST"),
            (seek(client, at(0), at(0), timestamp=early), "BAD_REQUEST"),
            (seek(client, None, at(0)), "BAD_REQUEST"),
            (seek(client, at(0), None), "BAD_REQUEST"),
            (unsigned, "FORBIDDEN"),
            (common_pb2.Envelope(payload=b"\xff"), "BAD_REQUEST"),
            (common_pb2.Envelope(), "BAD_REQUEST"),
        ]
        for method in ("Deliver", "DeliverFiltered", "DeliverWithPrivateData"):
            answers = await asyncio.gather(*(deliver(client, case[0], method=method) for case in cases))
            assert [shape(answer) for answer in answers] == [[case[1]] for case in cases]

    async def test_askers(self, ledger: LedgerUnderTest) -> None:
        """Whoever may read the channel: clients, administrators and peers of its members."""
        own = ledger.authority(BANK)
        askers = {
            make_identity(BANK, own.issue("x", ou="erp")): ["FORBIDDEN"],
            make_identity(BANK, own.issue("x", ou="admin")): [0, "SUCCESS"],
            ledger.peer_identity(BANK): [0, "SUCCESS"],
            make_identity(BANK, CertificateAuthority.create("x", BANK).issue("x", ou="client")): [
                "FORBIDDEN"
            ],
        }
        for identity, expected in askers.items():
            async with ledger.raw(BANK, identity) as asker:
                assert shape(await deliver(asker, seek(asker, at(0), at(0)))) == expected


class TestBlocks:
    """What comes."""

    async def test_chained_and_signed(self, client: RawClient, bank: RawClient, k: Keys) -> None:
        """The same bytes from every member's peer."""
        last = (await client.submit("put", k("a"), "x")).block
        await bank.status((await client.submit("put", k("b"), "x")).txid)
        request = at(max(0, last - 20)), at(last)
        answers = await deliver(client, seek(client, *request))
        blocks = [answer.block for answer in answers[:-1]]
        assert [block.header.number for block in blocks] == list(range(max(0, last - 20), last + 1))
        previous = blocks[0].header.previous_hash
        for block in blocks:
            assert block.header.previous_hash == previous
            assert block.header.data_hash == hashlib.sha256(b"".join(block.data.data)).digest()
            assert len(block.metadata.metadata[common_pb2.TRANSACTIONS_FILTER]) == len(block.data.data)
            if block.header.number:
                assert common_pb2.Metadata.FromString(block.metadata.metadata[0]).signatures
            previous = header_hash(block.header)
        theirs = [answer.block for answer in (await deliver(bank, seek(bank, *request)))[:-1]]
        assert [block.header for block in theirs] == [block.header for block in blocks]
        assert [block.data for block in theirs] == [block.data for block in blocks]

    async def test_the_first_is_a_configuration(self, client: RawClient) -> None:
        [answer, _] = await deliver(client, seek(client, OLDEST, OLDEST))
        [envelope] = answer.block.data.data
        payload = common_pb2.Payload.FromString(common_pb2.Envelope.FromString(envelope).payload)
        header = common_pb2.ChannelHeader.FromString(payload.header.channel_header)
        assert (header.type, header.channel_id) == (common_pb2.CONFIG, client.ledger)

    async def test_headers_only(self, client: RawClient, k: Keys) -> None:
        """Configuration blocks stay whole."""
        done = await client.submit("put", k("a"), "x")
        more: dict[str, Any] = {"content_type": ab_pb2.SeekInfo.HEADER_WITH_SIG}
        genesis = await deliver(client, seek(client, at(0), at(0), **more))
        assert len(genesis[0].block.data.data) == 1
        [answer, _] = await deliver(client, seek(client, at(done.block), at(done.block), **more))
        assert not answer.block.data.data
        assert answer.block.header == (await block_of(client, done.block)).header

    async def test_filtered(self, client: RawClient, k: Keys) -> None:
        """Chaincode actions of invalid transactions too, events without payload."""
        invalid = await client.endorse("event", k("bad"), "hidden")
        valid = await client.endorse("event", k("good"), "hidden")
        silent = await client.endorse("put", k("silent"), "hidden")
        bent = (invalid[0], bend_transaction(invalid[1], drop_one))
        found = await client.order_all(bent, valid, silent)
        codes = [code for code, _ in found]
        assert codes == [Code.ENDORSEMENT_POLICY_FAILURE, Code.VALID, Code.VALID]
        names: list[str | None] = [k("bad"), k("good"), None]
        for (txid, _), (code, block), name in zip((invalid, valid, silent), found, names, strict=True):
            request = seek(client, at(block), at(block))
            [answer, status] = await deliver(client, request, method="DeliverFiltered")
            assert status.status == Status.SUCCESS
            assert (answer.filtered_block.channel_id, answer.filtered_block.number) == (client.ledger, block)
            [entry] = [item for item in answer.filtered_block.filtered_transactions if item.txid == txid]
            assert (entry.tx_validation_code, entry.type) == (code, common_pb2.ENDORSER_TRANSACTION)
            events = [action.chaincode_event for action in entry.transaction_actions.chaincode_actions]
            assert [(item.event_name, item.payload, item.chaincode_id, item.tx_id) for item in events] == (
                [] if name is None else [(name, b"", client.chaincode, txid)]
            )

    async def test_filtered_configuration(self, client: RawClient) -> None:
        [answer, _] = await deliver(client, seek(client, at(0), at(0)), method="DeliverFiltered")
        [entry] = answer.filtered_block.filtered_transactions
        assert entry.type == common_pb2.CONFIG
        assert not entry.HasField("transaction_actions")


class TestPrivateData:
    """``DeliverWithPrivateData``."""

    async def block(self, client: RawClient, number: int) -> events_pb2.BlockAndPrivateData:
        """One block with what this client may see."""
        request = seek(client, at(number), at(number))
        return (await deliver(client, request, method="DeliverWithPrivateData"))[0].block_and_private_data

    def values(self, found: events_pb2.BlockAndPrivateData) -> dict[str, dict[str, bytes]]:
        """Private writes by collection."""
        values: dict[str, dict[str, bytes]] = {}
        for message in found.private_data_map.values():
            for space in TxPvtReadWriteSet.FromString(message.SerializeToString()).ns_pvt_rwset:
                for part in space.collection_pvt_rwset:
                    writes = KVRWSet.FromString(part.rwset).writes
                    values.setdefault(part.collection_name, {}).update(
                        {write.key: write.value for write in writes}
                    )
        return values

    async def test_members_only(self, client: RawClient, bank: RawClient, k: Keys) -> None:
        done = await bank.submit(
            "put_private", "banks", k("p"), transient={"value": b"whispered"}, organisations=[INDUSTRY, BANK]
        )
        await client.status(done.txid)

        async def there() -> bool:
            theirs = self.values(await self.block(bank, done.block))
            return theirs.get("banks", {}).get(k("p")) == b"whispered"

        await until(there)
        theirs, ours = await self.block(bank, done.block), await self.block(client, done.block)
        assert ours.block.header == theirs.block.header
        assert "banks" not in self.values(ours)
        assert b"whispered" not in theirs.block.SerializeToString()

    async def test_forgotten_when_purged(self, client: RawClient, k: Keys) -> None:
        """Other values of the same transaction stay."""
        first = await client.submit("put_private", "shared", k("p"), transient={"value": b"first"})
        assert (await client.submit("purge_private", "shared", k("p"))).code == Code.VALID

        async def gone() -> bool:
            return k("p") not in self.values(await self.block(client, first.block)).get("shared", {})

        await until(gone)
