"""The benchmark table: one sandbox, all figures of one run, ratios where a figure depends on the machine.

Order: raw ledger, gateway, lone documents, package, memory. Each prints as it is done; `--json` prints one value.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from chanrong.sandbox import lifecycle
from chanrong.sandbox.layout import Layout
from tests.bench import gateway, lone, memory, package, raw

RAW_DOCUMENTS = 20_000
GATEWAY_DOCUMENTS = 10_000
LONE_DOCUMENTS = 200
PACKAGE_DOCUMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    value: str
    aim: str
    reached: bool | None
    number: float


def main() -> None:
    """Parses the command line and runs."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--ledger", default="embedded", choices=["embedded"])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the documents, to see that it runs")
    options = parser.parse_args()
    figures = asyncio.run(run(10 if options.quick else 1, Console(stderr=True)))
    if options.json:
        sys.stdout.buffer.write(
            orjson.dumps([asdict(figure) for figure in figures], option=orjson.OPT_INDENT_2)
        )
        return
    table = Table(title="Chanrong on the embedded ledger, two cores, one run", title_justify="left")
    for column in ("what", "figure", "aim", ""):
        table.add_column(column)
    for figure in figures:
        mark = "" if figure.reached is None else ("[green]✓[/green]" if figure.reached else "[red]✗[/red]")
        table.add_row(figure.name, figure.value, figure.aim, mark)
    Console().print(table)


async def run(divide: int, say: Console) -> list[Figure]:
    """Runs everything on a sandbox of its own and takes it down."""
    figures: list[Figure] = []

    def note(name: str, value: str, number: float, aim: str = "", reached: bool | None = None) -> None:
        figures.append(Figure(name, value, aim, reached, number))
        say.print(f"{name}: {value}")

    with tempfile.TemporaryDirectory(prefix="chanrong-bench-") as folder:
        layout = Layout.at(Path(folder) / "sandbox")
        profile = await lifecycle.up(
            layout, ledger="embedded", industries=1, banks=1, overrides=None, progress=lambda *_: None
        )
        try:
            peak = memory.Peak(layout)
            async with peak.watching():
                bare = await raw.documents_per_second(layout, profile, RAW_DOCUMENTS // divide)
                note(
                    "raw client, 1,000 documents per transaction, 8 in flight",
                    f"{bare:,.0f} documents/s",
                    bare,
                )
                through = await gateway.push(layout, profile, GATEWAY_DOCUMENTS // divide)
                note(
                    "ERP push to committed, through the industry gateway",
                    f"{through:,.0f} documents/s",
                    through,
                )
                ratio = through / bare
                note("… against the raw client", f"{ratio:.2f}", ratio, ">= 0.5", ratio >= 0.5)
                p50, p99 = await lone.push(layout, profile, LONE_DOCUMENTS // divide)
                note("lone document, push to committed, p50", f"{p50 * 1000:.0f} ms", p50)
                note("lone document, push to committed, p99", f"{p99 * 1000:.0f} ms", p99)
                size, seconds, check = await package.make(layout, profile, PACKAGE_DOCUMENTS // divide)
                note(
                    f"package of {size:,} documents, three adapters",
                    f"{seconds:.2f} s",
                    seconds,
                    "< 2 s",
                    seconds < 2,
                )
                note("its verification, offline", f"{check:.2f} s", check, "< 1 s", check < 1)
            for name, megabytes in peak.megabytes.items():
                note(f"memory of {name}, peak", f"{megabytes:.0f} MB", megabytes, "< 250 MB", megabytes < 250)
        finally:
            lifecycle.down(layout, purge=False)
    return figures
