"""A bank's gateway on the real embedded ledger and real institutions; bodies come from a stand-in release service.

The services serve within the test's own loop. ``a_bank`` has one supplier with some trades, all registered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from chanrong.demo.trades import Trades, make_trades
from chanrong.sandbox.clients import tls_of
from consortium.documents import Document
from consortium.documents.party import primary_id
from consortium.errors import NotFoundError, UnavailableError
from consortium.identity.directory import OrgDirectory
from consortium.identity.trust import TrustRoots
from consortium.rpc.client import call
from consortium.rpc.server import GrpcService, Limits, allow
from consortium.wire.chanrong.documents.v1 import documents_pb2
from consortium.wire.chanrong.finance.v1 import finance_pb2 as pb
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc as rpc
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from finance_gateway.packages.verify import VerifyReport, verify_package
from tests.support.sandbox import Sandbox, consortium_in

PURPOSE = "credit_assessment"
FACE = 1_000_000_000
RELEASED_AT_ONCE = 200
"""Documents in one message of the stream."""


T = TypeVar("T")
WAIT_S = 30.0


async def until(ask: Callable[[], Awaitable[T | None]]) -> T:
    """What is waited for, once it is there."""
    async with asyncio.timeout(WAIT_S):
        while (found := await ask()) is None:
            await asyncio.sleep(0.02)
        return found


@dataclass
class Releases(industry_pb2_grpc.ReleaseServiceServicer):
    """Gives out what the test registered; the industry gateway's own checks have tests of their own."""

    bodies: dict[str, documents_pb2.DisclosedDocument]
    unknown: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    down: bool = False

    async def Release(self, request: Any, context: Any) -> AsyncIterator[industry_pb2.ReleaseResponse]:
        """Streams them."""
        self.asked.append(request.consent_id)
        if self.down:
            raise UnavailableError("Being repaired.")
        if request.subject in self.unknown:
            raise NotFoundError("No such subject here.", reason="SUBJECT_UNKNOWN")
        chosen = set(request.fingerprints)
        found = [body for fp, body in self.bodies.items() if not chosen or fp in chosen]
        for start in range(0, len(found), RELEASED_AT_ONCE):
            yield industry_pb2.ReleaseResponse(documents=found[start : start + RELEASED_AT_ONCE])


