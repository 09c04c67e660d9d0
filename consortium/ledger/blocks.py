"""Blocks taken apart into typed transactions. Pure.

An orderer does not look into envelopes, so a block of a real network may hold anything that a member sent:
what cannot be read is kept as a transaction without contents (``readable`` is False) and never raises. What
is inside is decoded when it is first asked for, since most readers want a few transactions of a block.

Only a valid transaction's contents mean anything: see :attr:`BlockTransaction.ok`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from google.protobuf.message import DecodeError

from consortium.ledger.errors import UnreadableError, code_name
from consortium.ledger.messages import envelope_digest
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.ledger.rwset import rwset_pb2
from consortium.wire.fabric.ledger.rwset.kvrwset import kv_rwset_pb2
from consortium.wire.fabric.msp import identities_pb2
from consortium.wire.fabric.peer import (
    chaincode_event_pb2,
    chaincode_pb2,
    events_pb2,
    proposal_pb2,
    proposal_response_pb2,
    transaction_pb2,
)

_CODES = common_pb2.TRANSACTIONS_FILTER


@dataclass(frozen=True, slots=True)
class Version:
    """Where a key was last written."""

    block: int
    transaction: int


@dataclass(frozen=True, slots=True)
class NamespaceReadWrites:
    """What a transaction read and wrote of one chaincode.

    :param reads: key and the version seen, None when the key was not there
    :param writes: key and the new value, None when it is removed
    :param metadata_writes: keys whose metadata was replaced
    :param ranges: start and end keys of ranges read
    :param collections: private collections touched
    """

    namespace: str
    reads: tuple[tuple[str, Version | None], ...]
    writes: tuple[tuple[str, bytes | None], ...]
    metadata_writes: tuple[str, ...]
    ranges: tuple[tuple[str, str], ...]
    collections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContractEvent:
    """The one event of a transaction."""

    chaincode: str
    name: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """What an endorsed transaction ran and what came of it.

    :param chaincode: that ran, with its version
    :param status: of the contract's response
    :param payload: of the contract's response
    :param endorsers: MSP ids in the order of their endorsements
    :param event: None when there is none
    """

    chaincode: str
    version: str
    function: str
    args: tuple[bytes, ...]
    status: int
    payload: bytes
    message: str
    event: ContractEvent | None
    results: bytes
    endorsers: tuple[str, ...]


@dataclass(frozen=True)
class BlockTransaction:
    """One envelope of a block.

    :param index: place in the block
    :param envelope: the bytes as they stand in the block
    :param code: TxValidationCode
    """

    block: int
    index: int
    envelope: bytes
    code: int

    @property
    def ok(self) -> bool:
        """Whether it took effect."""
        return self.code == transaction_pb2.VALID

    @property
    def code_name(self) -> str:
        """Fabric's name of the code."""
        return code_name(self.code)

    @cached_property
    def digest(self) -> str:
        """Hex of SHA-256 over the envelope; compare it with :attr:`PreparedTransaction.envelope_digest`."""
        return envelope_digest(self.envelope)

    @cached_property
    def _payload(self) -> common_pb2.Payload | None:
        try:
            return common_pb2.Payload.FromString(common_pb2.Envelope.FromString(self.envelope).payload)
        except DecodeError:
            return None

    @cached_property
    def _channel_header(self) -> common_pb2.ChannelHeader:
        try:
            if self._payload is not None:
                return common_pb2.ChannelHeader.FromString(self._payload.header.channel_header)
        except DecodeError:
            pass
        return common_pb2.ChannelHeader()

    @cached_property
    def _creator(self) -> identities_pb2.SerializedIdentity:
        try:
            if self._payload is not None:
                header = common_pb2.SignatureHeader.FromString(self._payload.header.signature_header)
                return identities_pb2.SerializedIdentity.FromString(header.creator)
        except DecodeError:
            pass
        return identities_pb2.SerializedIdentity()

    @property
    def txid(self) -> str:
        """The id in its header; empty for configurations and what cannot be read. Anybody can write any id
        there."""
        return self._channel_header.tx_id

    @property
    def channel(self) -> str:
        """Channel name in its header."""
        return self._channel_header.channel_id

    @property
    def type(self) -> int:
        """``common.HeaderType``."""
        return self._channel_header.type

    @property
    def timestamp(self) -> int:
        """The creator's clock, seconds since 1970 UTC."""
        return self._channel_header.timestamp.seconds

    @property
    def creator_msp(self) -> str:
        """MSP id of who submitted it."""
        return self._creator.mspid

    @property
    def creator_certificate(self) -> bytes:
        """PEM certificate of who submitted it."""
        return self._creator.id_bytes

    @cached_property
    def call(self) -> Call | None:
        """What it ran; None for configurations and what cannot be read."""
        if self._payload is None or self.type != common_pb2.ENDORSER_TRANSACTION:
            return None
        try:
            return _decode_call(self._payload.data)
        except (DecodeError, UnicodeDecodeError):
            return None

    @property
    def readable(self) -> bool:
        """Whether it is an endorsed transaction that can be read."""
        return self.call is not None

    @property
    def chaincode(self) -> str:
        """Chaincode that ran; empty without contents."""
        return self.call.chaincode if self.call else ""

    @property
    def function(self) -> str:
        """Function that ran; empty without contents."""
        return self.call.function if self.call else ""

    @property
    def args(self) -> tuple[bytes, ...]:
        """Its arguments, without the function's name."""
        return self.call.args if self.call else ()

    @property
    def payload(self) -> bytes:
        """The contract's answer."""
        return self.call.payload if self.call else b""

    @property
    def event(self) -> ContractEvent | None:
        """Its event."""
        return self.call.event if self.call else None

    @cached_property
    def read_writes(self) -> tuple[NamespaceReadWrites, ...]:
        """What it read and wrote; empty without contents."""
        try:
            return decode_read_writes(self.call.results) if self.call else ()
        except UnreadableError:
            return ()


