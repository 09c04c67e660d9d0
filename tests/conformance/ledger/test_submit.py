"""What the orderer refuses, and what becomes of what it takes: validation codes that a client can cause."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from consortium.identity.msp import make_identity
from consortium.identity.signer import verify_p256
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import TxReadWriteSet
from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity
from consortium.wire.fabric.peer import proposal_response_pb2, transaction_pb2
from consortium.wire.fabric.peer.proposal_pb2 import ChaincodeAction
from tests.support.embedded import (
    Code,
    RawClient,
    action_of,
    bend_transaction,
    high_s,
    refusal,
    transaction_of,
)
from tests.support.ledgers import BANK, BANK_B, INDUSTRY, Keys, LedgerUnderTest, block_of, height_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
Action = transaction_pb2.ChaincodeActionPayload
C = grpc.StatusCode


async def absent(client: RawClient, key: str) -> None:
    """There must be no such key."""
    assert "NOT_FOUND" in str((await refusal(client.evaluate("get", key))).details())


def endorsers(envelope: common_pb2.Envelope) -> list[str]:
    """MSP ids of those who endorsed."""
    found = transaction_of(envelope).action.endorsements
    return sorted(SerializedIdentity.FromString(item.endorser).mspid for item in found)


class TestOrderer:
    """Refused before anything is ordered."""

    async def test_no_envelope(self, client: RawClient) -> None:
        error = await refusal(client.gateway.Submit(gateway_pb2.SubmitRequest(channel_id=client.ledger)))
        assert (error.code(), error.details()) == (C.INVALID_ARGUMENT, "a prepared transaction is required")

    async def test_not_signed(self, client: RawClient, k: Keys) -> None:
        txid, envelope = await client.endorse("put", k("a"), "1")
        error = await refusal(client.order(txid, envelope))
        assert (error.code(), error.details()) == (
            C.INVALID_ARGUMENT,
            "prepared transaction must be signed",
        )

    async def test_channel_of_the_request(self, client: RawClient, k: Keys) -> None:
        txid, envelope = await client.endorse("put", k("a"), "1")
        error = await refusal(client.order(txid, client.sign(envelope), channel="nowhere"))
        assert error.code() == C.FAILED_PRECONDITION

    @pytest.mark.parametrize("bad", ["garbage", "other", "high"])
    async def test_signature(self, client: RawClient, k: Keys, bad: str) -> None:
        txid, envelope = await client.endorse("put", k("a"), "1")
        signature = {
            "garbage": b"garbage",
            "other": client.identity.sign(b"other"),
            "high": high_s(client.identity.sign(envelope.payload)),
        }[bad]
        signed = common_pb2.Envelope(payload=envelope.payload, signature=signature)
        error = await refusal(client.order(txid, signed))
        assert error.code() == C.ABORTED
        assert "received unsuccessful response from orderer: status=FORBIDDEN" in (error.details() or "")

    @pytest.mark.parametrize("kind", [common_pb2.CONFIG, common_pb2.CONFIG_UPDATE])
    async def test_configuration(self, client: RawClient, k: Keys, kind: int) -> None:
        _, envelope = await client.endorse("put", k("a"), "1")
        changed = with_header(envelope, lambda header: setattr(header, "type", kind))
        error = await refusal(client.order("x", client.sign(changed)))
        assert error.code() == C.ABORTED
        assert "status=BAD_REQUEST" in (error.details() or "")

    async def test_channel_of_the_envelope(self, client: RawClient, k: Keys) -> None:
        _, envelope = await client.endorse("put", k("a"), "1")
        changed = with_header(envelope, lambda header: setattr(header, "channel_id", "nowhere"))
        error = await refusal(client.order("x", client.sign(changed)))
        assert error.code() == C.ABORTED
        assert "status=BAD_REQUEST, info=channel does not exist" in (error.details() or "")

    @pytest.mark.parametrize("payload", [b"\xff\xff", b"", common_pb2.Payload(data=b"x").SerializeToString()])
    async def test_no_channel_header(self, client: RawClient, payload: bytes) -> None:
        error = await refusal(client.order("x", client.sign(common_pb2.Envelope(payload=payload))))
        assert error.code() == C.ABORTED
        assert "status=BAD_REQUEST" in (error.details() or "")

    async def test_who_does_not_write(self, ledger: LedgerUnderTest, client: RawClient, k: Keys) -> None:
        erp = make_identity(BANK, ledger.authority(BANK).issue("x", ou="erp"))
        for identity in (ledger.peer_identity(BANK), erp):
            _, envelope = await client.endorse("put", k("a"), "1")
            changed = with_creator(envelope, identity.serialized())
            signed = common_pb2.Envelope(payload=changed.payload, signature=identity.sign(changed.payload))
            error = await refusal(client.order("x", signed))
            assert error.code() == C.ABORTED
            assert "status=FORBIDDEN" in (error.details() or "")


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


def high_signature(action: Action) -> None:
    action.action.endorsements[1].signature = high_s(action.action.endorsements[1].signature)


def altered_endorser(action: Action) -> None:
    action.action.endorsements[1].endorser = b"\xff\xff"


def altered(action: Action, change: Callable[[ChaincodeAction], None]) -> None:
    """Changes what the endorsers signed."""
    signed = proposal_response_pb2.ProposalResponsePayload.FromString(action.action.proposal_response_payload)
    inner = ChaincodeAction.FromString(signed.extension)
    change(inner)
    signed.extension = inner.SerializeToString()
    action.action.proposal_response_payload = signed.SerializeToString()


def altered_response(action: Action) -> None:
    def change(inner: ChaincodeAction) -> None:
        inner.response.payload = b"another answer"

    altered(action, change)


def altered_writes(action: Action) -> None:
    def change(inner: ChaincodeAction) -> None:
        results = TxReadWriteSet.FromString(inner.results)
        part = KVRWSet.FromString(results.ns_rwset[-1].rwset)
        part.writes[0].value = b"9"
        results.ns_rwset[-1].rwset = part.SerializeToString()
        inner.results = results.SerializeToString()

    altered(action, change)


BENT = (
    no_endorsements,
    one_endorsement,
    same_endorser_twice,
    altered_signature,
    high_signature,
    altered_endorser,
    altered_response,
    altered_writes,
)


class TestEndorsements:
    """The orderer does not look at endorsements; the committer does."""

    async def test_policy_failure(self, client: RawClient, k: Keys) -> None:
        prepared = await asyncio.gather(*(client.endorse("put", k(bend.__name__), "1") for bend in BENT))
        bent = [
            (txid, bend_transaction(envelope, bend))
            for (txid, envelope), bend in zip(prepared, BENT, strict=True)
        ]
        found = await client.order_all(*bent)
        assert [code for code, _ in found] == [Code.ENDORSEMENT_POLICY_FAILURE] * len(BENT)
        await asyncio.gather(*(absent(client, k(bend.__name__)) for bend in BENT))

    async def test_named_organisations_are_the_clients_word(self, client: RawClient, k: Keys) -> None:
        done = await client.submit("put", k("banks-only"), "1", organisations=[BANK, BANK_B])
        assert done.code == Code.ENDORSEMENT_POLICY_FAILURE

    async def test_either_bank_will_do(self, client: RawClient, k: Keys) -> None:
        done = await asyncio.gather(
            *(client.submit("put", k(bank), "1", organisations=[bank, INDUSTRY]) for bank in (BANK, BANK_B))
        )
        assert [item.code for item in done] == [Code.VALID] * 2

    async def test_chosen_by_policy(self, bank_b: RawClient, client: RawClient, k: Keys) -> None:
        """The gateway's own organisation first, then whoever is needed."""
        _, envelope = await bank_b.endorse("put", k("x"), "1")
        assert endorsers(envelope) == sorted((INDUSTRY, BANK_B))
        _, envelope = await client.endorse("put", k("x"), "1")
        assert endorsers(envelope) in (sorted((INDUSTRY, BANK)), sorted((INDUSTRY, BANK_B)))

    async def test_surplus_endorsements_do_no_harm(self, client: RawClient, k: Keys) -> None:
        everyone = [BANK_B, BANK, INDUSTRY]
        txid, envelope = await client.endorse("put", k("a"), "1", organisations=everyone)
        assert endorsers(envelope) == sorted(everyone)
        assert (await client.order_all((txid, envelope)))[0][0] == Code.VALID

    async def test_an_organisation_named_twice_endorses_once(self, client: RawClient, k: Keys) -> None:
        _, envelope = await client.endorse("put", k("a"), "1", organisations=[BANK, BANK])
        assert endorsers(envelope) == [BANK]

    async def test_any_member_may_submit_it(self, client: RawClient, bank: RawClient, k: Keys) -> None:
        """What counts is the creator's signature, not whose gateway orders it."""
        txid, envelope = await client.endorse("put", k("a"), "1")
        await bank.order(txid, client.sign(envelope))
        assert (await bank.status(txid))[0] == Code.VALID


