"""What the conformance suite needs to know of one kind of adapter: ten lines for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc.aio
from google.protobuf.message import Message

from crossverify.adapters.kinds import ADAPTERS, AdapterKind
from crossverify.sources.asking import AskingLimits

Data = bytes | str | dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of adapter.

    :ivar name: of the adapter
    :ivar service: full name of its service below ``chanrong.sources.v1``
    :ivar batch: questions of one call, at most
    :ivar stub: its main method, on a channel
    :ivar request: questions that bear these names
    :ivar stream: the method that answers the same in parts, and its request
    :ivar field: name of the response's answers
    :ivar ask: the client of the finance gateway, asked about these names; answers by name
    :ivar data: one record to load, which makes ``known`` known
    :ivar broken: a record that cannot be read
    :ivar known: a name that is known once ``data`` is loaded
    :ivar is_known: whether an answer says that
    :ivar wrong: as ``request``, with the last question spoilt but for its name
    :ivar source: as which of the consortium's sources it answers, where that is not its name
    :ivar serves: what to serve, where it is none of the reference institutions
    """

    name: str
    service: str
    batch: int
    stub: Callable[[grpc.aio.Channel], Any]
    request: Callable[[list[str]], Any]
    stream: Callable[[grpc.aio.Channel], tuple[Any, Callable[[Any], Message]]]
    field: str
    ask: Callable[[grpc.aio.Channel, list[str], AskingLimits], Any]
    data: Callable[[], Data]
    broken: bytes
    known: str
    is_known: Callable[[dict[str, Any]], bool]
    wrong: Callable[[list[str]], Any]
    source: str = ""
    serves: AdapterKind | None = None

    @property
    def answers_as(self) -> str:
        """Which of the consortium's sources it is."""
        return self.source or self.name

    @property
    def served(self) -> AdapterKind:
        """What to serve."""
        return self.serves or ADAPTERS[self.name]
