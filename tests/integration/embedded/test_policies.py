"""Keys with an endorsement policy of their own, and calls from chaincode to chaincode."""

from __future__ import annotations

import asyncio
import json

import grpc
import pytest

from chaincode.hosts.embedded.policy import signature_policy
from chaincode.hosts.embedded.server import EmbeddedLedger
from chaincode.hosts.embedded.settings import EndorsementPolicy
from chaincode.hosts.embedded.verification import verify
from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity
from tests.support.embedded import Code, Network, RawClient, details_of, refusal, running, transaction_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


def only(*msps: str) -> str:
    """A key's policy, in hex: all of these."""
    return signature_policy(EndorsementPolicy(all_of=msps), ()).SerializeToString().hex()


async def own(client: RawClient, key: str, *msps: str) -> None:
    """Gives a key a policy of its own."""
    await client.submit("put", key, "first")
    done = await client.submit("set_metadata", key, "VALIDATION_PARAMETER", only(*msps))
    assert done.code == Code.VALID


async def test_the_keys_policy_replaces_the_chaincodes(client: RawClient) -> None:
    await own(client, "banks", "BankAMSP", "BankBMSP")
    usual = await client.submit("put", "banks", "x", organisations=["IndustryAMSP", "BankAMSP"])
    assert usual.code == Code.ENDORSEMENT_POLICY_FAILURE
    theirs = await client.submit("put", "banks", "y", organisations=["BankBMSP", "BankAMSP"])
    assert theirs.code == Code.VALID
    assert await client.evaluate("get", "banks") == b"y"


async def test_both_when_other_keys_are_written(client: RawClient) -> None:
    await own(client, "pair-left", "BankBMSP")
    done = await client.submit("put_pair", "1", organisations=["IndustryAMSP", "BankAMSP"])
    assert done.code == Code.ENDORSEMENT_POLICY_FAILURE
    done = await client.submit("put_pair", "1", organisations=["BankBMSP"])
    assert done.code == Code.ENDORSEMENT_POLICY_FAILURE
    done = await client.submit("put_pair", "1", organisations=["IndustryAMSP", "BankBMSP"])
    assert done.code == Code.VALID


async def test_peers_are_chosen_for_it(client: RawClient) -> None:
    await own(client, "chosen", "BankAMSP", "BankBMSP")
    txid, envelope = await client.endorse("put", "chosen", "z")
    endorsements = transaction_of(envelope).action.endorsements
    assert {SerializedIdentity.FromString(item.endorser).mspid for item in endorsements} == {
        "BankAMSP",
        "BankBMSP",
    }
    await client.order(txid, client.sign(envelope))
    assert (await client.status(txid))[0] == Code.VALID


async def test_a_policy_that_cannot_be_read(client: RawClient) -> None:
    """Nobody can write the key any more; nothing else is harmed."""
    await client.submit("put", "broken", "1")
    await client.submit("set_metadata", "broken", "VALIDATION_PARAMETER", "ffff")
    error = await refusal(client.endorse("put", "broken", "2"))
    assert error.code() == grpc.StatusCode.ABORTED
    done = await client.submit("put", "broken", "2", organisations=["IndustryAMSP", "BankAMSP"])
    assert done.code == Code.ENDORSEMENT_POLICY_FAILURE
    assert (await client.submit("put", "whole", "2")).code == Code.VALID


@pytest.mark.parametrize("which", ["surrogate", "empty"])
async def test_keys_that_cannot_be(client: RawClient, which: str) -> None:
    error = await refusal(client.endorse("put_odd", which))
    assert error.code() == grpc.StatusCode.ABORTED
    assert "chaincode response 500" in details_of(error)[0][2]


