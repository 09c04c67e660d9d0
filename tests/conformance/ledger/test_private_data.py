"""Private collections: values for members only, hashes for everybody, forgotten when purged.

On Fabric a value reaches the other members' peers a moment after the commit, so reads at another peer wait.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable

import grpc
import pytest

from consortium.wire.fabric.ledger.rwset.rwset_pb2 import TxReadWriteSet
from consortium.wire.fabric.peer import transaction_pb2
from tests.support.embedded import Code, RawClient, action_of, bend_transaction, details_of, refusal
from tests.support.ledgers import BANK, BANK_B, INDUSTRY, Keys, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
C = grpc.StatusCode
SHARED, BANKS, OWN = "shared", "banks", f"_implicit_org_{BANK_B}"
BOTH = [INDUSTRY, BANK]
NOT_A_MEMBER = "tx creator does not have read access permission on privatedata in chaincodeName"
NOT_HERE = "private data matching public hash version is not available"


async def put(client: RawClient, key: str, value: str, collection: str = SHARED) -> None:
    """Writes a private value."""
    named = BOTH if collection == BANKS else []
    done = await client.submit(
        "put_private", collection, key, transient={"value": value.encode()}, organisations=named
    )
    assert done.code == Code.VALID


def reads(client: RawClient, collection: str, key: str, value: str) -> Callable[[], Awaitable[bool]]:
    """Whether this client's peer has the value."""

    async def check() -> bool:
        try:
            return await client.evaluate("get_private", collection, key) == value.encode()
        except grpc.aio.AioRpcError:
            return False

    return check


async def not_found(client: RawClient, function: str, *args: str) -> None:
    """The contract must say that there is none."""
    assert "chaincode response 404, NOT_FOUND" in str(
        (await refusal(client.evaluate(function, *args))).details()
    )


def digest(value: str) -> bytes:
    """What stands for a value in public."""
    return hashlib.sha256(value.encode()).digest()


async def test_value_and_hash(client: RawClient, bank: RawClient, k: Keys) -> None:
    await put(client, k("a"), "secret")
    await until(reads(client, SHARED, k("a"), "secret"))
    await until(reads(bank, SHARED, k("a"), "secret"))
    for asker in (client, bank):
        assert await asker.evaluate("hash_private", SHARED, k("a")) == digest("secret")
        assert json.loads(await asker.evaluate("range_private", SHARED, k(), k("~"))) == [k("a")]


async def test_collections_do_not_mix(client: RawClient, k: Keys) -> None:
    await put(client, k("a"), "secret")
    await client.submit("put", k("a"), "public")
    await until(reads(client, SHARED, k("a"), "secret"))
    assert await client.evaluate("get", k("a")) == b"public"
    await not_found(client, "hash_private", BANKS, k("a"))


async def test_the_value_is_not_in_the_transaction(client: RawClient, k: Keys) -> None:
    _, envelope = await client.endorse("put_private", SHARED, k("b"), transient={"value": b"whispered"})
    assert b"whispered" not in envelope.payload
    assert k("b").encode() not in action_of(envelope).results
    assert hashlib.sha256(b"whispered").digest() in action_of(envelope).results
    parts = {part.namespace: part for part in TxReadWriteSet.FromString(action_of(envelope).results).ns_rwset}
    [hashed] = parts[client.chaincode].collection_hashed_rwset
    assert hashed.collection_name == SHARED
    assert len(hashed.pvt_rwset_hash) == 32
    await not_found(client, "get_private", SHARED, k("b"))


async def test_overwrite_and_delete(client: RawClient, k: Keys) -> None:
    await put(client, k("c"), "1")
    await put(client, k("c"), "2")
    await until(reads(client, SHARED, k("c"), "2"))
    assert (await client.submit("delete_private", SHARED, k("c"))).code == Code.VALID
    await not_found(client, "get_private", SHARED, k("c"))
    await not_found(client, "hash_private", SHARED, k("c"))
    assert json.loads(await client.evaluate("range_private", SHARED, k(), k("~"))) == []


async def test_no_transient_value(client: RawClient, k: Keys) -> None:
    error = await refusal(client.endorse("put_private", SHARED, k("a")))
    assert "chaincode response 500, KeyError: " in details_of(error)[0][2]


