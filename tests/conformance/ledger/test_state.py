"""What a contract sees of the state: ranges, pages, composite keys, history, and never its own writes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time

import pytest

from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity
from tests.support.embedded import Code, RawClient, details_of, refusal
from tests.support.ledgers import Keys

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_who_what_and_when(client: RawClient, bank: RawClient) -> None:
    for asker in (client, bank):
        at = time.time()
        txid, signed = asker.proposal("whoami", "x", "ü", transient={"secret": b"s"}, at=at)
        seen = json.loads(await asker.evaluate_signed(txid, signed))
        identity = SerializedIdentity.FromString(asker.identity.serialized())
        assert seen[:5] == [identity.mspid, asker.ledger, txid, int(at), {"secret": "s"}]
        assert seen[5] == hashlib.sha256(identity.id_bytes).hexdigest()
        assert seen[6] == ["whoami", "x", "ü"]


class TestOwnWrites:
    """The protocol does not show a transaction its own writes; the overlay above it does, the same on both."""

    async def test_below_and_above(self, client: RawClient, k: Keys) -> None:
        done = await client.submit("own_writes", k("a"), "1")
        assert json.loads(done.result) == [None, "1!", []]
        assert await client.evaluate("get", k("a")) == b"1!"
        done = await client.submit("own_writes", k("a"), "2")
        assert json.loads(done.result) == ["1!", "2!", [k("a")]]
        assert done.code == Code.VALID

    async def test_a_deleted_key(self, client: RawClient, k: Keys) -> None:
        await client.submit("put", k("a"), "1")
        assert json.loads(await client.evaluate("delete_then_get", k("a"))) is None
        assert await client.evaluate("get", k("a")) == b"1"  # nothing was submitted

    async def test_a_range_over_them_is_refused(self, client: RawClient, k: Keys) -> None:
        error = await refusal(client.endorse("put_then_range", k("b"), k("a"), k("c")))
        assert "which the same transaction wrote" in details_of(error)[0][2]
        assert json.loads(await client.evaluate("put_then_range", k("d"), k("a"), k("c"))) == []

    async def test_nothing_is_written_by_a_failure(self, client: RawClient, k: Keys) -> None:
        error = await refusal(client.endorse("put_then_range", k("b"), k("a"), k("c")))
        assert "chaincode response 500, StateError: " in details_of(error)[0][2]
        assert "NOT_FOUND" in str((await refusal(client.evaluate("get", k("b")))).details())


class TestRanges:
    """Ranges of keys."""

    async def test_bounds(self, client: RawClient, k: Keys) -> None:
        await client.submit("many", k("r-"), "7", "10")
        keys = [k(f"r-{number:06d}") for number in range(7)]

        async def listed(start: str, end: str) -> list[str]:
            return [key for key, _ in json.loads(await client.evaluate("range", start, end))]

        assert await listed(keys[0], keys[3]) == keys[:3]
        assert await listed(k("r-"), k("r-~")) == keys
        assert await listed(keys[6], k("r-~")) == keys[6:]
        assert await listed(keys[3], keys[3]) == []
        assert await listed(k("none"), k("none~")) == []

    async def test_order_is_that_of_utf_8(self, client: RawClient, k: Keys) -> None:
        names = ["A", "a", "é", "中", "\ufffd", "\U0001f600", "z"]
        await asyncio.gather(*(client.submit("put", k(name), name) for name in names))
        found = json.loads(await client.evaluate("range", k(), k("\U0010ffff")))
        assert found == [[k(name), name] for name in sorted(names, key=str.encode)]

    @pytest.mark.parametrize("count", [100, 101, 1001])
    async def test_more_than_a_batch(self, client: RawClient, k: Keys, count: int) -> None:
        await client.submit("many", k("r-"), str(count), "10")
        found = json.loads(await client.evaluate("range", k("r-"), k("r-~")))
        assert [key for key, _ in found] == [k(f"r-{number:06d}") for number in range(count)]
        keys = [key for key, _ in found]
        assert json.loads(await client.evaluate("get_many", *keys, k("absent"))) == [
            *(value for _, value in found),
            None,
        ]

    async def test_open_ends(self, client: RawClient, k: Keys) -> None:
        """An empty end is the last key, an empty start the first that is not a composite one."""
        await client.submit("put", k("a"), "1")
        await client.submit("put_composite", "c", k("kind"), "x")
        found = json.loads(await client.evaluate("range", k(), "", "1"))
        assert found == [[k("a"), "1"]]
        found = json.loads(await client.evaluate("range", "", k("b")))
        assert found[-1] == [k("a"), "1"]
        assert not [key for key, _ in found if key.startswith("\x00")]


class TestPages:
    """Pages with bookmarks."""

    @pytest.mark.parametrize(("count", "size", "pages"), [(7, 3, 3), (6, 3, 2), (2, 3, 1), (0, 3, 1)])
    async def test_all(self, client: RawClient, k: Keys, count: int, size: int, pages: int) -> None:
        if count:
            await client.submit("many", k("p-"), str(count), "10")
        keys: list[str] = []
        bookmark, turned = "", 0
        while True:
            items, bookmark = json.loads(
                await client.evaluate("page", k("p-"), k("p-~"), str(size), bookmark)
            )
            assert len(items) <= size
            keys += items
            turned += 1
            if not bookmark:
                break
        assert keys == [k(f"p-{number:06d}") for number in range(count)]
        assert turned == pages

    async def test_a_bookmark_is_the_next_key(self, client: RawClient, k: Keys) -> None:
        await client.submit("many", k("p-"), "5", "10")
        _, bookmark = json.loads(await client.evaluate("page", k("p-"), k("p-~"), "2", ""))
        assert bookmark == k("p-000002")

    async def test_a_page_can_be_committed(self, client: RawClient, k: Keys) -> None:
        await client.submit("many", k("p-"), "5", "10")
        done = await client.submit("page", k("p-"), k("p-~"), "2", "")
        assert done.code == Code.VALID

    async def test_not_with_writes(self, client: RawClient, k: Keys) -> None:
        before, after = await asyncio.gather(
            refusal(client.evaluate("put_and_page", k("a"), k("b"))),
            refusal(client.evaluate("page_and_put", k("a"), k("b"))),
        )
        assert "Paginated queries are supported only in a read-only transaction" in (before.details() or "")
        assert "already performed a paginated query. Writes are not allowed" in (after.details() or "")


class TestCompositeKeys:
    """Keys of several parts."""

    async def test_by_their_first_parts(self, client: RawClient, k: Keys) -> None:
        kind = k("kind")
        rows = [("a", "1"), ("a", "2"), ("ab", "1"), ("b", "1")]
        await asyncio.gather(*(client.submit("put_composite", "".join(row), kind, *row) for row in rows))

        async def listed(*parts: str) -> list[list[str]]:
            found: list[list[str]] = json.loads(await client.evaluate("list_composite", kind, *parts))
            return found

        assert await listed() == [[kind, *row, "".join(row)] for row in rows]
        assert await listed("a") == [[kind, "a", "1", "a1"], [kind, "a", "2", "a2"]]
        assert await listed("a", "2") == [[kind, "a", "2", "a2"]]
        assert await listed("c") == []

    async def test_parts_that_cannot_be(self, client: RawClient, k: Keys) -> None:
        for part in ("a\x00b", "a\U0010ffff"):
            error = await refusal(client.evaluate("put_composite", "v", k("kind"), part))
            assert "chaincode response 500, ValueError: " in (error.details() or "")


class TestHistory:
    """Past values of a key, newest first."""

    async def test_all_of_it(self, client: RawClient, k: Keys) -> None:
        at = int(time.time())
        calls = [("put", k("a"), "1"), ("put", k("a"), "2"), ("delete", k("a")), ("put", k("a"), "4")]
        done = [await client.submit(*call, at=at - number) for number, call in enumerate(calls)]
        found = json.loads(await client.evaluate("history", k("a")))
        values = ["1", "2", None, "4"]
        expected = [[item.txid, values[number], at - number] for number, item in enumerate(done)]
        assert found == expected[::-1]

    async def test_of_nothing(self, client: RawClient, k: Keys) -> None:
        assert json.loads(await client.evaluate("history", k("never"))) == []

    async def test_without_invalid_transactions(self, client: RawClient, k: Keys) -> None:
        loser = await client.endorse("update", k("a"), "loser")
        winner = await client.submit("update", k("a"), "winner")
        [(code, _)] = await client.order_all(loser)
        assert code == Code.MVCC_READ_CONFLICT
        found = json.loads(await client.evaluate("history", k("a")))
        assert [item[:2] for item in found] == [[winner.txid, "winner"]]

    async def test_within_one_block(self, client: RawClient, k: Keys) -> None:
        prepared = [await client.endorse("put", k("a"), str(number)) for number in range(5)]
        assert [code for code, _ in await client.order_all(*prepared)] == [Code.VALID] * 5
        found = json.loads(await client.evaluate("history", k("a")))
        assert [item[0] for item in found] == [txid for txid, _ in prepared][::-1]


async def test_empty_values_are_no_values(client: RawClient, k: Keys) -> None:
    await client.submit("put", k("a"), "1")
    assert (await client.submit("put", k("a"), "")).code == Code.VALID
    assert "NOT_FOUND" in str((await refusal(client.evaluate("get", k("a")))).details())


@pytest.mark.parametrize("which", ["surrogate", "empty"])
async def test_keys_that_cannot_be(client: RawClient, which: str) -> None:
    error = await refusal(client.endorse("put_odd", which))
    assert "chaincode response 500" in details_of(error)[0][2]


async def test_rich_queries_are_refused(client: RawClient) -> None:
    error = await refusal(client.evaluate("query", "{}"))
    assert "chaincode response 500, StateError: " in (error.details() or "")
    assert "ExecuteQuery not supported for leveldb" in (error.details() or "")