class TestForm:
    """Well-formed bytes that do not belong together."""

    async def test_wrong_proposal_hash(self, client: RawClient, k: Keys) -> None:
        txid, envelope = await client.endorse("put", k("hash"), "1")

        def change(action: Action) -> None:
            action.chaincode_proposal_payload += b"\x0a\x00"

        [(code, _)] = await client.order_all((txid, bend_transaction(envelope, change)))
        assert code == Code.INVALID_ENDORSER_TRANSACTION

    async def test_two_actions(self, client: RawClient, k: Keys) -> None:
        txid, envelope = await client.endorse("put", k("twice"), "1")
        payload = common_pb2.Payload.FromString(envelope.payload)
        transaction = transaction_pb2.Transaction.FromString(payload.data)
        transaction.actions.append(transaction.actions[0])
        payload.data = transaction.SerializeToString()
        bent = common_pb2.Envelope(payload=payload.SerializeToString())
        [(code, _)] = await client.order_all((txid, bent))
        assert code == Code.INVALID_ENDORSER_TRANSACTION

    async def test_id_that_does_not_follow_burns_it(self, client: RawClient, k: Keys) -> None:
        """The index trusts the header: another member can use an id first."""
        txid, honest = await client.endorse("put", k("burnt"), "1")
        _, other = await client.endorse("put", k("thief"), "1")
        stolen = with_header(other, lambda header: setattr(header, "tx_id", txid))
        [(code, block)] = await client.order_all((txid, stolen))
        assert code == Code.BAD_PROPOSAL_TXID
        await client.order(txid, client.sign(honest))
        await client.submit("put", k("after"), "1")
        assert await client.status(txid) == (Code.BAD_PROPOSAL_TXID, block)
        await absent(client, k("burnt"))

    async def test_another_creator(self, client: RawClient, bank: RawClient, k: Keys) -> None:
        """Somebody else signs the envelope in his own name: the id does not follow from him."""
        txid, envelope = await client.endorse("put", k("a"), "1")
        changed = with_creator(envelope, bank.identity.serialized())
        [(code, _)] = await bank.order_all((txid, changed))
        assert code == Code.BAD_PROPOSAL_TXID

    async def test_unknown_kind(self, client: RawClient, k: Keys) -> None:
        txid, envelope = await client.endorse("put", k("kind"), "1")
        bent = with_header(envelope, lambda header: setattr(header, "type", common_pb2.MESSAGE))
        [(code, _)] = await client.order_all((txid, bent))
        assert code == Code.BAD_COMMON_HEADER

    async def test_another_chaincodes_name(self, client: RawClient, k: Keys) -> None:
        """The header says which chaincode ran; the endorsed action says another."""
        txid, envelope = await client.endorse("put", k("a"), "1")

        def change(header: common_pb2.ChannelHeader) -> None:
            header.extension = header.extension.replace(b"kv", b"vk")

        [(code, _)] = await client.order_all((txid, with_header(envelope, change)))
        assert code == Code.INVALID_ENDORSER_TRANSACTION


