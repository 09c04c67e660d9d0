"""The table on a real Fabric network of two organisations: an industry gateway's and one bank's.

Ratios are medians over rounds in which the candidates take turns, so that the machine's drift cancels. One round:

1. with the gateways down, so that they cost the bare clients nothing: one document per transaction with 50 clients, and
   one at a time, by the official client and by ours; the raw packed limit;
2. with the gateways up: one document alone, then many, from the ERP's push on.

Then the signed read and its verification, and the memory of every process over all of it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

from chanrong.sandbox import lifecycle
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.processes import stop
from chanrong.sandbox.profile import Profile, Service
from tests.bench import clients, gateway, lone, processes, raw, signed_read
from tests.bench.commits import Commits, watching
from tests.bench.figure import Report
from tests.bench.requests import pack, register_items
from tests.bench.target import Target

ROUNDS = 3
CLIENTS = 50
SINGLE_DOCUMENTS = 750
GATEWAY_DOCUMENTS = 20_000
RAW_DOCUMENTS = 20_000
LONE_DOCUMENTS = 20
LEAST_LONE = 5
READ_DOCUMENTS = 1_000
TITLE = "Chanrong on Hyperledger Fabric, two organisations, two cores, one run"
SINGLE_WARM_UP = 100
CHAINCODE_MB = 150
GATEWAY_MB = 250


@dataclass
class Run:
    """What the rounds have brought so far.

    :ivar rates: documents per second by candidate, round by round
    :ivar lone: median seconds of a lone document by candidate, round by round
    """

    layout: Layout
    profile: Profile
    target: Target
    watch: processes.Watch
    commits: Commits
    report: Report
    divide: int
    rates: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    lone: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    fingerprints: list[str] = field(default_factory=list)

    def ratio(self, figures: dict[str, list[float]], one: str, other: str) -> float:
        """Median of the rounds' ratios."""
        return median(a / b for a, b in zip(figures[one], figures[other], strict=True))


async def measure(layout: Layout, profile: Profile, report: Report, divide: int) -> None:
    """Measures everything."""
    target, watch = Target.of(layout, profile), processes.Watch(layout)
    official = clients.official()
    async with watch.watching(), watching(target) as commits:
        run = Run(layout, profile, target, watch, commits, report, divide)
        for _ in range(ROUNDS):
            await _bare(run, official)
            await _whole(run)
        _rates(run)
        _latencies(run)
        await _read(run)
    for name, megabytes in watch.megabytes.items():
        most = {"chaincode": CHAINCODE_MB, "industry": GATEWAY_MB, "finance": GATEWAY_MB}.get(
            profile.services[name].kind
        )
        aim, reached = (f"< {most} MB", megabytes < most) if most else ("", None)
        report.note(f"memory of {name}, peak", f"{megabytes:.0f} MB", megabytes, aim, reached)


async def _bare(run: Run, official: tuple[str, ...]) -> None:
    """Step 1 of a round."""
    for service in _gateways(run):
        await asyncio.to_thread(stop, run.layout, service.name)
    candidates = {"official client": official, "our client": clients.OURS}
    count = SINGLE_DOCUMENTS // run.divide
    for name, command in candidates.items():
        before = run.watch.cpu_s()
        written = await _single(run, command, count + SINGLE_WARM_UP, CLIENTS, SINGLE_WARM_UP)
        run.rates[name].append(count / (written.ended - written.began))
        _spent(run, name, before, count + SINGLE_WARM_UP, client=written.cpu)
    for name, command in candidates.items():
        alone = max(LEAST_LONE, LONE_DOCUMENTS // run.divide)
        written = await _single(run, command, alone + lone.WARM_UP, 1, lone.WARM_UP)
        run.lone[name].append(written.p50)
    before = run.watch.cpu_s()
    count = RAW_DOCUMENTS // run.divide
    rate, written, run.fingerprints = await raw.push(run.layout, run.target, run.commits, count)
    run.rates["raw"].append(rate)
    _spent(run, "raw", before, count + raw.WARM_UP * raw.PER_TRANSACTION, client=written.cpu)


async def _whole(run: Run) -> None:
    """Step 2 of a round. The lone documents come first: once the gateway tells of them, it has seen all blocks."""
    for service in _gateways(run):
        await lifecycle.restart(run.layout, run.profile, service.name)
    times = await lone.push(run.layout, run.profile, max(LEAST_LONE, LONE_DOCUMENTS // run.divide))
    await run.commits.wait(len(times) + lone.WARM_UP)
    run.lone["gateway"].append(median(times))
    before = run.watch.cpu_s()
    count = GATEWAY_DOCUMENTS // run.divide
    run.rates["gateway"].append(await gateway.push(run.layout, run.profile, run.commits, count))
    _spent(run, "gateway", before, count + gateway.WARM_UP)


def _gateways(run: Run) -> list[Service]:
    return [*run.profile.of_kind("industry"), *run.profile.of_kind("finance")]


async def _single(
    run: Run, command: tuple[str, ...], documents: int, at_once: int, warm_up: int
) -> clients.Written:
    """One document per transaction; the end is when every peer has them all."""
    requests = pack(register_items(run.layout, documents), 1)
    written = await clients.write(command, run.target, requests, clients=at_once, warm_up=warm_up)
    await run.commits.wait(documents)
    return written


def _spent(run: Run, name: str, before: dict[str, float], documents: int, **more: float) -> None:
    run.report.cpu[name] = processes.per_document(before, run.watch.cpu_s(), documents, **more)


def _rates(run: Run) -> None:
    names = {
        "gateway": "ERP push to committed on both peers, through the industry gateway",
        "official client": f"official client, one document per transaction, {CLIENTS} clients",
        "our client": f"our client, one document per transaction, {CLIENTS} clients",
        "raw": "raw packed limit: 1,000 documents per transaction, 8 in flight",
    }
    for name, text in names.items():
        rate = median(run.rates[name])
        run.report.note(text, f"{rate:,.0f} documents/s", rate)
    for text, one, other, aim in (
        ("gateway against the official client", "gateway", "official client", 25.0),
        ("gateway against the raw packed limit", "gateway", "raw", 0.5),
        (f"our client against the official one, {CLIENTS} clients", "our client", "official client", 1.0),
    ):
        ratio = run.ratio(run.rates, one, other)
        run.report.note(text, f"{ratio:.2f}x", ratio, f">= {aim}x", ratio >= aim)


def _latencies(run: Run) -> None:
    for name, text in (
        ("official client", "lone document, official client"),
        ("our client", "lone document, our client"),
        ("gateway", "lone document, ERP push until the gateway tells"),
    ):
        seconds = median(run.lone[name])
        run.report.note(text, f"{seconds * 1000:.0f} ms", seconds)
    ratio = run.ratio(run.lone, "gateway", "official client")
    run.report.note("push against the official client", f"{ratio:.2f}x", ratio, "<= 1.2x", ratio <= 1.2)
    ratio = run.ratio(run.lone, "official client", "our client")
    run.report.note(
        "our client against the official one, one at a time", f"{ratio:.2f}x", ratio, ">= 1.0x", ratio >= 1.0
    )


async def _read(run: Run) -> None:
    """Step 3."""
    asked = run.fingerprints[:READ_DOCUMENTS]
    read, check, size = await signed_read.measure(run.layout, run.target, asked)
    what = f"signed read of {len(asked):,} documents by two organisations, {size / 1000:,.0f} kB"
    run.report.note(what, f"{read * 1000:.0f} ms", read, "< 50 ms", read < 0.05)
    run.report.note("its verification, offline", f"{check * 1000:.0f} ms", check, "< 100 ms", check < 0.1)
