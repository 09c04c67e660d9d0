"""Streams of blocks and contract events that go on where they stopped.

A peer's stream ends with the peer. Here a stream asks again, at the next endpoint and from the first block
(or after the last transaction) that it has not given yet, with growing pauses; so what comes out has no gap
and nothing twice. It gives up only when asking again cannot help: the identity may not read, or the range
is impossible.

Close a stream that is left early: ``async with contextlib.aclosing(network.blocks(5)) as blocks: ...``
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import grpc
import grpc.aio
import structlog
from google.protobuf.message import DecodeError

from consortium.ledger.blocks import Block, FilteredBlock, decode_block, decode_filtered
from consortium.ledger.checkpoints import Checkpoint
from consortium.ledger.connection import Peer, cancelled_by_caller, closed
from consortium.ledger.diagnosis import Diagnosis, clock_off, denied
from consortium.ledger.errors import StreamError, UnreadableError, connection_broke
from consortium.ledger.liveness import PeerGoneError, while_alive
from consortium.ledger.messages import NONCE_BYTES, envelope_bytes, events_request, seek_payload
from consortium.ledger.stages import Session
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.ledger.rwset import rwset_pb2
from consortium.wire.fabric.orderer import ab_pb2
from consortium.wire.fabric.peer import events_pb2

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
NOT_THERE_S = 30.0
"""How long a channel or block may be missing before a stream that never gave anything gives up."""

FOR_EVER = 2**53 - 1
"""Stop block from which a range is without end: the Node client's; others ask up to 2^64-1."""

T = TypeVar("T")
_log = structlog.get_logger(__name__)
_FINAL = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)


@dataclass(frozen=True, slots=True)
class ChaincodeEvent:
    """A valid transaction's event.

    :param block: number of the block
    :param payload: bytes chosen by the contract
    """

    block: int
    txid: str
    chaincode: str
    name: str
    payload: bytes

    @property
    def checkpoint(self) -> Checkpoint:
        """What to save once this event is dealt with."""
        return Checkpoint(self.block, self.txid)


@dataclass(frozen=True, slots=True)
class PrivateBlock:
    """A block with the private writes that the asker may see, by place of the transaction in the block."""

    block: Block
    private: dict[int, rwset_pb2.TxPvtReadWriteSet]


