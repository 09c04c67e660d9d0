"""Documents by their numbers, as people name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chanrong.sandbox.layout import Layout
from chanrong.sandbox.pushed import fingerprint_of, pushed, remember
from consortium.errors import ConflictError, NotFoundError

ONE, OTHER = "ab12cd" + "0" * 58, "ab12ef" + "0" * 58


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    remember(made, [{"fingerprint": ONE, "kind": "invoice", "number": "INV-1"}], "supplier")
    remember(
        made, [{"fingerprint": OTHER, "kind": "invoice", "number": "INV-2"}, {"status": "refused"}], "other"
    )
    return made


@pytest.mark.parametrize("text", [ONE, "INV-1", "ab12cd", "AB12CD0", "ab12cd000000"])
def test_whole_beginning_or_number(layout: Layout, text: str) -> None:
    assert fingerprint_of(layout, text) == ONE


def test_a_fingerprint_of_somebody_else_stays_what_it_is(layout: Layout) -> None:
    assert fingerprint_of(layout, "f" * 64) == "f" * 64


@pytest.mark.parametrize("text", ["INV-9", "ab12c", "inv-1", "F" * 64, ""])
def test_what_was_not_pushed_is_not_found(layout: Layout, text: str) -> None:
    with pytest.raises(NotFoundError):
        fingerprint_of(layout, text)


def test_two_of_one_number_are_told_apart(layout: Layout) -> None:
    remember(layout, [{"fingerprint": "cd" * 32, "kind": "invoice", "number": "INV-1"}], "third")
    with pytest.raises(ConflictError, match=r"supplier.*third"):
        fingerprint_of(layout, "INV-1")


def test_it_is_remembered_once_and_for_its_owner_only(layout: Layout) -> None:
    remember(layout, [{"fingerprint": ONE, "kind": "invoice", "number": "INV-1"}], "supplier")
    assert [each.number for each in pushed(layout)] == ["INV-1", "INV-2"]
    assert layout.pushed.stat().st_mode & 0o077 == 0


def test_half_a_line_of_a_killed_push_harms_nobody(layout: Layout) -> None:
    with layout.pushed.open("ab") as file:
        file.write(b'{"fingerprint": "12')
    assert [each.number for each in pushed(layout)] == ["INV-1", "INV-2"]
