"""Fabric's messages, built and taken apart. Pure: the caller gives clock and randomness.

A transaction id is the hex of SHA-256 over the nonce and the serialized creator, so it hangs on the
certificate. What is signed: a proposal's bytes, an envelope's payload, and the serialized requests for
commit status and events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from consortium.ledger.errors import EndorseError, UnreadableError
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.orderer import ab_pb2
from consortium.wire.fabric.peer import chaincode_pb2, proposal_pb2, proposal_response_pb2, transaction_pb2

NONCE_BYTES = 24
LAST_BLOCK = 2**64 - 1
_NANOS = 1_000_000_000


def transaction_id(nonce: bytes, creator: bytes) -> str:
    """The id that belongs to a nonce and a serialized creator."""
    return hashlib.sha256(nonce + creator).hexdigest()


@dataclass(frozen=True, slots=True)
class ProposalParts:
    """What a proposal says.

    :param input: serialized ChaincodeInvocationSpec, the part of the payload that reaches the ledger
    """

    channel: str
    txid: str
    channel_header: bytes
    signature_header: bytes
    input: bytes


def _header(
    kind: common_pb2.HeaderType.ValueType, channel: str, txid: str, at_ns: int, extension: bytes = b""
) -> bytes:
    header = common_pb2.ChannelHeader(type=kind, channel_id=channel, tx_id=txid, extension=extension)
    header.timestamp.seconds, header.timestamp.nanos = divmod(at_ns, _NANOS)
    return header.SerializeToString()


def build_proposal(
    *,
    channel: str,
    chaincode: str,
    function: str,
    args: Sequence[bytes],
    creator: bytes,
    nonce: bytes,
    at_ns: int,
    transient: Mapping[str, bytes] | None = None,
) -> tuple[bytes, ProposalParts]:
    """A serialized Proposal, and its parts.

    :param creator: serialized identity
    :param nonce: 24 random bytes, used once
    :param at_ns: transaction time, nanoseconds since 1970 UTC
    :param transient: values for the contract that do not reach the ledger
    """
    txid = transaction_id(nonce, creator)
    named = chaincode_pb2.ChaincodeID(name=chaincode)
    extension = proposal_pb2.ChaincodeHeaderExtension(chaincode_id=named).SerializeToString()
    channel_header = _header(common_pb2.ENDORSER_TRANSACTION, channel, txid, at_ns, extension)
    signature_header = common_pb2.SignatureHeader(creator=creator, nonce=nonce).SerializeToString()
    spec = chaincode_pb2.ChaincodeInvocationSpec(
        chaincode_spec=chaincode_pb2.ChaincodeSpec(
            chaincode_id=named, input=chaincode_pb2.ChaincodeInput(args=[function.encode(), *args])
        )
    ).SerializeToString()
    proposal = proposal_pb2.Proposal(
        header=common_pb2.Header(
            channel_header=channel_header, signature_header=signature_header
        ).SerializeToString(),
        payload=proposal_pb2.ChaincodeProposalPayload(
            input=spec, TransientMap=dict(transient or {})
        ).SerializeToString(deterministic=True),
    ).SerializeToString()
    return proposal, ProposalParts(channel, txid, channel_header, signature_header, spec)


def parse_proposal(proposal_bytes: bytes) -> ProposalParts:
    """The parts of a serialized Proposal.

    :raises UnreadableError: when the bytes are none
    """
    try:
        proposal = proposal_pb2.Proposal.FromString(proposal_bytes)
        header = common_pb2.Header.FromString(proposal.header)
        channel_header = common_pb2.ChannelHeader.FromString(header.channel_header)
        payload = proposal_pb2.ChaincodeProposalPayload.FromString(proposal.payload)
    except DecodeError as error:
        raise UnreadableError(f"not a proposal: {error}") from error
    return ProposalParts(
        channel_header.channel_id,
        channel_header.tx_id,
        header.channel_header,
        header.signature_header,
        payload.input,
    )


@dataclass(frozen=True, slots=True)
class PreparedParts:
    """What a prepared transaction says.

    :param result: the contract's answer
    """

    channel: str
    txid: str
    channel_header: bytes
    signature_header: bytes
    input: bytes
    result: bytes


def parse_prepared(payload_bytes: bytes) -> PreparedParts:
    """The parts of an endorsed transaction, given its envelope's payload.

    :raises UnreadableError: when it is none
    """
    try:
        payload = common_pb2.Payload.FromString(payload_bytes)
        channel_header = common_pb2.ChannelHeader.FromString(payload.header.channel_header)
        actions = transaction_pb2.Transaction.FromString(payload.data).actions
        if len(actions) != 1:
            raise UnreadableError(f"a prepared transaction holds {len(actions)} actions instead of one")
        action = transaction_pb2.ChaincodeActionPayload.FromString(actions[0].payload)
        proposed = proposal_pb2.ChaincodeProposalPayload.FromString(action.chaincode_proposal_payload)
        response = proposal_response_pb2.ProposalResponsePayload.FromString(
            action.action.proposal_response_payload
        )
        answer = proposal_pb2.ChaincodeAction.FromString(response.extension)
    except DecodeError as error:
        raise UnreadableError(f"not a prepared transaction: {error}") from error
    return PreparedParts(
        channel_header.channel_id,
        channel_header.tx_id,
        payload.header.channel_header,
        payload.header.signature_header,
        proposed.input,
        answer.response.payload,
    )


def check_prepared(proposed: ProposalParts, prepared: PreparedParts) -> None:
    """Refuses to go on with a transaction that is not the one proposed: the peer may belong to somebody else.

    :raises EndorseError: reason ENDORSEMENT_ALTERED
    """
    for name in ("channel_header", "signature_header", "input"):
        if getattr(proposed, name) != getattr(prepared, name):
            raise EndorseError(
                f"the gateway peer returned another {name.replace('_', ' ')} than was proposed",
                reason="ENDORSEMENT_ALTERED",
                remedy="Do not use this peer; tell its operator.",
                txid=proposed.txid,
            )


def envelope_digest(envelope: bytes) -> str:
    """Hex of SHA-256 over a serialized envelope: what tells our transaction from another one under the same
    id."""
    return hashlib.sha256(envelope).hexdigest()


def commit_status_request(channel: str, txid: str, creator: bytes) -> bytes:
    """A serialized CommitStatusRequest."""
    return gateway_pb2.CommitStatusRequest(
        transaction_id=txid, channel_id=channel, identity=creator
    ).SerializeToString()


def events_request(
    channel: str, chaincode: str, creator: bytes, *, start: int | None, after_txid: str = ""
) -> bytes:
    """A serialized ChaincodeEventsRequest; ``start`` None means the next block."""
    request = gateway_pb2.ChaincodeEventsRequest(
        channel_id=channel, chaincode_id=chaincode, identity=creator, after_transaction_id=after_txid
    )
    request.start_position.CopyFrom(_position(start))
    return request.SerializeToString()


def _position(block: int | None) -> ab_pb2.SeekPosition:
    if block is None:
        return ab_pb2.SeekPosition(next_commit=ab_pb2.SeekNextCommit())
    return ab_pb2.SeekPosition(specified=ab_pb2.SeekSpecified(number=block))


def seek_payload(
    channel: str, creator: bytes, *, nonce: bytes, at_ns: int, start: int | None, stop: int | None = None
) -> bytes:
    """The payload of an envelope that asks for blocks ``start`` to ``stop`` (included; None: for ever)."""
    seek = ab_pb2.SeekInfo(
        start=_position(start),
        stop=_position(LAST_BLOCK if stop is None else stop),
        behavior=ab_pb2.SeekInfo.BLOCK_UNTIL_READY,
    )
    header = common_pb2.Header(
        channel_header=_header(common_pb2.DELIVER_SEEK_INFO, channel, "", at_ns),
        signature_header=common_pb2.SignatureHeader(creator=creator, nonce=nonce).SerializeToString(),
    )
    return common_pb2.Payload(header=header, data=seek.SerializeToString()).SerializeToString()