class Pauses:
    """Growing pauses with jitter between attempts, so that many readers do not come back at the same
    moment."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE_S

    def reset(self) -> None:
        """The stream works again."""
        self._next = FIRST_PAUSE_S

    async def wait(self) -> None:
        """Sleeps between half of the pause and all of it."""
        await asyncio.sleep(self._next * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, hides nothing
        self._next = min(self._next * 2, LONGEST_PAUSE_S)


class _EndedError(Exception):
    """A peer's stream ended and another may go on; ``missing`` when the peer has not got the channel or
    block."""

    def __init__(self, why: str, *, missing: bool = False) -> None:
        super().__init__(why)
        self.missing = missing


class _Resuming(Generic[T]):
    """What every stream shares: one attempt after the other, each at the peer to be asked next."""

    name: ClassVar[str] = "stream"

    def __init__(self, session: Session, channel: str) -> None:
        self._session = session
        self._channel = channel
        self._not_joined: set[Peer] = set()

    def request(self) -> bytes:
        """What asks for the stream from where it stands, to be signed."""
        raise NotImplementedError

    def _give_up(self, failure: StreamError, error: grpc.aio.AioRpcError, peer: Peer) -> None:
        """Raises a failure that asking again would not mend; a channel that one peer has not joined, another may
        have."""
        if failure.reason == "CHANNEL_NOT_FOUND":
            peer.failed()
            self._not_joined.add(peer)
            if not self._not_joined.issuperset(self._session.connection.peers()):
                return
        elif error.code() not in _FINAL and failure.reason != "MESSAGE_TOO_LARGE":
            return
        raise failure from error

    def packed(self, request: bytes, signature: bytes) -> bytes:
        """Request and signature as they are sent."""
        raise NotImplementedError

    @property
    def channel(self) -> str:
        """Channel that it reads."""
        return self._channel

    def attempt(self, peer: Peer, request: bytes, signature: bytes) -> AsyncGenerator[T, None]:
        """One peer's stream from where this one stands. Raises _EndedError, PeerGoneError, StreamError or gRPC's
        errors."""
        raise NotImplementedError

    async def run(self) -> AsyncGenerator[T, None]:
        """Items without gap and without repetition.

        :raises NotSignedError: the identity's key is elsewhere; see :class:`StreamRequest`
        """
        pauses = Pauses()
        missing_since: float | None = None
        given = False
        while True:
            peer = self._session.connection.peers()[0]
            connection = peer.connections
            try:
                request = self.request()
                signature = self._session.identity.sign(request)
                async with aclosing(self.attempt(peer, request, signature)) as items:
                    async for item in items:
                        pauses.reset()
                        missing_since, given = None, True
                        yield item
                return
            except _EndedError as ended:
                peer.failed()
                why = str(ended)
                if ended.missing and not given:
                    missing_since = missing_since or time.monotonic()
                    if time.monotonic() - missing_since > NOT_THERE_S:
                        raise StreamError(
                            f"{self.name} of {self._channel}: {why}",
                            reason="LEDGER_NOT_FOUND",
                            remedy="Check the channel's name and the first block.",
                        ) from ended
            except grpc.aio.AioRpcError as error:
                asked = self._session.asked(channel=self._channel)
                failure = StreamError.from_rpc(error, asked, target=peer.endpoint.target)
                self._give_up(failure, error, peer)
                if connection_broke(error):
                    peer.failed()
                why = failure.message
            except (PeerGoneError, grpc.aio.UsageError, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and cancelled_by_caller():
                    raise
                if not peer.lost(connection, error):
                    raise closed(StreamError) from error
                why = f"nobody answers on the connection to {peer.endpoint.target} any more"
            _log.warning("ledger stream resumes", stream=self.name, channel=self._channel, why=why)
            await pauses.wait()


class BlockStream(_Resuming[T]):
    """Blocks of one of Deliver's three kinds.

    :param start: first block
    :param stop: last block, included; None for no end
    """

    name = "block stream"

    def __init__(
        self, session: Session, channel: str, kind: BlockKind[T], *, start: int, stop: int | None
    ) -> None:
        super().__init__(session, channel)
        self._kind = kind
        self._next = start
        self._stop = stop

    async def attempt(self, peer: Peer, request: bytes, signature: bytes) -> AsyncGenerator[T, None]:
        """One peer's stream."""
        if self._stop is not None and self._next > self._stop:
            return
        call = self._kind.method(peer)()
        try:
            # A call that has failed already says why when it is read.
            with suppress(asyncio.InvalidStateError):
                await call.write(common_pb2.Envelope(payload=request, signature=signature))
            async with aclosing(while_alive(peer.channel(), call, call)) as responses:
                async for response in responses:
                    if response.WhichOneof("Type") == "status":
                        self._end(response.status)
                        return
                    number, item = self._kind.read(response)
                    if number != self._next:
                        why = f"{peer.endpoint.target} gave block {number} instead of {self._next}"
                        raise _EndedError(why)
                    self._next += 1
                    yield item
        finally:
            call.cancel()
        if self._stop is None or self._next <= self._stop:
            raise _EndedError(f"{peer.endpoint.target} closed the stream")

    def request(self) -> bytes:
        """The payload of an envelope with a SeekInfo."""
        return seek_payload(
            self._channel,
            self._session.identity.serialized(),
            nonce=os.urandom(NONCE_BYTES),
            at_ns=time.time_ns(),
            start=self._next,
            stop=self._stop,
            tls_hash=self._session.tls_hash,
        )

    def packed(self, request: bytes, signature: bytes) -> bytes:
        """A serialized envelope."""
        return envelope_bytes(request, signature)

    def _end(self, status: common_pb2.Status.ValueType) -> None:
        if status == common_pb2.SUCCESS:
            if self._stop is None or self._next <= self._stop:
                raise _EndedError("the peer ended the stream early")
            return
        name = common_pb2.Status.Name(status)
        if status in (common_pb2.FORBIDDEN, common_pb2.BAD_REQUEST, common_pb2.NOT_IMPLEMENTED):
            found = self._refused(status)
            raise StreamError(
                f"{self.name} of {self._channel} from block {self._next}: {found.what}. The peer says {name}",
                reason=found.reason,
                remedy=found.remedy,
            )
        raise _EndedError(
            f"the peer answers {name} from block {self._next}", missing=status == common_pb2.NOT_FOUND
        )

    def _refused(self, status: common_pb2.Status.ValueType) -> Diagnosis:
        """A peer gives no words; what we asked for tells what can be wrong with it. The range is not: one that is
        impossible is never asked for."""
        if status == common_pb2.FORBIDDEN:
            return denied(self._session.asked(channel=self._channel))
        if self._session.tls_hash:
            return Diagnosis(
                "LEDGER_REFUSED",
                False,
                "clock or TLS client certificate are not what the peer sees",
                "Set this machine's clock; check that no proxy stands between, as TLS is bound to the request.",
            )
        return clock_off()


