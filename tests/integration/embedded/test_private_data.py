"""Private collections: values for members only, hashes for everybody, forgotten when purged."""

from __future__ import annotations

import asyncio
import hashlib
import json

import grpc
import pytest

from chaincode.hosts.embedded.server import EmbeddedLedger
from chaincode.hosts.embedded.store import open_reader
from chaincode.hosts.embedded.verification import verify
from tests.support.embedded import Code, Network, RawClient, action_of, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def put(client: RawClient, key: str, value: str, collection: str = "shared") -> None:
    """Writes a private value."""
    done = await client.submit("put_private", collection, key, transient={"value": value.encode()})
    assert done.code == Code.VALID


async def test_value_and_hash(client: RawClient) -> None:
    await put(client, "a", "secret")
    assert await client.evaluate("get_private", "shared", "a") == b"secret"
    assert await client.evaluate("hash_private", "shared", "a") == hashlib.sha256(b"secret").digest()
    assert json.loads(await client.evaluate("range_private", "shared", "", "")) == ["a"]


async def test_the_value_is_not_in_the_transaction(client: RawClient) -> None:
    _, envelope = await client.endorse("put_private", "shared", "b", transient={"value": b"whispered"})
    assert b"whispered" not in envelope.payload
    assert hashlib.sha256(b"whispered").digest() in action_of(envelope).results
    with pytest.raises(grpc.aio.AioRpcError):
        await client.evaluate("get_private", "shared", "b")


async def test_overwrite_and_delete(client: RawClient) -> None:
    await put(client, "c", "1")
    await put(client, "c", "2")
    assert await client.evaluate("get_private", "shared", "c") == b"2"
    assert (await client.submit("delete_private", "shared", "c")).code == Code.VALID
    assert "NOT_FOUND" in str((await refusal(client.evaluate("get_private", "shared", "c"))).details())
    assert "NOT_FOUND" in str((await refusal(client.evaluate("hash_private", "shared", "c"))).details())


async def test_members_only(network: Network, ledger: EmbeddedLedger, client: RawClient) -> None:
    async with network.client(ledger, "BankAMSP") as bank:
        await put(bank, "d", "between banks", "banks")
        assert await bank.evaluate("get_private", "banks", "d") == b"between banks"
    error = await refusal(client.evaluate("get_private", "banks", "d"))
    assert "does not have read access permission" in (error.details() or "")
    hashed = await client.evaluate("hash_private", "banks", "d")
    assert hashed == hashlib.sha256(b"between banks").digest()


async def test_implicit_collection_needs_its_owners_peer(network: Network, ledger: EmbeddedLedger) -> None:
    async with network.client(ledger, "BankBMSP") as bank:
        own = "_implicit_org_BankBMSP"
        done = await bank.submit("put_private", own, "e", transient={"value": b"mine"})
        assert done.code == Code.VALID
        done = await bank.submit(
            "put_private", own, "f", transient={"value": b"x"}, organisations=["IndustryAMSP", "BankAMSP"]
        )
        assert done.code == Code.ENDORSEMENT_POLICY_FAILURE


async def test_unknown_collection(client: RawClient) -> None:
    error = await refusal(client.evaluate("hash_private", "nothing", "a"))
    assert "collection [nothing] not defined" in (error.details() or "")


async def test_private_conflict(client: RawClient) -> None:
    await put(client, "g", "1")
    reading = await client.endorse("get_private", "shared", "g")
    await put(client, "g", "2")
    await client.order(reading[0], client.sign(reading[1]))
    assert (await client.status(reading[0]))[0] == Code.MVCC_READ_CONFLICT


async def test_queries_and_writes_do_not_mix(client: RawClient) -> None:
    """As on a peer; each alone is fine."""
    assert await client.evaluate("range_private", "shared", "a", "b")
    error = await refusal(client.evaluate("page_and_put"))
    assert "Writes are not allowed" in (error.details() or "")


async def test_purge_forgets_history_too(client: RawClient, ledger: EmbeddedLedger) -> None:
    await put(client, "purged", "first-secret")
    await put(client, "purged", "second-secret")
    assert (await client.submit("purge_private", "shared", "purged")).code == Code.VALID
    assert "NOT_FOUND" in str((await refusal(client.evaluate("get_private", "shared", "purged"))).details())
    connection = open_reader(ledger.settings.database)
    try:
        kept = b"".join(row[0] for row in connection.execute("SELECT rwset FROM private_writes"))
        kept += b"".join(row[0] for row in connection.execute("SELECT value FROM state"))
        waiting = connection.execute("SELECT count(*) FROM transient").fetchone()[0]
    finally:
        connection.close()
    assert b"-secret" not in kept
    assert b"secret" in kept
    assert waiting >= 1  # the one that was endorsed and never submitted
    await put(client, "purged", "written again")
    assert await client.evaluate("get_private", "shared", "purged") == b"written again"


async def test_everything_above_verifies(ledger: EmbeddedLedger) -> None:
    assert (await asyncio.to_thread(verify, ledger.settings.database)).problems == ()
