"""What a transaction's signed proposal says, and whether it fits the message that brought it.

The peer has checked the signature. What is checked here, in this order:

1. there is a proposal, and it can be read
2. it is an endorser transaction (or a configuration, as Fabric's own shims allow)
3. its transaction id is the message's
4. its channel is the message's, unless calls from other channels are allowed
5. its time is near this clock: transaction time is the client's word, and peers before 3.0 do not look at it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from chaincode.state import Creator, Timestamp
from consortium.wire.fabric.common.common_pb2 import ChannelHeader, Header, HeaderType, SignatureHeader
from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity
from consortium.wire.fabric.peer.chaincode_shim_pb2 import ChaincodeMessage
from consortium.wire.fabric.peer.proposal_pb2 import ChaincodeProposalPayload, Proposal

CALL_TYPES = frozenset((HeaderType.ENDORSER_TRANSACTION, HeaderType.CONFIG))
MINUTE_S = 60


class ProposalError(Exception):
    """The proposal does not fit its message, or cannot be read. The peer is told so."""


class ProposalTimeError(ProposalError):
    """The proposal is too old, or from the future. The caller is told so."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What the proposal says beyond its arguments."""

    creator: Creator
    timestamp: Timestamp
    transient: Mapping[str, bytes]


def caller_of(
    message: ChaincodeMessage, now: float, max_clock_skew_s: int, *, cross_channel: bool = False
) -> Caller:
    """Reads and checks the proposal of an INIT or TRANSACTION message.

    :param now: this clock, seconds since 1970 UTC
    :raises ProposalError: see the numbered checks
    """
    if not message.HasField("proposal"):  # 1
        raise ProposalError("the message carries no signed proposal")
    try:
        proposal = Proposal.FromString(message.proposal.proposal_bytes)
        header = Header.FromString(proposal.header)
        channel = ChannelHeader.FromString(header.channel_header)
        creator = SerializedIdentity.FromString(SignatureHeader.FromString(header.signature_header).creator)
        payload = ChaincodeProposalPayload.FromString(proposal.payload)
    except DecodeError as error:
        raise ProposalError(f"the signed proposal cannot be read: {error}") from error
    if channel.type not in CALL_TYPES:  # 2
        raise ProposalError(f"the proposal's header type {channel.type} is no call of a chaincode")
    if channel.tx_id != message.txid:  # 3
        raise ProposalError(f"the proposal is of transaction {channel.tx_id!r}")
    if channel.channel_id != message.channel_id and not cross_channel:  # 4
        raise ProposalError(f"the proposal is for channel {channel.channel_id!r}, not {message.channel_id!r}")
    stamp = channel.timestamp
    if abs(stamp.seconds - now) > max_clock_skew_s:  # 5
        raise ProposalTimeError(
            f"TRANSACTION_TIME: the proposal is more than {_span(max_clock_skew_s)} off this clock"
        )
    return Caller(
        creator=Creator(creator.mspid, creator.id_bytes),
        timestamp=Timestamp(stamp.seconds, stamp.nanos),
        transient=dict(payload.TransientMap),
    )


def _span(seconds: int) -> str:
    return f"{seconds // MINUTE_S} minutes" if seconds % MINUTE_S == 0 else f"{seconds} seconds"