@dataclass(frozen=True)
class Block:
    """One block.

    :param previous_hash: hash of the header before
    :param data_hash: as the header says it; see :meth:`intact`
    """

    number: int
    previous_hash: bytes
    data_hash: bytes
    transactions: tuple[BlockTransaction, ...]

    @cached_property
    def header_hash(self) -> bytes:
        """SHA-256 of the header's DER form: the next block's ``previous_hash``."""
        return hashlib.sha256(_header_der(self.number, self.previous_hash, self.data_hash)).digest()

    def intact(self, previous: Block | None = None) -> bool:
        """Whether the envelopes are those that the header names, and it follows on the block before, when
        given.

        Validation codes are outside the hash chain: they are the word of the peer that was asked.
        """
        joined = hashlib.sha256()
        for transaction in self.transactions:
            joined.update(transaction.envelope)
        if joined.digest() != self.data_hash:
            return False
        return previous is None or (
            self.number == previous.number + 1 and self.previous_hash == previous.header_hash
        )


@dataclass(frozen=True, slots=True)
class FilteredTransaction:
    """A transaction without contents. Its verdict may be another envelope's under the same id.

    :param events: chaincode and event name, also of invalid transactions
    """

    txid: str
    type: int
    code: int
    events: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class FilteredBlock:
    """A block without contents."""

    number: int
    channel: str
    transactions: tuple[FilteredTransaction, ...]


def decode_block(block: common_pb2.Block) -> Block:
    """A block's transactions with their codes; NOT_VALIDATED where the peer said none."""
    metadata = block.metadata.metadata
    codes = metadata[_CODES] if len(metadata) > _CODES else b""
    number = block.header.number
    return Block(
        number=number,
        previous_hash=block.header.previous_hash,
        data_hash=block.header.data_hash,
        transactions=tuple(
            BlockTransaction(
                number,
                index,
                envelope,
                codes[index] if index < len(codes) else transaction_pb2.NOT_VALIDATED,
            )
            for index, envelope in enumerate(block.data.data)
        ),
    )