@dataclass(frozen=True, slots=True)
class BlockKind(Generic[T]):
    """One of Deliver's three streams: how to open it, and how to read block number and item of a response."""

    method: Callable[
        [Peer], Callable[[], grpc.aio.StreamStreamCall[common_pb2.Envelope, events_pb2.DeliverResponse]]
    ]
    read: Callable[[events_pb2.DeliverResponse], tuple[int, T]]


def _read_full(response: events_pb2.DeliverResponse) -> tuple[int, Block]:
    return response.block.header.number, decode_block(response.block)


def _read_filtered(response: events_pb2.DeliverResponse) -> tuple[int, FilteredBlock]:
    return response.filtered_block.number, decode_filtered(response.filtered_block)


def _read_private(response: events_pb2.DeliverResponse) -> tuple[int, PrivateBlock]:
    message = response.block_and_private_data
    block = decode_block(message.block)
    return block.number, PrivateBlock(block, dict(message.private_data_map))


FULL: BlockKind[Block] = BlockKind(lambda peer: peer.deliver.Deliver, _read_full)
FILTERED: BlockKind[FilteredBlock] = BlockKind(lambda peer: peer.deliver.DeliverFiltered, _read_filtered)
WITH_PRIVATE_DATA: BlockKind[PrivateBlock] = BlockKind(
    lambda peer: peer.deliver.DeliverWithPrivateData, _read_private
)


class EventStream(_Resuming[ChaincodeEvent]):
    """Events of one chaincode's valid transactions, in order.

    :param at: where to begin
    """

    name = "event stream"

    def __init__(self, session: Session, channel: str, chaincode: str, *, at: Checkpoint) -> None:
        super().__init__(session, channel)
        self._chaincode = chaincode
        self._at = at

    def request(self) -> bytes:
        """A serialized ChaincodeEventsRequest."""
        return events_request(
            self._channel,
            self._chaincode,
            self._session.identity.serialized(),
            start=self._at.block,
            after_txid=self._at.txid,
        )

    def packed(self, request: bytes, signature: bytes) -> bytes:
        """A serialized SignedChaincodeEventsRequest."""
        return gateway_pb2.SignedChaincodeEventsRequest(
            request=request, signature=signature
        ).SerializeToString()

    async def attempt(
        self, peer: Peer, request: bytes, signature: bytes
    ) -> AsyncGenerator[ChaincodeEvent, None]:
        """One peer's stream."""
        call = peer.gateway.ChaincodeEvents(
            gateway_pb2.SignedChaincodeEventsRequest(request=request, signature=signature)
        )
        try:
            async with aclosing(while_alive(peer.channel(), call, call)) as responses:
                async for response in responses:
                    number = response.block_number
                    # The response is here in full: should the stream break while it is read, the next block is
                    # next.
                    self._at = Checkpoint.after_block(number)
                    for event in response.events:
                        yield ChaincodeEvent(
                            number, event.tx_id, event.chaincode_id, event.event_name, event.payload
                        )
        finally:
            call.cancel()
        raise _EndedError(f"{peer.endpoint.target} closed the stream")


