"""Keys with an endorsement policy of their own, and calls from chaincode to chaincode."""

from __future__ import annotations

import asyncio
import json

import grpc
import pytest

from chaincode.hosts.embedded.policy import signature_policy
from chaincode.hosts.embedded.settings import EndorsementPolicy
from consortium.wire.fabric.common.policies_pb2 import ApplicationPolicy, SignaturePolicyEnvelope
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import TxReadWriteSet
from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity
from tests.support.embedded import Code, RawClient, action_of, details_of, refusal, transaction_of
from tests.support.ledgers import BANK, BANK_B, INDUSTRY, OTHER, Keys

pytestmark = pytest.mark.asyncio(loop_scope="module")
PARAMETER = "VALIDATION_PARAMETER"
FAILURE = Code.ENDORSEMENT_POLICY_FAILURE
NOBODY = "no combination of peers can be derived which satisfy the endorsement policy: "
SAME_BLOCK_TRIES = 10


def only(*msps: str) -> str:
    """A key's policy, in hex: all of these."""
    return policy_of(*msps).SerializeToString().hex()


def policy_of(*msps: str) -> SignaturePolicyEnvelope:
    """All of these organisations' peers."""
    return signature_policy(EndorsementPolicy(all_of=msps), ())


async def own(client: RawClient, key: str, *msps: str) -> None:
    """Gives a key a policy of its own."""
    await client.submit("put", key, "first")
    done = await client.submit("set_metadata", key, PARAMETER, only(*msps))
    assert done.code == Code.VALID


class TestKeys:
    """Key-level endorsement."""

    async def test_the_keys_policy_replaces_the_chaincodes(self, client: RawClient, k: Keys) -> None:
        await own(client, k("banks"), BANK, BANK_B)
        usual = await client.submit("put", k("banks"), "x", organisations=[INDUSTRY, BANK])
        assert usual.code == FAILURE
        theirs = await client.submit("put", k("banks"), "y", organisations=[BANK_B, BANK])
        assert theirs.code == Code.VALID
        assert await client.evaluate("get", k("banks")) == b"y"

    async def test_a_wrapped_policy_is_none(self, client: RawClient, k: Keys) -> None:
        """The form in which the chaincode's own policy is defined has no rule where a key's policy is looked for."""
        await client.submit("put", k("wrapped"), "1")
        wrapped = ApplicationPolicy(signature_policy=policy_of(BANK)).SerializeToString().hex()
        assert (await client.submit("set_metadata", k("wrapped"), PARAMETER, wrapped)).code == Code.VALID
        done = await client.submit("put", k("wrapped"), "2", organisations=[INDUSTRY, BANK])
        assert done.code == FAILURE
        error = await refusal(client.endorse("put", k("wrapped"), "2"))
        assert (error.code(), error.details()) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            NOBODY + "state based endorsement policy cannot be satisfied",
        )

    async def test_nobody_can_satisfy_it(self, client: RawClient, k: Keys) -> None:
        await own(client, k("nobodys"), BANK, "NobodyMSP")
        error = await refusal(client.endorse("put", k("nobodys"), "2"))
        assert (error.code(), error.details()) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            NOBODY + "no peer combination can satisfy the endorsement policy",
        )
        done = await client.submit("put", k("nobodys"), "2", organisations=[INDUSTRY, BANK])
        assert done.code == FAILURE

    async def test_both_when_other_keys_are_written(self, client: RawClient, k: Keys) -> None:
        await own(client, k("pair-left"), BANK_B)
        call = ("put_pair", "1", k("pair"))
        cases = {(INDUSTRY, BANK): FAILURE, (BANK_B,): FAILURE, (INDUSTRY, BANK_B): Code.VALID}
        done = await asyncio.gather(
            *(client.submit(*call, organisations=list(organisations)) for organisations in cases)
        )
        assert [item.code for item in done] == list(cases.values())

    async def test_peers_are_chosen_for_it(self, client: RawClient, k: Keys) -> None:
        await own(client, k("chosen"), BANK, BANK_B)
        txid, envelope = await client.endorse("put", k("chosen"), "z")
        endorsements = transaction_of(envelope).action.endorsements
        named = {SerializedIdentity.FromString(item.endorser).mspid for item in endorsements}
        assert named >= {BANK, BANK_B}
        assert (await client.order_all((txid, envelope)))[0][0] == Code.VALID

    async def test_a_policy_that_cannot_be_read(self, client: RawClient, k: Keys) -> None:
        """Nobody endorses writes to the key any more; nothing else is harmed."""
        await client.submit("put", k("broken"), "1")
        await client.submit("set_metadata", k("broken"), PARAMETER, "ffff")
        text = "error in simulation: error unmarshalling SignaturePolicyEnvelope: "
        for call in (
            client.endorse("put", k("broken"), "2"),
            client.endorse("put", k("broken"), "2", organisations=[INDUSTRY, BANK]),
            client.endorse("set_metadata", k("broken"), PARAMETER, only(BANK)),
            client.evaluate("put", k("broken"), "2"),
        ):
            error = await refusal(call)
            assert error.code() == grpc.StatusCode.ABORTED
            assert all(detail[2].startswith(text) for detail in details_of(error))
        assert await client.evaluate("get", k("broken")) == b"1"
        assert (await client.submit("put", k("whole"), "2")).code == Code.VALID

    async def test_the_policy_itself_is_guarded_by_it(self, client: RawClient, k: Keys) -> None:
        await own(client, k("guarded"), BANK_B)
        change = ("set_metadata", k("guarded"), PARAMETER, only(BANK))
        usual = await client.submit(*change, organisations=[INDUSTRY, BANK])
        assert usual.code == FAILURE
        theirs = await client.submit(*change, organisations=[BANK_B])
        assert theirs.code == Code.VALID
        assert (await client.submit("put", k("guarded"), "x", organisations=[BANK])).code == Code.VALID

    async def test_deleting_is_guarded_by_it(self, client: RawClient, k: Keys) -> None:
        await own(client, k("guarded"), BANK_B)
        usual = await client.submit("delete", k("guarded"), organisations=[INDUSTRY, BANK])
        assert usual.code == FAILURE
        theirs = await client.submit("delete", k("guarded"), organisations=[BANK_B])
        assert theirs.code == Code.VALID
        usual = await client.submit("put", k("guarded"), "again", organisations=[INDUSTRY, BANK])
        assert usual.code == Code.VALID

    async def test_changed_in_the_same_block(self, client: RawClient, k: Keys) -> None:
        """What is written behind a policy change of the same block was endorsed by the old policy: refused."""
        for attempt in range(SAME_BLOCK_TRIES):
            key = k(str(attempt))
            await client.submit("put", key, "1")
            change, write = await asyncio.gather(
                client.endorse("set_metadata", key, PARAMETER, only(BANK_B)), client.endorse("put", key, "2")
            )
            (first, one), (second, two) = await client.order_all(change, write)
            assert (first, second) == (Code.VALID, FAILURE)
            if one == two:
                return
        raise AssertionError("never in one block")


