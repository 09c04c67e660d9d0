"""What every reference institution's process does: settings, and a server with its questions and the admin service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field
from sqlalchemy import MetaData

from consortium.identity.directory import OrgDirectory
from consortium.rpc.run import ready, until_stopped
from consortium.rpc.server import GrpcService, Limits, Permission, allow
from consortium.rpc.settings import ServiceSettings
from consortium.rpc.tls import TlsFiles
from consortium.storage.engine import Database
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.admin import MAX_FILE_BYTES, AdminService, Loader
from crossverify.adapters.institution import Institution

_PACKAGE: Final = "/chanrong.sources.v1"
_ADMIN: Final = f"{_PACKAGE}.InstitutionAdminService"
LOAD_CAP_S: Final = 600.0
"""Longest time of a call: that of loading the largest file. Questions carry their asker's own deadline."""


class AdapterSettings(ServiceSettings):
    """Settings of a reference institution's process.

    :ivar listen: "host:port"; port 0 lets the system choose
    :ivar database: URL of the institution's own database
    :ivar institution: its name, told in every answer
    :ivar tls: own certificate and key, and the CAs of callers
    :ivar directory: file of the consortium's organisations (``OrgDirectory``)
    :ivar asking_organisations: MSP ids of the banks whose gateways may ask
    :ivar operator_organisations: MSP ids whose operators may load data and pause
    """

    listen: str = "127.0.0.1:0"
    database: str
    institution: str = Field(min_length=1, max_length=120)
    tls: TlsFiles
    directory: Path
    asking_organisations: frozenset[str] = Field(min_length=1)
    operator_organisations: frozenset[str] = frozenset({"InstitutionsMSP"})


@dataclass(frozen=True)
class AlsoServed:
    """A further service of an institution, for the same callers as its questions.

    :ivar service: full name below the package
    :ivar methods: names of its methods
    :ivar add: registers the servicer that ``make`` makes
    """

    service: str
    methods: tuple[str, ...]
    add: Callable[[Any, Any], None]
    make: Callable[[Institution], Any]


@dataclass(frozen=True)
class Adapter:
    """One kind of institution: what its server is made of.

    :ivar source: "tax", "bank" or "credit"
    :ivar tables: of its database
    :ivar questions: names of its service's methods
    :ivar service: full name of its service below the package
    :ivar add: registers the servicer that ``answers`` makes
    :ivar also: further services, such as filings
    """

    source: str
    tables: MetaData
    service: str
    questions: tuple[str, ...]
    add: Callable[[Any, Any], None]
    answers: Callable[[Institution], Any]
    loader: Callable[[Database], Loader]
    also: tuple[AlsoServed, ...] = ()


def permissions(adapter: Adapter, settings: AdapterSettings) -> Mapping[str, Permission]:
    """Who may call what: gateways of the banks ask, operators load and pause, nobody else anything."""
    asks = allow("gateway", orgs=settings.asking_organisations)
    operates = allow("operator", orgs=settings.operator_organisations)
    table = {f"{_PACKAGE}.{adapter.service}/{method}": asks for method in adapter.questions}
    for each in adapter.also:
        table |= {f"{_PACKAGE}.{each.service}/{method}": asks for method in each.methods}
    return {**table, f"{_ADMIN}/LoadData": operates, f"{_ADMIN}/SetPaused": operates}


async def serve_adapter(adapter: Adapter, settings: AdapterSettings) -> None:
    """Serve one institution until the process is asked to stop.

    1. open the database (and what it says of a pause); 2. serve; 3. stop taking calls, end the running ones;
    4. close the database.

    :raises ConfigurationError: settings, files or database unusable
    """
    institution = Institution(adapter.source, settings.institution, settings.database, adapter.tables)
    try:
        await institution.open()
        service = GrpcService(
            adapter.source,
            settings.listen,
            settings.tls,
            OrgDirectory.load(settings.directory),
            permissions(adapter, settings),
            limits=Limits(max_message_bytes=MAX_FILE_BYTES + 64 * 1024, deadline_cap_s=LOAD_CAP_S),
        )
        service.add(adapter.add, adapter.answers(institution))
        for each in adapter.also:
            service.add(each.add, each.make(institution))
        service.add(
            rpc.add_InstitutionAdminServiceServicer_to_server,
            AdminService(institution, adapter.loader(institution.database)),
        )
        port = await service.start()
        try:
            ready(grpc=port)
            await until_stopped()
        finally:
            await service.stop(settings.grace_s)
    finally:
        await institution.close()
