"""Fabric's messages as the embedded ledger takes them apart and puts them together. Pure.

Every hash and every signed byte string of the protocol is made here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from consortium.wire.fabric.common.common_pb2 import (
    BlockHeader,
    ChannelHeader,
    Envelope,
    Header,
    Payload,
    SignatureHeader,
)
from consortium.wire.fabric.peer.chaincode_pb2 import ChaincodeID, ChaincodeInvocationSpec
from consortium.wire.fabric.peer.proposal_pb2 import (
    ChaincodeAction,
    ChaincodeHeaderExtension,
    ChaincodeProposalPayload,
    Proposal,
    SignedProposal,
)
from consortium.wire.fabric.peer.proposal_response_pb2 import Endorsement, ProposalResponsePayload, Response
from consortium.wire.fabric.peer.transaction_pb2 import (
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    Transaction,
    TransactionAction,
)

M = TypeVar("M", bound=Message)


class WireError(Exception):
    """Bytes are not the message that they should be, or a part that must be there is missing."""


@dataclass(frozen=True, slots=True)
class UnpackedProposal:
    """A signed proposal, taken apart.

    :param chaincode: what runs: the name in the header's extension
    :param target: the name in the invocation spec, by which gateways choose peers
    :param proposal_hash: over the headers and the payload without transient values
    :param payload: the payload without transient values, serialized
    :param problem: what a peer misses in it; a gateway does not look so closely
    """

    signed: SignedProposal
    header: Header
    channel_header: ChannelHeader
    creator: bytes
    nonce: bytes
    chaincode: str
    target: str
    args: tuple[bytes, ...]
    transient: Mapping[str, bytes]
    payload: bytes
    proposal_hash: bytes
    problem: str

    @property
    def channel(self) -> str:
        """Channel that it is for."""
        return self.channel_header.channel_id

    @property
    def txid(self) -> str:
        """Transaction id that it claims."""
        return self.channel_header.tx_id


def parse(kind: type[M], data: bytes, what: str) -> M:
    """A message from its bytes.

    :raises WireError: when the bytes are not one; ``what`` names it
    """
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise WireError(f"error unmarshalling {what}: {error}") from error
    return message


def unpack_proposal(signed: SignedProposal) -> UnpackedProposal:
    """Takes a proposal apart.

    :raises WireError: when one of the parts that a gateway reads is malformed
    """
    proposal = parse(Proposal, signed.proposal_bytes, "Proposal")
    header = parse(Header, proposal.header, "Header")
    channel_header = parse(ChannelHeader, header.channel_header, "ChannelHeader")
    payload = parse(ChaincodeProposalPayload, proposal.payload, "ChaincodeProposalPayload")
    spec = parse(ChaincodeInvocationSpec, payload.input, "ChaincodeInvocationSpec").chaincode_spec
    signature_header, extension, problem = SignatureHeader(), ChaincodeHeaderExtension(), ""
    try:
        signature_header = parse(SignatureHeader, header.signature_header, "SignatureHeader")
        extension = parse(ChaincodeHeaderExtension, channel_header.extension, "ChaincodeHeaderExtension")
    except WireError as error:
        problem = str(error)
    if not problem and not extension.HasField("chaincode_id"):
        problem = "ChaincodeHeaderExtension.ChaincodeId is nil"
    elif not problem and not extension.chaincode_id.name:
        problem = "ChaincodeHeaderExtension.ChaincodeId.Name is empty"
    elif not problem and not spec.HasField("input"):
        problem = "chaincode input did not contain any input"
    public = ChaincodeProposalPayload(input=payload.input).SerializeToString()
    return UnpackedProposal(
        signed=signed,
        header=header,
        channel_header=channel_header,
        creator=signature_header.creator,
        nonce=signature_header.nonce,
        chaincode=extension.chaincode_id.name,
        target=spec.chaincode_id.name,
        args=tuple(spec.input.args),
        transient=dict(payload.TransientMap),
        payload=public,
        proposal_hash=proposal_hash(header.channel_header, header.signature_header, public),
        problem=problem,
    )


def proposal_hash(channel_header: bytes, signature_header: bytes, payload: bytes) -> bytes:
    """SHA-256 over the two headers and the payload without transient values, joined without lengths."""
    return hashlib.sha256(channel_header + signature_header + payload).digest()


def transaction_id(nonce: bytes, creator: bytes) -> str:
    """The transaction id that follows from nonce and creator."""
    return hashlib.sha256(nonce + creator).hexdigest()


def response_payload(
    proposal: UnpackedProposal, response: Response, results: bytes, event: bytes, version: str
) -> bytes:
    """What endorsers sign: the proposal's hash, the reads and writes, the event and the answer."""
    action = ChaincodeAction(
        results=results,
        events=event,
        response=response,
        chaincode_id=ChaincodeID(name=proposal.chaincode, version=version),
    )
    return ProposalResponsePayload(
        proposal_hash=proposal.proposal_hash, extension=action.SerializeToString()
    ).SerializeToString()


def prepared_transaction(
    proposal: UnpackedProposal, payload: bytes, endorsements: Iterable[Endorsement]
) -> Envelope:
    """The transaction that lacks only its client's signature."""
    action = ChaincodeActionPayload(
        chaincode_proposal_payload=proposal.payload,
        action=ChaincodeEndorsedAction(proposal_response_payload=payload, endorsements=endorsements),
    )
    transaction = Transaction(
        actions=[
            TransactionAction(header=proposal.header.signature_header, payload=action.SerializeToString())
        ]
    )
    return Envelope(
        payload=Payload(header=proposal.header, data=transaction.SerializeToString()).SerializeToString()
    )


def data_hash(envelopes: Iterable[bytes]) -> bytes:
    """SHA-256 of a block's joined envelopes."""
    digest = hashlib.sha256()
    for envelope in envelopes:
        digest.update(envelope)
    return digest.digest()


def header_bytes(header: BlockHeader) -> bytes:
    """A block header in DER: SEQUENCE { INTEGER number, OCTET STRING previous hash, OCTET STRING data hash }."""
    number = header.number.to_bytes(header.number.bit_length() // 8 + 1, "big")
    content = _der(0x02, number) + _der(0x04, header.previous_hash) + _der(0x04, header.data_hash)
    return _der(0x30, content)


def header_hash(header: BlockHeader) -> bytes:
    """SHA-256 of the header's DER form: the hash by which the next block names this one."""
    return hashlib.sha256(header_bytes(header)).digest()


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def varint(number: int) -> bytes:
    """An unsigned number in protobuf's variable length form."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field_bytes(number: int, value: bytes) -> bytes:
    """One length-delimited protobuf field, for the few messages that have no generated code here."""
    return varint(number << 3 | 2) + varint(len(value)) + value
