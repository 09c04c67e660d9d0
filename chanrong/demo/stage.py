"""The stage of the demo: what is printed, and what must have happened.

Every line is printed after the call it tells of, with what the call returned. A line that tells of something other than
it should is marked and counted, and the demo's exit code says so. Lines fit into 80 columns; what explains them stands
below them, set back.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

_IDENTIFIER = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")
MARK_WIDTH = 4
MIN_WIDTH = 40


class Stage:
    """Prints the story and keeps the score."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.failures: list[str] = []
        self.checks = 0
        self.began = time.monotonic()

    def act(self, number: int, title: str) -> None:
        """Begins an act."""
        self._console.print()
        self._console.print(Text(f"Act {number}  {title}", style="bold cyan"))

    def tell(self, text: str) -> None:
        """Says something that needs no proof."""
        self._print("", text, "dim")

    def expect(self, holds: bool, text: str, *details: str, style: str = "") -> None:
        """Says what happened, and whether it is what had to happen."""
        self._judge(holds, Text("✓", style="green"), text, details, style)

    def refused(self, holds: bool, text: str, *details: str) -> None:
        """Says that something was refused or found out, as it had to be."""
        self._judge(holds, Text("⊘", style="yellow"), text, details, "yellow")

    def _judge(self, holds: bool, mark: Text, text: str, details: tuple[str, ...], style: str = "") -> None:
        self.checks += 1
        if holds:
            self._print(mark, text, style)
        else:
            self.failures.append(text)
            self._print(Text("✗", style="bold red"), f"not as it should be: {text}", "bold red")
        for detail in details:
            self.tell(detail)

    def _print(self, mark: str | Text, text: str, style: str) -> None:
        """One paragraph behind its mark; long identifiers by their beginning."""
        sign = mark if isinstance(mark, Text) else Text(mark)
        first = Text().append(f"  {sign.plain}".ljust(MARK_WIDTH), style=sign.style)
        said = Text(_IDENTIFIER.sub(r"\1…", text), style=style)
        width = max(self._console.width - MARK_WIDTH, MIN_WIDTH)
        for number, piece in enumerate(said.wrap(self._console, width) or [Text()]):
            piece.rstrip()
            self._console.print((Text(" " * MARK_WIDTH) if number else first) + piece, soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Shows that something takes a moment."""
        with self._console.status(f"[dim]{text}[/dim]"):
            yield

    def end(self) -> bool:
        """The last line. Returns whether all went as it should."""
        seconds = time.monotonic() - self.began
        self._console.print()
        if self.failures:
            self._console.print(
                Text(f"{len(self.failures)} of {self.checks} things went otherwise:", style="bold red")
            )
            for failure in self.failures:
                self._print(Text("✗", style="red"), failure, "")
        else:
            self._console.print(
                Text(f"all {self.checks} things happened as they should", style="bold green"),
                f"in {seconds:.0f} s",
            )
        return not self.failures
