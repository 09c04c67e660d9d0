"""A package over many documents, with all institutions answering, and its verification."""

from __future__ import annotations

import asyncio
import secrets
import time
from pathlib import Path

import orjson

from chanrong.cli.consent import grant_consent
from chanrong.cli.institution import load_files
from chanrong.cli.package import request_package
from chanrong.demo.trades import Trades
from chanrong.sandbox import erp
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, load_profile
from consortium.documents.canonical import document_bytes
from consortium.documents.party import primary_id
from consortium.identity.trust import TrustRoots
from consortium.wire.chanrong.finance.v1 import finance_pb2
from finance_gateway.packages.verify import verify_package
from tests.bench import documents
from tests.bench.gateway import PER_PUSH, supplier

PURPOSE = "credit_assessment"
WAIT_S = 60.0
RUNS = 3


async def make(layout: Layout, profile: Profile, count: int) -> tuple[int, float, float]:
    """Number of documents, seconds to make the package, seconds to verify it; medians of three."""
    trades = documents.trades(count // documents.DOCUMENTS_PER_TRADE)
    party = await supplier(layout, trades)
    profile = load_profile(layout)
    gateway = profile.of_kind("industry")[0]
    async with erp.session(layout, gateway, party) as client:
        for chunk in documents.chunks(trades.documents, PER_PUSH):
            body = b"".join(document_bytes(document) + b"\n" for document in chunk)
            answer = await client.push(body, "application/x-ndjson", idempotency_key=secrets.token_hex(16))
            await client.wait_push(answer["push_id"], WAIT_S)
    await _teach(layout, profile, trades)
    bank = profile.of_kind("finance")[0]
    await grant_consent(
        layout, profile, party, bank_msp=bank.msp_id, purpose=PURPOSE, scope="assess", fields=["*"], days=30
    )
    made, checked = [], []
    trust = TrustRoots.load(layout.trust)
    for _ in range(RUNS):
        began = time.perf_counter()
        wanted = finance_pb2.RequestPackageRequest(subject=party.handle, purpose=PURPOSE)
        package = await request_package(layout, profile, bank.name, wanted)
        made.append(time.perf_counter() - began)
        began = time.perf_counter()
        report = await asyncio.to_thread(verify_package, package.package, trust)
        checked.append(time.perf_counter() - began)
        assert report.ok, report.checks
    size = len(orjson.loads(package.package)["payload"]["evidence"]["documents"])
    return size, sorted(made)[RUNS // 2], sorted(checked)[RUNS // 2]


async def _teach(layout: Layout, profile: Profile, trades: Trades) -> None:
    folder = layout.root / "bench"
    folder.mkdir(exist_ok=True)
    tax = folder / "tax.ndjson"
    tax.write_bytes(b"".join(document_bytes(invoice) + b"\n" for invoice in trades.invoices))
    credit = folder / "credit.json"
    report = {
        "subject_id": str(primary_id(trades.sellers[0])),
        "current_overdue_days": 0,
        "past_overdue_count": 0,
        "under_enforcement": False,
        "liabilities": "0",
        "currency": "CNY",
    }
    credit.write_bytes(orjson.dumps(report))
    for name, path in (("tax", tax), ("credit", credit)):
        await _load(layout, profile, name, path)


async def _load(layout: Layout, profile: Profile, name: str, path: Path) -> None:
    found = await load_files(layout, profile, name, [path], 0)
    assert not any(result.problems for result in found.values()), found
