"""The chaincode server: peers dial it, one stream each, and a contract answers them.

``protos.Chaincode`` and gRPC's health service on one port, with the same TLS.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import grpc
import grpc.aio
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from chaincode.hosts.peer.frames import MAX_MESSAGE_BYTES
from chaincode.hosts.peer.settings import ChaincodeSettings
from chaincode.hosts.peer.stream import STOPPING, PeerStream, StreamError
from chaincode.state import Contract
from consortium.errors import ConfigurationError
from consortium.rpc.run import ready, until_stopped

SERVICE: Final = "protos.Chaincode"
SERVED: Final = ("", SERVICE)

PING_MS: Final = 60_000
PING_TIMEOUT_MS: Final = 20_000
"""A peer that vanished without a word is noticed after both: its transactions end."""

MIN_PING_MS: Final = 10_000
"""Peers ping every minute unless they are told otherwise; gRPC's own limit of 5 minutes would end the connection."""

MORE_CALLS: Final = 16
"""Health checks at once, beside the streams."""

CLOSE_S: Final = 1.0
"""What the streams' last messages may take after all transactions ended."""

log = structlog.get_logger(__name__)


class ChaincodeServer:
    """Serves one contract to peers.

    :param clock: seconds since 1970 UTC
    """

    def __init__(
        self, settings: ChaincodeSettings, contract: Contract, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self._contract = contract
        self._clock = clock
        self._health = health.HealthServicer()
        self._server: grpc.aio.Server | None = None
        self._streams: set[PeerStream] = set()
        self._stopping = False
        self.port = 0

    @property
    def streams(self) -> int:
        """Peers' streams that are open."""
        return len(self._streams)

    @property
    def transactions(self) -> int:
        """Transactions that run or wait."""
        return sum(len(stream.running) + len(stream.waiting) for stream in self._streams)

    async def start(self) -> int:
        """Serves.

        :returns: the port
        :raises ConfigurationError: a TLS file cannot be used, or the port is taken
        """
        settings = self.settings
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.so_reuseport", 0),
                ("grpc.keepalive_time_ms", PING_MS),
                ("grpc.keepalive_timeout_ms", PING_TIMEOUT_MS),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", MIN_PING_MS),
            ],
            maximum_concurrent_rpcs=settings.max_streams + MORE_CALLS,
        )
        # Bytes on both sides: what goes out is made once, and what cannot be read is answered here.
        connect: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self._connect)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {"Connect": connect}),)
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        try:
            self.port = self._bind(server)
            await server.start()
        except (OSError, RuntimeError) as error:
            await server.stop(0)
            raise ConfigurationError(
                f"The chaincode server cannot listen on {settings.listen}: {error}",
                remedy="Free the port or choose another; check the TLS files.",
            ) from error
        self._server = server
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)
        log.info("serves", package=settings.package_id, port=self.port, tls=settings.tls_cert is not None)
        return self.port

    async def stop(self, grace_s: float | None = None) -> None:
        """Takes no new streams and transactions, lets those that run end within the grace, and ends."""
        server, self._server = self._server, None
        if server is None:
            return
        grace = self.settings.grace_s if grace_s is None else grace_s
        self._stopping = True
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        await asyncio.gather(*(stream.stop(grace) for stream in self._streams))
        await server.stop(CLOSE_S)
        log.info("stopped")

    def _bind(self, server: grpc.aio.Server) -> int:
        settings = self.settings
        if settings.tls_cert is None or settings.tls_key is None:
            return server.add_insecure_port(settings.listen)
        roots = None if settings.client_roots is None else settings.client_roots.read_bytes()
        credentials = grpc.ssl_server_credentials(
            [(settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())],
            root_certificates=roots,
            require_client_auth=roots is not None,
        )
        return server.add_secure_port(settings.listen, credentials)

    async def _set_health(self, status: Any) -> None:
        for name in SERVED:
            await self._health.set(name, status)

    async def _connect(self, _: Any, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        if self._stopping:
            await context.abort(grpc.StatusCode.UNAVAILABLE, STOPPING)
        if len(self._streams) >= self.settings.max_streams:
            text = f"the chaincode server has {self.settings.max_streams} streams, its limit"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, text)

        async def read() -> bytes | None:
            data = await context.read()
            return data if isinstance(data, bytes) else None  # grpc.aio.EOF is no message

        stream = PeerStream(self.settings, self._contract, read, context.write, self._clock)
        bound = log.bind(peer=context.peer())
        bound.info("a peer dials", streams=len(self._streams) + 1)
        self._streams.add(stream)
        try:
            await stream.serve()
        except StreamError as error:
            bound.warning("stream ended", why=str(error))
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        finally:
            self._streams.discard(stream)
            bound.info("stream closed", streams=len(self._streams))


async def serve(settings: ChaincodeSettings, contract: Contract) -> None:
    """Runs a chaincode server until its process is asked to end (``consortium.rpc.run``)."""
    server = ChaincodeServer(settings, contract)
    ready(grpc=await server.start())
    try:
        await until_stopped()
    finally:
        await server.stop()
