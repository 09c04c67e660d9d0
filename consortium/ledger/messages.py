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


def _varint(value: int) -> bytes:
    octets = bytearray()
    while value > 0x7F:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _field(number: int, *chunks: bytes) -> list[bytes]:
    """One length-delimited field in pieces. Big arguments are joined once instead of copied at each level of
    nesting, which a tree of messages would do."""
    return [bytes([number << 3 | 2]) + _varint(sum(map(len, chunks))), *chunks]


@dataclass(frozen=True, slots=True)
class ProposalParts:
    """What a proposal says.

    :param input: serialized ChaincodeInvocationSpec, the part of the payload that reaches the ledger
    :param transient: whether it carries values that not everybody may see
    """

    channel: str
    txid: str
    channel_header: bytes
    signature_header: bytes
    input: bytes
    chaincode: str
    transient: bool


def _header(
    kind: common_pb2.HeaderType.ValueType,
    channel: str,
    txid: str,
    at_ns: int,
    extension: bytes = b"",
    tls_hash: bytes = b"",
) -> bytes:
    header = common_pb2.ChannelHeader(
        type=kind, channel_id=channel, tx_id=txid, extension=extension, tls_cert_hash=tls_hash
    )
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
    # ChaincodeInvocationSpec{1: ChaincodeSpec{2: ChaincodeID, 3: ChaincodeInput{1: args}}}
    arguments = [piece for arg in (function.encode(), *args) for piece in _field(1, arg)]
    invocation = b"".join(_field(1, *_field(2, named.SerializeToString()), *_field(3, *arguments)))
    # Proposal{1: Header{1: channel header, 2: signature header}, 2: payload{1: invocation, 2: transient}}
    header = _field(1, *_field(1, channel_header), *_field(2, signature_header))
    secrets = proposal_pb2.ChaincodeProposalPayload(TransientMap=dict(transient or {}))
    payload = _field(2, *_field(1, invocation), secrets.SerializeToString(deterministic=True))
    parts = ProposalParts(
        channel, txid, channel_header, signature_header, invocation, chaincode, bool(transient)
    )
    return b"".join(header + payload), parts


def parse_proposal(proposal_bytes: bytes) -> ProposalParts:
    """The parts of a serialized Proposal.

    :raises UnreadableError: when the bytes are none
    """
    try:
        proposal = proposal_pb2.Proposal.FromString(proposal_bytes)
        header = common_pb2.Header.FromString(proposal.header)
        channel_header = common_pb2.ChannelHeader.FromString(header.channel_header)
        payload = proposal_pb2.ChaincodeProposalPayload.FromString(proposal.payload)
        extension = proposal_pb2.ChaincodeHeaderExtension.FromString(channel_header.extension)
    except DecodeError as error:
        raise UnreadableError(f"not a proposal: {error}") from error
    return ProposalParts(
        channel_header.channel_id,
        channel_header.tx_id,
        header.channel_header,
        header.signature_header,
        payload.input,
        extension.chaincode_id.name,
        bool(payload.TransientMap),
    )


@dataclass(frozen=True, slots=True)
class PreparedParts:
    """What a prepared transaction says.

    :param result: the contract's answer
    """

    channel: str
    txid: str
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
        action = transaction_pb2.ChaincodeActionPayload.FromString(actions[0].payload).action
        result = _result(action)
    except DecodeError as error:
        raise UnreadableError(f"not a prepared transaction: {error}") from error
    return PreparedParts(channel_header.channel_id, channel_header.tx_id, result)


def accept_prepared(proposed: ProposalParts, payload: bytes) -> PreparedParts:
    """What a peer made of our proposal: exactly the proposal's bytes with endorsements behind them.

    The peer may belong to somebody else, and what it returns is about to be signed: anything but our own headers
    and input, byte by byte, is refused.

    :param payload: of the envelope that the peer returned
    :raises EndorseError: reason ENDORSEMENT_ALTERED
    """
    rest = _Expected(payload, proposed.txid)
    rest.take("header", _field(1, *_field(1, proposed.channel_header), *_field(2, proposed.signature_header)))
    rest.enter(2)  # Payload.data, a Transaction
    rest.enter(1)  # its one action
    rest.take("signature header", _field(1, proposed.signature_header))
    rest.enter(2)  # TransactionAction.payload, a ChaincodeActionPayload
    rest.take("input", _field(1, *_field(1, proposed.input)))
    rest.enter(2)  # its ChaincodeEndorsedAction
    try:
        result = _result(transaction_pb2.ChaincodeEndorsedAction.FromString(rest.all()))
    except DecodeError as error:
        raise _altered(f"endorsements that cannot be read ({error})", proposed.txid) from error
    return PreparedParts(proposed.channel, proposed.txid, result)


class _Expected:
    """Reads bytes that must be what is expected, without copying them."""

    def __init__(self, data: bytes, txid: str) -> None:
        self._data = data
        self._txid = txid
        self._at = 0

    def take(self, what: str, pieces: list[bytes]) -> None:
        """Passes over pieces that must come next."""
        for piece in pieces:
            if not self._data.startswith(piece, self._at):
                raise _altered(f"another {what} than was proposed", self._txid)
            self._at += len(piece)

    def enter(self, number: int) -> None:
        """Into a field that must come next and fill all that is left."""
        left = len(self._data) - self._at
        for width in range(2, min(left, 11) + 1):
            head = bytes([number << 3 | 2]) + _varint(left - width)
            if len(head) == width:
                self.take("structure", [head])
                return
        raise _altered("something that ends early", self._txid)

    def all(self) -> bytes:
        """What is left."""
        return self._data[self._at :]


def _result(action: transaction_pb2.ChaincodeEndorsedAction) -> bytes:
    response = proposal_response_pb2.ProposalResponsePayload.FromString(action.proposal_response_payload)
    return proposal_pb2.ChaincodeAction.FromString(response.extension).response.payload


def _altered(what: str, txid: str) -> EndorseError:
    return EndorseError(
        f"the gateway peer returned {what}",
        reason="ENDORSEMENT_ALTERED",
        remedy="Do not use this peer; tell its operator.",
        txid=txid,
    )


def envelope_bytes(payload: bytes, signature: bytes) -> bytes:
    """A serialized envelope, as peers and orderers serialize it."""
    return b"".join(_field(1, payload) + (_field(2, signature) if signature else []))


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
    channel: str,
    creator: bytes,
    *,
    nonce: bytes,
    at_ns: int,
    start: int | None,
    stop: int | None = None,
    tls_hash: bytes = b"",
) -> bytes:
    """The payload of an envelope that asks for blocks ``start`` to ``stop`` (included; None: for ever).

    :param tls_hash: SHA-256 of the TLS client certificate (DER); peers with mutual TLS ask for it
    """
    seek = ab_pb2.SeekInfo(
        start=_position(start),
        stop=_position(LAST_BLOCK if stop is None else stop),
        behavior=ab_pb2.SeekInfo.BLOCK_UNTIL_READY,
    )
    header = common_pb2.Header(
        channel_header=_header(common_pb2.DELIVER_SEEK_INFO, channel, "", at_ns, tls_hash=tls_hash),
        signature_header=common_pb2.SignatureHeader(creator=creator, nonce=nonce).SerializeToString(),
    )
    return common_pb2.Payload(header=header, data=seek.SerializeToString()).SerializeToString()
