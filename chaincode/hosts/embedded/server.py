"""The embedded ledger as a process: one node with every organisation's peer, an orderer and a database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
import grpc.aio
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health

from chaincode.hosts.embedded.channel import NOTICE, ChannelConfig, wanted_config
from chaincode.hosts.embedded.committer import CommittedBlock, Committer
from chaincode.hosts.embedded.deliver import Delivery
from chaincode.hosts.embedded.endorser import Endorser, ReaderPool
from chaincode.hosts.embedded.feed import Feed
from chaincode.hosts.embedded.gateway import Gateway, Parts
from chaincode.hosts.embedded.msp import IdentityError, Signer
from chaincode.hosts.embedded.orderer import Orderer
from chaincode.hosts.embedded.services import DeliverService
from chaincode.hosts.embedded.settings import RECEIVE_LIMIT_BYTES, EmbeddedSettings
from chaincode.hosts.embedded.simulate import Chaincode
from chaincode.hosts.embedded.store import DatabaseLock, Reader, StoreError, open_reader, open_writer
from chaincode.hosts.embedded.wire import WireError
from chaincode.state import Contract
from consortium.errors import ConfigurationError
from consortium.rpc.run import ready, until_stopped
from consortium.wire.fabric.gateway.gateway_pb2_grpc import add_GatewayServicer_to_server

MIN_PING_MS = 60_000
"""Peers drop clients that ping more often."""

NODE_ROLES = frozenset(("peer", "orderer"))
SERVED = ("", "gateway.Gateway", "protos.Deliver")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Keys:
    peers: Mapping[str, Signer]
    orderer: Signer


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
        self._lock: DatabaseLock | None = None
        self._connection: sqlite3.Connection | None = None
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
        :raises ConfigurationError: a file is missing or wrong, the database is another ledger's or in use, or the
            port is taken
        """
        log.warning(NOTICE)
        try:
            keys, wanted = self._load()
            committer = await asyncio.get_running_loop().run_in_executor(
                self._thread, self._open, keys, wanted
            )
            self._readers = [
                Reader(open_reader(self.settings.database)) for _ in range(self.settings.simulations + 1)
            ]
        except (OSError, StoreError, IdentityError, WireError, ValueError) as error:
            await self.stop(0)
            raise ConfigurationError(
                f"The embedded ledger cannot start: {error}.", remedy="Correct its settings or files."
            ) from error
        try:
            await self._serve(keys, committer)
        except (OSError, RuntimeError) as error:
            await self.stop(0)
            raise ConfigurationError(
                f"The embedded ledger cannot listen on {self.settings.listen}: {error}",
                remedy="Free the port or choose another; check the TLS files.",
            ) from error
        log.info("serves", target=self.target, channel=self.settings.channel, height=self.height)
        return self.port

    async def stop(self, grace_s: float | None = None) -> None:
        """Commits what was accepted, ends waiting calls and streams, lets the others end within the grace, closes."""
        await self._health.enter_graceful_shutdown()
        if self._orderer is not None:
            await self._orderer.stop()
        if self._feed is not None:
            self._feed.close()
        if self._server is not None:
            await self._server.stop(self.settings.grace_s if grace_s is None else grace_s)
        for reader in self._readers:
            reader.connection.close()
        self._readers.clear()
        if self._connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()
        if self._lock is not None:
            self._lock.release()
        log.info("stopped", height=self.height)

    def _load(self) -> tuple[_Keys, ChannelConfig]:
        settings = self.settings
        peers = {
            item.msp_id: Signer(item.msp_id, item.peer_cert.read_bytes(), item.peer_key.read_bytes())
            for item in settings.organisations
        }
        orderer = next(iter(peers.values()))
        if settings.orderer_cert is not None and settings.orderer_key is not None:
            orderer = Signer(
                orderer.msp_id, settings.orderer_cert.read_bytes(), settings.orderer_key.read_bytes()
            )
        versions = dict.fromkeys(self._contracts, settings.chaincode_version)
        wanted = wanted_config(settings, orderer.serialized, versions)
        _check_own(wanted, [*peers.values(), orderer])
        return _Keys(peers, orderer), wanted

    def _open(self, keys: _Keys, wanted: ChannelConfig) -> Committer:
        """Runs in the committer's thread."""
        self._lock = DatabaseLock(self.settings.database)
        self._connection = open_writer(self.settings.database)
        committer = Committer(self._connection, keys.orderer)
        if committer.config is not None and committer.config.channel != wanted.channel:
            raise StoreError(f"{self.settings.database} holds channel {committer.config.channel}")
        committer.configure(wanted)
        return committer

    async def _serve(self, keys: _Keys, committer: Committer) -> None:
        settings = self.settings
        lookup = self._readers[-1]
        feed = self._feed = Feed(lookup)
        orderer = self._orderer = Orderer(settings, committer, self._thread, self._announce, self._set_health)
        orderer.start()
        server = self._server = self._listen()
        msp = committer.validator.msp
        chaincodes = self._chaincodes(committer)
        endorser = Endorser(
            channel=settings.channel,
            msp=msp,
            signers=keys.peers,
            chaincodes=chaincodes,
            readers=ReaderPool(self._readers[:-1]),
            committer=committer,
            timeout_s=settings.endorsement_timeout_s,
        )
        parts = Parts(
            settings=settings,
            msp=msp,
            endorser=endorser,
            committer=committer,
            orderer=orderer,
            feed=feed,
            lookup=lookup,
            thread=self._thread,
            addresses={item.msp_id: item.address or self.target for item in settings.organisations},
        )
        add_GatewayServicer_to_server(Gateway(parts), server)

        def members(namespace: str, collection: str) -> frozenset[str]:
            chaincode = chaincodes.get(namespace)
            return frozenset() if chaincode is None else chaincode.collections.get(collection, frozenset())

        delivery = Delivery(settings.channel, msp, feed)
        deliver = DeliverService(delivery, lookup, members, settings.deliver_concurrency)
        server.add_generic_rpc_handlers((deliver.handlers(),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        await server.start()
        await self._set_health(True)

    def _chaincodes(self, committer: Committer) -> dict[str, Chaincode]:
        return {
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

    def _announce(self, block: CommittedBlock) -> None:
        if self._feed is not None:
            self._feed.announce(block)

    async def _set_health(self, serving: bool) -> None:
        answer = health_pb2.HealthCheckResponse
        status = answer.SERVING if serving else answer.NOT_SERVING
        for name in SERVED:
            await self._health.set(name, status)

    def _listen(self) -> grpc.aio.Server:
        settings = self.settings
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", RECEIVE_LIMIT_BYTES),
                ("grpc.max_send_message_length", RECEIVE_LIMIT_BYTES),
                ("grpc.so_reuseport", 0),
                ("grpc.http2.min_ping_interval_without_data_ms", MIN_PING_MS),
                ("grpc.keepalive_permit_without_calls", 1),
            ]
        )
        if settings.tls_cert is None or settings.tls_key is None:
            self.port = server.add_insecure_port(settings.listen)
            return server
        client_ca = None if settings.client_ca is None else settings.client_ca.read_bytes()
        credentials = grpc.ssl_server_credentials(
            [(settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())],
            root_certificates=client_ca,
            require_client_auth=client_ca is not None,
        )
        self.port = server.add_secure_port(settings.listen, credentials)
        return server


def _check_own(config: ChannelConfig, signers: Sequence[Signer]) -> None:
    """:raises IdentityError: when a certificate of ours would not be believed"""
    msp = config.msp()
    for signer in signers:
        try:
            identity = msp.deserialize(signer.serialized)
            identity.validate()
        except IdentityError as error:
            raise IdentityError(f"{signer.msp_id}: {error}") from error
        if not identity.roles & NODE_ROLES:
            wanted = " or ".join(sorted(NODE_ROLES))
            raise IdentityError(f"{signer.msp_id}: the certificate must have OU {wanted}")


async def serve(
    settings: EmbeddedSettings, contract: Contract, others: Mapping[str, Contract] | None = None
) -> None:
    """Runs an embedded ledger until its process is asked to end (``consortium.rpc.run``)."""
    ledger = EmbeddedLedger(settings, contract, others)
    ready(grpc=await ledger.start())
    try:
        await until_stopped()
    finally:
        await ledger.stop()