class TestSignedReads:
    """Endorsed and never submitted: what several organisations say of the same keys, at which versions."""

    async def test_versions_and_the_definition(self, client: RawClient, k: Keys) -> None:
        done = await client.submit("put", k("versioned"), "1")
        height = await height_of(client)
        organisations = [INDUSTRY, BANK, BANK_B]
        _, envelope = await client.endorse(
            "get_many", k("versioned"), k("absent"), organisations=organisations
        )
        action = action_of(envelope)
        assert (action.chaincode_id.name, action.chaincode_id.version) == (client.chaincode, "1.0")
        parts = {
            part.namespace: KVRWSet.FromString(part.rwset)
            for part in TxReadWriteSet.FromString(action.results).ns_rwset
        }
        assert list(parts) == ["_lifecycle", client.chaincode]
        assert [read.key for read in parts["_lifecycle"].reads] == [
            f"namespaces/fields/{client.chaincode}/Sequence"
        ]
        reads = parts[client.chaincode].reads
        assert [read.key for read in reads] == [k("absent"), k("versioned")]
        assert not reads[0].HasField("version")
        found = await block_of(client, done.block)
        assert reads[1].version.block_num == done.block < height
        assert done.txid.encode() in found.data.data[reads[1].version.tx_num]
        assert not parts[client.chaincode].writes
        assert endorsers(envelope) == sorted(organisations)

    async def test_signatures(self, ledger: LedgerUnderTest, client: RawClient, k: Keys) -> None:
        """Each over the payload and the endorser's own identity; the payload holds the proposal's hash."""
        txid, signed = client.proposal("get_many", k("a"))
        envelope = await client.endorse_signed(txid, signed, [INDUSTRY, BANK])
        action = transaction_of(envelope)
        payload = action.action.proposal_response_payload
        for endorsement in action.action.endorsements:
            identity = SerializedIdentity.FromString(endorsement.endorser)
            issuer = ledger.authority(identity.mspid).certificate
            certificate = x509.load_pem_x509_certificate(identity.id_bytes)
            certificate.verify_directly_issued_by(issuer)
            key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            message = payload + endorsement.endorser
            assert verify_p256(key, message, endorsement.signature, require_low_s=True)
        outer = common_pb2.Payload.FromString(envelope.payload)
        digest = hashlib.sha256(
            outer.header.channel_header + outer.header.signature_header + action.chaincode_proposal_payload
        ).digest()
        assert proposal_response_pb2.ProposalResponsePayload.FromString(payload).proposal_hash == digest

    async def test_nothing_is_written(self, client: RawClient, k: Keys) -> None:
        txid, _ = await client.endorse("put", k("a"), "1", organisations=[INDUSTRY, BANK])
        error = await refusal(client.evaluate("GetTransactionByID", client.ledger, txid, chaincode="qscc"))
        assert "no such transaction ID" in (error.details() or "")
        await absent(client, k("a"))

    async def test_transient_data_is_not_in_it(self, client: RawClient) -> None:
        txid, signed = client.proposal("whoami", transient={"secret": b"whispered"})
        assert b"whispered" in signed.proposal_bytes
        envelope = await client.endorse_signed(txid, signed, [INDUSTRY])
        assert b"whispered" not in transaction_of(envelope).chaincode_proposal_payload

    async def test_a_read_can_be_committed(self, client: RawClient, k: Keys) -> None:
        await client.submit("put", k("a"), "1")
        done = await client.submit("get", k("a"))
        assert (done.code, done.result) == (Code.VALID, b"1")


async def test_an_envelope_is_stored_byte_for_byte(client: RawClient, k: Keys) -> None:
    txid, envelope = await client.endorse("put", k("a"), "1")
    signed = client.sign(envelope)
    await client.order(txid, signed)
    _, block = await client.status(txid)
    assert signed.SerializeToString() in (await block_of(client, block)).data.data
