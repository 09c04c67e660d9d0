"""Act 1: one bank alone already gains."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

import orjson

from chanrong.cli.institution import load_files
from chanrong.cli.output import kind_of
from chanrong.cli.package_view import money
from chanrong.demo.institutions import write_institution_files
from chanrong.demo.scene import Json, Scene, receivable
from chanrong.demo.wait import until
from consortium.documents import Document, Party
from consortium.documents.roles import issuer_of
from consortium.wire.chanrong.finance.v1 import finance_pb2

BUYER = "core-enterprise"
SUPPLIER = "supplier"
OUTCOMES = {
    "PASS": "pass",
    "WARN": "warn",
    "FAIL": "fail",
    "UNKNOWN": "unknown",
    "NOT_APPLICABLE": "do not apply",
}


async def play(scene: Scene) -> None:
    """Documents in, on the ledger, a package out, checked offline."""
    stage = scene.stage
    stage.act(1, "One bank alone already gains")
    await _join(scene)
    await _institutions(scene)
    await _push(scene)
    scene.consents["assess"] = await scene.consent(SUPPLIER, "bank-a")
    stage.expect(True, f"the supplier consents: bank-a may look ({scene.consents['assess'][:12]})")
    payload = await _package(scene)
    _frauds(scene, payload)
    await _verify(scene)


async def _join(scene: Scene) -> None:
    world = scene.world
    await scene.join(BUYER, world.buyer, "industry-a")
    for number, seller in enumerate(world.ordinary.sellers):
        await scene.join(SUPPLIER if number == 0 else f"{SUPPLIER}-{number + 1}", seller, "industry-a")
    scene.stage.tell(f"supplier         {world.supplier.name}")
    scene.stage.tell(f"core enterprise  {world.buyer.name}")


async def _institutions(scene: Scene) -> None:
    files = write_institution_files(scene.world, scene.layout.root / "demo")
    loaded: dict[str, int] = {}
    refused = 0
    for name, paths in files.items():
        found = await load_files(scene.layout, scene.profile, name, paths, 0)
        loaded[name] = sum(result.loaded for result in found.values())
        refused += sum(len(result.problems) for result in found.values())
    said = ", ".join(f"{name} {number}" for name, number in loaded.items())
    scene.stage.expect(not refused, f"the institutions know their part: {said} records")


async def _push(scene: Scene) -> None:
    """Suppliers push UBL, the core enterprise pushes JSON, all at once."""
    by_issuer: dict[str, list[Document]] = {}
    aliases = {tuple(map(str, p.identifiers)): a for a, p in _parties(scene).items()}
    for document in scene.world.documents():
        alias = aliases[tuple(map(str, issuer_of(document).identifiers))]
        by_issuer.setdefault(alias, []).append(document)
    began = time.monotonic()
    with scene.stage.waiting("pushing documents"):
        pushed = await asyncio.gather(
            *(scene.push(alias, documents, as_json=alias == BUYER) for alias, documents in by_issuer.items())
        )
    seconds = time.monotonic() - began
    results = [result for found in pushed for result in found]
    states = Counter(_state(result) for result in results)
    transactions = {r["position"].get("transaction_id") for r in results if r.get("position")}
    kinds = Counter(str(result["kind"]) for result in results)
    scene.stage.expect(
        states == {"registered": len(results)},
        f"{len(results)} documents (UBL and JSON, in any order) are {_said(states)}",
        ", ".join(f"{number} {kind_of(kind, number)}" for kind, number in kinds.most_common()),
        f"{seconds:.1f} s from first push to last commit: {len(results) / seconds:,.0f} documents/s,"
        f" {len(transactions)} transactions",
        "on the ledger: fingerprints and commitments; no names, no amounts",
    )
    confirmed = kinds.get("debtor_confirmation", 0)
    scene.stage.expect(confirmed > 0, f"the core enterprise confirmed {confirmed} payables (确权)")


def _said(states: Mapping[str, int]) -> str:
    if set(states) == {"registered"}:
        return "on the ledger"
    return ", ".join(f"{number} {state}" for state, number in states.items())


def _state(result: Json) -> str:
    return str(result.get("position", {}).get("state") or result["status"])


def _parties(scene: Scene) -> dict[str, Party]:
    sellers = scene.world.ordinary.sellers
    named = {SUPPLIER if i == 0 else f"{SUPPLIER}-{i + 1}": seller for i, seller in enumerate(sellers)}
    return {BUYER: scene.world.buyer, **named}


async def _current_package(scene: Scene) -> tuple[finance_pb2.PackageSummary, Json, bytes]:
    """A package that is still valid when it arrives.

    Links between the documents just pushed may still be on their way to the ledger; each reopens a package that rests
    on them, and a loan officer would ask again.
    """

    async def valid() -> tuple[finance_pb2.PackageSummary, Json, bytes] | None:
        made = await scene.package("bank-a", SUPPLIER)
        return made if made[0].state == "valid" else None

    return await until(valid) or await scene.package("bank-a", SUPPLIER)


async def _package(scene: Scene) -> Json:
    began = time.monotonic()
    with scene.stage.waiting("asking for a credit package"):
        summary, payload, content = await _current_package(scene)
    seconds = time.monotonic() - began
    path = scene.layout.root / "demo" / "package.json"
    path.write_bytes(content)
    scene.package_file, scene.package_id = str(path), summary.package_id
    documents = len(payload["evidence"]["documents"])
    findings = Counter(finding["outcome"] for finding in payload["findings"])
    answered = [source["source"] for source in payload["sources"] if source["state"] == "answered"]
    said = ", ".join(f"{number} {OUTCOMES.get(name, name)}" for name, number in findings.most_common())
    scene.stage.expect(
        summary.state == "valid" and {"tax", "bank", "credit", "registry", "ledger"} <= set(answered),
        f"bank-a gets a credit package over {documents} documents in {seconds:.1f} s",
        f"answered: {', '.join(answered)}",
        f"{len(payload['findings'])} findings: {said}",
    )
    total = payload["summary"]["totals"].get("CNY", {"eligible": "0", "face": "0"})
    counts = payload["summary"]["counts"]
    scene.stage.expect(
        Decimal(total["eligible"]) > 0,
        f"eligible {money(total['eligible'])} CNY of {money(total['face'])}",
        f"{counts['eligible']} receivables eligible, {counts['refer']} to refer, {counts['excluded']} excluded",
        style="bold",
    )
    return payload


def _frauds(scene: Scene, payload: Json) -> None:
    world = scene.world
    for trade, rule in (
        (world.unknown_to_tax, "INV_AUTHENTIC"),
        (world.over_received, "MATCH_QTY"),
        (world.paid, "CASH_CLOSURE"),
    ):
        found = receivable(payload, scene.fingerprint(trade.invoices[0]))
        named = [reason for reason in found["reasons"] if reason["code"].startswith(rule)]
        reason = (named or found["reasons"] or [{"code": "no reason given", "message": ""}])[0]
        scene.stage.refused(
            found["decision"] == "excluded" and bool(named),
            f"{found['number']} is {found['decision']}: {reason['code']}",
            reason["message"],
        )


async def _verify(scene: Scene) -> None:
    code, printed = await scene.chanrong(
        "package", "verify", scene.package_file, "--trust", str(scene.layout.trust), "--json"
    )
    report = orjson.loads(printed) if printed else {"checks": [], "notices": []}
    held = [check for check in report["checks"] if check["ok"]]
    told = {check["check"]: check["message"] for check in held}
    scene.stage.expect(
        code == 0 and len(held) == len(report["checks"]),
        f"checked offline, without network or store: {len(held)} checks hold",
        *(f"{name}: {told[name]}" for name in ("ledger", "agreement", "replay") if name in told),
        *(f"it says itself: {notice}" for notice in report["notices"] if "embedded" in notice),
    )
