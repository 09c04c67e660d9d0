"""The benchmark table: one sandbox, all figures of one run, ratios where a figure depends on the machine.

Each figure prints as it is done; ``--json`` prints one value.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import orjson
from rich.console import Console

from chanrong.sandbox import lifecycle
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile
from consortium.errors import ChanrongError
from tests.bench import embedded, fabric, rules
from tests.bench.figure import Report

Ledger = Literal["embedded", "fabric"]
Measure = Callable[[Layout, Profile, Report, int], Awaitable[None]]
LEDGERS = {"embedded": embedded, "fabric": fabric}
"""Each measures on a sandbox that is up."""


def main() -> None:
    """Parses the command line and runs."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--ledger", default="embedded", choices=list(LEDGERS))
    parser.add_argument("--table", choices=list(LEDGERS), help="another ledger's table, to see that it runs")
    parser.add_argument("--rules", action="store_true", help="only what the rules cost; needs no ledger")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the documents, to see that it runs")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end that takes the sandbox down
    report = Report(Console(stderr=True))
    table = LEDGERS[options.table or options.ledger]
    divide = 10 if options.quick else 1
    try:
        if options.rules or table is embedded:
            rules.measure(report, divide)
        if not options.rules:
            asyncio.run(run(options.ledger, table.measure, report, divide))
    except ChanrongError as error:
        sys.exit(f"{error.message}\n{error.remedy}".strip())
    if options.json:
        found = {"figures": [asdict(figure) for figure in report.figures], "cpu_us_per_document": report.cpu}
        sys.stdout.buffer.write(orjson.dumps(found, option=orjson.OPT_INDENT_2))
        return
    report.show(table.TITLE, Console())


async def run(ledger: Ledger, measure: Measure, report: Report, divide: int) -> None:
    """Measures on a sandbox of its own and takes it down."""
    with tempfile.TemporaryDirectory(prefix="chanrong-bench-") as folder:
        layout = Layout.at(Path(folder) / "sandbox")
        try:
            profile = await lifecycle.up(
                layout, ledger=ledger, industries=1, banks=1, overrides=None, progress=lambda *_: None
            )
            await measure(layout, profile, report, divide)
        finally:
            lifecycle.down(layout, purge=False)
