"""``chanrong demo``: the whole job, told in the terminal. What `make demo` runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chanrong.cli.output import DirOption, Exit
from chanrong.cli.sandbox import Ledger


def demo(
    directory: DirOption = None,
    ledger: Annotated[Ledger, typer.Option(help="Which ledger to run.")] = Ledger.embedded,
    trades: Annotated[int, typer.Option(min=20, max=2000, help="Trades of the first act.")] = 120,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the consortium running afterwards.")] = False,
    record: Annotated[Path | None, typer.Option(help="Also write what was shown to this SVG file.")] = None,
) -> None:
    """Bring a consortium up and show the whole job. Exit code 1 when anything goes otherwise than it should."""
    from chanrong.demo.story import tell

    if not tell(directory, ledger.value, trades, keep=keep, record=record):
        raise typer.Exit(int(Exit.FAILED))
