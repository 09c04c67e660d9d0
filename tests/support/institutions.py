"""An institution behind a channel that is none: what gRPC stubs need of one and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from crossverify.sources.digest import answer_digest
from tests.support.adapters import AS_OF

Answer = Callable[[Any], Any]


class FakeChannel:
    """A channel whose methods are functions; what gRPC stubs need of one and no more."""

    def __init__(self, **methods: Answer) -> None:
        self.methods = methods
        self.calls = 0
        self.at_once = 0
        self.most_at_once = 0

    def unary_unary(self, path: str, *_: object, **__: object) -> Any:
        async def method(request: Any, timeout: float | None = None) -> Any:
            self.calls += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                await asyncio.sleep(0)
                answer = self.methods[path.rpartition("/")[2]](request)
                return await answer if asyncio.iscoroutine(answer) else answer
            finally:
                self.at_once -= 1

        return method

    def unary_stream(self, path: str, *_: object, **__: object) -> Any:
        return lambda request, timeout=None: FakeStream(self.methods[path.rpartition("/")[2]], request)


class FakeStream:
    """A running call that answers in parts."""

    def __init__(self, method: Answer, request: Any) -> None:
        self._method, self._request = method, request

    async def __aiter__(self) -> AsyncIterator[Any]:
        for part in self._method(self._request):
            yield part

    def cancel(self) -> None:
        """Nothing runs any more."""


def sign(source: str, request: Any, response: Any, **provenance: Any) -> Any:
    """A response with its provenance."""
    response.provenance.CopyFrom(
        pb.Provenance(**{"source": source, "institution": "Office", "as_of_unix": AS_OF, **provenance})
    )
    response.provenance.digest = provenance.get("digest") or answer_digest(request, response)
    return response
