"""Signed reads made by hand, genuine but for what a test changes at one point of their making.

The changes stand in the order of making. What is changed before the endorsers sign is what they were honestly asked
or what they honestly answered; what is changed afterwards is what a forger can do, who has no endorser's key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from consortium.documents.canonical import canonical_bytes
from consortium.identity.msp import Identity
from consortium.ledger.proofs import pack_signed_read
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.ledger.rwset import rwset_pb2
from consortium.wire.fabric.ledger.rwset.kvrwset import kv_rwset_pb2
from consortium.wire.fabric.peer import (
    chaincode_pb2,
    proposal_pb2,
    proposal_response_pb2,
    transaction_pb2,
)

CHANNEL, CHAINCODE, VERSION = "trade", "chanrong", "1.0"
TIME = 1_800_000_000
CHALLENGE = "c" * 64
FINGERPRINTS = ("1" * 64, "2" * 64, "3" * 64)

Change = Callable[[Any], Any]


class Forge:
    """Makes one read. ``changes`` maps a point of the making to what happens there: a function that changes a message
    in place, or returns another value.

    Before the signatures: ``args``, ``channel_header``, ``channel_header_bytes``, ``signature_header``,
    ``signature_header_bytes``, ``spec``, ``proposed``, ``answer``, ``answer_bytes``, ``reads``, ``results``,
    ``action``, ``hash``, ``response``.
    After them: ``endorsements``, ``split``, ``action_header``, ``endorsed``, ``transaction``, ``payload``,
    ``envelope``, ``envelope_bytes``, ``container``.
    """

    def __init__(self, creator: Identity, endorsers: Sequence[Identity], changes: dict[str, Change]) -> None:
        self._creator = creator
        self._endorsers = endorsers
        self._changes = dict(changes)

    def _at(self, point: str, value: Any) -> Any:
        change = self._changes.pop(point, None)
        changed = change(value) if change is not None else None
        return value if changed is None else changed

    def make(self) -> bytes:
        """The signed read."""
        header, signer, proposed = self._question()
        response = self._answer(header, signer, proposed)
        endorsements = self._at("endorsements", self._endorsements(response))
        header, signer, proposed = self._at("split", (header, signer, proposed))
        endorsed = transaction_pb2.ChaincodeActionPayload(
            chaincode_proposal_payload=proposed,
            action=transaction_pb2.ChaincodeEndorsedAction(
                proposal_response_payload=response, endorsements=endorsements
            ),
        )
        self._at("endorsed", endorsed)
        action = transaction_pb2.TransactionAction(
            header=self._at("action_header", signer), payload=endorsed.SerializeToString()
        )
        transaction = self._at("transaction", transaction_pb2.Transaction(actions=[action]))
        payload = common_pb2.Payload(
            header=common_pb2.Header(channel_header=header, signature_header=signer),
            data=transaction.SerializeToString(),
        )
        self._at("payload", payload)
        envelope = self._at("envelope", common_pb2.Envelope(payload=payload.SerializeToString()))
        read = pack_signed_read(self._at("envelope_bytes", envelope.SerializeToString()))
        read = self._at("container", read)
        assert not self._changes, f"no such point: {self._changes}"
        return bytes(read)

    def _endorsements(self, response: bytes) -> list[proposal_response_pb2.Endorsement]:
        return [
            proposal_response_pb2.Endorsement(
                endorser=item.serialized(), signature=item.sign(response + item.serialized())
            )
            for item in self._endorsers
        ]

    def _question(self) -> tuple[bytes, bytes, bytes]:
        request = canonical_bytes({"challenge": CHALLENGE, "fps": list(FINGERPRINTS)})
        args = self._at("args", [b"attest", request])
        signer = common_pb2.SignatureHeader(creator=self._creator.serialized(), nonce=b"n" * 24)
        self._at("signature_header", signer)
        extension = proposal_pb2.ChaincodeHeaderExtension(
            chaincode_id=chaincode_pb2.ChaincodeID(name=CHAINCODE)
        )
        header = common_pb2.ChannelHeader(
            type=common_pb2.ENDORSER_TRANSACTION,
            channel_id=CHANNEL,
            tx_id=hashlib.sha256(signer.nonce + signer.creator).hexdigest(),
            extension=extension.SerializeToString(),
        )
        header.timestamp.seconds, header.timestamp.nanos = TIME, 123
        self._at("channel_header", header)
        spec = chaincode_pb2.ChaincodeSpec(
            chaincode_id=chaincode_pb2.ChaincodeID(name=CHAINCODE),
            input=chaincode_pb2.ChaincodeInput(args=args),
        )
        self._at("spec", spec)
        invocation = chaincode_pb2.ChaincodeInvocationSpec(chaincode_spec=spec)
        proposed = proposal_pb2.ChaincodeProposalPayload(input=invocation.SerializeToString())
        self._at("proposed", proposed)
        return (
            self._at("channel_header_bytes", header.SerializeToString()),
            self._at("signature_header_bytes", signer.SerializeToString()),
            proposed.SerializeToString(),
        )

    def _answer(self, header: bytes, signer: bytes, proposed: bytes) -> bytes:
        seen = common_pb2.ChannelHeader.FromString(header)
        answer: dict[str, Any] = {
            "channel": seen.channel_id,
            "txid": seen.tx_id,
            "time": seen.timestamp.seconds,
            "challenge": CHALLENGE,
            "answers": [{"fp": fp, "found": True, "state": "live"} for fp in FINGERPRINTS],
        }
        answer = self._at("answer", answer)
        action = proposal_pb2.ChaincodeAction(
            results=self._results(),
            response=proposal_response_pb2.Response(
                status=200, payload=self._at("answer_bytes", canonical_bytes(answer))
            ),
            chaincode_id=chaincode_pb2.ChaincodeID(name=CHAINCODE, version=VERSION),
        )
        self._at("action", action)
        response = proposal_response_pb2.ProposalResponsePayload(
            proposal_hash=self._at("hash", hashlib.sha256(header + signer + proposed).digest()),
            extension=action.SerializeToString(),
        )
        self._at("response", response)
        return response.SerializeToString()

    def _results(self) -> bytes:
        lifecycle = kv_rwset_pb2.KVRWSet()
        lifecycle.reads.add(key="namespaces/fields/chanrong/Sequence").version.block_num = 5
        public = kv_rwset_pb2.KVRWSet()
        for number, fp in enumerate(FINGERPRINTS[:2]):
            version = public.reads.add(key=f"document/{fp}").version
            version.block_num, version.tx_num = 10 + number, number
        public.reads.add(key=f"document/{FINGERPRINTS[2]}")
        self._at("reads", public)
        results = rwset_pb2.TxReadWriteSet()
        results.ns_rwset.add(namespace="_lifecycle", rwset=lifecycle.SerializeToString())
        results.ns_rwset.add(namespace=CHAINCODE, rwset=public.SerializeToString())
        self._at("results", results)
        return results.SerializeToString()


class RealForge(Forge):
    """Makes a read anew from one that real peers signed, changed at one point.

    Unchanged it is the same, byte by byte. What is changed before the signatures is signed by the peers' own keys, as
    peers do who honestly answer another question; what is changed afterwards keeps the peers' signatures.

    :param genuine: the serialized envelope
    :param endorsers: the identities of those who signed it, in their order
    """

    def __init__(self, genuine: bytes, endorsers: Sequence[Identity], changes: dict[str, Change]) -> None:
        payload = common_pb2.Payload.FromString(common_pb2.Envelope.FromString(genuine).payload)
        self._header = payload.header
        (action,) = transaction_pb2.Transaction.FromString(payload.data).actions
        self._endorsed = transaction_pb2.ChaincodeActionPayload.FromString(action.payload)
        self._response = proposal_response_pb2.ProposalResponsePayload.FromString(
            self._endorsed.action.proposal_response_payload
        )
        self._action = proposal_pb2.ChaincodeAction.FromString(self._response.extension)
        super().__init__(endorsers[0], endorsers, changes)

    def _endorsements(self, response: bytes) -> list[proposal_response_pb2.Endorsement]:
        if response == self._endorsed.action.proposal_response_payload:
            return list(self._endorsed.action.endorsements)
        return super()._endorsements(response)

    def _question(self) -> tuple[bytes, bytes, bytes]:
        proposed = proposal_pb2.ChaincodeProposalPayload.FromString(self._endorsed.chaincode_proposal_payload)
        invocation = chaincode_pb2.ChaincodeInvocationSpec.FromString(proposed.input)
        spec = invocation.chaincode_spec
        args = self._at("args", list(spec.input.args))
        signer = common_pb2.SignatureHeader.FromString(self._header.signature_header)
        self._at("signature_header", signer)
        header = common_pb2.ChannelHeader.FromString(self._header.channel_header)
        header.tx_id = hashlib.sha256(signer.nonce + signer.creator).hexdigest()
        self._at("channel_header", header)
        spec.input.ClearField("args")
        spec.input.args.extend(args)
        self._at("spec", spec)
        proposed.input = invocation.SerializeToString()
        self._at("proposed", proposed)
        return (
            self._at("channel_header_bytes", header.SerializeToString()),
            self._at("signature_header_bytes", signer.SerializeToString()),
            proposed.SerializeToString(),
        )

    def _answer(self, header: bytes, signer: bytes, proposed: bytes) -> bytes:
        seen = common_pb2.ChannelHeader.FromString(header)
        answer = json.loads(self._action.response.payload)
        answer |= {"channel": seen.channel_id, "txid": seen.tx_id, "time": seen.timestamp.seconds}
        answer = self._at("answer", answer)
        action = proposal_pb2.ChaincodeAction()
        action.CopyFrom(self._action)
        action.response.payload = self._at("answer_bytes", canonical_bytes(answer))
        action.results = self._results()
        self._at("action", action)
        response = proposal_response_pb2.ProposalResponsePayload(
            proposal_hash=self._at("hash", hashlib.sha256(header + signer + proposed).digest()),
            extension=action.SerializeToString(),
        )
        self._at("response", response)
        return response.SerializeToString()

    def _results(self) -> bytes:
        results = rwset_pb2.TxReadWriteSet.FromString(self._action.results)
        (own,) = [item for item in results.ns_rwset if item.namespace == self._action.chaincode_id.name]
        public = kv_rwset_pb2.KVRWSet.FromString(own.rwset)
        self._at("reads", public)
        own.rwset = public.SerializeToString()
        self._at("results", results)
        return results.SerializeToString()
