"""The process of the reference movable-property registry (中登): the only file that puts its parts together."""

from __future__ import annotations

from typing import Final

from consortium.wire.chanrong.sources.v1 import registry_pb2_grpc as rpc
from crossverify.adapters.registry import store
from crossverify.adapters.registry.filing import FilingService
from crossverify.adapters.registry.load import RegistryLoader
from crossverify.adapters.registry.service import RegistryService
from crossverify.adapters.registry.settings import RegistrySettings
from crossverify.adapters.serving import Adapter, AlsoServed, serve_adapter

ADAPTER: Final = Adapter(
    source="registry",
    tables=store.METADATA,
    service="RegistrySourceService",
    questions=("SearchRegistrations", "StreamRegistrations"),
    add=rpc.add_RegistrySourceServiceServicer_to_server,
    answers=RegistryService,
    loader=RegistryLoader,
    also=(
        AlsoServed(
            service="RegistryFilingService",
            methods=("FileRegistration", "AmendRegistration", "CancelRegistration"),
            add=rpc.add_RegistryFilingServiceServicer_to_server,
            make=FilingService,
        ),
    ),
)


async def serve(settings: RegistrySettings) -> None:
    """Serve until asked to stop; see ``serve_adapter``."""
    await serve_adapter(ADAPTER, settings)
