"""A bank's gateway on the real embedded ledger and real institutions; bodies come from a stand-in release service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chanrong.demo.trades import Trades, make_trades
from chanrong.sandbox.clients import tls_of
from consortium.documents import Document
from consortium.documents.party import primary_id
from consortium.errors import NotFoundError, UnavailableError
from consortium.identity.directory import OrgDirectory
from consortium.rpc.server import GrpcService, allow
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from tests.support.sandbox import Sandbox, consortium_in


class Releases(industry_pb2_grpc.ReleaseServiceServicer):
    """Gives out what the test registered; the industry gateway's own checks have tests of their own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.unknown: set[str] = set()
        self.asked: list[str] = []
        self.down = False

    async def Release(self, request: Any, context: Any) -> AsyncIterator[industry_pb2.ReleaseResponse]:
        self.asked.append(request.consent_id)
        if self.down:
            raise UnavailableError("Being repaired.")
        if request.subject in self.unknown:
            raise NotFoundError("No such subject here.", reason="SUBJECT_UNKNOWN")
        yield industry_pb2.ReleaseResponse(documents=list(self.sandbox.bodies.values()))


@dataclass
class Bank:
    """A running consortium with one supplier and some trades."""

    sandbox: Sandbox
    trades: Trades
    supplier: str
    releases: Releases

    @property
    def invoices(self) -> list[Document]:
        return list(self.trades.invoices)

    def fingerprint(self, document: Document) -> str:
        return self.sandbox.keys.fingerprint(document)

    @property
    def subject(self) -> str:
        return self.sandbox.handle(self.supplier)


@asynccontextmanager
async def a_bank(folder: Path, *, trades: int = 6, **options: Any) -> AsyncIterator[Bank]:
    async with consortium_in(folder, "ledger", "adapter", **options) as sandbox:
        made = make_trades(7, sellers=1, trades=trades, confirmed_percent=100)
        supplier = str(primary_id(made.sellers[0]))
        await sandbox.join(supplier)
        await sandbox.register(*made.documents)
        releases = Releases(sandbox)
        industry = sandbox.profile.service("industry-a")
        service = GrpcService(
            "industry-a",
            industry.grpc,
            tls_of(sandbox.layout, "industry-a"),
            OrgDirectory.load(sandbox.layout.directory),
            {"/chanrong.industry.v1.ReleaseService/Release": allow("gateway")},
        )
        service.add(industry_pb2_grpc.add_ReleaseServiceServicer_to_server, releases)
        await service.start()
        try:
            yield Bank(sandbox, made, supplier, releases)
        finally:
            await service.stop(0.1)


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    async with a_bank(tmp_path) as made:
        for name in ("bank-a", "bank-b"):
            await made.sandbox.start_finance(name)
        yield made