class TestMetadata:
    """State metadata."""

    async def test_survives_writes_and_goes_with_the_key(self, client: RawClient, k: Keys) -> None:
        await own(client, k("kept"), INDUSTRY)
        await client.submit("put", k("kept"), "second")
        found = json.loads(await client.evaluate("get_metadata", k("kept")))
        assert found == {PARAMETER: only(INDUSTRY)}
        await client.submit("delete", k("kept"))
        await client.submit("put", k("kept"), "third")
        assert json.loads(await client.evaluate("get_metadata", k("kept"))) == {}

    async def test_setting_one_name_drops_the_others(self, client: RawClient, k: Keys) -> None:
        await client.submit("put", k("a"), "1")
        await client.submit("set_metadata", k("a"), "first", b"1".hex())
        await client.submit("set_metadata", k("a"), "second", b"2".hex())
        assert json.loads(await client.evaluate("get_metadata", k("a"))) == {"second": b"2".hex()}
        assert await client.evaluate("get", k("a")) == b"1"

    async def test_of_an_absent_key_is_nothing(self, client: RawClient, k: Keys) -> None:
        done = await client.submit("set_metadata", k("ghost"), "note", b"x".hex())
        assert done.code == Code.VALID
        assert json.loads(await client.evaluate("get_metadata", k("ghost"))) == {}
        assert "NOT_FOUND" in str((await refusal(client.evaluate("get", k("ghost")))).details())

    async def test_changing_it_is_a_conflict_for_readers(self, client: RawClient, k: Keys) -> None:
        await client.submit("put", k("watched"), "1")
        reading = await client.endorse("update", k("watched"), "2")
        await client.submit("set_metadata", k("watched"), "note", b"x".hex())
        assert (await client.order_all(reading))[0][0] == Code.MVCC_READ_CONFLICT

    async def test_it_is_not_history(self, client: RawClient, k: Keys) -> None:
        done = await client.submit("put", k("a"), "1")
        await client.submit("set_metadata", k("a"), "note", b"x".hex())
        found = json.loads(await client.evaluate("history", k("a")))
        assert [item[0] for item in found] == [done.txid]

    async def test_of_private_values(self, client: RawClient, k: Keys) -> None:
        call = ("put_private", "shared", k("p"))
        assert (await client.submit(*call, transient={"value": b"1"})).code == Code.VALID
        guarded = ("set_private_metadata", "shared", k("p"), PARAMETER, only(BANK_B))
        assert (await client.submit(*guarded)).code == Code.VALID
        usual = await client.submit(*call, transient={"value": b"2"}, organisations=[INDUSTRY, BANK])
        assert usual.code == FAILURE
        theirs = await client.submit(*call, transient={"value": b"3"}, organisations=[BANK_B])
        assert theirs.code == Code.VALID


