"""Every gRPC method of chanrong.*, as the proto descriptors have them, and calls with any bytes at all."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc.aio
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import consortium.wire.chanrong as generated
from consortium.errors import ChanrongError
from consortium.rpc.errors import from_rpc_error

TIMEOUT_S = 20.0


def services() -> Iterator[ServiceDescriptor]:
    """Every service of the generated code."""
    for module in pkgutil.walk_packages(generated.__path__, f"{generated.__name__}."):
        if module.name.endswith("_pb2"):
            yield from importlib.import_module(module.name).DESCRIPTOR.services_by_name.values()


METHODS: dict[str, MethodDescriptor] = {
    f"/{service.full_name}/{method.name}": method for service in services() for method in service.methods
}
"""Full method name -> descriptor."""


def methods_of(served: Iterable[str]) -> list[str]:
    """The full method names of some services."""
    wanted = set(served)
    return [path for path, method in METHODS.items() if method.containing_service.full_name in wanted]


def request_of(path: str, **fields: Any) -> Message:
    """A request message of a method."""
    return GetMessageClass(METHODS[path].input_type)(**fields)


async def served_by(link: grpc.aio.Channel) -> set[str]:
    """The services of ours that a server has, by its own word (reflection)."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(link)  # type: ignore[arg-type]  # typed as not async
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    async for answer in stub.ServerReflectionInfo(iter([question]), timeout=TIMEOUT_S):
        names = {each.name for each in answer.list_services_response.service}
        return {name for name in names if name.startswith("chanrong.")}
    raise AssertionError("The server does not reflect.")


@dataclass(frozen=True)
class Answer:
    """How a call ended. ``error`` is what came in the trailer, or what gRPC's own status means."""

    code: grpc.StatusCode
    messages: tuple[bytes, ...] = ()
    error: ChanrongError | None = None

    @property
    def reason(self) -> str:
        """The error's reason; empty when all was well."""
        return "" if self.error is None else self.error.reason


async def ask(
    link: grpc.aio.Channel, path: str, content: bytes | Message, *, timeout_s: float = TIMEOUT_S
) -> Answer:
    """Calls a method with any bytes, one message or a stream coming back."""
    payload = content if isinstance(content, bytes) else content.SerializeToString()
    got: list[bytes] = []
    try:
        if METHODS[path].server_streaming:
            stream: Any = link.unary_stream(path)
            async for message in stream(payload, timeout=timeout_s):
                got += [message]
        else:
            single: Any = link.unary_unary(path)
            got.append(await single(payload, timeout=timeout_s))
    except grpc.aio.AioRpcError as error:
        return Answer(error.code(), tuple(got), from_rpc_error(error))
    return Answer(grpc.StatusCode.OK, tuple(got))
