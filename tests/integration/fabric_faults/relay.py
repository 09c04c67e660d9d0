"""A bad network between a client and a peer: bytes are passed on, held back, or the connections are cut."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType

CHUNK_BYTES = 65_536


class Relay:
    """Passes TCP connections on to a target.

    :param target: ``host:port``
    """

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self.delay_s = 0.0
        self.thaw()

    @property
    def address(self) -> str:
        """Where it listens."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    def hold(self, *, requests: bool, answers: bool) -> None:
        """Connections stay open; what is held back waits until it passes or is lost."""
        for passes, held in ((self._up, requests), (self._down, answers)):
            if held:
                passes.clear()

    def thaw(self) -> None:
        """What was held back passes."""
        self._up.set()
        self._down.set()

    def cut(self) -> None:
        """Resets every connection; what was held back is lost. New ones pass."""
        for writer in list(self._writers):
            writer.transport.abort()
        self.thaw()

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        tasks = [
            asyncio.create_task(self._pass(reader, far_writer, self._up)),
            asyncio.create_task(self._pass(far_reader, writer, self._down)),
        ]
        for task in tasks:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in (writer, far_writer):
            each.transport.abort()
            self._writers.discard(each)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await passes.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if writer.transport.is_closing():
                    return  # it was lost while it was held back
                writer.write(data)
                await writer.drain()