class TestMembers:
    """A collection of the banks."""

    async def test_only_they_read(
        self, client: RawClient, bank: RawClient, bank_b: RawClient, k: Keys
    ) -> None:
        await put(bank, k("d"), "between banks", BANKS)
        await until(reads(bank, BANKS, k("d"), "between banks"))
        await until(reads(bank_b, BANKS, k("d"), "between banks"))
        for call in (("get_private", BANKS, k("d")), ("range_private", BANKS, k(), k("~"))):
            error = await refusal(client.evaluate(*call))
            assert error.code() == C.UNKNOWN
            assert NOT_A_MEMBER in (error.details() or "")
        assert await client.evaluate("hash_private", BANKS, k("d")) == digest("between banks")

    async def test_a_stranger_at_a_members_peer(self, client: RawClient, bank: RawClient, k: Keys) -> None:
        """What counts is who asks."""
        await put(bank, k("d"), "between banks", BANKS)
        error = await refusal(client.evaluate("get_private", BANKS, k("d"), organisations=[BANK]))
        assert NOT_A_MEMBER in (error.details() or "")

    async def test_a_member_at_a_strangers_peer(self, bank: RawClient, k: Keys) -> None:
        """That peer has no values: it can neither answer nor endorse a read."""
        await put(bank, k("d"), "between banks", BANKS)
        await until(reads(bank, BANKS, k("d"), "between banks"))
        error = await refusal(bank.evaluate("get_private", BANKS, k("d"), organisations=[INDUSTRY]))
        assert error.code() == C.UNKNOWN
        assert NOT_HERE in (error.details() or "")
        error = await refusal(bank.endorse("get_private", BANKS, k("d"), organisations=BOTH, tries=1))
        assert error.code() == C.ABORTED
        assert {msp: NOT_HERE in text for _, msp, text in details_of(error)} == {INDUSTRY: True}
        error = await refusal(bank.endorse("range_private", BANKS, k(), k("~"), organisations=BOTH, tries=1))
        assert error.code() == C.ABORTED
        assert {text for _, _, text in details_of(error)} == {"ProposalResponsePayloads do not match"}
        listed = await bank.evaluate("range_private", BANKS, k(), k("~"), organisations=[INDUSTRY])
        assert json.loads(listed) == []

    async def test_the_gateway_keeps_secrets_with_members(self, bank: RawClient, k: Keys) -> None:
        """Transient data goes only where the collection's values may be, unless organisations are named."""
        call = ("put_private", BANKS, k("d"))
        error = await refusal(bank.endorse(*call, transient={"value": b"x"}))
        assert error.code() == C.FAILED_PRECONDITION
        assert error.details() == (
            "requires endorsement from organisation(s) that are not in the distribution policy of the private data"
            f" collection(s): [{BANKS}]; retry specifying trusted endorsing organizations to protect transient data"
        )
        assert not details_of(error)

    async def test_reads_are_endorsed_by_members_only(self, bank: RawClient, k: Keys) -> None:
        """Two banks do not satisfy the chaincode's policy: so nobody can be found."""
        await put(bank, k("d"), "between banks", BANKS)
        await until(reads(bank, BANKS, k("d"), "between banks"))
        error = await refusal(bank.endorse("get_private", BANKS, k("d")))
        assert error.code() == C.FAILED_PRECONDITION
        assert "no combination of peers can be derived which satisfy the endorsement policy" in (
            error.details() or ""
        )
        assert not details_of(error)

    async def test_strangers_may_write(self, client: RawClient, bank: RawClient, k: Keys) -> None:
        done = await client.submit(
            "put_private", BANKS, k("e"), transient={"value": b"given"}, organisations=BOTH
        )
        assert done.code == Code.VALID
        await until(reads(bank, BANKS, k("e"), "given"))

    async def test_deleting_needs_no_secret(self, bank: RawClient, k: Keys) -> None:
        await put(bank, k("d"), "1", BANKS)
        assert (await bank.submit("delete_private", BANKS, k("d"))).code == Code.VALID
        await not_found(bank, "hash_private", BANKS, k("d"))


