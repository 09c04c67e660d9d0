"""The stage of the demo: what is printed, and what must have happened.

Every line is printed after the call it tells of, with what the call returned. A line that tells of something other than
it should is marked and counted, and the demo's exit code says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.panel import Panel


class Stage:
    """Prints the story and keeps the score."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.failures: list[str] = []
        self.checks = 0
        self.began = time.monotonic()

    def act(self, title: str, about: str) -> None:
        """Begins an act."""
        self._console.print()
        self._console.print(Panel(f"[bold]{title}[/bold]\n{about}", border_style="cyan", expand=False))

    def tell(self, text: str) -> None:
        """Says something that needs no proof."""
        self._console.print(f"  [dim]{text}[/dim]")

    def expect(self, holds: bool, text: str) -> None:
        """Says what happened, and whether it is what had to happen."""
        self.checks += 1
        if holds:
            self._console.print(f"  [green]✓[/green] {text}")
        else:
            self.failures.append(text)
            self._console.print(f"  [bold red]✗ not as it should be:[/bold red] {text}")

    def refused(self, holds: bool, text: str) -> None:
        """Says that something was refused, as it had to be."""
        self.checks += 1
        if holds:
            self._console.print(f"  [yellow]⛔[/yellow] {text}")
        else:
            self.failures.append(text)
            self._console.print(f"  [bold red]✗ should have been refused:[/bold red] {text}")

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
                f"[bold red]{len(self.failures)} of {self.checks} things went otherwise:[/bold red]"
            )
            for failure in self.failures:
                self._console.print(f"  ✗ {failure}")
        else:
            self._console.print(
                f"[bold green]all {self.checks} things happened as they should[/bold green] in {seconds:.0f} s"
            )
        return not self.failures
