"""Act 4: trouble."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from pathlib import Path

import orjson

from chanrong.cli.institution import load_files
from chanrong.cli.reconcile import run_jobs
from chanrong.demo.act1 import SUPPLIER
from chanrong.demo.institutions import reversed_at_tax
from chanrong.demo.scene import Scene
from chanrong.demo.trades import make_trades
from chanrong.demo.wait import until
from chanrong.demo.world import DAYS_BACK, SEED
from chanrong.sandbox import erp, lifecycle, processes
from chanrong.sandbox.clients import bank_of, connect, gateway_of, officer_of
from consortium.contract.figures import percent
from consortium.contract.names import FACE_VALUE_PPB
from consortium.documents import CreditNote, Invoice
from consortium.documents.canonical import document_bytes
from consortium.errors import ChanrongError
from consortium.rpc.client import call
from consortium.wire.chanrong.finance.v1 import finance_pb2, finance_pb2_grpc

KILL_TRADES = 30
KILL_SERIAL = 9_500


async def play(scene: Scene) -> None:
    """A forged bit, a reversed invoice, a revoked consent, a killed gateway, and what reconciliation says of it all."""
    scene.stage.act(4, "Trouble: forgery, reversal, revocation, a crash")
    await _forged(scene)
    await _reversed_at_tax(scene)
    await _reversed(scene)
    await _revoked(scene)
    await _killed(scene)
    await _reconciled(scene)


async def _forged(scene: Scene) -> None:
    package = Path(scene.package_file)
    content = await asyncio.to_thread(package.read_bytes)
    marker = content.index(b'"eligible":"') + len(b'"eligible":"')
    changed = content[:marker] + bytes([content[marker] ^ 1]) + content[marker + 1 :]
    forged = scene.layout.root / "demo" / "forged.json"
    forged.write_bytes(changed)
    code, printed = await scene.chanrong(
        "package", "verify", str(forged), "--trust", str(scene.layout.trust), "--json"
    )
    broken = [check for check in orjson.loads(printed)["checks"] if not check["ok"]] if printed else []
    scene.stage.refused(
        code == 4 and bool(broken),
        f"one bit of the package is changed: verification says so (exit code {code})",
        *(f"{check['check']}: {check['message']}" for check in broken),
    )


async def _reversed_at_tax(scene: Scene) -> None:
    """What was financed in the second act is reversed at tax (红冲), and nobody pushes a document about it."""
    stage, invoice = scene.stage, scene.world.twice.invoices[0]
    state = reversed_at_tax(invoice)
    file = scene.layout.root / "demo" / "reversed.jsonl"
    file.write_bytes(orjson.dumps(state) + b"\n")
    await load_files(scene.layout, scene.profile, "tax", [file], 0)
    began = time.monotonic()
    told = await _told(scene, "tax authority")
    stage.expect(
        told is not None,
        f"invoice {invoice.number}, financed, is reversed at tax (红冲): bank-a is told in"
        f" {time.monotonic() - began:.0f} s",
        told.state_reason if told else "nobody told it in time",
    )


async def _reversed(scene: Scene) -> None:
    """An invoice is financed, then taken back by a credit note: a fact, recorded and told, never refused."""
    stage, trade = scene.stage, scene.world.reversed_later
    invoice = trade.invoices[0]
    share = FACE_VALUE_PPB
    reserved = await scene.reserve("bank-a", scene.fingerprint(invoice), scene.consents["assess"], share)
    financed = await scene.finance("bank-a", reserved.claim.claim_id, scene.consents["monitor"])
    stage.expect(reserved.done and financed.done, f"bank-a finances invoice {invoice.number} in full")
    note = _full_credit(invoice, scene.world.today)
    await scene.push(SUPPLIER, [note])

    async def impaired() -> finance_pb2.Claim | None:
        claim = await scene.claim("bank-a", reserved.claim.claim_id)
        return claim if claim.asset_state == "impaired" else None

    claim = await until(impaired)
    stage.expect(
        claim is not None and claim.shortfall_ppb == FACE_VALUE_PPB,
        "the supplier takes it back with a credit note: recorded, never refused",
        f"the receivable is impaired, {percent(claim.shortfall_ppb)} short"
        if claim
        else "not recorded in time",
    )
    told = await _told(scene, "impaired")
    stage.expect(
        told is not None,
        f"the holder is told: package {scene.package_id[:12]} is {told.state if told else 'as it was'}",
        told.state_reason if told else "nobody told it in time",
    )


async def _told(scene: Scene, why: str) -> finance_pb2.PackageSummary | None:
    """The package, once it is reopened for this reason."""
    service = bank_of(scene.profile, "bank-a")
    async with connect(scene.layout, service, officer_of(service)) as link:
        stub = finance_pb2_grpc.PackageServiceStub(link)

        async def reopened() -> finance_pb2.PackageSummary | None:
            wanted = finance_pb2.GetPackageRequest(package_id=scene.package_id)
            summary = (await call(stub.GetPackage, wanted)).summary
            return summary if summary.state == "reopened" and why in summary.state_reason else None

        return await until(reopened)


def _full_credit(invoice: Invoice, today: dt.date) -> CreditNote:
    """A credit note over all of an invoice."""
    fields = orjson.loads(document_bytes(invoice))
    for name in ("due_date", "receiving_advice", "despatch_advice", "type_code", "kind", "fapiao"):
        fields.pop(name, None)
    fields |= {
        "kind": "credit_note",
        "number": f"{invoice.number}-R",
        "issue_date": today.isoformat(),
        "preceding_invoices": [{"number": invoice.number, "issue_date": invoice.issue_date.isoformat()}],
    }
    return CreditNote.model_validate(fields)


async def _revoked(scene: Scene) -> None:
    await scene.revoke(SUPPLIER, scene.consents["assess"])
    await scene.revoke(SUPPLIER, scene.consents["monitor"])
    try:
        await scene.package("bank-a", SUPPLIER)
    except ChanrongError as error:
        scene.stage.refused(
            error.reason == "CONSENT_MISSING",
            f"the supplier revokes its consents; bank-a asks again: {error.reason}",
            error.message,
        )
    else:
        scene.stage.refused(False, "a package was made without consent")


async def _killed(scene: Scene) -> None:
    """The gateway is killed right after it acknowledged; what it acknowledged is on the ledger once it is back."""
    stage = scene.stage
    trades = make_trades(
        SEED + 77,
        sellers=[scene.world.supplier],
        buyer=scene.world.buyer,
        trades=KILL_TRADES,
        start=scene.world.today - dt.timedelta(days=DAYS_BACK),
        first_serial=KILL_SERIAL,
    )
    documents = [d for d in trades.documents if d.kind in {"invoice", "despatch_advice"}]
    acknowledged = await scene.push(SUPPLIER, documents, wait=False)
    running = processes.find(scene.layout, "industry-a")
    if running is None:
        stage.expect(False, "industry-a was not running")
        return
    running.process.kill()
    running.process.wait(10)
    accepted = [r for r in acknowledged if r["status"] == "accepted"]
    stage.expect(
        len(accepted) == len(documents),
        f"{len(accepted)} documents acknowledged, then industry-a is killed (-9)",
    )
    with stage.waiting("industry-a starts again"):
        await lifecycle.restart(scene.layout, scene.profile, "industry-a")
    gateway = gateway_of(scene.profile, "industry-a")
    async with erp.session(scene.layout, gateway, scene.profile.party(SUPPLIER)) as client:

        async def all_there() -> list[str] | None:
            states = [
                (await client.request("GET", f"/v1/documents/{r['document_id']}"))["position"]["state"]
                for r in accepted
            ]
            return states if all(state == "registered" for state in states) else None

        states = await until(all_there)
    stage.expect(
        states is not None and len(states) == len(accepted),
        f"started again: all {len(accepted)} are on the ledger, each exactly once",
    )


async def _reconciled(scene: Scene) -> None:
    services = [*scene.profile.of_kind("industry"), *scene.profile.of_kind("finance")]
    results = await run_jobs(scene.layout, services, "")
    flat = [result for found in results.values() for result in found]
    rows, breaks = sum(result.rows for result in flat), sum(result.open for result in flat)
    height = max(result.block_height for result in flat)
    scene.stage.expect(
        all(result.state == "done" for result in flat) and not breaks,
        f"ledger and {len(results)} stores reconciled at block {height}: {rows:,} rows, {breaks} breaks",
    )
    code, printed = await scene.chanrong("ledger", "verify", "--dir", str(scene.layout.root))
    scene.stage.expect(
        code == 0,
        f"the ledger recomputed: {printed.strip().splitlines()[-1] if printed.strip() else 'no answer'}",
    )
