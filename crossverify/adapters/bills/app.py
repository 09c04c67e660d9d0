"""The process of the reference commercial-paper exchange (票交所): the only file that puts its parts together."""

from __future__ import annotations

from typing import Final

from consortium.wire.chanrong.sources.v1 import bills_pb2_grpc as rpc
from crossverify.adapters.bills import store
from crossverify.adapters.bills.load import BillsLoader
from crossverify.adapters.bills.service import BillsService
from crossverify.adapters.bills.settings import BillsSettings
from crossverify.adapters.serving import Adapter, serve_adapter

ADAPTER: Final = Adapter(
    source="bills",
    tables=store.METADATA,
    service="BillSourceService",
    questions=("CheckBills", "StreamBills"),
    add=rpc.add_BillSourceServiceServicer_to_server,
    answers=BillsService,
    loader=BillsLoader,
)


async def serve(settings: BillsSettings) -> None:
    """Serve until asked to stop; see ``serve_adapter``."""
    await serve_adapter(ADAPTER, settings)
