"""The process of an industry gateway: the only file that puts its parts together.

Start: database and its migrations, parties, ledger, block follower, outbox worker, follow-ups, gRPC, REST,
scheduler. Stop: the other way round. What was accepted stands in the database before it is acknowledged, so a
stop needs no farewell: the next start goes on where this one was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import structlog

from consortium.documents.fingerprint import ConsortiumKeys
from consortium.identity.directory import Caller, OrgDirectory
from consortium.identity.msp import load_identity
from consortium.identity.signer import P256Signer
from consortium.identity.tokens import TokenIssuer
from consortium.ledger.gateway import Gateway
from consortium.reconcile.jobs import Jobs
from consortium.reconcile.service import ReconciliationService
from consortium.rpc.oauth import Client
from consortium.rpc.rest import RestServer
from consortium.rpc.run import ready, until_stopped
from consortium.rpc.server import GrpcService, Limits
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import create_engine
from consortium.storage.leases import Slots
from consortium.storage.migrate import migrate
from consortium.wire.chanrong.industry.v1 import industry_pb2_grpc
from consortium.wire.chanrong.reconciliation.v1 import reconciliation_pb2_grpc
from industry_gateway.bodies import Bodies
from industry_gateway.config import IndustrySettings
from industry_gateway.consent.consents import Consents
from industry_gateway.financing.requests import FinancingObserver, FinancingRequests
from industry_gateway.health import HealthCheck, Metrics
from industry_gateway.intake.chunk import ChunkStore
from industry_gateway.intake.helpers import HelperProcesses
from industry_gateway.intake.keys import KeyBook
from industry_gateway.intake.prepare import Preparer
from industry_gateway.intake.push import Intake
from industry_gateway.intake.reading import Reader
from industry_gateway.intake.status import Statuses
from industry_gateway.outbox.calls import LedgerCalls
from industry_gateway.outbox.follower import Follower
from industry_gateway.outbox.followups import FollowUps
from industry_gateway.outbox.ledger import FabricLedger
from industry_gateway.outbox.projection import Projection
from industry_gateway.outbox.worker import Worker
from industry_gateway.parties.directory import PartyDirectory
from industry_gateway.parties.registry import OPERATOR, PartyRegistry
from industry_gateway.reconciliation import DocumentsJob
from industry_gateway.release.release import Releases
from industry_gateway.rest import UseCases, make_app
from industry_gateway.service import (
    ConsentService,
    FinancingRequestService,
    IntakeService,
    PartyService,
    ReleaseService,
    permissions,
)
from industry_gateway.store.database import Database
from industry_gateway.webhooks.endpoints import Endpoints
from industry_gateway.webhooks.messages import Messages
from industry_gateway.webhooks.sender import Sender

MIGRATIONS: Final = "industry_gateway.migrations"
TOKEN_KID: Final = "token-1"  # noqa: S105 - the name of a key
MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
RESTART_S: Final = 1.0
"""Pause before a background task that failed is started again."""

_log = structlog.get_logger(__name__)


class Parts:
    """The parts of one running gateway; made once, by :func:`serve`."""

    def __init__(self, settings: IndustrySettings) -> None:
        self.settings = settings
        self.database = Database(create_engine(settings.database))
        key_file = settings.consortium_keys.read_bytes()
        keys = ConsortiumKeys.from_json(key_file)
        self.bodies = Bodies(BodyVault.load(settings.master_keys))
        self.directory = PartyDirectory()
        self._ledger(settings)
        self._outbox(settings, keys)
        calls = LedgerCalls(self.ledger, self.follower)
        self.registry = PartyRegistry(self.database, self.directory, keys, calls)
        self.consents = Consents(calls)
        self.releases = Releases(self.database, self.bodies, self.consents, calls)
        self.financing = FinancingRequests(self.database, self.consents)
        self.helpers = HelperProcesses(key_file, self.directory, settings.prepare_processes)
        self.intake = Intake(
            self.database,
            Reader(Preparer(keys, self.directory), KeyBook(self.directory, self.ledger), self.helpers),
            ChunkStore(self.bodies, settings.outbox.policy()),
            self.bodies,
            self.worker.offer,
        )
        self.statuses = Statuses(self.database, self.bodies)
        self.jobs = self._jobs(settings)
        self.tokens = TokenIssuer(
            settings.name, P256Signer.from_pem(settings.token_key.read_bytes()), TOKEN_KID
        )

    def _ledger(self, settings: IndustrySettings) -> None:
        where = settings.ledger
        self.gateway = Gateway(
            where.gateway_endpoints(settings.msp_id), load_identity(settings.identity, settings.msp_id)
        )
        self.ledger = FabricLedger(
            self.gateway, where.channel, where.chaincode, organisations=where.organisations
        )

    def _jobs(self, settings: IndustrySettings) -> Jobs:
        documents = DocumentsJob(
            self.database,
            self.gateway.network(settings.ledger.channel),
            msp_id=settings.msp_id,
            chaincode=settings.ledger.chaincode,
            period_s=settings.reconcile_period_s,
        )
        return Jobs(Slots(self.database.storage), [documents])

    def _outbox(self, settings: IndustrySettings, keys: ConsortiumKeys) -> None:
        policy = settings.outbox.policy()
        self.projection = Projection(Messages())
        self.follower = Follower(
            self.database,
            self.ledger,
            msp_id=settings.msp_id,
            effect=self.projection.effect,
            observers=[FinancingObserver()],
            policy=policy,
            after_block=self.after_block,
        )
        self.worker = Worker(
            self.database, self.ledger, self.follower, refuse=self.projection.refuse, policy=policy
        )
        self.followups = FollowUps(self.database, self.bodies, keys, self.worker.offer)
        loopback = settings.webhook_loopback
        self.webhooks = Endpoints(self.database, self.bodies, loopback=loopback)
        self.sender = Sender(self.database, self.bodies, loopback=loopback)

    def after_block(self) -> None:
        """Passes on what a block brought about."""
        followed = self.projection.take()
        if followed.items:
            self.worker.look()
        if followed.links:
            self.followups.wake()
        if followed.messages:
            self.sender.wake()

    def background(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """What runs for as long as the gateway does."""
        work = [self.follower.run, self.worker.run, self.followups.run, self.sender.run]
        return work if self.database.one_process else [*work, self.registry.follow]

    def use_cases(self) -> UseCases:
        """What the REST side calls."""
        return UseCases(
            intake=self.intake,
            statuses=self.statuses,
            directory=self.directory,
            registry=self.registry,
            consents=self.consents,
            financing=self.financing,
            webhooks=self.webhooks,
            health=HealthCheck(self.database, self.ledger, self.follower, self.worker),
            metrics=Metrics(self.database, self.follower, self.worker),
        )

    def find_client(self) -> Callable[[str], Awaitable[Client | None]]:
        """Who may get tokens: registered parties, and the operator where its secret is set."""
        settings = self.settings

        async def find(name: str) -> Client | None:
            if name == OPERATOR and settings.operator_secret_hash:
                caller = Caller(settings.msp_id, OPERATOR, "operator")
                return Client(caller, settings.operator_secret_hash)
            tenant = self.directory.alias(name)
            if tenant is None:
                return None
            return Client(Caller(settings.msp_id, tenant.alias, "erp"), tenant.secret_hash)

        return find

    def grpc(self) -> GrpcService:
        """The gRPC side."""
        settings = self.settings
        service = GrpcService(
            settings.name,
            settings.listen_grpc,
            settings.tls,
            OrgDirectory.load(settings.directory),
            permissions(settings.msp_id),
            limits=Limits(max_message_bytes=MAX_MESSAGE_BYTES),
        )
        service.add(
            industry_pb2_grpc.add_IntakeServiceServicer_to_server,
            IntakeService(self.intake, self.statuses, self.directory),
        )
        service.add(
            industry_pb2_grpc.add_PartyServiceServicer_to_server,
            PartyService(self.registry, self.directory),
        )
        service.add(
            industry_pb2_grpc.add_ConsentServiceServicer_to_server,
            ConsentService(self.consents, self.directory),
        )
        service.add(
            industry_pb2_grpc.add_ReleaseServiceServicer_to_server,
            ReleaseService(self.releases, settings.msp_id),
        )
        service.add(
            industry_pb2_grpc.add_FinancingRequestServiceServicer_to_server,
            FinancingRequestService(self.financing, self.directory),
        )
        service.add(
            reconciliation_pb2_grpc.add_ReconciliationServiceServicer_to_server,
            ReconciliationService(self.database.storage, self.jobs),
        )
        return service

    def rest(self) -> RestServer:
        """The REST side."""
        app = make_app(self.use_cases(), self.tokens, self.find_client(), version=_version())
        return RestServer(app, self.settings.listen_rest, self.settings.tls)


async def serve(settings: IndustrySettings) -> None:
    """Runs a gateway until it is told to stop."""
    parts = Parts(settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.database.close)
        await migrate(parts.database.engine, MIGRATIONS)
        stack.push_async_callback(parts.gateway.close)
        await parts.registry.load()
        await parts.intake.start()
        parts.helpers.start()
        stack.push_async_callback(parts.helpers.stop)
        tasks = [asyncio.create_task(_kept_alive(work)) for work in parts.background()]
        stack.push_async_callback(_ended, tasks)
        rest = parts.rest()
        rest_port = await rest.start()
        stack.push_async_callback(rest.stop, settings.grace_s)
        await parts.jobs.start()
        stack.callback(parts.jobs.stop)
        # Last, as its health says that all of the gateway serves.
        grpc = parts.grpc()
        grpc_port = await grpc.start()
        stack.push_async_callback(grpc.stop, settings.grace_s)
        ready(grpc=grpc_port, rest=rest_port)
        await until_stopped()


async def _kept_alive(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Starts background work again when it fails: a defect there must not end intake."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001
            _log.exception("background work failed and is started again", work=work.__qualname__)
        await asyncio.sleep(RESTART_S)


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _version() -> str:
    try:
        return version("chanrong")
    except PackageNotFoundError:
        return "0"
