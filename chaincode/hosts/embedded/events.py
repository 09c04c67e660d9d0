"""Chaincode events of blocks: of valid transactions only, in their order."""

from __future__ import annotations

from chaincode.hosts.embedded.history import action_of
from chaincode.hosts.embedded.validator import Code
from chaincode.hosts.embedded.wire import WireError, parse
from consortium.wire.fabric.common.common_pb2 import (
    Block,
    BlockMetadataIndex,
    ChannelHeader,
    Envelope,
    HeaderType,
    Payload,
)
from consortium.wire.fabric.peer.chaincode_event_pb2 import ChaincodeEvent


def block_events(block: bytes) -> tuple[int, list[ChaincodeEvent]]:
    """A block's number and the events of its valid transactions."""
    message = parse(Block, block, "Block")
    codes = message.metadata.metadata[BlockMetadataIndex.TRANSACTIONS_FILTER]
    events = []
    for code, data in zip(codes, message.data.data, strict=True):
        if code != Code.VALID:
            continue
        payload = parse(Payload, parse(Envelope, data, "Envelope").payload, "Payload")
        header = parse(ChannelHeader, payload.header.channel_header, "ChannelHeader")
        if header.type != HeaderType.ENDORSER_TRANSACTION:
            continue
        try:
            event = parse(ChaincodeEvent, action_of(payload).events, "ChaincodeEvent")
        except WireError:
            continue
        if event.chaincode_id and event.event_name and event.tx_id:
            events.append(event)
    return message.header.number, events


class Matcher:
    """Which events a listener wants: of one chaincode, and none up to a transaction that it has seen."""

    def __init__(self, chaincode: str, after_txid: str) -> None:
        self._chaincode = chaincode
        self._after = after_txid
        self._passed = not after_txid

    def __call__(self, event: ChaincodeEvent) -> bool:
        if not self._passed:
            self._passed = event.tx_id == self._after
            return False
        return event.chaincode_id == self._chaincode
