"""How commands speak: results on stdout, the rest on stderr; lines for people, one JSON value for scripts.

Everything that a person reads fits into 80 columns and gets wider where there is room. Texts that come from documents
and services are never taken for markup.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chanrong.sandbox.layout import Layout
from consortium.errors import ChanrongError

T = TypeVar("T")

PIPE_WIDTH = 160
"""Columns where no terminal says how many it has: lines in a log or a pipe shall not be folded."""


MIN_WIDTH = 20


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


def console(*, stderr: bool = False) -> Console:
    """A console for people; wide where nobody's terminal limits it."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(stderr=stderr, highlight=False, emoji=False, width=width)


out = console()
err = console(stderr=True)

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
    "failed": "red",
    "unreachable": "red",
    "open": "yellow",
    "closed": "dim",
    "live": "green",
    "revoked": "red",
    "valid": "green",
    "reopened": "yellow",
    "free": "green",
    "encumbered": "yellow",
    "impaired": "red",
    "void": "red",
    "healthy": "green",
    "starting": "yellow",
    "down": "red",
}


def styled(word: str) -> Text:
    """A word in the colour of its meaning."""
    return Text(word, style=STYLES.get(word, ""))


def line(*parts: str | Text, indent: int = 0, to: Console | None = None) -> None:
    """Prints a paragraph; what does not fit goes on below its own beginning."""
    text = Text()
    for part in parts:
        text.append(part)
    target = to or out
    for piece in text.wrap(target, max(target.width - indent, MIN_WIDTH)):
        piece.rstrip()
        target.print(Text(" " * indent) + piece, soft_wrap=True)


def item(mark: str | Text, message: str, *, to: Console | None = None) -> None:
    """Prints a paragraph behind a mark; it goes on below its own beginning, not below the mark."""
    first = mark if isinstance(mark, Text) else Text(mark)
    target, indent = to or out, first.cell_len
    pieces = Text(message).wrap(target, max(target.width - indent, MIN_WIDTH)) or [Text()]
    for number, piece in enumerate(pieces):
        piece.rstrip()
        target.print((Text(" " * indent) if number else first) + piece, soft_wrap=True)


def command(text: str, *, indent: int = 2, to: Console | None = None) -> None:
    """Prints a command to copy: never broken by us."""
    (to or out).print(Text(" " * indent + text, style="bold"), soft_wrap=True)


def emit_json(value: Any) -> None:
    """Writes one JSON value to stdout."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS) + b"\n")
    sys.stdout.flush()


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    right: Sequence[str] = (),
    wrap: Sequence[str] = (),
    cut: Sequence[str] = (),
) -> None:
    """Prints rows under their headings.

    :param right: columns set to the right
    :param wrap: columns that go on in a second line when the terminal is narrow
    :param cut: columns that are shortened when it is; before any other
    """
    grid = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        grid.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column not in wrap and column not in cut,
            overflow="fold" if column in wrap else "ellipsis",
        )
    for row in rows:
        cells = [styled(cell) if isinstance(cell, str) else cell for cell in row]
        for column, cell in zip(columns, cells, strict=True):
            cell.no_wrap = column not in wrap
            cell.overflow = "fold" if column in wrap else "ellipsis"
        grid.add_row(*cells)
    out.print(grid)


def note(message: str) -> None:
    """Says something beside the result."""
    line(message, to=err)


def fail(error: ChanrongError, code: Exit = Exit.FAILED) -> NoReturn:
    """Says what is wrong and what to do, and ends with a code."""
    line(Text("error ", style="bold red"), error.message.strip(), to=err)
    if error.remedy:
        line(error.remedy.strip(), indent=2, to=err)
    line(Text(f"({error.reason})", style="dim"), indent=2, to=err)
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
    """The beginning of a long identifier; the commands take it in place of the whole."""
    return identifier[:length]


def when(seconds: int) -> str:
    """A time for people, UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def moment(text: str, option: str) -> int | None:
    """A time given on the command line, in seconds since 1970 UTC; None when nothing was given.

    :raises typer.BadParameter: not ISO 8601
    """
    if not text:
        return None
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time. Write 2026-11-22 or 2026-11-22T14:30:00, UTC.", param_hint=option
        ) from None
    return int((read if read.tzinfo else read.replace(tzinfo=dt.UTC)).timestamp())


def kind_of(kind: str, number: int = 1) -> str:
    """A kind of document, for people."""
    words = kind.replace("_", " ")
    return words if number == 1 or words.endswith("advice") else f"{words}s"


def read_file(path: Path) -> bytes:
    """A file named on the command line.

    :raises ChanrongError: reason FILE_UNREADABLE
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as wrong:
        raise ChanrongError(
            f"There is no file {path}.", reason="FILE_UNREADABLE", remedy="Check its name."
        ) from wrong
    except OSError as wrong:
        raise ChanrongError(
            f"{path} cannot be read: {wrong.strerror or wrong}.",
            reason="FILE_UNREADABLE",
            remedy="Check its name.",
        ) from wrong
