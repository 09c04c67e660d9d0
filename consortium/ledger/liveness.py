"""Is the other end of a connection still there?

A peer that is frozen, or a network that swallows packets, leaves a connection half open: calls on it wait for
their whole deadline and streams for ever. HTTP/2 pings would tell, but peers drop clients that ping more often
than every 60 s. So whoever has waited for a while asks a question that every gRPC server answers at once, if
only with "no such service". No answer means that nobody is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any, Protocol, TypeVar

import grpc
import grpc.aio

ASK_AFTER_S = 5.0
"""A call that has waited so long asks; Fabric's stages take less unless the contract is slow."""

STREAM_SILENCE_S = 20.0
"""A stream that has given nothing for so long asks."""

ANSWER_S = 5.0
"""How long the answer may take: a live peer needs milliseconds, on a busy machine a second."""

QUESTION = "/grpc.health.v1.Health/Check"
_NOBODY = frozenset(
    {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
)
ResponseT = TypeVar("ResponseT")


class Cancellable(Protocol):
    """A call under way."""

    def cancel(self) -> bool:
        """Ends it."""
        ...


async def answers(channel: grpc.aio.Channel) -> bool:
    """Whether anybody answers on the channel's connection."""
    ask: Any = channel.unary_unary(QUESTION)
    try:
        await ask(b"", timeout=ANSWER_S)
    except grpc.aio.AioRpcError as error:
        return error.code() not in _NOBODY
    except grpc.aio.UsageError:
        return False
    return True


class PeerGoneError(Exception):
    """The other end of a connection does not answer any more."""


def _cancelled() -> bool:
    """Whether the caller's task was cancelled, and not only the call."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def answered(channel: grpc.aio.Channel, call: grpc.aio.UnaryUnaryCall[Any, ResponseT]) -> ResponseT:
    """A call's answer.

    :raises PeerGoneError: it has not come for a while and nobody answers
    """
    watch = _CallWatch(channel, call)
    try:
        return await call
    except asyncio.CancelledError as error:
        if watch.gone and not _cancelled():
            raise PeerGoneError from error
        raise
    finally:
        watch.end()


class _CallWatch:
    """Cancels a call when the other end is gone."""

    def __init__(self, channel: grpc.aio.Channel, call: Cancellable) -> None:
        self.gone = False
        self._channel = channel
        self._call = call
        self._task: asyncio.Task[None] | None = None
        # A timer costs a microsecond, a task twenty: nearly every call ends before it asks.
        self._timer = asyncio.get_running_loop().call_later(ASK_AFTER_S, self._begin)

    def end(self) -> None:
        """The call is over."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        while True:
            if not await answers(self._channel):
                self.gone = True
                self._call.cancel()
                return
            await asyncio.sleep(ASK_AFTER_S)


async def while_alive(
    channel: grpc.aio.Channel, call: Cancellable, responses: AsyncIterable[ResponseT]
) -> AsyncGenerator[ResponseT, None]:
    """A stream's responses.

    :raises PeerGoneError: nothing came for a while and nobody answers
    """
    watch = _StreamWatch(channel, call)
    try:
        async for response in responses:
            watch.heard = True
            yield response
    except asyncio.CancelledError as error:
        if watch.gone and not _cancelled():
            raise PeerGoneError from error
        raise
    finally:
        watch.task.cancel()


class _StreamWatch:
    def __init__(self, channel: grpc.aio.Channel, call: Cancellable) -> None:
        self.heard = False
        self.gone = False
        self._channel = channel
        self._call = call
        self.task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            self.heard = False
            await asyncio.sleep(STREAM_SILENCE_S)
            if not self.heard and not await answers(self._channel) and not self.heard:
                self.gone = True
                self._call.cancel()
                return
