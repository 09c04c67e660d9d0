"""One line of the table, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    value: str
    aim: str
    reached: bool | None
    number: float


@dataclass(slots=True)
class Report:
    """What was measured so far; each figure prints as it is done.

    :ivar cpu: CPU microseconds per document, by what was done and process
    """

    say: Console
    figures: list[Figure] = field(default_factory=list)
    cpu: dict[str, Mapping[str, float]] = field(default_factory=dict)

    def note(self, name: str, value: str, number: float, aim: str = "", reached: bool | None = None) -> None:
        """Adds a figure."""
        self.figures.append(Figure(name, value, aim, reached, number))
        self.say.print(f"{name}: {value}")

    def show(self, title: str, console: Console) -> None:
        """Prints the tables."""
        table = Table(title=title, title_justify="left")
        for column in ("what", "figure", "aim", ""):
            table.add_column(column)
        for figure in self.figures:
            mark = (
                "" if figure.reached is None else ("[green]✓[/green]" if figure.reached else "[red]✗[/red]")
            )
            table.add_row(figure.name, figure.value, figure.aim, mark)
        console.print(table)
        if not self.cpu:
            return
        spent = Table(title="CPU microseconds per document", title_justify="left")
        spent.add_column("process")
        for name in self.cpu:
            spent.add_column(name, justify="right")
        names = dict.fromkeys(process for column in self.cpu.values() for process in column)
        for process in sorted(names, key=lambda name: name == "total"):
            cells = (column.get(process) for column in self.cpu.values())
            spent.add_row(process, *("" if cell is None else f"{cell:,.0f}" for cell in cells))
        console.print(spent)
