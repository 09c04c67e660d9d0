"""Following packages: a stream that breaks is taken up where it was, so nothing in between is missed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from chanrong.cli import package_watch
from consortium.errors import DeniedError, OutcomeUnknownError, UnavailableError
from consortium.rpc.client import AFTER_HEADER
from consortium.wire.chanrong.finance.v1 import finance_pb2 as pb
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc

END = DeniedError("The test is over.")


class Gateway:
    """Streams as they are told to be, one after the other."""

    def __init__(self, *streams: tuple[int | None, list[int], Exception]) -> None:
        self.streams = list(streams)
        self.asked: list[int] = []

    async def stream(
        self, method: Any, wanted: pb.WatchPackagesRequest, *, begun: Callable[[Mapping[str, str]], None]
    ) -> AsyncGenerator[pb.WatchPackagesResponse, None]:
        """As ``consortium.rpc.client.stream``."""
        self.asked.append(wanted.after_sequence)
        start, events, end = self.streams.pop(0)
        if start is not None:
            begun({AFTER_HEADER: str(start)})
        for number in events:
            yield pb.WatchPackagesResponse(sequence=number, event="reopened")
        raise end


@asynccontextmanager
async def connect(*_: object) -> AsyncIterator[None]:
    """A channel to nowhere."""
    yield None


async def follow(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, after: int = 0) -> None:
    monkeypatch.setattr(package_watch, "RECONNECT_S", 0)
    monkeypatch.setattr(package_watch, "stream", gateway.stream)
    monkeypatch.setattr(package_watch, "connect", connect)
    monkeypatch.setattr(package_watch, "bank_of", lambda *_: SimpleNamespace(name="bank-a"))
    stub = SimpleNamespace(WatchPackages=None)
    monkeypatch.setattr(finance_pb2_grpc, "PackageServiceStub", lambda _: stub)
    await package_watch.follow(None, None, "", "", after, 0, as_json=True)  # type: ignore[arg-type]


async def test_a_stream_without_events_goes_on_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(
        (7, [], OutcomeUnknownError("The stream ended.")),
        (7, [8, 9], UnavailableError("Nobody there.")),
        (None, [], UnavailableError("Nobody there.")),
        (9, [], END),
    )
    with pytest.raises(DeniedError):
        await follow(gateway, monkeypatch)
    assert gateway.asked == [0, 7, 9, 9]


async def test_a_gateway_that_does_not_answer_at_first_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway((None, [], UnavailableError("Nobody there.")))
    with pytest.raises(UnavailableError):
        await follow(gateway, monkeypatch)
