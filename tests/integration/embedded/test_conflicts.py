"""Reads that are no longer so when the transaction is committed."""

from __future__ import annotations

import asyncio
import json

import pytest

from chaincode.hosts.embedded.server import EmbeddedLedger
from chaincode.hosts.embedded.verification import verify
from tests.support.embedded import Code, Network, RawClient, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def race(client: RawClient, first: tuple[str, ...], second: tuple[str, ...]) -> tuple[int, int]:
    """Codes of two transactions that were endorsed on the same state and ordered one after the other."""
    prepared = [await client.endorse(*call) for call in (first, second)]
    codes = []
    for txid, envelope in prepared:
        await client.order(txid, client.sign(envelope))
        codes.append((await client.status(txid))[0])
    return codes[0], codes[1]


async def test_same_key(client: RawClient) -> None:
    assert await race(client, ("update", "k", "1"), ("update", "k", "2")) == (
        Code.VALID,
        Code.MVCC_READ_CONFLICT,
    )
    assert await client.evaluate("get", "k") == b"1"


async def test_absent_key_that_came_to_be(client: RawClient) -> None:
    assert await race(client, ("put", "absent", "1"), ("update", "absent", "2")) == (
        Code.VALID,
        Code.MVCC_READ_CONFLICT,
    )


async def test_deleted_key(client: RawClient) -> None:
    await client.submit("put", "doomed", "1")
    assert await race(client, ("delete", "doomed"), ("update", "doomed", "2")) == (
        Code.VALID,
        Code.MVCC_READ_CONFLICT,
    )


async def test_other_keys_do_not_conflict(client: RawClient) -> None:
    assert await race(client, ("update", "left", "1"), ("update", "right", "2")) == (Code.VALID, Code.VALID)


async def test_blind_writes_do_not_conflict(client: RawClient) -> None:
    assert await race(client, ("put", "blind", "1"), ("put", "blind", "2")) == (Code.VALID, Code.VALID)
    assert await client.evaluate("get", "blind") == b"2"


@pytest.mark.parametrize("count", [3, 50, 51, 120, 2700])
async def test_phantom(client: RawClient, count: int) -> None:
    """In full up to 50 keys, as a hash tree above; 2,700 keys need two levels."""
    prefix = f"range{count}-"
    await client.submit("many", prefix, str(count), "10")
    again = await race(client, ("count", prefix, prefix + "~", "n1"), ("count", prefix, prefix + "~", "n2"))
    assert again == (Code.VALID, Code.VALID)
    assert await client.evaluate("get", "n2") == str(count).encode()
    for change in (
        ("put", f"{prefix}000001x", "new"),
        ("put", f"{prefix}000001", "changed"),
        ("delete", f"{prefix}000000"),
    ):
        codes = await race(client, change, ("count", prefix, prefix + "~", "n3"))
        assert codes == (Code.VALID, Code.PHANTOM_READ_CONFLICT), change
    codes = await race(client, ("put", "elsewhere", "1"), ("count", prefix, prefix + "~", "n3"))
    assert codes == (Code.VALID, Code.VALID)


async def test_range_that_was_read_in_part(client: RawClient) -> None:
    await client.submit("many", "part-", "10", "10")
    behind = await race(client, ("put", "part-000009", "x"), ("range", "part-", "part-~", "3"))
    assert behind == (Code.VALID, Code.VALID)
    within = await race(client, ("put", "part-000002", "x"), ("range", "part-", "part-~", "3"))
    assert within == (Code.VALID, Code.PHANTOM_READ_CONFLICT)


async def test_empty_range(client: RawClient) -> None:
    assert await race(client, ("put", "void-1", "x"), ("count", "void-", "void-~", "n4")) == (
        Code.VALID,
        Code.PHANTOM_READ_CONFLICT,
    )


async def test_within_one_block(network: Network, tmp_path_factory: pytest.TempPathFactory) -> None:
    database = tmp_path_factory.mktemp("block") / "ledger.db"
    async with (
        running(network.settings(database, batch_timeout_ms=400)) as ledger,
        network.client(ledger) as client,
    ):
        await client.submit("many", "r-", "60", "10")
        calls = [
            ("update", "k", "1"),
            ("update", "k", "2"),
            ("put", "r-000005", "x"),
            ("count", "r-", "r-~", "n"),
            ("update", "free", "1"),
        ]
        prepared = [await client.endorse(*call) for call in calls]
        for txid, envelope in prepared:
            await client.order(txid, client.sign(envelope))
        statuses = [await client.status(txid) for txid, _ in prepared]
        assert len({block for _, block in statuses}) == 1
        assert [code for code, _ in statuses] == [
            Code.VALID,
            Code.MVCC_READ_CONFLICT,
            Code.VALID,
            Code.PHANTOM_READ_CONFLICT,
            Code.VALID,
        ]
        assert (await asyncio.to_thread(verify, database)).problems == ()


async def test_a_simulation_sees_one_state(client: RawClient) -> None:
    """Reads of one transaction never mix two commits, while commits go on."""
    stop = asyncio.Event()

    async def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            await client.submit("put_pair", str(number))

    await client.submit("put_pair", "0")
    writer = asyncio.create_task(write())
    try:
        for _ in range(100):
            left, right = json.loads(await client.evaluate("get_pair"))
            assert left == right
    finally:
        stop.set()
        await writer


async def test_ranges_and_pages(client: RawClient) -> None:
    await client.submit("many", "page-", "7", "10")
    keys: list[str] = []
    bookmark = ""
    while True:
        items, bookmark = json.loads(await client.evaluate("page", "page-", "page-~", "3", bookmark))
        keys += items
        if not bookmark:
            break
    assert keys == [f"page-{number:06d}" for number in range(7)]
    listed = json.loads(await client.evaluate("range", "page-000002", "page-000005"))
    assert [key for key, _ in listed] == keys[2:5]
    everything = [key for key, _ in json.loads(await client.evaluate("range", "", ""))]
    assert everything == sorted(everything)
    assert set(keys) <= set(everything)


async def test_history(client: RawClient) -> None:
    first = await client.submit("put", "story", "1")
    second = await client.submit("put", "story", "2")
    third = await client.submit("delete", "story")
    found = json.loads(await client.evaluate("history", "story"))
    assert [item[:2] for item in found] == [[third.txid, None], [second.txid, "2"], [first.txid, "1"]]
    assert json.loads(await client.evaluate("history", "never")) == []


async def test_everything_above_verifies(ledger: EmbeddedLedger) -> None:
    assert (await asyncio.to_thread(verify, ledger.settings.database)).problems == ()
