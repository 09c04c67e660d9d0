"""The process of a finance gateway: the only file that puts its parts together.

Start: database and its migrations, ledger, follower of blocks, pending operations, scheduler, gRPC, REST. Stop: the
other way round. Nothing is served before pending operations are known and the follower runs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

import grpc.aio

from consortium.contract import names
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.errors import ConfigurationError, InvalidInputError
from consortium.identity.directory import OrgDirectory
from consortium.identity.msp import load_identity
from consortium.identity.signer import P256Signer
from consortium.identity.tokens import TokenIssuer
from consortium.ledger.gateway import Gateway
from consortium.reconcile.jobs import Jobs
from consortium.reconcile.service import ReconciliationService
from consortium.rpc.client import channel
from consortium.rpc.rest import RestServer
from consortium.rpc.run import ready, until_stopped
from consortium.rpc.server import GrpcService, Limits
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database, create_engine
from consortium.storage.leases import Slots
from consortium.storage.migrate import migrate
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc, registry_pb2_grpc
from consortium.wire.chanrong.reconciliation.v1 import reconciliation_pb2_grpc
from crossverify.profiles import PROFILES, Profile
from crossverify.sources.asking import AskingLimits
from crossverify.sources.bank import BankSource
from crossverify.sources.bills import BillsSource
from crossverify.sources.credit import CreditSource
from crossverify.sources.registry import RegistrySource
from crossverify.sources.tax import TaxSource
from finance_gateway.config import Adapter, FinanceSettings
from finance_gateway.deskfile import DeskFile
from finance_gateway.filing.registry import RegistryFilings
from finance_gateway.filing.service import SERVICE as REGISTRY_SERVICE
from finance_gateway.filing.service import RegistryService, registry_permissions
from finance_gateway.filing.usecase import Filings, Secured
from finance_gateway.financing.usecase import Financing
from finance_gateway.follower import BlockHandler
from finance_gateway.health import Health
from finance_gateway.industry import IndustryBodies
from finance_gateway.ledger import Ledger
from finance_gateway.metrics import Metrics
from finance_gateway.monitor.job import Monitor
from finance_gateway.operations import Operations
from finance_gateway.packages.builder import Builder, Issuer
from finance_gateway.packages.collect import Collector
from finance_gateway.packages.ports import Institutions
from finance_gateway.packages.usecase import Packages
from finance_gateway.packages.watch import Watchers
from finance_gateway.reconciliation.packages import PackagesJob
from finance_gateway.rest import make_app
from finance_gateway.service import FinancingService, PackageService, permissions

MIGRATIONS: Final = "finance_gateway.migrations"
TOKEN_KID: Final = "token-1"  # noqa: S105 - the name of a key
MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
"""Largest message to this gateway; what it sends, packages above all, may have 100 MiB."""

CALL_DEADLINE_S: Final = 120.0
SERVICES: Final = (
    "",
    "chanrong.finance.v1.PackageService",
    "chanrong.finance.v1.FinancingService",
    REGISTRY_SERVICE,
    "chanrong.reconciliation.v1.ReconciliationService",
)
"""Whose health is told; the first is the whole."""

SETTLE: Final = {
    names.PACKAGES_ANCHOR: Packages.settle_anchor,
    names.ENCUMBRANCES_RESERVE: Financing.settle_results,
    names.ENCUMBRANCES_FINANCE: Financing.settle_results,
    names.ENCUMBRANCES_RELEASE: Financing.settle_results,
    names.ENCUMBRANCES_SETTLE: Financing.settle_results,
}
"""By function of the contract: what its result changes here."""

Connect = Callable[[str, str], grpc.aio.Channel]


class Parts:
    """The parts of one running gateway; made once, by :func:`serve`."""

    def __init__(self, settings: FinanceSettings, directory: OrgDirectory, connect: Connect) -> None:
        self.settings = settings
        self.directory = directory
        self.database = Database(create_engine(settings.database))
        vault = BodyVault.load(settings.master_keys)
        keys = ConsortiumKeys.from_json(settings.consortium_keys.read_bytes())
        self.gateway = Gateway(
            settings.ledger.gateway_endpoints(settings.msp_id),
            load_identity(settings.identity, settings.msp_id),
        )
        network = self.gateway.network(settings.ledger.channel)
        contract = network.contract(settings.ledger.chaincode)
        self.ledger = Ledger(network, contract, settings.ledger.organisations)
        self.operations = Operations(self.database, self.ledger, vault, SETTLE)
        self.watchers = Watchers(self.database)
        self.blocks = BlockHandler(
            self.database,
            self.operations,
            msp_id=settings.msp_id,
            chaincode=settings.ledger.chaincode,
            changed=self.watchers.notify,
        )
        self.asked_anew = _institutions(settings, connect, kept=False)
        self.monitor = Monitor(
            database=self.database,
            vault=vault,
            ledger=self.ledger,
            institutions=self.asked_anew,
            msp_id=settings.msp_id,
            period_s=settings.monitor_period_s,
            changed=self.watchers.notify,
        )
        self.financing = Financing(
            msp_id=settings.msp_id,
            database=self.database,
            vault=vault,
            ledger=self.ledger,
            operations=self.operations,
        )
        self.metrics = Metrics()
        self.packages = Packages(
            database=self.database,
            vault=vault,
            keys=keys,
            builder=self._builder(keys, connect),
            operations=self.operations,
            profiles=profiles(settings),
            default_profile=settings.default_profile,
            claims=self.financing,
            meter=self.metrics,
        )
        self.filings = self._filings(vault, connect)
        self.jobs = Jobs(Slots(self.database), [self._reconciliation(vault)])
        self.tokens = TokenIssuer(
            settings.name, P256Signer.from_pem(settings.token_key.read_bytes()), TOKEN_KID
        )
        self.health = Health(
            database=self.database,
            ledger=self.ledger,
            blocks=self.blocks,
            operations=self.operations,
            jobs=self.jobs,
            watchers=self.watchers,
            monitor=self.monitor,
            metrics=self.metrics,
        )

    def _reconciliation(self, vault: BodyVault) -> PackagesJob:
        settings = self.settings
        return PackagesJob(
            self.database,
            self.ledger,
            vault,
            msp_id=settings.msp_id,
            chaincode=settings.ledger.chaincode,
            period_s=settings.reconcile_period_s,
        )

    def _filings(self, vault: BodyVault, connect: Connect) -> Filings:
        settings = self.settings
        party, registry = settings.registry_party, settings.adapters.registry
        return Filings(
            database=self.database,
            vault=vault,
            packages=self.packages,
            registry=None
            if registry is None
            else RegistryFilings(connect(registry.target, registry.msp_id), settings.adapter_timeout_s),
            search=self.asked_anew.registry,
            secured=Secured(party.name or settings.name, (f"msp:{settings.msp_id}", *party.identifiers)),
        )

    def _builder(self, keys: ConsortiumKeys, connect: Connect) -> Builder:
        settings = self.settings
        collector = Collector(
            msp_id=settings.msp_id,
            channel=settings.ledger.channel,
            keys=keys,
            ledger=self.ledger,
            bodies=[
                IndustryBodies(each.name, connect(each.target, each.msp_id))
                for each in settings.industry_gateways
            ],
            institutions=_institutions(settings, connect, kept=True),
            desk=DeskFile(settings.desk_file),
        )
        issuer = Issuer(
            settings.msp_id, P256Signer.from_pem(settings.package_key.read_bytes()), settings.package_kid
        )
        return Builder(
            collector=collector,
            ledger=self.ledger,
            issuer=issuer,
            ledger_kind=settings.ledger.kind,
            channel=settings.ledger.channel,
            members=settings.ledger.members,
        )


def profiles(settings: FinanceSettings) -> dict[str, Profile]:
    """The profiles with this bank's own figures.

    :raises ConfigurationError: no such profile, or a figure that it does not take; names all that are wrong
    """
    found = dict(PROFILES)
    problems = []
    for name, overrides in settings.profile_overrides.items():
        if name not in found:
            problems.append(f"there is no profile {name!r}, but {', '.join(found)}")
            continue
        try:
            found[name] = found[name].with_overrides(overrides)
        except InvalidInputError as wrong:
            problems.append(f"{name}: {wrong.message}")
    if problems:
        raise ConfigurationError(
            f"The profile_overrides cannot be used: {'; '.join(problems)}",
            remedy="Correct the names and values that are listed; decimals are written as strings.",
        )
    return found


def _institutions(settings: FinanceSettings, connect: Connect, *, kept: bool) -> Institutions:
    """The institutions that this bank asks.

    :param kept: whether answers of before may be used, as the settings say; else each is asked for anew
    """
    limits = AskingLimits(deadline_s=settings.adapter_timeout_s)
    if kept:
        fresh, fallback = settings.adapter_cache_fresh_s, settings.adapter_cache_fallback_s
        limits = limits.model_copy(update={"cache_fresh_s": fresh, "cache_fallback_s": fallback})

    def to(adapter: Adapter) -> grpc.aio.Channel:
        return connect(adapter.target, adapter.msp_id)

    adapters = settings.adapters
    return Institutions(
        tax=TaxSource(to(adapters.tax), limits) if adapters.tax else None,
        bank=BankSource(to(adapters.bank), limits) if adapters.bank else None,
        credit=CreditSource(to(adapters.credit), limits) if adapters.credit else None,
        registry=RegistrySource(to(adapters.registry), limits) if adapters.registry else None,
        bills=BillsSource(to(adapters.bills), limits) if adapters.bills else None,
    )


async def serve(settings: FinanceSettings) -> None:
    """Serves until asked to stop."""
    directory = OrgDirectory.load(settings.directory)
    async with AsyncExitStack() as stack:

        def connect(target: str, msp_id: str) -> grpc.aio.Channel:
            made = channel(target, settings.tls, roots=directory.roots(msp_id))
            stack.push_async_callback(made.close)
            return made

        parts = Parts(settings, directory, connect)
        stack.push_async_callback(parts.database.close)
        await migrate(parts.database.engine, MIGRATIONS)
        stack.push_async_callback(parts.gateway.close)
        await _start_ledger(parts, stack)
        ports = await _start_servers(parts, stack)
        await parts.jobs.start()
        stack.callback(parts.jobs.stop)
        ready(**ports)
        await until_stopped()


async def _start_ledger(parts: Parts, stack: AsyncExitStack) -> None:
    # Without a server between them, nobody else has a SQLite file.
    await parts.packages.start(alone=parts.database.engine.dialect.name == "sqlite")
    await parts.ledger.follow(parts.blocks)
    stack.push_async_callback(parts.ledger.stop)
    await parts.operations.start()
    stack.push_async_callback(parts.operations.stop)
    stack.push_async_callback(parts.packages.stop)
    await parts.filings.start()
    stack.push_async_callback(parts.filings.stop)
    parts.monitor.start()
    stack.push_async_callback(parts.monitor.stop)


async def _start_servers(parts: Parts, stack: AsyncExitStack) -> dict[str, int]:
    settings = parts.settings
    limits = Limits(max_message_bytes=MAX_REQUEST_BYTES, deadline_cap_s=CALL_DEADLINE_S)
    service = GrpcService(
        settings.name,
        settings.listen_grpc,
        settings.tls,
        parts.directory,
        {**permissions(settings.msp_id), **registry_permissions(settings.msp_id)},
        limits=limits,
    )
    packages = PackageService(parts.packages, parts.watchers)
    service.add(finance_pb2_grpc.add_PackageServiceServicer_to_server, packages)
    service.add(finance_pb2_grpc.add_FinancingServiceServicer_to_server, FinancingService(parts.financing))
    service.add(registry_pb2_grpc.add_RegistryServiceServicer_to_server, RegistryService(parts.filings))
    service.add(
        reconciliation_pb2_grpc.add_ReconciliationServiceServicer_to_server,
        ReconciliationService(parts.database, parts.jobs),
    )
    app = make_app(
        name=settings.name,
        msp_id=settings.msp_id,
        packages=parts.packages,
        financing=parts.financing,
        filings=parts.filings,
        health=parts.health,
        tokens=parts.tokens,
        clients=settings.clients,
    )
    rest = RestServer(app, settings.listen_rest, settings.tls)
    ports = {"rest": await rest.start()}
    stack.push_async_callback(rest.stop, settings.grace_s)
    ports["grpc"] = await service.start()
    stack.push_async_callback(service.stop, settings.grace_s)

    async def tell(serving: bool) -> None:
        for name in SERVICES:
            await service.set_serving(name, serving)

    parts.health.start(tell)
    stack.push_async_callback(parts.health.stop)
    return ports
