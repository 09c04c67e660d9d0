"""What the orderer refuses, and what becomes of what it takes: every validation code that a client can cause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from chaincode.hosts.embedded.server import EmbeddedLedger
from chaincode.hosts.embedded.verification import verify
from consortium.identity.msp import make_identity
from consortium.identity.signer import P256_ORDER
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import TxReadWriteSet
from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity
from consortium.wire.fabric.peer import proposal_response_pb2, transaction_pb2
from consortium.wire.fabric.peer.proposal_pb2 import ChaincodeAction
from tests.support.embedded import (
    Code,
    Network,
    RawClient,
    action_of,
    bend_transaction,
    refusal,
    running,
    transaction_of,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
Action = transaction_pb2.ChaincodeActionPayload


async def order(client: RawClient, txid: str, envelope: common_pb2.Envelope) -> int:
    """The code of an unsigned envelope once it is signed, ordered and committed."""
    await client.order(txid, client.sign(envelope))
    return (await client.status(txid))[0]


class TestOrderer:
    """Refused before anything is ordered."""

    async def test_no_envelope(self, client: RawClient) -> None:
        error = await refusal(client.gateway.Submit(gateway_pb2.SubmitRequest(channel_id="trade")))
        assert (error.code(), error.details()) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "a prepared transaction is required",
        )

    async def test_not_signed(self, client: RawClient) -> None:
        txid, envelope = await client.endorse("put", "a", "1")
        error = await refusal(client.order(txid, envelope))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT

    async def test_channel_of_the_request(self, client: RawClient) -> None:
        txid, envelope = await client.endorse("put", "a", "1")
        error = await refusal(client.order(txid, client.sign(envelope), channel="nowhere"))
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION

    @pytest.mark.parametrize("bad", ["garbage", "other", "high"])
    async def test_signature(self, client: RawClient, bad: str) -> None:
        txid, envelope = await client.endorse("put", "a", "1")
        signature = {"garbage": b"garbage", "other": client.identity.sign(b"other"), "high": b""}[bad]
        if bad == "high":
            signature = raise_s(client.identity.sign(envelope.payload))
        error = await refusal(
            client.order(txid, common_pb2.Envelope(payload=envelope.payload, signature=signature))
        )
        assert error.code() == grpc.StatusCode.ABORTED
        assert "status=FORBIDDEN" in (error.details() or "")

    @pytest.mark.parametrize("kind", [common_pb2.CONFIG, common_pb2.CONFIG_UPDATE])
    async def test_configuration(self, client: RawClient, kind: int) -> None:
        _, envelope = await client.endorse("put", "a", "1")
        changed = with_header(envelope, lambda header: setattr(header, "type", kind))
        error = await refusal(client.order("x", client.sign(changed)))
        assert "status=BAD_REQUEST" in (error.details() or "")

    async def test_channel_of_the_envelope(self, client: RawClient) -> None:
        _, envelope = await client.endorse("put", "a", "1")
        changed = with_header(envelope, lambda header: setattr(header, "channel_id", "nowhere"))
        error = await refusal(client.order("x", client.sign(changed)))
        assert "status=BAD_REQUEST, info=channel does not exist" in (error.details() or "")

    async def test_malformed(self, client: RawClient, ledger: EmbeddedLedger) -> None:
        _, envelope = await client.endorse("put", "a", "1")
        payload = common_pb2.Payload.FromString(envelope.payload)
        height = ledger.height
        broken = [b"\xff\xff", b"", common_pb2.Payload(data=payload.data).SerializeToString()]
        payload.data = b"\xff\xff\xff"
        broken.append(payload.SerializeToString())
        for data in broken:
            error = await refusal(client.order("x", client.sign(common_pb2.Envelope(payload=data))))
            assert error.code() == grpc.StatusCode.ABORTED
            assert "status=BAD_REQUEST" in (error.details() or ""), data
        assert ledger.height == height

    async def test_peers_do_not_write(self, network: Network, client: RawClient) -> None:
        _, envelope = await client.endorse("put", "a", "1")
        peer = make_identity("BankAMSP", network.peers["BankAMSP"])
        changed = with_creator(envelope, peer.serialized())
        signed = common_pb2.Envelope(payload=changed.payload, signature=peer.sign(changed.payload))
        error = await refusal(client.order("x", signed))
        assert "status=FORBIDDEN" in (error.details() or "")


def raise_s(signature: bytes) -> bytes:
    """The equivalent signature with the higher S."""
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, P256_ORDER - s)


def with_header(
    envelope: common_pb2.Envelope, change: Callable[[common_pb2.ChannelHeader], None]
) -> common_pb2.Envelope:
    """The envelope with another channel header."""
    payload = common_pb2.Payload.FromString(envelope.payload)
    header = common_pb2.ChannelHeader.FromString(payload.header.channel_header)
    change(header)
    payload.header.channel_header = header.SerializeToString()
    return common_pb2.Envelope(payload=payload.SerializeToString())


def with_creator(envelope: common_pb2.Envelope, creator: bytes) -> common_pb2.Envelope:
    """The envelope in the name of another creator."""
    payload = common_pb2.Payload.FromString(envelope.payload)
    header = common_pb2.SignatureHeader.FromString(payload.header.signature_header)
    header.creator = creator
    payload.header.signature_header = header.SerializeToString()
    return common_pb2.Envelope(payload=payload.SerializeToString())


def no_endorsements(action: Action) -> None:
    del action.action.endorsements[:]


def one_endorsement(action: Action) -> None:
    del action.action.endorsements[1:]


def same_endorser_twice(action: Action) -> None:
    action.action.endorsements[1].CopyFrom(action.action.endorsements[0])


def altered_signature(action: Action) -> None:
    action.action.endorsements[1].signature = action.action.endorsements[0].signature


def altered_endorser(action: Action) -> None:
    action.action.endorsements[1].endorser = b"\xff\xff"


def altered_response(action: Action) -> None:
    signed = proposal_response_pb2.ProposalResponsePayload.FromString(action.action.proposal_response_payload)
    changed = ChaincodeAction.FromString(signed.extension)
    changed.response.payload = b"another answer"
    signed.extension = changed.SerializeToString()
    action.action.proposal_response_payload = signed.SerializeToString()


class TestEndorsements:
    """The orderer does not look at endorsements; the committer does."""

    @pytest.mark.parametrize(
        "change",
        [
            no_endorsements,
            one_endorsement,
            same_endorser_twice,
            altered_signature,
            altered_endorser,
            altered_response,
        ],
    )
    async def test_policy_failure(self, client: RawClient, change: Callable[[Action], None]) -> None:
        txid, envelope = await client.endorse("put", f"bent-{change.__name__}", "1")
        bent = bend_transaction(envelope, change)
        assert bent != envelope
        assert await order(client, txid, bent) == Code.ENDORSEMENT_POLICY_FAILURE
        with pytest.raises(grpc.aio.AioRpcError):
            await client.evaluate("get", f"bent-{change.__name__}")

    async def test_named_organisations_are_the_clients_word(self, client: RawClient) -> None:
        done = await client.submit("put", "banks-only", "1", organisations=["BankAMSP", "BankBMSP"])
        assert done.code == Code.ENDORSEMENT_POLICY_FAILURE

    @pytest.mark.parametrize("bank", ["BankAMSP", "BankBMSP"])
    async def test_either_bank_will_do(self, client: RawClient, bank: str) -> None:
        assert (
            await client.submit("put", bank, "1", organisations=[bank, "IndustryAMSP"])
        ).code == Code.VALID

    async def test_chosen_by_policy(self, network: Network, ledger: EmbeddedLedger) -> None:
        async with network.client(ledger, "BankBMSP") as bank:
            _, envelope = await bank.endorse("put", "x", "1")
        endorsers = {
            SerializedIdentity.FromString(item.endorser).mspid
            for item in transaction_of(envelope).action.endorsements
        }
        assert endorsers == {"IndustryAMSP", "BankBMSP"}

    async def test_surplus_endorsements_do_no_harm(self, client: RawClient) -> None:
        everyone = ["BankBMSP", "BankAMSP", "IndustryAMSP"]
        assert (await client.submit("put", "surplus", "1", organisations=everyone)).code == Code.VALID


class TestForm:
    """Well-formed bytes that do not belong together."""

    async def test_wrong_proposal_hash(self, client: RawClient) -> None:
        txid, envelope = await client.endorse("put", "hash", "1")

        def change(action: Action) -> None:
            action.chaincode_proposal_payload += b"\x0a\x00"

        bent = bend_transaction(envelope, change)
        assert await order(client, txid, bent) == Code.INVALID_ENDORSER_TRANSACTION

    async def test_two_actions(self, client: RawClient) -> None:
        txid, envelope = await client.endorse("put", "twice", "1")
        payload = common_pb2.Payload.FromString(envelope.payload)
        transaction = transaction_pb2.Transaction.FromString(payload.data)
        transaction.actions.append(transaction.actions[0])
        payload.data = transaction.SerializeToString()
        bent = common_pb2.Envelope(payload=payload.SerializeToString())
        assert await order(client, txid, bent) == Code.INVALID_ENDORSER_TRANSACTION

    async def test_id_that_does_not_follow_burns_it(self, client: RawClient) -> None:
        """The index trusts the header: another member can use an id first, as on real Fabric."""
        txid, honest = await client.endorse("put", "burnt", "1")
        _, other = await client.endorse("put", "thief", "1")
        stolen = with_header(other, lambda header: setattr(header, "tx_id", txid))
        assert await order(client, txid, stolen) == Code.BAD_PROPOSAL_TXID
        await client.order(txid, client.sign(honest))
        code, _ = await client.status(txid)
        assert code == Code.BAD_PROPOSAL_TXID
        with pytest.raises(grpc.aio.AioRpcError):
            await client.evaluate("get", "burnt")

    async def test_unknown_kind(self, client: RawClient) -> None:
        txid, envelope = await client.endorse("put", "kind", "1")
        bent = with_header(envelope, lambda header: setattr(header, "type", common_pb2.MESSAGE))
        assert await order(client, txid, bent) == Code.BAD_COMMON_HEADER


class TestDuplicates:
    """The same envelope again."""

    async def test_later(self, client: RawClient, ledger: EmbeddedLedger) -> None:
        txid, envelope = await client.endorse("put", "again", "1")
        signed = client.sign(envelope)
        await client.order(txid, signed)
        first = await client.status(txid)
        height = ledger.height
        await client.order(txid, signed)
        await client.submit("put", "after", "1")
        assert await client.status(txid) == first == (Code.VALID, first[1])
        assert ledger.height > height

    async def test_in_the_same_block(self, network: Network, tmp_path_factory: Any) -> None:
        database = tmp_path_factory.mktemp("same") / "ledger.db"
        settings = network.settings(database, batch_timeout_ms=300)
        async with running(settings) as ledger, network.client(ledger) as client:
            txid, envelope = await client.endorse("update", "one", "1")
            signed = client.sign(envelope)
            await asyncio.gather(*(client.order(txid, signed) for _ in range(4)))
            code, block = await client.status(txid)
            assert code == Code.VALID
            found = common_pb2.Block.FromString(
                await client.evaluate("GetBlockByNumber", "trade", str(block), chaincode="qscc")
            )
            codes = found.metadata.metadata[common_pb2.TRANSACTIONS_FILTER]
            assert list(codes) == [Code.VALID] + [Code.DUPLICATE_TXID] * 3
            assert await client.evaluate("get", "one") == b"1"
            assert (await asyncio.to_thread(verify, database)).problems == ()

    async def test_also_after_an_invalid_first(self, client: RawClient) -> None:
        txid, loser = await client.endorse("update", "race", "loser")
        assert (await client.submit("update", "race", "winner")).code == Code.VALID
        assert await order(client, txid, loser) == Code.MVCC_READ_CONFLICT
        await client.order(txid, client.sign(loser))
        await client.submit("put", "after", "2")
        assert (await client.status(txid))[0] == Code.MVCC_READ_CONFLICT
        assert await client.evaluate("get", "race") == b"winner"


async def test_everything_above_verifies(ledger: EmbeddedLedger) -> None:
    report = await asyncio.to_thread(verify, ledger.settings.database)
    assert report.problems == ()
    assert report.height == ledger.height


async def test_a_read_can_be_committed(client: RawClient) -> None:
    done = await client.submit("get", "surplus")
    assert (done.code, done.result) == (Code.VALID, b"1")


async def test_the_read_set_holds_versions_and_the_definition(client: RawClient) -> None:
    done = await client.submit("put", "versioned", "1")
    _, envelope = await client.endorse("get_many", "versioned", "absent", organisations=["BankAMSP"])
    action = action_of(envelope)
    assert (action.chaincode_id.name, action.chaincode_id.version) == ("kv", "1.0")
    results = TxReadWriteSet.FromString(action.results)
    parts = {part.namespace: KVRWSet.FromString(part.rwset) for part in results.ns_rwset}
    assert list(parts) == ["_lifecycle", "kv"]
    assert parts["_lifecycle"].reads[0].key == "namespaces/fields/kv/Sequence"
    reads = parts["kv"].reads
    assert [read.key for read in reads] == ["absent", "versioned"]
    assert not reads[0].HasField("version")
    assert (reads[1].version.block_num, reads[1].version.tx_num) == (done.block, 0)
    assert not parts["kv"].writes
