"""The process of the reference tax authority (税务): the only file that puts its parts together."""

from __future__ import annotations

from typing import Final

from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.serving import Adapter, serve_adapter
from crossverify.adapters.tax import store
from crossverify.adapters.tax.load import TaxLoader
from crossverify.adapters.tax.service import TaxService
from crossverify.adapters.tax.settings import TaxSettings

ADAPTER: Final = Adapter(
    source="tax",
    tables=store.METADATA,
    service="TaxSourceService",
    questions=("CheckInvoices", "StreamInvoices", "CheckTaxpayers", "GetSales"),
    add=rpc.add_TaxSourceServiceServicer_to_server,
    answers=TaxService,
    loader=TaxLoader,
)


async def serve(settings: TaxSettings) -> None:
    """Serve until asked to stop; see ``serve_adapter``."""
    await serve_adapter(ADAPTER, settings)
