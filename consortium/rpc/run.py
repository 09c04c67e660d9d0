"""The life of a service process: settings, logs, event loop, signals, readiness, a bounded end.

```python
async def serve(settings: TaxSettings) -> None:
    service = GrpcService(...)
    port = await service.start()
    try:
        ready(grpc=port)
        await until_stopped()
    finally:
        await service.stop(settings.grace_s)

sys.exit(run_service("tax", serve, lambda: load_settings(TaxSettings, file)))
```
In a test, ``async with running(serve, settings) as life`` starts the same coroutine in the test's own loop;
``life.ports["grpc"]`` is there as soon as it is ready.

Exit codes: 0 stopped as asked, 1 failed, 2 the configuration is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TypeVar

import structlog
import uvloop

from consortium.errors import ConfigurationError
from consortium.identity.files import write_file
from consortium.rpc.logging import configure_logging
from consortium.rpc.settings import ServiceSettings

EXTRA_GRACE_S = 5.0
"""What closing databases and logs may take after the calls' grace, before the process is ended hard."""

PARENT_CHECK_S = 1.0
"""How often a process looks whether its parent is still there."""

MALLOC_ARENAS = 2
_M_ARENA_MAX = -8

COLLECTOR_THRESHOLDS = (20_000, 20, 20)
"""A service handles thousands of small objects at a time and makes few cycles: look for them less often than
Python does by default."""

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_CONFIGURATION = 2

_log = structlog.get_logger("chanrong.run")

S = TypeVar("S", bound=ServiceSettings)


class Lifecycle:
    """When a service is ready and when it is to stop."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.is_ready = asyncio.Event()
        self.stopping = asyncio.Event()
        self.on_ready: Callable[[], None] = lambda: None
        self.on_stop: Callable[[], None] = lambda: None

    def ready(self, **ports: int) -> None:
        """Say that the service serves, and where."""
        self.ports.update(ports)
        self.on_ready()
        self.is_ready.set()

    def stop(self) -> None:
        """Ask the service to end; the first time counts."""
        if not self.stopping.is_set():
            self.on_stop()
            self.stopping.set()


_current: ContextVar[Lifecycle | None] = ContextVar("chanrong_lifecycle", default=None)


def ready(**ports: int) -> None:
    """Say, inside of a service, that it serves; ``ready(grpc=7051, rest=8443)``."""
    life = _current.get()
    if life is not None:
        life.ready(**ports)


async def until_stopped() -> None:
    """Wait, inside of a service, until it is to end; without a life cycle until the task is cancelled."""
    life = _current.get()
    await (life.stopping if life is not None else asyncio.Event()).wait()


@asynccontextmanager
async def running(
    serve: Callable[[S], Awaitable[None]], settings: S, *, timeout_s: float = 30.0
) -> AsyncIterator[Lifecycle]:
    """Run a service within this loop: ready when the block begins, ended after it; its errors are raised."""
    life = Lifecycle()
    task = _start(life, serve, settings)
    waiting = asyncio.create_task(life.is_ready.wait())
    try:
        await asyncio.wait({task, waiting}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            raise RuntimeError("The service ended before it was ready.")
        if not life.is_ready.is_set():
            raise TimeoutError(f"The service was not ready within {timeout_s} s.")
        yield life
    finally:
        waiting.cancel()
        life.stop()
        done, _ = await asyncio.wait({task}, timeout=settings.grace_s + EXTRA_GRACE_S)
        if not done:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def run_service(name: str, serve: Callable[[S], Awaitable[None]], load: Callable[[], S]) -> int:
    """Run a service until SIGTERM or SIGINT; the result is the process's exit code."""
    try:
        settings = load()
        configure_logging(name, settings.log)
    except (ConfigurationError, OSError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return EXIT_CONFIGURATION
    _bound_arenas()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_live(name, serve, settings))


def _bound_arenas() -> None:
    """With glibc every thread may get a heap of its own, and freed memory stays in each of them."""
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, MALLOC_ARENAS)


def _start(life: Lifecycle, serve: Callable[[S], Awaitable[None]], settings: S) -> asyncio.Task[None]:
    async def body() -> None:
        _current.set(life)  # a task has a context of its own
        await serve(settings)

    return asyncio.create_task(body())


async def _live(name: str, serve: Callable[[S], Awaitable[None]], settings: S) -> int:
    life = Lifecycle()
    if settings.ready_file is not None:
        settings.ready_file.unlink(missing_ok=True)
    life.on_ready = lambda: _announce(life, settings)
    task = _start(life, serve, settings)
    loop = asyncio.get_running_loop()
    life.on_stop = lambda: _bound_the_end(loop, task, settings.grace_s)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, life, task)
    # The terminal that started it may close; the service goes on.
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    watcher = asyncio.create_task(_watch_parent(life, settings.parent_pid))
    try:
        await task
    except asyncio.CancelledError:
        _log.warning("ended by force")
        return EXIT_FAILED
    except ConfigurationError as error:
        _log.error("cannot start", reason=error.reason, problem=str(error))
        sys.stderr.write(f"{name}: {error}\n")
        return EXIT_CONFIGURATION
    except Exception as error:  # noqa: BLE001 -- the edge of the process
        _log.error("failed", exc_info=error)
        return EXIT_FAILED
    finally:
        watcher.cancel()
        if settings.ready_file is not None:
            settings.ready_file.unlink(missing_ok=True)
    _log.info("ended")
    return EXIT_OK


def _announce(life: Lifecycle, settings: ServiceSettings) -> None:
    # What was loaded at the start stays: looking through it for cycles again and again finds nothing.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    _log.info("ready", ports=life.ports)
    if settings.ready_file is not None:
        content = {"pid": os.getpid(), "ports": life.ports}
        write_file(settings.ready_file, json.dumps(content).encode("ascii"))


def _on_signal(life: Lifecycle, task: asyncio.Task[None]) -> None:
    if life.stopping.is_set():
        task.cancel()  # asked twice: somebody is in a hurry
    life.stop()


def _bound_the_end(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None], grace_s: float) -> None:
    _log.info("stopping", grace_s=grace_s)
    loop.call_later(grace_s + EXTRA_GRACE_S, task.cancel)
    # A thread, as a loop that hangs cannot end itself.
    threading.Thread(target=_end_hard, args=(grace_s + 2 * EXTRA_GRACE_S,), daemon=True).start()


def _end_hard(after_s: float) -> None:
    time.sleep(after_s)
    os._exit(EXIT_FAILED)


async def _watch_parent(life: Lifecycle, parent_pid: int | None) -> None:
    if parent_pid is None:
        return
    while os.getppid() == parent_pid:  # noqa: ASYNC110 -- nothing tells of a parent's end but asking
        await asyncio.sleep(PARENT_CHECK_S)
    _log.info("parent is gone")
    life.stop()