class TestImplicit:
    """The collection that every organisation has by itself."""

    async def test_needs_its_owners_peer_alone(self, bank_b: RawClient, k: Keys) -> None:
        done = await bank_b.submit("put_private", OWN, k("e"), transient={"value": b"mine"})
        assert done.code == Code.VALID
        await until(reads(bank_b, OWN, k("e"), "mine"))
        txid, envelope = await bank_b.endorse(
            "put_private", OWN, k("f"), transient={"value": b"x"}, organisations=[INDUSTRY, BANK_B]
        )

        def without_the_owner(action: transaction_pb2.ChaincodeActionPayload) -> None:
            kept = [item for item in action.action.endorsements if BANK_B.encode() not in item.endorser]
            del action.action.endorsements[:]
            action.action.endorsements.extend(kept)

        bent = bend_transaction(envelope, without_the_owner)
        assert (await bank_b.order_all((txid, bent)))[0][0] == Code.ENDORSEMENT_POLICY_FAILURE

    async def test_guarded_by_place_only(self, client: RawClient, bank_b: RawClient, k: Keys) -> None:
        """Whoever asks its owner's peer is answered; the other peers do not have it."""
        await bank_b.submit("put_private", OWN, k("e"), transient={"value": b"mine"})
        await until(reads(bank_b, OWN, k("e"), "mine"))
        assert await client.evaluate("hash_private", OWN, k("e")) == digest("mine")
        assert await client.evaluate("get_private", OWN, k("e"), organisations=[BANK_B]) == b"mine"
        error = await refusal(client.evaluate("get_private", OWN, k("e"), organisations=[INDUSTRY]))
        assert NOT_HERE in (error.details() or "")


async def test_unknown_collection(client: RawClient, k: Keys) -> None:
    missing = f"collection {client.ledger}/{client.chaincode}/nothing could not be found"
    undefined = (
        f"collection [nothing] not defined in the collection config for chaincode [{client.chaincode}]"
    )
    cases: dict[tuple[str, ...], str] = {
        ("hash_private", "nothing", k("a")): f"GET_PRIVATE_DATA_HASH failed: transaction ID: %: {undefined}",
        ("get_private", "nothing", k("a")): f"GET_STATE failed: transaction ID: %: {missing}",
        (
            "range_private",
            "nothing",
            k("a"),
            k("b"),
        ): f"GET_STATE_BY_RANGE failed: transaction ID: %: {missing}",
        ("delete_private", "nothing", k("a")): f"DEL_STATE failed: transaction ID: %: {missing}",
        ("purge_private", "nothing", k("a")): f"PURGE_PRIVATE_DATA failed: transaction ID: %: {missing}",
        ("set_private_metadata", "nothing", k("a"), "n", "00"): (
            f"PUT_STATE_METADATA failed: transaction ID: %: {missing}"
        ),
    }
    for call, text in cases.items():
        txid, signed = client.proposal(call[0], *call[1:])
        error = await refusal(client.evaluate_signed(txid, signed))
        assert error.code() == C.UNKNOWN
        assert details_of(error)[0][2] == "chaincode response 500, StateError: " + text.replace("%", txid)


async def test_conflict(client: RawClient, bank: RawClient, k: Keys) -> None:
    await put(client, k("g"), "1")
    await until(reads(client, SHARED, k("g"), "1"))
    await until(reads(bank, SHARED, k("g"), "1"))
    by_value = await client.endorse("get_private", SHARED, k("g"), organisations=BOTH)
    by_hash = await client.endorse("hash_private", SHARED, k("g"))
    absent = await client.endorse("known_private", SHARED, k("new"))
    await put(client, k("new"), "1")
    await put(client, k("g"), "2")
    found = await client.order_all(by_value, by_hash, absent)
    assert [code for code, _ in found] == [Code.MVCC_READ_CONFLICT] * 3


async def test_queries_and_writes_do_not_mix(client: RawClient, k: Keys) -> None:
    """As on a peer; each alone is fine."""
    after, before = await asyncio.gather(
        refusal(client.evaluate("query_and_put_private", SHARED, k("a"))),
        refusal(client.evaluate("put_and_query_private", SHARED, k("a"))),
    )
    assert "already performed queries on pvt data. Writes are not allowed" in (after.details() or "")
    assert "Queries on pvt data is supported only in a read-only transaction" in (before.details() or "")


async def test_purge(client: RawClient, bank: RawClient, k: Keys) -> None:
    await put(client, k("p"), "first-secret")
    await put(client, k("p"), "second-secret")
    await until(reads(bank, SHARED, k("p"), "second-secret"))
    assert (await client.submit("purge_private", SHARED, k("p"))).code == Code.VALID
    await not_found(client, "get_private", SHARED, k("p"))
    await not_found(client, "hash_private", SHARED, k("p"))
    await put(client, k("p"), "written again")
    await until(reads(client, SHARED, k("p"), "written again"))
