"""What people see: fits the terminal, and texts from documents are never markup."""

from __future__ import annotations

import io

import pytest
import typer
from rich.console import Console
from rich.text import Text

from chanrong.cli import output


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    monkeypatch.setattr(output, "out", Console(file=written, width=80, highlight=False, emoji=False))
    return written


def test_a_long_line_goes_on_below_its_own_beginning(screen: io.StringIO) -> None:
    output.line("word " * 30, indent=2)
    lines = screen.getvalue().splitlines()
    assert len(lines) > 1
    assert all(each.startswith("  word") and len(each) <= 80 for each in lines)


def test_a_marked_line_goes_on_behind_the_mark(screen: io.StringIO) -> None:
    output.item(Text("✓ checked  "), "word " * 30)
    first, *rest = screen.getvalue().splitlines()
    assert first.startswith("✓ checked  word")
    assert rest
    assert all(each.startswith(" " * 11 + "word") for each in rest)


def test_a_command_is_never_broken(screen: io.StringIO) -> None:
    output.command("chanrong package verify " + "x" * 100)
    assert len(screen.getvalue().splitlines()) == 1


def test_columns_that_may_be_cut_give_way_first(screen: io.StringIO) -> None:
    row = ("a-very-long-file-name-" * 5 + ".xml", "f" * 12, "registered")
    output.table(("file", "fingerprint", "result"), [row], cut=("file",))
    head, line = screen.getvalue().splitlines()
    assert "fingerprint" in head
    assert "f" * 12 in line
    assert "registered" in line
    assert "…" in line


@pytest.mark.parametrize("odd", ["[red]X[/red]", "[/b]", ":smile:", "[bold"])
def test_texts_are_no_markup(screen: io.StringIO, odd: str) -> None:
    output.line(odd)
    output.table(("name",), [(odd,)])
    assert screen.getvalue().count(odd) == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", None), ("1970-01-02", 86_400), ("1970-01-01T01:00:00+01:00", 0), ("1970-01-01T00:00:01", 1)],
)
def test_times_are_utc_unless_they_say_otherwise(text: str, seconds: int | None) -> None:
    assert output.moment(text, "--at") == seconds


def test_a_time_that_is_none_is_wrong_usage() -> None:
    with pytest.raises(typer.BadParameter, match="yesterday"):
        output.moment("yesterday", "--at")


@pytest.mark.parametrize(
    ("kind", "number", "said"),
    [
        ("invoice", 1, "invoice"),
        ("goods_receipt", 3, "goods receipts"),
        ("despatch_advice", 2, "despatch advice"),
    ],
)
def test_kinds_are_words(kind: str, number: int, said: str) -> None:
    assert output.kind_of(kind, number) == said
