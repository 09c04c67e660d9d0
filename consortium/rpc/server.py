"""The skeleton of every gRPC server of the consortium: life cycle, TLS, health, reflection, limits, guard.

```python
service = GrpcService("tax", "127.0.0.1:0", tls, directory, PERMISSIONS)
service.add(add_TaxSourceServiceServicer_to_server, TaxService())
port = await service.start()
...
await service.stop(grace=10)
```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import grpc
import grpc.aio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from pydantic import BaseModel, ConfigDict, Field

from consortium.errors import ChanrongError, ConfigurationError
from consortium.identity.directory import OrgDirectory
from consortium.rpc.guard import Guard, current_caller, set_current_caller
from consortium.rpc.permissions import MEMBERS, PUBLIC, Permission, Permissions, PermissionTable, allow
from consortium.rpc.tls import TlsFiles

__all__ = [
    "LARGE_MESSAGE_BYTES",
    "MEMBERS",
    "PUBLIC",
    "GrpcService",
    "Limits",
    "OrgDirectory",
    "Permission",
    "allow",
    "current_caller",
    "set_current_caller",
]

LARGE_MESSAGE_BYTES = 100 * 1024 * 1024
"""Fabric peers' own limit; for servers that carry whole blocks or packages."""

MAX_METADATA_BYTES = 16 * 1024
"""Headers of a call; tokens and trace ids need a fraction."""

Servicer = TypeVar("Servicer")


class Limits(BaseModel):
    """What one server takes on. Every figure has a unit in its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_message_bytes: int = Field(default=16 * 1024 * 1024, gt=0, le=LARGE_MESSAGE_BYTES)
    max_concurrent_calls: int = Field(default=256, gt=0)
    deadline_cap_s: float = Field(default=60.0, gt=0)
    stream_cap_s: float = Field(default=3600.0, gt=0)
    min_ping_interval_s: float = Field(default=30.0, ge=0)


class GrpcService:
    """One gRPC server.

    :param name: of the process, for logs
    :param listen: "host:port"; port 0 lets the system choose, ``start`` tells which
    :param tls: own certificate and key; None serves without TLS, which only fits public methods
    :param directory: organisations whose certificates are let in; None asks clients for no certificate
    :param permissions: full method name -> ``allow(...)`` or roles; complete, or ``start`` refuses
    """

    def __init__(
        self,
        name: str,
        listen: str,
        tls: TlsFiles | None,
        directory: OrgDirectory | None,
        permissions: Permissions,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._name = name
        self._listen = listen
        self._tls = tls
        self._directory = directory
        self._permissions = permissions
        self._limits = limits or Limits()
        self._services: list[tuple[Callable[[Any, Any], None], object]] = []
        self._health = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None
        self._log = structlog.get_logger("chanrong.rpc").bind(service=name)

    def add(self, adder: Callable[[Servicer, Any], None], servicer: Servicer) -> None:
        """Serve a servicer, by the ``add_...Servicer_to_server`` made for it; before ``start``."""
        self._services.append((adder, servicer))

    async def start(self) -> int:
        """Check the permission table, bind, serve; says SERVING for each service.

        :returns: the bound port
        :raises ConfigurationError: table incomplete, TLS files or address unusable
        """
        services, methods = _recorded(self._services)
        own: list[tuple[Callable[[Any, Any], None], object]] = [
            (health_pb2_grpc.add_HealthServicer_to_server, self._health),
            (
                reflection_pb2_grpc.add_ServerReflectionServicer_to_server,
                reflection.aio.ReflectionServicer([*services, health.SERVICE_NAME, reflection.SERVICE_NAME]),
            ),
        ]
        own_methods = _recorded(own)[1]
        everybody = PUBLIC if self._directory is None else MEMBERS
        table = PermissionTable({**self._permissions, **dict.fromkeys(own_methods, everybody)})
        table.check_complete([*methods, *own_methods])
        guard = Guard(
            self._directory,
            table,
            deadline_cap_s=self._limits.deadline_cap_s,
            stream_cap_s=self._limits.stream_cap_s,
        )
        server = grpc.aio.server(
            interceptors=[guard],
            options=_options(self._limits),
            maximum_concurrent_rpcs=self._limits.max_concurrent_calls,
        )
        for adder, servicer in [*self._services, *own]:
            adder(servicer, server)
        port = self._bind(server)
        await server.start()
        for service in services:
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        self._server = server
        self._log.info("serving", port=port, tls=self._tls is not None)
        return port

    async def set_serving(self, service: str, serving: bool) -> None:
        """Say that a service (full name, "" for all) does or does not serve, as health checks report."""
        status = health_pb2.HealthCheckResponse
        await self._health.set(service, status.SERVING if serving else status.NOT_SERVING)

    async def stop(self, grace: float = 10.0) -> None:
        """Say NOT_SERVING, take no new calls, give running ones ``grace`` seconds, then cancel them."""
        if self._server is None:
            return
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)
        self._server = None
        self._log.info("stopped")

    def _bind(self, server: grpc.aio.Server) -> int:
        try:
            if self._tls is None:
                port = server.add_insecure_port(self._listen)
            else:
                credentials = _credentials(self._tls, self._directory)
                port = server.add_secure_port(self._listen, credentials)
        except RuntimeError as error:
            port = 0
            cause: Exception | None = error
        else:
            cause = None
        if not port:
            raise ConfigurationError(
                f"{self._name} cannot listen on {self._listen}.",
                remedy="Check that the address is this machine's and that nothing else listens there.",
            ) from cause
        return port


class _Recorder:
    """Stands in for a server to learn what an adder adds."""

    def __init__(self) -> None:
        self.services: list[str] = []
        self.methods: list[str] = []

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """The older of the two calls that adders make; it tells nothing more."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, object]) -> None:
        """The newer one."""
        self.services.append(service)
        self.methods += [f"/{service}/{method}" for method in handlers]


def _recorded(services: Iterable[tuple[Callable[[Any, Any], None], object]]) -> tuple[list[str], list[str]]:
    recorder = _Recorder()
    for adder, servicer in services:
        adder(servicer, recorder)
    return recorder.services, recorder.methods


def _credentials(tls: TlsFiles, directory: OrgDirectory | None) -> grpc.ServerCredentials:
    """Credentials that follow the files: a renewed certificate serves from the next handshake on."""
    roots = None if directory is None else directory.bundle()

    def configuration() -> grpc.ServerCertificateConfiguration:
        certificate, key, _ = tls.read()
        return grpc.ssl_server_certificate_configuration([(key, certificate)], roots)

    def stamp() -> tuple[int, int]:
        return tls.certificate.stat().st_mtime_ns, tls.key.stat().st_mtime_ns

    seen = stamp()

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal seen
        try:
            now = stamp()
            if now == seen:
                return None
            fresh = configuration()
        except (OSError, ChanrongError, ValueError):
            return None  # in the middle of a renewal: the old pair serves on
        seen = now
        return fresh

    return grpc.dynamic_ssl_server_credentials(
        configuration(),
        renewed,  # type: ignore[arg-type]  # None is documented: no change
        require_client_authentication=roots is not None,
    )


def _options(limits: Limits) -> list[tuple[str, int]]:
    ping_ms = int(limits.min_ping_interval_s * 1000)
    return [
        ("grpc.max_receive_message_length", limits.max_message_bytes),
        ("grpc.max_send_message_length", LARGE_MESSAGE_BYTES),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", ping_ms),
        ("grpc.http2.min_ping_interval_without_data_ms", ping_ms),
        # Two servers on one port would share its calls by chance; a taken port is to be an error.
        ("grpc.so_reuseport", 0),
    ]
