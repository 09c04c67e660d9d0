"""How commands speak: results on stdout, the rest on stderr; tables for people, one JSON value for scripts."""

from __future__ import annotations

import asyncio
import enum
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import orjson
import typer
from rich.console import Console
from rich.table import Table

from chanrong.sandbox.layout import Layout
from consortium.errors import ChanrongError

T = TypeVar("T")


class Exit(enum.IntEnum):
    """Exit codes for scripts."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    SOME_REFUSED = 3
    VERIFICATION_FAILED = 4


DirOption = Annotated[
    Path | None,
    typer.Option("--dir", help="The sandbox's folder.", show_default=".chanrong", envvar="CHANRONG_DIR"),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON value on stdout, everything else on stderr.")
]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

STYLES = {
    "accepted": "green",
    "already registered": "cyan",
    "registered": "green",
    "conflict": "yellow",
    "refused": "red",
    "eligible": "green",
    "refer": "yellow",
    "excluded": "red",
    "PASS": "green",
    "WARN": "yellow",
    "FAIL": "red",
    "UNKNOWN": "magenta",
    "NOT_APPLICABLE": "dim",
    "done": "green",
    "impaired": "red",
    "healthy": "green",
    "down": "red",
}


def styled(word: str) -> str:
    """A word in the colour of its meaning."""
    style = STYLES.get(word)
    return f"[{style}]{word}[/{style}]" if style else word


def emit_json(value: Any) -> None:
    """Writes one JSON value to stdout."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n")
    sys.stdout.flush()


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()
) -> None:
    """Prints a table; columns named in ``right`` are set to the right."""
    grid = Table(title=title or None, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        grid.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(styled(cell) for cell in row))
    out.print(grid)


def note(message: str) -> None:
    """Says something beside the result."""
    err.print(message)


def fail(error: ChanrongError, code: Exit = Exit.FAILED) -> NoReturn:
    """Says what is wrong and what to do, and ends with a code."""
    err.print("[bold red]error[/bold red] ", end="")
    err.print(error.message, markup=False)
    if error.remedy:
        err.print(f"  {error.remedy}", markup=False)
    err.print(f"  ({error.reason})", style="dim", markup=False)
    raise typer.Exit(int(code))


def layout_of(directory: Path | None) -> Layout:
    """The sandbox that a command works on."""
    return Layout.at(directory)


def run_async(work: Callable[[], Awaitable[T]]) -> T:
    """Runs a command's work in an event loop."""

    async def main() -> T:
        return await work()

    return asyncio.run(main())


def short(identifier: str, length: int = 12) -> str:
    """The beginning of a long identifier, for tables."""
    return identifier[:length] + "…" if len(identifier) > length else identifier
