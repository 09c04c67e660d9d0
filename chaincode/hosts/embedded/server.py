"""The embedded ledger as a process: one node with every organisation's peer, an orderer and a database."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from chaincode.hosts.embedded.channel import NOTICE, wanted_config
from chaincode.hosts.embedded.committer import CommittedBlock, Committer
from chaincode.hosts.embedded.deliver import Delivery
from chaincode.hosts.embedded.endorser import Endorser, ReaderPool
from chaincode.hosts.embedded.feed import Feed
from chaincode.hosts.embedded.gateway import Gateway, Parts
from chaincode.hosts.embedded.msp import Signer
from chaincode.hosts.embedded.orderer import Orderer
from chaincode.hosts.embedded.services import DeliverService
from chaincode.hosts.embedded.settings import RECEIVE_LIMIT_BYTES, EmbeddedSettings
from chaincode.hosts.embedded.simulate import Chaincode
from chaincode.hosts.embedded.store import Reader, open_reader, open_writer
from chaincode.state import Contract
from consortium.wire.fabric.gateway.gateway_pb2_grpc import add_GatewayServicer_to_server

GRACE_S = 5.0
MIN_PING_MS = 60_000
SERVED = ("", "gateway.Gateway", "protos.Deliver")
log = structlog.get_logger(__name__)


class EmbeddedLedger:
    """One channel on one node.

    :param contract: runs under the settings' chaincode name
    :param others: further contracts by name, for calls from chaincode to chaincode
    """

    def __init__(
        self, settings: EmbeddedSettings, contract: Contract, others: Mapping[str, Contract] | None = None
    ) -> None:
        self.settings = settings
        self._contracts = {settings.chaincode: contract, **(others or {})}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="committer")
        self._readers: list[Reader] = []
        self._server: grpc.aio.Server | None = None
        self._orderer: Orderer | None = None
        self._feed: Feed | None = None
        self._health = health.HealthServicer()
        self.port = 0

    @property
    def target(self) -> str:
        """host:port that it listens on."""
        return f"{self.settings.listen.rpartition(':')[0]}:{self.port}"

    @property
    def height(self) -> int:
        """Number of committed blocks."""
        return 0 if self._feed is None else self._feed.height

    async def start(self) -> int:
        """Opens the database, appends a configuration block when the settings changed, and serves.

        :returns: the port
        :raises StoreError, IdentityError, OSError: when a file is missing or wrong, or the port is taken
        """
        settings = self.settings
        log.warning(NOTICE)
        signers = {
            item.msp_id: Signer(item.msp_id, item.peer_cert.read_bytes(), item.peer_key.read_bytes())
            for item in settings.organisations
        }
        orderer = next(iter(signers.values()))
        if settings.orderer_cert is not None and settings.orderer_key is not None:
            orderer = Signer(
                orderer.msp_id, settings.orderer_cert.read_bytes(), settings.orderer_key.read_bytes()
            )
        wanted = wanted_config(
            settings, orderer.serialized, dict.fromkeys(self._contracts, settings.chaincode_version)
        )
        loop = asyncio.get_running_loop()
        connection = await loop.run_in_executor(self._thread, open_writer, settings.database)
        self._connection = connection
        committer = await loop.run_in_executor(self._thread, Committer, connection, orderer)
        await loop.run_in_executor(self._thread, committer.configure, wanted)
        self._readers = [Reader(open_reader(settings.database)) for _ in range(settings.simulations + 1)]
        lookup = self._readers[-1]
        self._feed = Feed(lookup)
        self._orderer = Orderer(settings, committer, self._thread, self._announce)
        self._orderer.start()
        msp = committer.validator.msp
        chaincodes = {
            name: Chaincode(
                name=name,
                version=definition.version,
                sequence=definition.sequence,
                contract=self._contracts[name],
                collections={key: frozenset(members) for key, members in definition.collections.items()},
            )
            for name, definition in committer.validator.config.chaincodes.items()
            if name in self._contracts
        }
        endorser = Endorser(
            channel=settings.channel,
            msp=msp,
            signers=signers,
            chaincodes=chaincodes,
            readers=ReaderPool(self._readers[:-1]),
            committer=committer,
            timeout_s=settings.endorsement_timeout_s,
        )
        server = self._make_server()
        self._bind(server)
        gateway = Gateway(
            Parts(
                settings=settings,
                msp=msp,
                endorser=endorser,
                committer=committer,
                orderer=self._orderer,
                feed=self._feed,
                lookup=lookup,
                thread=self._thread,
                addresses={item.msp_id: item.address or self.target for item in settings.organisations},
            )
        )
        add_GatewayServicer_to_server(gateway, server)

        def members(namespace: str, collection: str) -> frozenset[str]:
            chaincode = chaincodes.get(namespace)
            return frozenset() if chaincode is None else chaincode.collections.get(collection, frozenset())

        deliver = DeliverService(
            Delivery(settings.channel, msp, self._feed), lookup, members, settings.deliver_concurrency
        )
        server.add_generic_rpc_handlers((deliver.handlers(),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        await server.start()
        for name in SERVED:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        log.info("embedded ledger serves", target=self.target, channel=settings.channel, height=self.height)
        return self.port

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Ends running calls within the grace, commits what was accepted, closes the database."""
        await self._health.enter_graceful_shutdown()
        if self._server is not None:
            await self._server.stop(grace_s)
        if self._orderer is not None:
            await self._orderer.stop()
        for reader in self._readers:
            reader.connection.close()
        self._readers.clear()
        self._thread.submit(self._connection.close).result()
        self._thread.shutdown()
        log.info("embedded ledger stopped", height=self.height)

    def _announce(self, block: CommittedBlock) -> None:
        if self._feed is not None:
            self._feed.announce(block)

    def _make_server(self) -> grpc.aio.Server:
        return grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", RECEIVE_LIMIT_BYTES),
                ("grpc.max_send_message_length", RECEIVE_LIMIT_BYTES),
                ("grpc.so_reuseport", 0),
                ("grpc.http2.min_ping_interval_without_data_ms", MIN_PING_MS),
                ("grpc.keepalive_permit_without_calls", 1),
            ]
        )

    def _bind(self, server: grpc.aio.Server) -> None:
        settings = self.settings
        if settings.tls_cert is None or settings.tls_key is None:
            self.port = server.add_insecure_port(settings.listen)
        else:
            client_ca = None if settings.client_ca is None else settings.client_ca.read_bytes()
            credentials = grpc.ssl_server_credentials(
                [(settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())],
                root_certificates=client_ca,
                require_client_auth=client_ca is not None,
            )
            self.port = server.add_secure_port(settings.listen, credentials)
        if self.port == 0:
            raise OSError(f"cannot listen on {settings.listen}")
        self._server = server


async def serve(
    settings: EmbeddedSettings, contract: Contract, others: Mapping[str, Contract] | None = None
) -> None:
    """Runs an embedded ledger until SIGTERM or SIGINT."""
    ledger = EmbeddedLedger(settings, contract, others)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    await ledger.start()
    await stopping.wait()
    await ledger.stop()
