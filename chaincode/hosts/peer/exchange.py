"""Questions to the peer: one at a time per transaction, all through the stream's one writer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from chaincode.hosts.peer.frames import MAX_MESSAGE_BYTES, Kind, frame, suffix_of
from chaincode.state import StateError
from consortium.wire.fabric.peer.chaincode_shim_pb2 import ChaincodeMessage

MAX_QUEUED_FRAMES: Final = 4096
"""Frames that wait to be written before nothing more is read: a peer that asks and does not read its answers."""

MAX_QUEUED_BYTES: Final = 32 * 1024 * 1024
"""The same, in bytes."""


class Outbox:
    """The stream's one writer: writes that meet on a grpc.aio stream lose messages."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._wake: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._closed = False

    def put(self, data: bytes) -> None:
        """Queues a frame."""
        self._frames.append(data)
        self._bytes += len(data)
        self._rouse()

    def close(self) -> None:
        """Lets the writer end when all is written."""
        self._closed = True
        self._rouse()

    @property
    def is_full(self) -> bool:
        """Whether the peer does not read what it is sent."""
        return len(self._frames) >= MAX_QUEUED_FRAMES or self._bytes >= MAX_QUEUED_BYTES

    async def drained(self) -> None:
        """Waits until the queue is empty."""
        if self._frames:
            if self._drained is None:
                self._drained = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drained)

    async def run(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Writes frames until closed."""
        loop = asyncio.get_running_loop()
        frames = self._frames
        while True:
            while frames:
                data = frames.popleft()
                await write(data)
                self._bytes -= len(data)
            if self._drained is not None:
                self._drained.set_result(None)
                self._drained = None
            if self._closed:
                return
            self._wake = loop.create_future()
            await self._wake

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class Exchange:
    """What one transaction asks its peer.

    Peers drop a question while another of the same transaction is open, so a contract that asks several at once waits
    its turn here, and so does one that gave up a question before it was answered.
    """

    __slots__ = ("_answer", "_drain", "_ended", "_outbox", "_suffix", "_turn", "unanswered")

    def __init__(self, outbox: Outbox, channel: str, txid: str) -> None:
        self._outbox = outbox
        self._suffix = suffix_of(channel, txid)
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[ChaincodeMessage] | None = None
        self._drain: asyncio.Future[None] | None = None
        self._ended = False
        self.unanswered = False

    async def ask(self, kind: int, payload: bytes) -> bytes:
        """Sends one question and waits for its answer.

        :returns: the answer's payload
        :raises StateError: the peer refused, the question is too large, or the transaction has ended
        """
        async with self._turn:
            loop = asyncio.get_running_loop()
            while self.unanswered:
                self._drain = loop.create_future()
                await self._drain
            if self._ended:
                raise StateError("the transaction has ended")
            data = frame(kind, payload, self._suffix)
            if len(data) > MAX_MESSAGE_BYTES:
                raise StateError(
                    f"a message of {len(data)} bytes, more than a peer takes ({MAX_MESSAGE_BYTES})"
                )
            self._answer = loop.create_future()
            self.unanswered = True
            self._outbox.put(data)
            del data, payload  # a batch of writes is large, and the peer takes its time
            answer = await self._answer
        if answer.type == Kind.RESPONSE:
            return answer.payload
        raise StateError(answer.payload.decode("utf-8", "replace"))

    def deliver(self, message: ChaincodeMessage) -> bool:
        """Hands over an answer, RESPONSE or ERROR; False when there was no question."""
        if not self.unanswered:
            return False
        self.unanswered = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message)
        self._answer = None
        if self._drain is not None and not self._drain.done():
            self._drain.set_result(None)
        return True

    def finish(self, kind: int, payload: bytes, event: bytes = b"") -> None:
        """Ends the transaction with its one answer, COMPLETED or ERROR; what comes later is left out.

        A second answer would block the peer's whole stream.
        """
        if self._ended:
            return
        self._ended = True
        data = frame(kind, payload, self._suffix, event)
        if len(data) > MAX_MESSAGE_BYTES:
            text = f"the contract answered {len(data)} bytes, more than a peer takes ({MAX_MESSAGE_BYTES})"
            data = frame(Kind.ERROR, text.encode(), self._suffix)
        self._outbox.put(data)

    def abandon(self) -> None:
        """Ends the transaction without an answer: the peer waits for none."""
        self._ended = True
