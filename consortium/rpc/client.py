"""Channels to other services, and calls whose errors are ours.

```python
link = channel("127.0.0.1:7051", tls, roots=directory.roots("IndustryAMSP"))
stub = DocumentServiceStub(link)
answer = await call(stub.Push, request, timeout_s=30)     # raises ChanrongError, never AioRpcError
async for item in stream(stub.Release, request, timeout_s=60): ...
```
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, TypeVar

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pydantic import BaseModel, ConfigDict, Field

from consortium.rpc.errors import from_rpc_error
from consortium.rpc.tls import TlsFiles

__all__ = [
    "AFTER_HEADER",
    "ClientLimits",
    "TlsFiles",
    "call",
    "channel",
    "from_rpc_error",
    "serves",
    "stream",
]

AFTER_HEADER = "chanrong-after-sequence"
"""What a stream of numbered events sends ahead: after which number it begins, to go on there should it break."""

DEFAULT_TIMEOUT_S = 30.0
"""Deadline of a call that says nothing else."""

Request = TypeVar("Request")
Response = TypeVar("Response")


class ClientLimits(BaseModel):
    """What one channel takes. Every figure has a unit in its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_message_bytes: int = Field(default=100 * 1024 * 1024, gt=0)
    # Fabric peers drop clients that ping more often than every 60 s.
    keepalive_s: float = Field(default=65.0, ge=60.0)
    keepalive_timeout_s: float = Field(default=20.0, gt=0)
    max_reconnect_s: float = Field(default=5.0, gt=0)


def channel(
    target: str,
    tls: TlsFiles | None,
    *,
    limits: ClientLimits | None = None,
    roots: bytes | None = None,
    server_name: str | None = None,
) -> grpc.aio.Channel:
    """A channel; it connects at the first call and again by itself.

    :param target: "host:port"
    :param tls: own certificate, and whom to trust; None for a server without TLS (tests)
    :param roots: PEM instead of ``tls.roots``: the organisation meant, so that no other answers for it
    :param server_name: name that the server's certificate must carry when it is not the host of ``target``
    :raises ConfigurationError: TLS files cannot be read
    """
    options = _options(limits or ClientLimits())
    if tls is None:
        return grpc.aio.insecure_channel(target, options=options)
    if server_name is not None:
        options.append(("grpc.ssl_target_name_override", server_name))
    certificate, key, all_roots = tls.read()
    credentials = grpc.ssl_channel_credentials(roots or all_roots, key, certificate)
    return grpc.aio.secure_channel(target, credentials, options=options)


async def call(
    method: grpc.aio.UnaryUnaryMultiCallable[Request, Response],
    request: Request,
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Response:
    """Call a method that answers once.

    :raises ChanrongError: as the server raised it, or what the connection's failure means
    """
    try:
        return await method(request, timeout=timeout_s)
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


async def stream(
    method: grpc.aio.UnaryStreamMultiCallable[Request, Response],
    request: Request,
    *,
    timeout_s: float | None = None,
    begun: Callable[[Mapping[str, str]], None] | None = None,
) -> AsyncGenerator[Response, None]:
    """Call a method that streams its answers; leaving the loop ends the call.

    :param timeout_s: None waits as long as the server's own cap
    :param begun: is given the texts that the server sends ahead of its answers
    :raises ChanrongError: as ``call``
    """
    running = method(request, timeout=timeout_s)
    try:
        if begun is not None:
            ahead = await running.initial_metadata()
            begun({str(name): value for name, value in ahead or () if isinstance(value, str)})
        async for answer in running:
            yield answer
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    finally:
        running.cancel()


async def serves(link: grpc.aio.Channel, *, timeout_s: float) -> bool:
    """Whether a service says of itself that it serves."""
    check = health_pb2_grpc.HealthStub(link).Check  # type: ignore[attr-defined]
    try:
        answer = await check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
    except grpc.aio.AioRpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _options(limits: ClientLimits) -> list[tuple[str, Any]]:
    return [
        ("grpc.max_receive_message_length", limits.max_message_bytes),
        ("grpc.max_send_message_length", limits.max_message_bytes),
        ("grpc.keepalive_time_ms", int(limits.keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(limits.keepalive_timeout_s * 1000)),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 1000),
        ("grpc.max_reconnect_backoff_ms", int(limits.max_reconnect_s * 1000)),
        # An environment variable is not to put anything into the middle of mutual TLS.
        ("grpc.enable_http_proxy", 0),
    ]
