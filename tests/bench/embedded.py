"""The table on the embedded ledger. Order: raw ledger, gateway, lone documents, package, memory."""

from __future__ import annotations

from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile
from tests.bench import gateway, lone, package, processes, raw
from tests.bench.commits import watching
from tests.bench.figure import Report
from tests.bench.target import Target

RAW_DOCUMENTS = 20_000
GATEWAY_DOCUMENTS = 10_000
LONE_DOCUMENTS = 200
PACKAGE_DOCUMENTS = 1_000
TITLE = "Chanrong on the embedded ledger, two cores, one run"


async def measure(layout: Layout, profile: Profile, report: Report, divide: int) -> None:
    """Measures everything."""
    target, watch = Target.of(layout, profile), processes.Watch(layout)
    async with watch.watching():
        async with watching(target) as commits:
            before = watch.cpu_s()
            bare, written, _ = await raw.push(layout, target, commits, RAW_DOCUMENTS // divide)
            after = watch.cpu_s()
            report.cpu["raw client"] = processes.per_document(
                before, after, RAW_DOCUMENTS // divide, client=written.cpu
            )
            report.note(
                "raw client, 1,000 documents per transaction, 8 in flight", f"{bare:,.0f} documents/s", bare
            )
            through = await gateway.push(layout, profile, commits, GATEWAY_DOCUMENTS // divide)
            report.cpu["gateway"] = processes.per_document(
                after, watch.cpu_s(), GATEWAY_DOCUMENTS // divide + gateway.WARM_UP
            )
            report.note(
                "ERP push to committed, through the industry gateway", f"{through:,.0f} documents/s", through
            )
        ratio = through / bare
        report.note("… against the raw client", f"{ratio:.2f}", ratio, ">= 0.5", ratio >= 0.5)
        times = await lone.push(layout, profile, LONE_DOCUMENTS // divide)
        for share in (0.5, 0.99):
            found = lone.percentile(times, share)
            report.note(
                f"lone document, push to committed, p{share * 100:.0f}", f"{found * 1000:.0f} ms", found
            )
        size, seconds, check = await package.make(layout, profile, PACKAGE_DOCUMENTS // divide)
        report.note(
            f"package of {size:,} documents, five adapters",
            f"{seconds:.2f} s",
            seconds,
            "< 2 s",
            seconds < 2,
        )
        report.note("its verification, offline", f"{check:.2f} s", check, "< 1 s", check < 1)
    for name, megabytes in watch.megabytes.items():
        report.note(f"memory of {name}, peak", f"{megabytes:.0f} MB", megabytes, "< 250 MB", megabytes < 250)
