"""Reads that are no longer so when the transaction is committed."""

from __future__ import annotations

import asyncio
import json

import pytest

from consortium.wire.fabric.common import common_pb2
from tests.support.embedded import Code, RawClient
from tests.support.ledgers import Keys

pytestmark = pytest.mark.asyncio(loop_scope="module")
VALID, MVCC, PHANTOM = Code.VALID, Code.MVCC_READ_CONFLICT, Code.PHANTOM_READ_CONFLICT
Call = tuple[str, ...]
SAME_BLOCK_TRIES = 10


async def race(client: RawClient, *calls: Call) -> list[int]:
    """Codes of transactions that were endorsed on the same state and ordered one after the other."""
    prepared = await asyncio.gather(*(client.endorse(*call) for call in calls))
    return [code for code, _ in await client.order_all(*prepared)]


async def race_apart(client: RawClient, *calls: Call) -> list[int]:
    """The same, each in a block of its own."""
    prepared = await asyncio.gather(*(client.endorse(*call) for call in calls))
    return [(await client.order_all(item))[0][0] for item in prepared]


async def test_reads_and_writes_of_single_keys(client: RawClient, k: Keys) -> None:
    await client.submit("put", k("doomed"), "1")
    cases: dict[str, tuple[Call, Call, int]] = {
        "same key": (("update", k("k"), "1"), ("update", k("k"), "2"), MVCC),
        "absent key that came to be": (("put", k("absent"), "1"), ("update", k("absent"), "2"), MVCC),
        "deleted key": (("delete", k("doomed")), ("update", k("doomed"), "2"), MVCC),
        "other keys": (("update", k("left"), "1"), ("update", k("right"), "2"), VALID),
        "blind writes": (("put", k("blind"), "1"), ("put", k("blind"), "2"), VALID),
        "a pure read": (("put", k("read"), "1"), ("get_many", k("read")), MVCC),
    }
    found = await asyncio.gather(*(race(client, *case[:2]) for case in cases.values()))
    assert dict(zip(cases, found, strict=True)) == {name: [VALID, case[2]] for name, case in cases.items()}
    assert await client.evaluate("get", k("k")) == b"1"
    assert await client.evaluate("get", k("blind")) == b"2"


async def test_the_same_across_blocks(client: RawClient, k: Keys) -> None:
    calls = [("update", k("k"), "1"), ("update", k("k"), "2")]
    assert await race_apart(client, *calls) == [VALID, MVCC]
    calls = [("put", k("blind"), "1"), ("put", k("blind"), "2")]
    assert await race_apart(client, *calls) == [VALID, VALID]


async def test_deleting_an_absent_key_does_not_make_it(client: RawClient, k: Keys) -> None:
    reading = await client.endorse("update", k("a"), "2")
    assert (await client.submit("delete", k("a"))).code == VALID
    assert [code for code, _ in await client.order_all(reading)] == [VALID]


async def test_the_loser_burns_its_id_and_wins_with_another(client: RawClient, k: Keys) -> None:
    assert await race(client, ("update", k("k"), "1"), ("update", k("k"), "2")) == [VALID, MVCC]
    done = await client.submit("update", k("k"), "2")
    assert (done.code, done.result) == (VALID, b"1")


