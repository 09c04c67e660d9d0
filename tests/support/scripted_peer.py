"""A peer in a test's hands: it dials a chaincode server over real gRPC and speaks either generation of the protocol.

It keeps to what Fabric's peers do: it drops a question while another of the same transaction is open (and notes it in
``overlaps``), knows a query only until its last row was sent, and waits for one answer per transaction.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import grpc
import grpc.aio

from consortium.wire.fabric.common.common_pb2 import ChannelHeader, Header, HeaderType, SignatureHeader
from consortium.wire.fabric.ledger.queryresult import kv_query_result_pb2 as rows
from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity
from consortium.wire.fabric.peer import chaincode_shim_pb2 as shim
from consortium.wire.fabric.peer.chaincode_pb2 import (
    ChaincodeAdditionalParams,
    ChaincodeID,
    ChaincodeInput,
    ChaincodeSpec,
)
from consortium.wire.fabric.peer.proposal_pb2 import ChaincodeProposalPayload, Proposal, SignedProposal
from consortium.wire.fabric.peer.proposal_response_pb2 import Response

Message = shim.ChaincodeMessage
Kind = shim.ChaincodeMessage.Type
CHANNEL = "chanrong"
LIMIT = 100 * 1024 * 1024
OPTIONS = [("grpc.max_receive_message_length", LIMIT), ("grpc.max_send_message_length", LIMIT)]
PATIENCE_S = 60.0
FABRIC_31 = ChaincodeAdditionalParams(
    use_write_batch=True,
    max_size_write_batch=1000,
    use_get_multiple_keys=True,
    max_size_get_multiple_keys=1000,
)
FABRIC_25 = None
ROWS_AT_ONCE = 100


class RefusedError(Exception):
    """The peer answers a question with ERROR."""


@dataclass
class Open:
    """A query that has more rows."""

    results: list[bytes]


@dataclass
class FakeLedger:
    """What the peer answers from. ``answers`` overrides what is answered to a kind of question."""

    state: dict[tuple[str, str], bytes] = field(default_factory=dict)
    metadata: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    versions: dict[str, list[rows.KeyModification]] = field(default_factory=dict)
    chaincodes: dict[str, Message] = field(default_factory=dict)
    purged: list[tuple[str, str]] = field(default_factory=list)
    queries: dict[str, Open] = field(default_factory=dict)
    answers: dict[int, Callable[[bytes], bytes]] = field(default_factory=dict)
    batches: list[shim.WriteBatchState] = field(default_factory=list)

    def answer(self, kind: int, payload: bytes) -> bytes:
        """Payload of RESPONSE.

        :raises RefusedError: ERROR with this text
        """
        if kind in self.answers:
            return self.answers[kind](payload)
        method = getattr(self, f"on_{Kind.Name(kind).lower()}")  # type: ignore[arg-type]
        found: bytes = method(payload)
        return found

    def on_get_state(self, payload: bytes) -> bytes:
        asked = shim.GetState.FromString(payload)
        return self.state.get((asked.collection, asked.key), b"")

    def on_get_state_multiple(self, payload: bytes) -> bytes:
        asked = shim.GetStateMultiple.FromString(payload)
        values = [self.state.get((asked.collection, key), b"") for key in asked.keys]
        return shim.GetStateMultipleResult(values=values).SerializeToString()

    def on_put_state(self, payload: bytes) -> bytes:
        asked = shim.PutState.FromString(payload)
        self.state[asked.collection, asked.key] = asked.value
        return b""

    def on_del_state(self, payload: bytes) -> bytes:
        asked = shim.DelState.FromString(payload)
        self.state.pop((asked.collection, asked.key), None)
        return b""

    def on_write_batch_state(self, payload: bytes) -> bytes:
        batch = shim.WriteBatchState.FromString(payload)
        self.batches.append(batch)
        for record in batch.rec:
            if record.type == shim.WriteRecord.PUT_STATE:
                self.state[record.collection, record.key] = record.value
            elif record.type == shim.WriteRecord.DEL_STATE:
                self.state.pop((record.collection, record.key), None)
            else:
                raise RefusedError("unknown operation type")
        return b""

    def on_purge_private_data(self, payload: bytes) -> bytes:
        asked = shim.PurgePrivateState.FromString(payload)
        self.purged.append((asked.collection, asked.key))
        return b""

    def on_get_private_data_hash(self, payload: bytes) -> bytes:
        asked = shim.GetState.FromString(payload)
        value = self.state.get((asked.collection, asked.key))
        return b"" if value is None else sha256(value).digest()

    def on_get_state_metadata(self, payload: bytes) -> bytes:
        asked = shim.GetStateMetadata.FromString(payload)
        found = self.metadata.get((asked.collection, asked.key), {})
        entries = [shim.StateMetadata(metakey=name, value=value) for name, value in found.items()]
        return shim.StateMetadataResult(entries=entries).SerializeToString()

    def on_put_state_metadata(self, payload: bytes) -> bytes:
        asked = shim.PutStateMetadata.FromString(payload)
        self.metadata[asked.collection, asked.key] = {asked.metadata.metakey: asked.metadata.value}
        return b""

    def on_get_state_by_range(self, payload: bytes) -> bytes:
        asked = shim.GetStateByRange.FromString(payload)
        wanted = shim.QueryMetadata.FromString(asked.metadata)
        start = wanted.bookmark or asked.startKey
        found = [
            (key, rows.KV(namespace="kv", key=key, value=value).SerializeToString())
            for (collection, key), value in sorted(self.state.items())
            if collection == asked.collection and key >= start and (not asked.endKey or key < asked.endKey)
        ]
        if not wanted.pageSize:
            return self._begin([row for _, row in found])
        page, rest = found[: wanted.pageSize], found[wanted.pageSize :]
        said = shim.QueryResponseMetadata(
            fetched_records_count=len(page), bookmark=rest[0][0] if rest else ""
        )
        return shim.QueryResponse(
            results=[shim.QueryResultBytes(resultBytes=row) for _, row in page],
            id=uuid.uuid4().hex,
            metadata=said.SerializeToString(),
        ).SerializeToString()

    def on_get_query_result(self, payload: bytes) -> bytes:
        raise RefusedError(
            "GET_QUERY_RESULT failed: transaction ID: x: ExecuteQuery not supported for leveldb"
        )

    def on_get_history_for_key(self, payload: bytes) -> bytes:
        asked = shim.GetHistoryForKey.FromString(payload)
        return self._begin([each.SerializeToString() for each in self.versions.get(asked.key, [])])

    def on_query_state_next(self, payload: bytes) -> bytes:
        return self._rows(shim.QueryStateNext.FromString(payload).id)

    def on_query_state_close(self, payload: bytes) -> bytes:
        identifier = shim.QueryStateClose.FromString(payload).id
        if identifier not in self.queries:
            raise RefusedError("closed twice")
        del self.queries[identifier]
        return shim.QueryResponse(id=identifier).SerializeToString()

    def on_invoke_chaincode(self, payload: bytes) -> bytes:
        spec = ChaincodeSpec.FromString(payload)
        if spec.chaincode_id.name not in self.chaincodes:
            raise RefusedError(f"chaincode {spec.chaincode_id.name} not found")
        return self.chaincodes[spec.chaincode_id.name].SerializeToString()

    def _begin(self, results: list[bytes]) -> bytes:
        identifier = uuid.uuid4().hex
        self.queries[identifier] = Open(results)
        return self._rows(identifier)

    def _rows(self, identifier: str) -> bytes:
        if identifier not in self.queries:
            raise RefusedError("query iterator not found")
        found = self.queries[identifier]
        part, found.results = found.results[:ROWS_AT_ONCE], found.results[ROWS_AT_ONCE:]
        if not found.results:
            del self.queries[identifier]
        return shim.QueryResponse(
            results=[shim.QueryResultBytes(resultBytes=row) for row in part],
            has_more=bool(found.results),
            id=identifier,
        ).SerializeToString()


@dataclass
class Answered:
    """How a transaction ended, and what it asked on the way."""

    message: Message
    asked: list[str]

    @property
    def response(self) -> Response:
        """The contract's response; fails when the transaction was not run to its end."""
        assert self.message.type == Kind.COMPLETED, self.message.payload
        return Response.FromString(self.message.payload)

    @property
    def error(self) -> str:
        """Text of ERROR."""
        assert self.message.type == Kind.ERROR, self.message
        return self.message.payload.decode()