async def test_metadata_survives_writes_and_goes_with_the_key(client: RawClient) -> None:
    await own(client, "kept", "IndustryAMSP")
    await client.submit("put", "kept", "second")
    assert json.loads(await client.evaluate("get_metadata", "kept")) == {
        "VALIDATION_PARAMETER": only("IndustryAMSP")
    }
    await client.submit("set_metadata", "kept", "note", b"hello".hex())
    assert set(json.loads(await client.evaluate("get_metadata", "kept"))) == {"VALIDATION_PARAMETER", "note"}
    await client.submit("delete", "kept")
    await client.submit("put", "kept", "third")
    assert json.loads(await client.evaluate("get_metadata", "kept")) == {}


async def test_metadata_of_an_absent_key_is_nothing(client: RawClient) -> None:
    done = await client.submit("set_metadata", "ghost", "note", b"x".hex())
    assert done.code == Code.VALID
    assert json.loads(await client.evaluate("get_metadata", "ghost")) == {}


async def test_changing_metadata_is_a_conflict_for_readers(client: RawClient) -> None:
    await client.submit("put", "watched", "1")
    txid, envelope = await client.endorse("update", "watched", "2")
    await client.submit("set_metadata", "watched", "note", b"x".hex())
    await client.order(txid, client.sign(envelope))
    assert (await client.status(txid))[0] == Code.MVCC_READ_CONFLICT


async def test_policy_changed_in_the_same_block(
    network: Network, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is written behind a policy change of the same block was endorsed by the old policy: refused."""
    database = tmp_path_factory.mktemp("policy") / "ledger.db"
    async with (
        running(network.settings(database, batch_timeout_ms=300)) as ledger,
        network.client(ledger) as client,
    ):
        await client.submit("put", "k", "1")
        change = await client.endorse("set_metadata", "k", "VALIDATION_PARAMETER", only("BankBMSP"))
        write = await client.endorse("put", "k", "2")
        for txid, envelope in (change, write):
            await client.order(txid, client.sign(envelope))
        first, second = await client.status(change[0]), await client.status(write[0])
        assert first[1] == second[1]
        assert (first[0], second[0]) == (Code.VALID, Code.ENDORSEMENT_POLICY_FAILURE)
        assert (await asyncio.to_thread(verify, database)).problems == ()


async def test_calls_to_another_chaincode(client: RawClient) -> None:
    done = await client.submit("call", "other", "put", "theirs", "1")
    assert done.code == Code.VALID
    assert await client.evaluate("get", "theirs", chaincode="other") == b"1"
    assert "NOT_FOUND" in str((await refusal(client.evaluate("get", "theirs"))).details())
    assert await client.evaluate("call", "other", "get", "theirs") == b"1"


async def test_calls_to_itself_and_too_deep(client: RawClient) -> None:
    await client.submit("put", "mine", "1")
    assert await client.evaluate("call", "kv", "get", "mine") == b"1"
    deep = ["call", "kv"] * 12 + ["get", "mine"]
    error = await refusal(client.evaluate(deep[0], *deep[1:]))
    assert "deeper than 10" in (error.details() or "")


async def test_calls_that_cannot_be(client: RawClient) -> None:
    error = await refusal(client.evaluate("call", "nothing", "get", "x"))
    assert "chaincode nothing not found" in (error.details() or "")
    error = await refusal(client.evaluate("call_channel", "elsewhere"))
    assert "failed to find ledger for channel: elsewhere" in (error.details() or "")
    error = await refusal(client.evaluate("call", "qscc", "GetChainInfo", "trade"))
    assert "chaincode qscc not found" in (error.details() or "")


async def test_a_failing_callee_is_the_callers_to_judge(client: RawClient) -> None:
    error = await refusal(client.evaluate("call", "other", "fail", "404", "theirs"))
    assert "chaincode response 404, theirs" in (error.details() or "")


async def test_rich_queries_are_refused(client: RawClient) -> None:
    error = await refusal(client.evaluate("query", "{}"))
    assert "not supported" in (error.details() or "")


async def test_everything_above_verifies(ledger: EmbeddedLedger) -> None:
    assert (await asyncio.to_thread(verify, ledger.settings.database)).problems == ()