@pytest.mark.parametrize("count", [3, 50, 51, 120, 2700])
async def test_phantom(client: RawClient, k: Keys, count: int) -> None:
    """In full up to 50 keys, as a hash tree above; 2,700 keys need two levels."""

    async def prepare(name: str) -> str:
        prefix = k(f"{name}-")
        assert (await client.submit("many", prefix, str(count), "10")).code == VALID
        return prefix

    async def check(name: str, expected: int, change: Call) -> tuple[str, list[int]]:
        prefix = await prepare(name)
        first = tuple(part.replace("@", prefix) for part in change)
        return name, await race(client, first, ("count", prefix, prefix + "~", k(f"n-{name}")))

    changes: dict[str, tuple[int, Call]] = {
        "nothing": (VALID, ("count", "@", "@~", k("n1"))),
        "elsewhere": (VALID, ("put", k("zzz"), "1")),
        "new": (PHANTOM, ("put", "@000001x", "new")),
        "changed": (PHANTOM, ("put", "@000001", "changed")),
        "deleted": (PHANTOM, ("delete", "@000000")),
    }
    if count > 1000:
        del changes["changed"], changes["elsewhere"]
    found = await asyncio.gather(*(check(name, *case) for name, case in changes.items()))
    assert dict(found) == {name: [VALID, case[0]] for name, case in changes.items()}
    assert await client.evaluate("get", k("n-nothing")) == str(count).encode()


async def test_the_same_range_from_an_older_state(client: RawClient, k: Keys) -> None:
    """The change stands in an earlier block, not in the same one."""
    await client.submit("many", k("r-"), "60", "10")
    counted = await client.endorse("count", k("r-"), k("r-~"), k("n"))
    await client.submit("put", k("r-000005"), "x")
    assert [code for code, _ in await client.order_all(counted)] == [PHANTOM]


async def test_a_range_that_was_read_in_part(client: RawClient, k: Keys) -> None:
    """A peer hands a range out in batches of 100 and looks one further: so far it counts as read."""
    await asyncio.gather(
        client.submit("many", k("short-"), "10", "10"), client.submit("many", k("long-"), "250", "10")
    )
    short, long = ("range", k("short-"), k("short-~"), "3"), ("range", k("long-"), k("long-~"), "3")
    further = ("range", k("long-"), k("long-~"), "101")
    assert await race(client, ("put", k("short-000009"), "x"), short) == [VALID, PHANTOM]
    cases: list[tuple[str, Call, int]] = [
        ("long-000099", long, PHANTOM),
        ("long-000100", long, PHANTOM),
        ("long-000101", long, VALID),
        ("long-000201", further, VALID),
        ("long-000200", further, PHANTOM),
    ]
    for key, reading, expected in cases:
        assert await race(client, ("put", k(key), "x"), reading) == [VALID, expected], key


async def test_an_empty_range(client: RawClient, k: Keys) -> None:
    calls = [("put", k("void-1"), "x"), ("count", k("void-"), k("void-~"), k("n"))]
    assert await race(client, *calls) == [VALID, PHANTOM]


async def test_a_page(client: RawClient, k: Keys) -> None:
    """What is behind a full page was not read, though the page is as long as the range."""
    await client.submit("many", k("p-"), "4", "10")
    page = ("page", k("p-"), k("p-~"), "2", "")
    assert await race(client, ("put", k("p-000001"), "x"), page) == [VALID, PHANTOM]
    assert await race(client, ("put", k("p-000002"), "x"), page) == [VALID, VALID]
    whole = ("page", k("p-"), k("p-~"), "4", "")
    assert await race(client, ("put", k("p-000004"), "x"), whole) == [VALID, VALID]
    short = ("page", k("p-"), k("p-~"), "9", "")
    assert await race(client, ("put", k("p-000006"), "x"), short) == [VALID, PHANTOM]


async def test_within_one_block(client: RawClient, k: Keys) -> None:
    """A valid transaction's writes count for the next one of the same block; so does deleting nothing."""
    for attempt in range(SAME_BLOCK_TRIES):
        prefix = k(f"{attempt}-")
        await client.submit("many", prefix + "r-", "60", "10")
        calls = [
            ("update", prefix + "k", "1"),
            ("update", prefix + "k", "2"),
            ("put", prefix + "r-000005", "x"),
            ("count", prefix + "r-", prefix + "r-~", prefix + "n"),
            ("update", prefix + "free", "1"),
            ("delete", prefix + "none"),
            ("update", prefix + "none", "1"),
        ]
        prepared = await asyncio.gather(*(client.endorse(*call) for call in calls))
        found = await client.order_all(*prepared)
        codes = [code for code, _ in found]
        assert codes[:-1] == [VALID, MVCC, VALID, PHANTOM, VALID, VALID]
        if len({block for _, block in found}) == 1:
            assert codes[-1] == MVCC
            return
    raise AssertionError("never in one block")


