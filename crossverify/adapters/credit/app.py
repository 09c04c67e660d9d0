"""The process of the reference credit bureau (征信): the only file that puts its parts together."""

from __future__ import annotations

from typing import Final

from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.credit import store
from crossverify.adapters.credit.load import CreditLoader
from crossverify.adapters.credit.service import CreditService
from crossverify.adapters.credit.settings import CreditSettings
from crossverify.adapters.serving import Adapter, serve_adapter

ADAPTER: Final = Adapter(
    source="credit",
    tables=store.METADATA,
    service="CreditSourceService",
    questions=("GetReports", "StreamReports"),
    add=rpc.add_CreditSourceServiceServicer_to_server,
    answers=CreditService,
    loader=CreditLoader,
)


async def serve(settings: CreditSettings) -> None:
    """Serve until asked to stop; see ``serve_adapter``."""
    await serve_adapter(ADAPTER, settings)
