"""``protos.Deliver``: blocks, whole, filtered or with private data, one request after the other on a stream."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from chaincode.hosts.embedded.endorser import READERS
from chaincode.hosts.embedded.feed import Feed
from chaincode.hosts.embedded.history import actions_of, chaincode_action
from chaincode.hosts.embedded.msp import IdentityError, MspManager
from chaincode.hosts.embedded.settings import PEER_TIME_WINDOW_S
from chaincode.hosts.embedded.wire import WireError, parse
from consortium.wire.fabric.common.common_pb2 import (
    Block,
    BlockMetadataIndex,
    ChannelHeader,
    Envelope,
    HeaderType,
    Payload,
    SignatureHeader,
    Status,
)
from consortium.wire.fabric.orderer.ab_pb2 import SeekInfo, SeekPosition
from consortium.wire.fabric.peer.chaincode_event_pb2 import ChaincodeEvent
from consortium.wire.fabric.peer.events_pb2 import (
    FilteredBlock,
    FilteredChaincodeAction,
    FilteredTransaction,
    FilteredTransactionActions,
)

MAX_UINT64 = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that may be served: MSP id of the asker, first and last block."""

    msp_id: str
    first: int
    last: int
    fail_if_not_ready: bool
    headers_only: bool


class _RefusedError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Delivery:
    """Answers one kind of stream's requests for one channel."""

    def __init__(
        self, channel: str, msp: MspManager, feed: Feed, clock: Callable[[], float] = time.time
    ) -> None:
        self._channel = channel
        self._msp = msp
        self._feed = feed
        self._clock = clock

    async def blocks(self, envelope: Envelope) -> AsyncIterator[tuple[Asked, int, bytes] | int]:
        """Number and bytes of each block asked for, then the closing status."""
        try:
            asked = self._check(envelope)
        except _RefusedError as refused:
            yield refused.status
            return
        number = asked.first
        while number <= asked.last:
            if asked.fail_if_not_ready and number >= self._feed.height:
                yield Status.NOT_FOUND
                return
            yield asked, number, await self._feed.block(number)
            number += 1
        yield Status.SUCCESS

    def _check(self, envelope: Envelope) -> Asked:
        try:
            payload = parse(Payload, envelope.payload, "Payload")
            header = parse(ChannelHeader, payload.header.channel_header, "ChannelHeader")
            creator = parse(SignatureHeader, payload.header.signature_header, "SignatureHeader").creator
        except WireError as error:
            raise _RefusedError(Status.BAD_REQUEST) from error
        stamp = header.timestamp
        now = self._clock()
        if (
            not header.HasField("timestamp")
            or abs(stamp.seconds + stamp.nanos / 1e9 - now) > PEER_TIME_WINDOW_S
        ):
            raise _RefusedError(Status.BAD_REQUEST)
        if header.channel_id != self._channel:
            raise _RefusedError(Status.NOT_FOUND)
        try:
            seek = parse(SeekInfo, payload.data, "SeekInfo")
        except WireError as error:
            raise _RefusedError(Status.BAD_REQUEST) from error
        try:
            asker = self._msp.deserialize(creator)
            asker.validate()
            asker.verify(envelope.payload, envelope.signature)
        except IdentityError as error:
            raise _RefusedError(Status.FORBIDDEN) from error
        if not asker.roles & READERS or now > asker.not_after:
            raise _RefusedError(Status.FORBIDDEN)
        first, last = self._range(seek)
        return Asked(
            msp_id=asker.msp_id,
            first=first,
            last=last,
            fail_if_not_ready=seek.behavior == SeekInfo.FAIL_IF_NOT_READY,
            headers_only=seek.content_type == SeekInfo.HEADER_WITH_SIG,
        )

    def _range(self, seek: SeekInfo) -> tuple[int, int]:
        height = self._feed.height
        if not seek.HasField("start") or not seek.HasField("stop"):
            raise _RefusedError(Status.BAD_REQUEST)
        first = self._first(seek.start, height)
        kind = seek.stop.WhichOneof("Type")
        if kind == "specified":
            last = seek.stop.specified.number
            if last < first:
                raise _RefusedError(Status.BAD_REQUEST)
        elif kind == "newest":
            last = first if seek.start == seek.stop else height - 1
        elif kind == "oldest":
            last = first
        else:
            last = 0
        return first, last if last >= first else MAX_UINT64

    @staticmethod
    def _first(start: SeekPosition, height: int) -> int:
        kind = start.WhichOneof("Type")
        if kind == "oldest":
            return 0
        if kind == "newest":
            return height - 1
        if kind == "next_commit":
            return height
        if kind == "specified" and start.specified.number <= height:
            return start.specified.number
        raise _RefusedError(Status.NOT_FOUND)


def headers_only(block: Block) -> Block:
    """A block without its transactions; a configuration block stays whole."""
    for data in block.data.data[:1]:
        payload = parse(Payload, parse(Envelope, data, "Envelope").payload, "Payload")
        if parse(ChannelHeader, payload.header.channel_header, "ChannelHeader").type == HeaderType.CONFIG:
            return block
    return Block(header=block.header, metadata=block.metadata)


def filtered(block: Block) -> FilteredBlock:
    """A block without contents: ids, kinds and codes; events without payload, also of invalid transactions."""
    codes = block.metadata.metadata[BlockMetadataIndex.TRANSACTIONS_FILTER]
    result = FilteredBlock(number=block.header.number)
    for code, data in zip(codes, block.data.data, strict=True):
        payload = parse(Payload, parse(Envelope, data, "Envelope").payload, "Payload")
        header = parse(ChannelHeader, payload.header.channel_header, "ChannelHeader")
        result.channel_id = header.channel_id
        entry = FilteredTransaction(txid=header.tx_id, type=header.type, tx_validation_code=code)  # type: ignore[arg-type]
        if header.type == HeaderType.ENDORSER_TRANSACTION:
            entry.transaction_actions.CopyFrom(_actions(payload))
        result.filtered_transactions.append(entry)
    return result


def _actions(payload: Payload) -> FilteredTransactionActions:
    """Events without payload; what cannot be read of an invalid transaction is passed over."""
    found = FilteredTransactionActions()
    for data in actions_of(payload):
        try:
            event = parse(ChaincodeEvent, chaincode_action(data).events, "ChaincodeEvent")
        except WireError:
            continue
        if event.chaincode_id:
            bare = ChaincodeEvent(
                chaincode_id=event.chaincode_id, tx_id=event.tx_id, event_name=event.event_name
            )
            found.chaincode_actions.append(FilteredChaincodeAction(chaincode_event=bare))
    return found
