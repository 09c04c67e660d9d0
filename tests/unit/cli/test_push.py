"""What push makes of files, and how it tells what became of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from chanrong.cli import output, push, push_view
from chanrong.demo.trades import make_trades
from chanrong.demo.ubl_writer import to_ubl
from consortium.documents.canonical import document_bytes
from consortium.errors import ChanrongError, InvalidInputError

TRADES = make_trades(5, sellers=2, trades=4)


def test_directories_become_the_document_files_in_them(tmp_path: Path) -> None:
    for name in ("b.xml", "a.JSON", "deep/c.ndjson", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    named = tmp_path / "notes.txt"
    found = push.expand([tmp_path, named])
    assert [path.name for path in found] == ["a.JSON", "b.xml", "c.ndjson", "notes.txt"]


def test_a_directory_without_documents_says_which_endings_count(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"\.ndjson"):
        push.expand([tmp_path])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChanrongError, match=r"invoice\.xml"):
        push.read_item(tmp_path / "invoice.xml", None, asked=False)


def test_ubl_is_pushed_by_its_issuer(tmp_path: Path) -> None:
    invoice = TRADES.trades[0].invoices[0]
    file = tmp_path / "invoice.xml"
    file.write_bytes(to_ubl(invoice))
    item = push.read_item(file, None, asked=False)
    assert item.content_type == "application/xml"
    assert item.issuer == invoice.seller
    assert item.role == "supplier"


def test_many_documents_are_pushed_by_whom_most_name(tmp_path: Path) -> None:
    """Invoices of two sellers to one buyer: only the buyer may push them all."""
    one, other = TRADES.trades[0].invoices[0], TRADES.trades[1].invoices[0]
    assert one.seller != other.seller
    file = tmp_path / "invoices.ndjson"
    file.write_bytes(document_bytes(one) + b"\n" + document_bytes(other) + b"\n")
    item = push.read_item(file, None, asked=False)
    assert item.content_type == "application/x-ndjson"
    assert item.issuer == TRADES.buyer
    assert item.role == "buyer"


def test_a_broken_first_line_does_not_make_ndjson_one_document(tmp_path: Path) -> None:
    file = tmp_path / "broken.ndjson"
    file.write_bytes(b"{broken\n" + document_bytes(TRADES.trades[0].order) + b"\n")
    assert push.read_item(file, None, asked=False).content_type == "application/x-ndjson"
    assert push.read_item(file, None, asked=True).content_type == "application/x-ndjson"


def _result(label: str, status: str = "accepted", ledger: str = "registered", **more: Any) -> dict[str, Any]:
    return {
        "label": label,
        "kind": "invoice",
        "number": "[red]",
        "status": status,
        "fingerprint": "ab" * 32,
        "position": {"state": ledger},
        **more,
    }


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    console = Console(file=written, width=80, highlight=False, emoji=False)
    for module in (output, push_view):
        monkeypatch.setattr(module, "out", console)
        monkeypatch.setattr(module, "err", console)
    return written


@pytest.mark.parametrize(
    ("result", "word"),
    [
        (_result("a"), "registered"),
        (_result("a", ledger="pending"), "accepted"),
        (_result("a", "already_registered"), "already registered"),
        (_result("a", ledger="conflict"), "conflict"),
        (_result("a", "refused", ""), "refused"),
        ({"status": "refused", "label": "a"}, "refused"),
    ],
)
def test_the_ledgers_word_counts(result: dict[str, Any], word: str) -> None:
    assert push_view.standing(result) == word


def test_like_problems_are_told_once(screen: io.StringIO) -> None:
    problem = {"path": "/total", "value": "1", "rule": "R", "message": "Wrong sum.", "remedy": "Add."}
    bad = [_result(f"f{n}.xml", "refused", "", problems=[problem]) for n in range(9)]
    push_view.show([_result("good.xml"), *bad])
    told = screen.getvalue()
    assert told.count("Wrong sum.") == 1
    assert "refused (9 times)" in told
    assert "… and 4 more" in told
    assert "1 registered: 1 invoice" in told
    assert "9 refused: 9 invoices" in told
    assert all(len(line.rstrip()) <= 80 for line in told.splitlines())


def test_thousands_are_summed_and_what_is_bad_is_listed(screen: io.StringIO) -> None:
    push_view.show([*(_result(f"g{n}") for n in range(3_000)), _result("bad.xml", "conflict", "")])
    told = screen.getvalue()
    assert len(told.splitlines()) < 50
    assert "bad.xml" in told
    assert "3,000 registered" in told
    assert "--json" in told