class TestCalls:
    """Chaincode to chaincode, on the same channel and in the same transaction."""

    async def test_writes_in_its_own_namespace(self, client: RawClient, k: Keys) -> None:
        txid, envelope = await client.endorse("call", OTHER, "put", k("theirs"), "1")
        results = TxReadWriteSet.FromString(action_of(envelope).results)
        assert [part.namespace for part in results.ns_rwset] == ["_lifecycle", OTHER]
        assert (await client.order_all((txid, envelope)))[0][0] == Code.VALID
        assert await client.evaluate("get", k("theirs"), chaincode=OTHER) == b"1"
        assert "NOT_FOUND" in str((await refusal(client.evaluate("get", k("theirs")))).details())
        assert await client.evaluate("call", OTHER, "get", k("theirs")) == b"1"

    async def test_reads_are_checked_there_too(self, client: RawClient, k: Keys) -> None:
        reading = await client.endorse("call", OTHER, "update", k("theirs"), "2")
        await client.submit("put", k("theirs"), "1", chaincode=OTHER)
        assert (await client.order_all(reading))[0][0] == Code.MVCC_READ_CONFLICT

    async def test_the_callee_sees_the_same_caller(self, client: RawClient, bank: RawClient) -> None:
        for asker, msp in ((client, INDUSTRY), (bank, BANK)):
            seen = json.loads(await asker.evaluate("call", OTHER, "whoami", transient={"secret": b"s"}))
            assert (seen[0], seen[1], seen[4]) == (msp, asker.ledger, {"secret": "s"})

    async def test_twice_and_without_own_writes(self, client: RawClient, k: Keys) -> None:
        """The second call does not see what the first wrote."""
        assert json.loads(await client.evaluate("call_twice", OTHER, k("a"))) == [200, 404]

    @pytest.mark.parametrize("path", [["kv"], [OTHER, "kv"]])
    async def test_not_to_one_that_waits(self, client: RawClient, path: list[str]) -> None:
        """A peer keeps one call of each chaincode per transaction."""
        call = [part for name in path for part in ("call", name)] + ["get_many", "x"]
        text = f"execute failed: error sending: txid: %({client.ledger}) exists"
        await refused(client, call, "StateError: INVOKE_CHAINCODE failed: transaction ID: %: " + text)

    async def test_to_nothing(self, client: RawClient) -> None:
        text = f"invalid invocation: [channel {client.ledger}] failed to get chaincode container info for nothing"
        await refused(
            client,
            ["call", "nothing", "get", "x"],
            "StateError: INVOKE_CHAINCODE failed: transaction ID: %: execute failed: "
            + text
            + ": chaincode nothing not found",
        )

    async def test_to_another_channel(self, client: RawClient) -> None:
        text = "Failed to get policy manager for channel [elsewhere]"
        await refused(
            client,
            ["call_channel", "elsewhere"],
            f"StateError: INVOKE_CHAINCODE failed: transaction ID: %: {text}",
        )

    async def test_to_the_query_chaincode(self, client: RawClient) -> None:
        await refused(
            client,
            ["call", "qscc", "GetChainInfo", client.ledger],
            "Rejecting invoke of QSCC from another chaincode because of potential for deadlocks, original invocation"
            f" for '{client.chaincode}'",
        )

    async def test_a_failing_callee_is_the_callers_to_judge(self, client: RawClient) -> None:
        await refused(client, ["call", OTHER, "fail", "404", "theirs"], "theirs", 404)
        await refused(client, ["call", OTHER, "raise", "broken"], "StateError: broken")


async def refused(client: RawClient, call: list[str], message: str, status: int = 500) -> None:
    """The contract must answer with this message, where % stands for the transaction id."""
    txid, signed = client.proposal(call[0], *call[1:])
    error = await refusal(client.evaluate_signed(txid, signed))
    text = f"chaincode response {status}, " + message.replace("%", txid)
    assert error.code() == grpc.StatusCode.UNKNOWN
    assert [detail[2] for detail in details_of(error)] == [text]