class ScriptedPeer:
    """One dialled stream."""

    def __init__(self, channel: grpc.aio.Channel, ledger: FakeLedger | None = None) -> None:
        self.ledger = ledger or FakeLedger()
        self.registered = ""
        self.overlaps: list[str] = []
        self.unexpected: list[Message] = []
        self.keepalives = 0
        self._inboxes: dict[tuple[str, str], asyncio.Queue[Message]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._kept = asyncio.Event()
        connect: Any = channel.stream_stream("/protos.Chaincode/Connect")
        self.stream: Any = connect()

    async def handshake(self, offer: ChaincodeAdditionalParams | None = FABRIC_31) -> str:
        """REGISTER, REGISTERED, READY; the package id that was registered."""
        message = await self.receive()
        assert message.type == Kind.REGISTER
        self.registered = ChaincodeID.FromString(message.payload).name
        await self.send(Message(type=Kind.REGISTERED))
        payload = b"" if offer is None else offer.SerializeToString()
        await self.send(Message(type=Kind.READY, payload=payload))
        self.begin()
        return self.registered

    def begin(self) -> None:
        """Reads from now on, as after a handshake."""
        self._reader = asyncio.create_task(self._read())

    async def call_keepalive(self) -> None:
        """Waits until a KEEPALIVE came back: all that the server sent before has come too."""
        wanted = self.keepalives + 1
        self._kept = asyncio.Event()
        await self.send(Message(type=Kind.KEEPALIVE))
        async with asyncio.timeout(PATIENCE_S):
            while self.keepalives < wanted:
                self._kept.clear()
                await self._kept.wait()

    async def send(self, message: Message | bytes) -> None:
        """Writes one message, or bytes."""
        data = message if isinstance(message, bytes) else message.SerializeToString()
        async with self._lock:
            await self.stream.write(data)

    async def receive(self) -> Message:
        """The next message, before the handshake is over."""
        async with asyncio.timeout(PATIENCE_S):
            data = await self.stream.read()
        if not isinstance(data, bytes):
            raise EOFError("the chaincode server ended the stream")
        return Message.FromString(data)

    async def call(self, *args: str | bytes, **options: Any) -> Answered:
        """One transaction, its questions answered from the ledger."""
        message = transaction(*args, **options)
        return await self.run(message)

    async def run(self, message: Message) -> Answered:
        """Sends a TRANSACTION and answers its questions until it ends."""
        inbox = self.inbox(message)
        await self.send(message)
        asked: list[str] = []
        while True:
            question = await self.next(inbox)
            if question.type in (Kind.COMPLETED, Kind.ERROR):
                return Answered(question, asked)
            asked.append(Kind.Name(question.type))
            if not inbox.empty() and inbox._queue[0].type not in (Kind.COMPLETED, Kind.ERROR):  # type: ignore[attr-defined]
                self.overlaps.append(message.txid)
            await self.reply(question)

    async def reply(self, question: Message) -> None:
        """Answers one question from the ledger."""
        answer = Message(type=Kind.RESPONSE, txid=question.txid, channel_id=question.channel_id)
        try:
            answer.payload = self.ledger.answer(question.type, question.payload)
        except RefusedError as error:
            answer.type = Kind.ERROR
            answer.payload = str(error).encode()
        await self.send(answer)

    def inbox(self, message: Message) -> asyncio.Queue[Message]:
        """Where a transaction's questions and answer arrive."""
        return self._inboxes.setdefault((message.channel_id, message.txid), asyncio.Queue())

    async def next(self, inbox: asyncio.Queue[Message]) -> Message:
        """The next message of a transaction; fails when the stream ends."""
        reader = self._reader
        assert reader is not None
        waiting = asyncio.ensure_future(inbox.get())
        done, _ = await asyncio.wait(
            {waiting, reader}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
        )
        if waiting in done:
            return waiting.result()
        waiting.cancel()
        assert done, "the chaincode server did not answer"
        raise EOFError("the chaincode server ended the stream")

    async def ended(self) -> tuple[grpc.StatusCode, str]:
        """Waits until the server ended the stream: how, and why."""
        async with asyncio.timeout(PATIENCE_S):
            if self._reader is not None:
                await self._reader
            return await self.stream.code(), await self.stream.details()

    async def hang_up(self) -> None:
        """Breaks the stream, as a peer that dies."""
        self.stream.cancel()
        if self._reader is not None:
            await asyncio.wait({self._reader})

    async def _read(self) -> None:
        try:
            while isinstance(data := await self.stream.read(), bytes):
                message = Message.FromString(data)
                if message.type == Kind.KEEPALIVE:
                    self.keepalives += 1
                    self._kept.set()
                    continue
                inbox = self._inboxes.get((message.channel_id, message.txid))
                if inbox is None:
                    self.unexpected.append(message)
                else:
                    inbox.put_nowait(message)
        except (grpc.aio.AioRpcError, asyncio.CancelledError):
            return


@asynccontextmanager
async def dialled(
    target: str,
    *,
    offer: ChaincodeAdditionalParams | None = FABRIC_31,
    credentials: grpc.ChannelCredentials | None = None,
    ledger: FakeLedger | None = None,
) -> AsyncIterator[ScriptedPeer]:
    """A peer that has dialled and shaken hands."""
    async with dial(target, credentials) as channel:
        peer = ScriptedPeer(channel, ledger)
        await peer.handshake(offer)
        yield peer
        assert not peer.overlaps
        await peer.hang_up()


def dial(target: str, credentials: grpc.ChannelCredentials | None = None) -> grpc.aio.Channel:
    """A connection of its own."""
    options = [*OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
    if credentials is None:
        return grpc.aio.insecure_channel(target, options)
    return grpc.aio.secure_channel(target, credentials, options)


def proposal(
    args: Sequence[bytes],
    *,
    txid: str,
    channel: str = CHANNEL,
    at: float | None = None,
    msp_id: str = "IndustryAMSP",
    certificate: bytes = b"PEM",
    transient: Mapping[str, bytes] | None = None,
    header_type: int = HeaderType.ENDORSER_TRANSACTION,
) -> SignedProposal:
    """A signed proposal, as far as a chaincode looks at it."""
    header = ChannelHeader(type=header_type, channel_id=channel, tx_id=txid)
    moment = time.time() if at is None else at
    header.timestamp.seconds = int(moment)
    header.timestamp.nanos = 5
    creator = SerializedIdentity(mspid=msp_id, id_bytes=certificate).SerializeToString()
    signature = SignatureHeader(creator=creator, nonce=b"n" * 24).SerializeToString()
    payload = ChaincodeProposalPayload(input=b"", TransientMap=dict(transient or {}))
    made = Proposal(
        header=Header(
            channel_header=header.SerializeToString(), signature_header=signature
        ).SerializeToString(),
        payload=payload.SerializeToString(),
    )
    return SignedProposal(proposal_bytes=made.SerializeToString(), signature=b"s")


def transaction(
    *args: str | bytes,
    txid: str | None = None,
    channel: str = CHANNEL,
    kind: int = Kind.TRANSACTION,
    **options: Any,
) -> Message:
    """A TRANSACTION message; options are those of :func:`proposal`."""
    name = txid or uuid.uuid4().hex * 2
    given = [arg.encode() if isinstance(arg, str) else arg for arg in args]
    return Message(
        type=kind,  # type: ignore[arg-type]
        txid=name,
        channel_id=channel,
        payload=ChaincodeInput(args=given).SerializeToString(),
        proposal=proposal(given, txid=name, channel=options.pop("proposed_on", channel), **options),
    )