async def test_a_simulation_sees_one_state(client: RawClient, k: Keys) -> None:
    """Reads of one transaction never mix two commits, while commits go on."""
    stop = asyncio.Event()

    async def write() -> int:
        number = 0
        while not stop.is_set():
            number += 1
            await client.submit("put_pair", str(number), k("pair"))
        return number

    await client.submit("put_pair", "0", k("pair"))
    writer = asyncio.create_task(write())
    try:
        seen = set()
        for _ in range(60):
            left, right = json.loads(await client.evaluate("get_pair", k("pair")))
            assert left == right
            seen.add(left)
    finally:
        stop.set()
        written = await writer
    assert seen <= {str(number) for number in range(written + 1)}


class TestDuplicates:
    """The same envelope again."""

    async def test_later(self, client: RawClient, k: Keys) -> None:
        txid, envelope = await client.endorse("update", k("again"), "1")
        signed = client.sign(envelope)
        await client.order(txid, signed)
        first = await client.status(txid)
        await client.order(txid, signed)
        after = await client.submit("put", k("after"), "1")
        assert after.block > first[1]
        assert await client.status(txid) == first == (VALID, first[1])
        assert await self.codes(client, txid, first[1], after.block) == [VALID, Code.DUPLICATE_TXID]

    async def test_in_the_same_block(self, client: RawClient, k: Keys) -> None:
        for attempt in range(SAME_BLOCK_TRIES):
            txid, envelope = await client.endorse("update", k(f"one-{attempt}"), "1")
            signed = client.sign(envelope)
            await asyncio.gather(*(client.order(txid, signed) for _ in range(4)))
            code, block = await client.status(txid)
            after = await client.submit("put", k("after"), "1")
            assert code == VALID
            assert await client.evaluate("get", k(f"one-{attempt}")) == b"1"
            everywhere = await self.codes(client, txid, block, after.block)
            assert everywhere == [VALID] + [Code.DUPLICATE_TXID] * 3
            if await self.codes(client, txid, block, block) == everywhere:
                return
        raise AssertionError("never in one block")

    async def test_also_after_an_invalid_first(self, client: RawClient, k: Keys) -> None:
        """A conflict burns the id: the same bytes are no second chance, and nobody endorses it again."""
        txid, signed = client.proposal("update", k("race"), "loser")
        loser = await client.endorse_signed(txid, signed)
        assert (await client.submit("update", k("race"), "winner")).code == VALID
        [(code, block)] = await client.order_all((txid, loser))
        assert code == MVCC
        await client.order(txid, client.sign(loser))
        after = await client.submit("put", k("after"), "2")
        assert await client.status(txid) == (MVCC, block)
        assert await self.codes(client, txid, block, after.block) == [MVCC, Code.DUPLICATE_TXID]
        assert await client.evaluate("get", k("race")) == b"winner"

    async def codes(self, client: RawClient, txid: str, first: int, last: int) -> list[int]:
        """Codes of every transaction with this id, in blocks from ``first`` to ``last``."""
        found = []
        for number in range(first, last + 1):
            data = await client.evaluate("GetBlockByNumber", client.ledger, str(number), chaincode="qscc")
            block = common_pb2.Block.FromString(data)
            codes = block.metadata.metadata[common_pb2.TRANSACTIONS_FILTER]
            for code, item in zip(codes, block.data.data, strict=True):
                payload = common_pb2.Payload.FromString(common_pb2.Envelope.FromString(item).payload)
                header = common_pb2.ChannelHeader.FromString(payload.header.channel_header)
                if header.tx_id == txid:
                    found.append(code)
        return found
