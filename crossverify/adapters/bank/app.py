"""The process of the reference bank (银行): the only file that puts its parts together."""

from __future__ import annotations

from typing import Final

from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.bank import store
from crossverify.adapters.bank.load import BankLoader
from crossverify.adapters.bank.service import BankService
from crossverify.adapters.bank.settings import BankSettings
from crossverify.adapters.serving import Adapter, serve_adapter

ADAPTER: Final = Adapter(
    source="bank",
    tables=store.METADATA,
    service="BankSourceService",
    questions=("FindPayments", "StreamPayments", "CheckAccounts", "GetFlows"),
    add=rpc.add_BankSourceServiceServicer_to_server,
    answers=BankService,
    loader=BankLoader,
)


async def serve(settings: BankSettings) -> None:
    """Serve until asked to stop; see ``serve_adapter``."""
    await serve_adapter(ADAPTER, settings)
