"""One peer's stream: the handshake, and the transactions that interleave on it.

1. REGISTER goes out, REGISTERED comes back, then READY with what the peer offers
2. INIT and TRANSACTION start a contract each, or wait while too many run, or are refused while too many wait
3. RESPONSE and ERROR are answers to what a transaction asked, found by channel and transaction id
4. KEEPALIVE is sent back
5. every transaction is answered once: COMPLETED with the contract's response, or ERROR when it was not run to its end
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog
from google.protobuf.message import DecodeError

from chaincode.hosts.peer.exchange import Exchange, Outbox
from chaincode.hosts.peer.frames import Kind, event_bytes, frame
from chaincode.hosts.peer.proposal import ProposalError, ProposalTimeError, caller_of
from chaincode.hosts.peer.settings import ChaincodeSettings
from chaincode.hosts.peer.stub import Offer, PeerStub
from chaincode.state import MAX_FAILURE_BYTES, Contract, Response, StateError, run
from consortium.wire.fabric.peer.chaincode_pb2 import ChaincodeID, ChaincodeInput
from consortium.wire.fabric.peer.chaincode_shim_pb2 import ChaincodeMessage
from consortium.wire.fabric.peer.proposal_response_pb2 import Response as ResponseMessage

HANDSHAKE_S: Final = 20.0
"""A peer that knows the package answers at once; one that does not answers never, and tells its clients why when the
stream ends."""

MAX_RUNNING_BYTES: Final = 3 * 1024 * 1024
"""Of messages whose transactions run on one stream; one alone may be larger. A contract makes ten times as much of them
while it works, and with two of a thousand documents there is one to work on while the other waits for its peer."""

MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
"""Of messages whose transactions wait on one stream."""

LAST_WRITES_S: Final = 2.0
"""What writing the last answers may take when a stream ends."""

ANSWERS: Final = frozenset((Kind.RESPONSE, Kind.ERROR))
CALLS: Final = frozenset((Kind.TRANSACTION, Kind.INIT))
NO_OFFER: Final = Offer()
LOGGED: Final = 200
"""Characters of what came from outside that a line of the log holds."""

BAD_REQUEST: Final = 400
SERVER_ERROR: Final = 500
STOPPING: Final = "the chaincode server is shutting down: try again, or at another organisation's peer"

log = structlog.get_logger(__name__)


class StreamError(Exception):
    """The other side does not speak the protocol; the stream ends."""


@dataclass(slots=True)
class Transaction:
    """One call while it runs.

    :param key: channel and transaction id
    :param size: of the message that brought it
    """

    key: tuple[str, str]
    size: int
    exchange: Exchange
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True, eq=False)
class PeerStream:
    """One stream. :meth:`serve` lasts as long as it does.

    :param read: gives the next message's bytes, None at the end
    :param write: writes one message's bytes
    """

    settings: ChaincodeSettings
    contract: Contract
    read: Callable[[], Awaitable[bytes | None]]
    write: Callable[[bytes], Awaitable[None]]
    clock: Callable[[], float] = time.time
    offer: Offer = NO_OFFER
    outbox: Outbox = field(default_factory=Outbox)
    running: dict[tuple[str, str], Transaction] = field(default_factory=dict)
    waiting: deque[bytes] = field(default_factory=deque)
    stopping: bool = False
    _running_bytes: int = 0
    _waiting_bytes: int = 0
    _active: int = 0
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self) -> None:
        """Speaks with the peer until it ends the stream, or :meth:`stop` does.

        :raises StreamError: the other side is no peer
        """
        writer = asyncio.create_task(self.outbox.run(self.write))
        reader = asyncio.create_task(self._converse())
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait({reader, writer, closing}, return_when=asyncio.FIRST_COMPLETED)
            if reader.done() and not reader.cancelled():
                reader.result()
        finally:
            reader.cancel()
            closing.cancel()
            await self._end(writer)
            # Looked at, so that a broken connection is no unhandled error.
            await asyncio.gather(reader, writer, closing, return_exceptions=True)

    async def stop(self, grace_s: float) -> None:
        """Refuses new transactions, lets those that run or wait end within the grace, then ends the stream."""
        self.stopping = True
        if not self._active and not self.waiting:
            self._idle.set()
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            log.warning("transactions ended by force", running=self._active, waiting=len(self.waiting))
        for transaction in list(self.running.values()):
            self._give_up(transaction, STOPPING)
        for data in self.waiting:
            self._refuse(_parsed(data), STOPPING)
        self._forget_waiting()
        self._closing.set()

    async def _end(self, writer: asyncio.Task[None]) -> None:
        for transaction in self.running.values():
            transaction.exchange.abandon()
            if transaction.task is not None:
                transaction.task.cancel()
            if transaction.timer is not None:
                transaction.timer.cancel()
        tasks = [each.task for each in self.running.values() if each.task is not None]
        self._forget_waiting()
        self.outbox.close()
        if tasks or not writer.done():
            await asyncio.wait({writer, *tasks}, timeout=LAST_WRITES_S)
        writer.cancel()

    async def _converse(self) -> None:
        package = ChaincodeID(name=self.settings.package_id).SerializeToString()
        self.outbox.put(frame(Kind.REGISTER, package))
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                await self._expect(Kind.REGISTERED)
                ready = await self._expect(Kind.READY)
        except TimeoutError as error:
            raise StreamError(
                f"the peer did not answer REGISTER of {self.settings.package_id} within {HANDSHAKE_S:.0f} s"
            ) from error
        if ready is None:
            return
        self.offer = Offer.of_ready(ready.payload)
        log.info("peer is ready", write_batch=self.offer.writes, multiple_keys=self.offer.keys)
        while (data := await self.read()) is not None:
            self._take(data)
            del data  # not kept until the next one comes
            if self.outbox.is_full:
                await self.outbox.drained()

    async def _expect(self, kind: int) -> ChaincodeMessage | None:
        while (data := await self.read()) is not None:
            message = _parsed(data)
            if message.type == kind:
                return message
            if message.type != Kind.KEEPALIVE:
                raise StreamError(f"{Kind.name(message.type)} came where {Kind.name(kind)} was to come")
            self.outbox.put(frame(Kind.KEEPALIVE, b""))
        return None

    def _take(self, data: bytes) -> None:
        message = _parsed(data)
        kind: int = message.type
        if kind in ANSWERS:
            self._deliver(message)
        elif kind in CALLS:
            self._admit(message, data)
        elif kind == Kind.KEEPALIVE:
            self.outbox.put(frame(Kind.KEEPALIVE, b""))
        else:
            log.warning(
                "a message that a chaincode is not sent", type=Kind.name(kind), txid=message.txid[:LOGGED]
            )

    def _deliver(self, message: ChaincodeMessage) -> None:
        key = (message.channel_id, message.txid)
        transaction = self.running.get(key)
        if transaction is None or not transaction.exchange.deliver(message):
            log.info(
                "an answer that nobody waits for", type=Kind.name(message.type), txid=message.txid[:LOGGED]
            )
        elif transaction.task is None:
            del self.running[key]  # given up meanwhile; now the peer has nothing open of it

    def _admit(self, message: ChaincodeMessage, data: bytes) -> None:
        size = len(data)
        if self.stopping:
            self._refuse(message, STOPPING)
        elif not self.waiting and self._has_room(size):
            self._start(message, size)
        elif len(self.waiting) >= self.settings.max_waiting or (
            self.waiting and self._waiting_bytes + size > MAX_WAITING_BYTES
        ):
            self._refuse(message, f"the chaincode server is busy: {len(self.waiting)} transactions wait")
        else:
            self.waiting.append(data)
            self._waiting_bytes += size

    def _has_room(self, size: int) -> bool:
        if not self._active:
            return True
        within = self._running_bytes + size <= MAX_RUNNING_BYTES
        return within and self._active < self.settings.max_transactions

    def _start(self, message: ChaincodeMessage, size: int) -> None:
        key = (message.channel_id, message.txid)
        settings = self.settings
        if known := self.running.get(key):
            # The peer gave up the first. Were both to run, their questions and answers would mix.
            known.exchange.abandon()
            if known.task is not None:
                known.task.cancel()
            self._refuse(message, "an earlier run of this transaction has not ended: propose it anew")
            return
        try:
            caller = caller_of(
                message, self.clock(), settings.max_clock_skew_s, cross_channel=settings.cross_channel
            )
            args = tuple(ChaincodeInput.FromString(message.payload).args)
        except ProposalTimeError as error:
            answer = _encoded(Response(BAD_REQUEST, message=str(error)))
            Exchange(self.outbox, *key).finish(Kind.COMPLETED, answer)
            return
        except (ProposalError, DecodeError) as error:
            self._refuse(message, f"not run: {error}")
            return
        exchange = Exchange(self.outbox, *key)
        stub = PeerStub(exchange, self.offer, channel=key[0], txid=key[1], caller=caller, args=args)
        transaction = self.running[key] = Transaction(key, size, exchange)
        self._active += 1
        self._running_bytes += size
        loop = asyncio.get_running_loop()
        transaction.task = loop.create_task(self._run(transaction, stub))
        # Not a finally in the task: one that is cancelled before it began never gets there.
        transaction.task.add_done_callback(lambda _: self._ended(transaction))
        transaction.timer = loop.call_later(
            settings.max_transaction_s,
            self._give_up,
            transaction,
            f"not ended within {settings.max_transaction_s:g} s",
        )

    async def _run(self, transaction: Transaction, stub: PeerStub) -> None:
        try:
            transaction.exchange.finish(*await _answer(self.contract, stub))
        except BaseException as error:  # noqa: BLE001 - an unanswered call hangs the peer until its timeout
            # Also what ends a process or a task. A transaction given up has had its answer.
            transaction.exchange.finish(*_failed(f"{type(error).__name__}: {error}"))

    def _ended(self, transaction: Transaction) -> None:
        if transaction.timer is not None:
            transaction.timer.cancel()
        transaction.task = None
        if not transaction.exchange.unanswered:
            self.running.pop(transaction.key, None)
        self._active -= 1
        self._running_bytes -= transaction.size
        while self.waiting and self._has_room(len(self.waiting[0])):
            data = self.waiting.popleft()
            self._waiting_bytes -= len(data)
            self._start(_parsed(data), len(data))
        if self.stopping and not self._active and not self.waiting:
            self._idle.set()

    def _forget_waiting(self) -> None:
        self.waiting.clear()
        self._waiting_bytes = 0

    def _give_up(self, transaction: Transaction, why: str) -> None:
        log.warning("transaction given up", txid=transaction.key[1][:LOGGED], why=why)
        transaction.exchange.finish(Kind.ERROR, why.encode())
        if transaction.task is not None:
            transaction.task.cancel()

    def _refuse(self, message: ChaincodeMessage, why: str) -> None:
        log.warning("transaction refused", txid=message.txid[:LOGGED], why=why[:LOGGED])
        Exchange(self.outbox, message.channel_id, message.txid).finish(Kind.ERROR, _cut(why).encode())


async def _answer(contract: Contract, stub: PeerStub) -> tuple[int, bytes, bytes]:
    """Runs the contract: what COMPLETED carries, and the event."""
    response = await run(contract, stub)
    try:
        await stub.close_queries()
    except StateError as error:
        log.info("a query was not closed", txid=stub.txid, why=str(error))
    try:
        event = event_bytes(*stub.event) if stub.event is not None and response.status < BAD_REQUEST else b""
        return Kind.COMPLETED, _encoded(response), event
    except (TypeError, ValueError, AttributeError) as error:
        return _failed(f"the contract's answer cannot be sent: {error}")


def _encoded(response: Response) -> bytes:
    message = response.message.encode(errors="replace").decode()
    answer = ResponseMessage(status=response.status, message=message, payload=response.payload)
    return answer.SerializeToString()


def _failed(message: str) -> tuple[int, bytes, bytes]:
    return Kind.COMPLETED, _encoded(Response(SERVER_ERROR, message=_cut(message))), b""


def _parsed(data: bytes) -> ChaincodeMessage:
    try:
        return ChaincodeMessage.FromString(data)
    except DecodeError as error:
        raise StreamError("the peer sent what is no chaincode message") from error


def _cut(text: str) -> str:
    """As much as peers pass on, and whole characters: half of one would spoil their answer."""
    return text.encode(errors="replace")[:MAX_FAILURE_BYTES].decode(errors="ignore")