@dataclass
class Bank:
    """A running consortium with one supplier and some trades."""

    sandbox: Sandbox
    trades: Trades
    supplier: str
    releases: Releases

    @property
    def invoices(self) -> list[Document]:
        """All invoices."""
        return list(self.trades.invoices)

    def fingerprint(self, document: Document) -> str:
        """A document's primary key."""
        return self.sandbox.keys.fingerprint(document)

    @property
    def subject(self) -> str:
        """The supplier's ledger handle."""
        return self.sandbox.handle(self.supplier)

    async def consent(self, bank: str = "bank-a", scope: str = "assess", **changes: Any) -> str:
        """A consent of the supplier to a bank."""
        recipient = self.sandbox.profile.service(bank).msp_id
        return await self.sandbox.consent(self.subject, recipient, scope, **changes)

    async def package(self, bank: str = "bank-a", **fields: Any) -> pb.RequestPackageResponse:
        """Asks for a package on the supplier."""
        wanted = pb.RequestPackageRequest(**({"subject": self.subject, "purpose": PURPOSE} | fields))
        async with self.sandbox.as_officer(bank) as link:
            return await call(rpc.PackageServiceStub(link).RequestPackage, wanted, timeout_s=60)

    async def summary(self, package_id: str, bank: str = "bank-a") -> pb.PackageSummary:
        """A package as it is now."""
        async with self.sandbox.as_officer(bank) as link:
            wanted = pb.GetPackageRequest(package_id=package_id)
            return (await call(rpc.PackageServiceStub(link).GetPackage, wanted)).summary

    async def financing(self, bank: str, method: str, request: Any) -> Any:
        """A call of the financing service, as the bank's officer."""
        async with self.sandbox.as_officer(bank) as link:
            return await call(getattr(rpc.FinancingServiceStub(link), method), request)

    async def reserve(
        self, bank: str, document: Document | str, consent: str, share: int = FACE, key: str = ""
    ) -> pb.ClaimResult:
        """Reserves a share of one receivable."""
        fingerprint = document if isinstance(document, str) else self.fingerprint(document)
        item = pb.ReserveItem(fingerprint=fingerprint, share_ppb=share, consent_id=consent)
        wanted = pb.ReserveRequest(items=[item], idempotency_key=key)
        answer: pb.ReserveResponse = await self.financing(bank, "Reserve", wanted)
        return answer.results[0]

    async def finance(self, bank: str, claim_id: str, consent: str, key: str = "") -> pb.ClaimResult:
        """Turns a reservation into a loan."""
        wanted = pb.FinanceRequest(claim_id=claim_id, monitor_consent_id=consent, idempotency_key=key)
        answer: pb.FinanceResponse = await self.financing(bank, "Finance", wanted)
        return answer.result

    async def release(
        self, bank: str, claim_id: str, reason: str = "repaid", key: str = ""
    ) -> pb.ClaimResult:
        """Gives a claim up."""
        wanted = pb.ReleaseRequest(claim_id=claim_id, reason=reason, idempotency_key=key)
        answer: pb.ReleaseResponse = await self.financing(bank, "Release", wanted)
        return answer.result

    async def settle(self, bank: str, claim_id: str, share: int = 0, key: str = "") -> pb.ClaimResult:
        """Says that a claim was paid."""
        wanted = pb.SettleRequest(claim_id=claim_id, share_ppb=share, idempotency_key=key)
        answer: pb.SettleResponse = await self.financing(bank, "Settle", wanted)
        return answer.result

    async def claims(self, bank: str, fingerprint: str = "") -> list[pb.Claim]:
        """A bank's claims."""
        return list(
            (await self.financing(bank, "ListClaims", pb.ListClaimsRequest(fingerprint=fingerprint))).claims
        )

    def verify(self, data: bytes, at: int | None = None) -> VerifyReport:
        """Checks a package with the sandbox's trust folder."""
        return verify_package(data, TrustRoots.load(self.sandbox.layout.trust), at=at)


@asynccontextmanager
async def releasing(
    sandbox: Sandbox, name: str, bodies: dict[str, documents_pb2.DisclosedDocument]
) -> AsyncIterator[Releases]:
    """A stand-in for one industry gateway."""
    releases = Releases(bodies)
    service = GrpcService(
        name,
        sandbox.profile.service(name).grpc,
        tls_of(sandbox.layout, name),
        OrgDirectory.load(sandbox.layout.directory),
        {"/chanrong.industry.v1.ReleaseService/Release": allow("gateway")},
        limits=Limits(),
    )
    service.add(industry_pb2_grpc.add_ReleaseServiceServicer_to_server, releases)
    await service.start()
    try:
        yield releases
    finally:
        await service.stop(0.1)


@asynccontextmanager
async def a_bank(
    folder: Path, *, trades: int = 6, linked: bool = False, start: tuple[str, ...] = (), **options: Any
) -> AsyncIterator[Bank]:
    """One industry gateway, two banks, a supplier with trades.

    :param linked: invoices are linked to their orders on the ledger
    :param start: the banks' gateways that run
    """
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(consortium_in(folder, "ledger", "adapter", **options))
        made = make_trades(7, sellers=1, trades=trades, confirmed_percent=100)
        supplier = str(primary_id(made.sellers[0]))
        await sandbox.join(supplier)
        for start_at in range(0, len(made.documents), 1000):
            await sandbox.register(*made.documents[start_at : start_at + 1000], linked=linked)
        releases = await stack.enter_async_context(releasing(sandbox, "industry-a", sandbox.bodies))
        for name in start:
            await stack.enter_async_context(sandbox.finance(name))
        yield Bank(sandbox, made, supplier, releases)