def block_from_bytes(data: bytes) -> Block:
    """A serialized ``common.Block``, as the query system chaincode answers it.

    :raises UnreadableError: when the bytes are none
    """
    try:
        return decode_block(common_pb2.Block.FromString(data))
    except DecodeError as error:
        raise UnreadableError(f"not a block: {error}") from error


def decode_filtered(block: events_pb2.FilteredBlock) -> FilteredBlock:
    """A filtered block."""
    return FilteredBlock(
        number=block.number,
        channel=block.channel_id,
        transactions=tuple(
            FilteredTransaction(
                item.txid,
                item.type,
                item.tx_validation_code,
                tuple(
                    (action.chaincode_event.chaincode_id, action.chaincode_event.event_name)
                    for action in item.transaction_actions.chaincode_actions
                    if action.chaincode_event.event_name
                ),
            )
            for item in block.filtered_transactions
        ),
    )


def decode_read_writes(results: bytes) -> tuple[NamespaceReadWrites, ...]:
    """A serialized ``rwset.TxReadWriteSet``.

    :raises UnreadableError: when the bytes are none
    """
    try:
        return tuple(_namespaces(rwset_pb2.TxReadWriteSet.FromString(results)))
    except DecodeError as error:
        raise UnreadableError(f"not a read and write set: {error}") from error


def _namespaces(message: rwset_pb2.TxReadWriteSet) -> Iterator[NamespaceReadWrites]:
    for entry in message.ns_rwset:
        public = kv_rwset_pb2.KVRWSet.FromString(entry.rwset)
        yield NamespaceReadWrites(
            namespace=entry.namespace,
            reads=tuple(
                (
                    read.key,
                    Version(read.version.block_num, read.version.tx_num)
                    if read.HasField("version")
                    else None,
                )
                for read in public.reads
            ),
            writes=tuple((write.key, None if write.is_delete else write.value) for write in public.writes),
            metadata_writes=tuple(write.key for write in public.metadata_writes),
            ranges=tuple((item.start_key, item.end_key) for item in public.range_queries_info),
            collections=tuple(item.collection_name for item in entry.collection_hashed_rwset),
        )


def _decode_call(data: bytes) -> Call | None:
    actions = transaction_pb2.Transaction.FromString(data).actions
    if len(actions) != 1:
        return None  # the protocol allows several, no peer has ever accepted them
    action = transaction_pb2.ChaincodeActionPayload.FromString(actions[0].payload)
    proposed = proposal_pb2.ChaincodeProposalPayload.FromString(action.chaincode_proposal_payload)
    spec = chaincode_pb2.ChaincodeInvocationSpec.FromString(proposed.input)
    args = spec.chaincode_spec.input.args
    signed = proposal_response_pb2.ProposalResponsePayload.FromString(action.action.proposal_response_payload)
    ran = proposal_pb2.ChaincodeAction.FromString(signed.extension)
    event = chaincode_event_pb2.ChaincodeEvent.FromString(ran.events)
    return Call(
        chaincode=ran.chaincode_id.name,
        version=ran.chaincode_id.version,
        function=args[0].decode() if args else "",
        args=tuple(args[1:]),
        status=ran.response.status,
        payload=ran.response.payload,
        message=ran.response.message,
        event=ContractEvent(event.chaincode_id, event.event_name, event.payload) if ran.events else None,
        results=ran.results,
        endorsers=tuple(
            identities_pb2.SerializedIdentity.FromString(item.endorser).mspid
            for item in action.action.endorsements
        ),
    )


def _header_der(number: int, previous_hash: bytes, data_hash: bytes) -> bytes:
    """DER of SEQUENCE { INTEGER number, OCTET STRING previous, OCTET STRING data }."""
    integer = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return _tlv(0x30, _tlv(2, integer) + _tlv(4, previous_hash) + _tlv(4, data_hash))


def _tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    if size < 0x80:
        return bytes([tag, size]) + value
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + value
