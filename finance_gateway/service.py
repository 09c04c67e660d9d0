"""The gRPC side: thin servicers over the use cases, and who may call what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from grpc import aio

from consortium.reconcile.service import METHODS as RECONCILIATION_METHODS
from consortium.rpc.client import AFTER_HEADER
from consortium.rpc.guard import current_caller
from consortium.rpc.permissions import Permission, allow
from consortium.wire.chanrong.finance.v1 import finance_pb2 as pb
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc as rpc
from finance_gateway.financing.store import ClaimRow
from finance_gateway.financing.usecase import ClaimOutcome, Financing, ReserveItem
from finance_gateway.packages.store import PackageRow
from finance_gateway.packages.usecase import PackageRequest, Packages
from finance_gateway.packages.watch import Watchers

Context = aio.ServicerContext[Any, Any]


def permissions(msp_id: str) -> dict[str, Permission]:
    """Who may call which method: the bank's own people and nobody else."""
    own = {msp_id}
    packages = "/chanrong.finance.v1.PackageService/"
    financing = "/chanrong.finance.v1.FinancingService/"
    table = {
        packages + name: allow("bank", "operator", orgs=own)
        for name in ("RequestPackage", "GetPackage", "ListPackages", "WatchPackages")
    }
    table |= {
        financing + name: allow("bank", orgs=own) for name in ("Reserve", "Finance", "Release", "Settle")
    }
    table[financing + "ListClaims"] = allow("bank", "operator", orgs=own)
    return table | {method: allow("operator", orgs=own) for method in RECONCILIATION_METHODS}


class PackageService(rpc.PackageServiceServicer):
    """Packages."""

    def __init__(self, packages: Packages, watchers: Watchers) -> None:
        self._packages = packages
        self._watchers = watchers

    async def RequestPackage(
        self, request: pb.RequestPackageRequest, context: Context
    ) -> pb.RequestPackageResponse:
        """Makes a package."""
        wanted = PackageRequest(
            subject=request.subject,
            purpose=request.purpose,
            consent_id=request.consent_id,
            profile=request.profile,
            fingerprints=tuple(request.fingerprints),
            idempotency_key=request.idempotency_key,
            supersedes=request.supersedes,
            stage=request.stage,
        )
        row, content = await self._packages.request(wanted, current_caller())
        return pb.RequestPackageResponse(summary=summary(row), package=content)

    async def GetPackage(self, request: pb.GetPackageRequest, context: Context) -> pb.GetPackageResponse:
        """Gives a package."""
        row, content = await self._packages.get(request.package_id)
        return pb.GetPackageResponse(summary=summary(row), package=content)

    async def ListPackages(
        self, request: pb.ListPackagesRequest, context: Context
    ) -> pb.ListPackagesResponse:
        """Lists packages."""
        rows = await self._packages.listed(request.subject, request.limit)
        return pb.ListPackagesResponse(packages=[summary(row) for row in rows])

    async def WatchPackages(
        self, request: pb.WatchPackagesRequest, context: Context
    ) -> AsyncIterator[pb.WatchPackagesResponse]:
        """Follows packages until the caller leaves. After which event it begins stands in the stream's header, so
        that a stream that breaks before its first event can be taken up where it began, too.
        """
        after = request.after_sequence or await self._watchers.latest()
        await context.send_initial_metadata(((AFTER_HEADER, str(after)),))
        # Closed at once when the caller leaves: a watcher takes a place.
        async with aclosing(self._watchers.watch(after, request.package_id)) as events:
            async for event, row in events:
                yield pb.WatchPackagesResponse(
                    sequence=event.sequence, event=event.event, summary=summary(row), reason=event.reason
                )


class FinancingService(rpc.FinancingServiceServicer):
    """Claims."""

    def __init__(self, financing: Financing) -> None:
        self._financing = financing

    async def Reserve(self, request: pb.ReserveRequest, context: Context) -> pb.ReserveResponse:
        """Reserves shares."""
        items = [
            ReserveItem(item.fingerprint, item.share_ppb, item.consent_id, item.duration_seconds)
            for item in request.items
        ]
        outcomes = await self._financing.reserve(items, request.idempotency_key, current_caller())
        return pb.ReserveResponse(results=[outcome_message(item) for item in outcomes])

    async def Finance(self, request: pb.FinanceRequest, context: Context) -> pb.FinanceResponse:
        """Finances a claim."""
        outcome = await self._financing.finance(
            request.claim_id, request.monitor_consent_id, request.idempotency_key, current_caller()
        )
        return pb.FinanceResponse(result=outcome_message(outcome))

    async def Release(self, request: pb.ReleaseRequest, context: Context) -> pb.ReleaseResponse:
        """Gives a claim up."""
        outcome = await self._financing.release(
            request.claim_id, request.reason, request.idempotency_key, current_caller()
        )
        return pb.ReleaseResponse(result=outcome_message(outcome))

    async def Settle(self, request: pb.SettleRequest, context: Context) -> pb.SettleResponse:
        """Settles a claim."""
        outcome = await self._financing.settle(
            request.claim_id, request.share_ppb, request.idempotency_key, current_caller()
        )
        return pb.SettleResponse(result=outcome_message(outcome))

    async def ListClaims(self, request: pb.ListClaimsRequest, context: Context) -> pb.ListClaimsResponse:
        """Lists claims."""
        rows = await self._financing.listed(request.fingerprint)
        return pb.ListClaimsResponse(claims=[claim_message(row) for row in rows])


def summary(row: PackageRow) -> pb.PackageSummary:
    """What a list shows of a package."""
    counts = row.summary.get("counts", {})
    totals = row.summary.get("totals", {})
    return pb.PackageSummary(
        package_id=row.package_id,
        subject=row.subject,
        purpose=row.purpose,
        state=row.stage,
        eligible=[pb.Money(amount=amounts["eligible"], currency=c) for c, amounts in sorted(totals.items())],
        eligible_count=counts.get("eligible", 0),
        refer_count=counts.get("refer", 0),
        excluded_count=counts.get("excluded", 0),
        evaluated_unix=row.evaluated_at,
        valid_until_unix=row.valid_until,
        digest=row.digest,
        anchor_transaction_id=row.anchor_txid,
        profile=row.profile,
        state_reason=row.state_reason,
    )


def claim_message(row: ClaimRow) -> pb.Claim:
    """A claim as the interface shows it."""
    return pb.Claim(
        claim_id=row.claim_id,
        fingerprint=row.asset,
        share_ppb=row.share,
        state=row.state,
        expires_unix=row.expires,
        asset_state=row.asset_state,
        shortfall_ppb=row.shortfall,
        settled_ppb=row.settled,
    )


def outcome_message(outcome: ClaimOutcome) -> pb.ClaimResult:
    """What became of an operation, as the interface shows it."""
    return pb.ClaimResult(
        claim=claim_message(outcome.claim),
        done=outcome.done,
        reason=outcome.reason,
        message=outcome.message,
        free_ppb=outcome.free,
        transaction_id=outcome.txid,
    )