class StreamRequest(Generic[T]):
    """A stream whose request is signed elsewhere. It ends with its peer: going on takes a new signature."""

    def __init__(
        self, session: Session, stream: _Resuming[T], *, request: bytes | None = None, signature: bytes = b""
    ) -> None:
        self._session = session
        self._stream = stream
        self._signature = signature
        self.signing_bytes = stream.request() if request is None else request

    @property
    def digest(self) -> bytes:
        """SHA-256 of the signing bytes, for keys that sign digests (not for Ed25519)."""
        return hashlib.sha256(self.signing_bytes).digest()

    def with_signature(self, signature: bytes) -> StreamRequest[T]:
        """The same with a signature made elsewhere."""
        return StreamRequest(self._session, self._stream, request=self.signing_bytes, signature=signature)

    def to_bytes(self) -> bytes:
        """The request as it is sent, signed or not: ``common.Envelope`` or ``gateway.SignedChaincodeEventsRequest``.
        Another process goes on with the ``resume_..._request`` of its Gateway."""
        return self._stream.packed(self.signing_bytes, self._signature)

    async def items(self) -> AsyncGenerator[T, None]:
        """What the peer gives.

        :raises NotSignedError: when it is not signed yet and the identity's key is elsewhere
        :raises StreamError: the peer ended it; ``retryable`` when a new request may go on
        """
        peer = self._session.connection.peers()[0]
        connection = peer.connections
        signature = self._signature or self._session.identity.sign(self.signing_bytes)
        try:
            async with aclosing(self._stream.attempt(peer, self.signing_bytes, signature)) as items:
                async for item in items:
                    yield item
        except grpc.aio.AioRpcError as error:
            asked = self._session.asked(channel=self._stream.channel)
            raise StreamError.from_rpc(error, asked, target=peer.endpoint.target) from error
        except (_EndedError, PeerGoneError) as error:
            peer.lost(connection, error)
            why = str(error) or f"nobody answers on the connection to {peer.endpoint.target} any more"
            raise StreamError(why, reason="LEDGER_UNAVAILABLE", retryable=True) from error


def resume_blocks_request(session: Session, kind: BlockKind[T], data: bytes) -> StreamRequest[T]:
    """A request for blocks from its bytes; the official clients' are the same.

    :raises UnreadableError: when the bytes are none
    """
    try:
        envelope = common_pb2.Envelope.FromString(data)
        payload = common_pb2.Payload.FromString(envelope.payload)
        channel = common_pb2.ChannelHeader.FromString(payload.header.channel_header).channel_id
        seek = ab_pb2.SeekInfo.FromString(payload.data)
    except DecodeError as error:
        raise UnreadableError(f"not a request for blocks: {error}") from error
    if not seek.start.HasField("specified") or not seek.stop.HasField("specified"):
        raise UnreadableError("not a request for blocks from a number on")
    start, last = seek.start.specified.number, seek.stop.specified.number
    stop = None if last >= FOR_EVER else last
    stream = BlockStream(session, channel, kind, start=start, stop=stop)
    return StreamRequest(session, stream, request=envelope.payload, signature=envelope.signature)


def resume_events_request(session: Session, data: bytes) -> StreamRequest[ChaincodeEvent]:
    """A request for chaincode events from its bytes; the official clients' are the same.

    :raises UnreadableError: when the bytes are none
    """
    try:
        signed = gateway_pb2.SignedChaincodeEventsRequest.FromString(data)
        request = gateway_pb2.ChaincodeEventsRequest.FromString(signed.request)
    except DecodeError as error:
        raise UnreadableError(f"not a request for chaincode events: {error}") from error
    if not request.channel_id or not request.chaincode_id:
        raise UnreadableError("not a request for chaincode events: it names no chaincode")
    at = Checkpoint(request.start_position.specified.number, request.after_transaction_id)
    stream = EventStream(session, request.channel_id, request.chaincode_id, at=at)
    return StreamRequest(session, stream, request=signed.request, signature=signed.signature)


async def start_or_height(start: int | None, height: Callable[[], Awaitable[int]]) -> int:
    """The first block to read. "From now on" is settled once, by the height, so that a stream that breaks
    before its first block still has no gap."""
    return await height() if start is None else start
