"""Act 1: one bank alone already gains."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from decimal import Decimal

import orjson

from chanrong.cli.institution import load_files
from chanrong.cli.package_view import money
from chanrong.demo.scene import Json, Scene, reason_codes, receivable
from chanrong.demo.wait import until
from chanrong.demo.world import write_institution_files
from consortium.documents import Document, Party
from consortium.documents.roles import issuer_of
from consortium.wire.chanrong.finance.v1 import finance_pb2

BUYER = "core-enterprise"
SUPPLIER = "supplier"


async def play(scene: Scene) -> None:
    """Documents in, on the ledger, a package out, checked offline."""
    stage = scene.stage
    stage.act("Act 1", "One bank, one industry gateway: what a single bank gains without any other member")
    await _join(scene)
    await _institutions(scene)
    await _push(scene)
    scene.consents["assess"] = await scene.consent(SUPPLIER, "bank-a")
    stage.expect(True, f"the supplier signs a consent for bank-a to look: {scene.consents['assess'][:12]}…")
    payload = await _package(scene)
    _frauds(scene, payload)
    await _verify(scene)


async def _join(scene: Scene) -> None:
    world = scene.world
    await scene.join(BUYER, world.buyer, "industry-a")
    for number, seller in enumerate(world.ordinary.sellers):
        await scene.join(SUPPLIER if number == 0 else f"{SUPPLIER}-{number + 1}", seller, "industry-a")
    scene.stage.tell(f"supplier: {world.supplier.name}; core enterprise: {world.buyer.name}")


async def _institutions(scene: Scene) -> None:
    files = write_institution_files(scene.world, scene.layout.root / "demo")
    loaded: dict[str, int] = {}
    refused = 0
    for name, paths in files.items():
        found = await load_files(scene.layout, scene.profile, name, paths, 0)
        loaded[name] = sum(result.loaded for result in found.values())
        refused += sum(len(result.problems) for result in found.values())
    said = ", ".join(f"{name} {number} records" for name, number in loaded.items())
    scene.stage.expect(not refused, f"institutions know their part: {said}")


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
    scene.stage.tell(", ".join(f"{number} {kind.replace('_', ' ')}s" for kind, number in kinds.most_common()))
    scene.stage.expect(
        states == {"registered": len(results)},
        f"{len(results)} documents (UBL and JSON, in any order) are on the ledger: {dict(states)}",
    )
    scene.stage.tell(
        f"{seconds:.1f} s from the first push to the last commit, {len(results) / seconds:,.0f} documents/s, in "
        f"{len(transactions)} packed transactions; only fingerprints and commitments are on the ledger"
    )
    confirmed = kinds.get("debtor_confirmation", 0)
    scene.stage.expect(confirmed > 0, f"the core enterprise confirmed {confirmed} payables (确权)")


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
    scene.stage.expect(
        summary.state == "valid" and {"tax", "bank", "credit", "ledger"} <= set(answered),
        f"bank-a gets a package over {documents} documents in {seconds:.2f} s; answered: {', '.join(answered)}",
    )
    said = ", ".join(f"{number} {name.lower().replace('_', ' ')}" for name, number in findings.most_common())
    scene.stage.tell(f"{len(payload['findings'])} findings: {said}")
    total = payload["summary"]["totals"].get("CNY", {"eligible": "0", "face": "0"})
    counts = payload["summary"]["counts"]
    scene.stage.expect(
        Decimal(total["eligible"]) > 0,
        f"[bold]eligible {money(total['eligible'])} CNY[/bold] of {money(total['face'])} face value: "
        f"{counts['eligible']} eligible, {counts['refer']} for a person, {counts['excluded']} excluded",
    )
    return payload


def _frauds(scene: Scene, payload: Json) -> None:
    world = scene.world
    forged = receivable(payload, scene.fingerprint(world.unknown_to_tax.invoices[0]))
    scene.stage.refused(
        forged["decision"] == "excluded" and any(c.startswith("INV_AUTHENTIC") for c in reason_codes(forged)),
        f"invoice {forged['number']}: {forged['decision']}, {_first(forged)}",
    )
    over = receivable(payload, scene.fingerprint(world.over_received.invoices[0]))
    scene.stage.refused(
        over["decision"] == "excluded" and any(c.startswith("MATCH_QTY") for c in reason_codes(over)),
        f"invoice {over['number']}: {over['decision']}, {_first(over, 'MATCH_QTY')}",
    )
    paid = receivable(payload, scene.fingerprint(world.paid.invoices[0]))
    scene.stage.refused(
        paid["decision"] == "excluded", f"invoice {paid['number']}: {paid['decision']}, {_first(paid)}"
    )


def _first(item: Json, code: str = "") -> str:
    chosen = [r for r in item["reasons"] if r["code"].startswith(code)] or item["reasons"]
    return f"{chosen[0]['code']}: {chosen[0]['message']}" if chosen else "no reason given"


async def _verify(scene: Scene) -> None:
    code, printed = await scene.chanrong(
        "package", "verify", scene.package_file, "--trust", str(scene.layout.trust), "--json"
    )
    report = orjson.loads(printed) if printed else {"checks": [], "notices": []}
    held = [check for check in report["checks"] if check["ok"]]
    scene.stage.expect(
        code == 0 and len(held) == len(report["checks"]),
        f"checked offline, in a process without network or store: {len(held)} checks hold, exit code {code}",
    )
    for check in held:
        if check["check"] in {"ledger", "agreement", "replay"}:
            scene.stage.tell(f"{check['check']}: {check['message']}")
    for notice in report["notices"]:
        if "embedded" in notice:
            scene.stage.tell(f"it says itself: {notice}")
