"""What every format in which documents come in has to hold; a new one is a line in ``CASES``."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chanrong.demo.ubl_writer import to_ubl
from industry_gateway.formats import FORMATS, Format, ParsedItem
from industry_gateway.formats.base import MAX_DOCUMENT_BYTES
from tests.support.document_cases import EXAMPLES, UBL_KINDS, as_json, document, example


@dataclass(frozen=True)
class Case:
    """What a format is tried with."""

    good: dict[str, bytes]
    """Kind of document -> one good document in this format: the example of ``document_cases``."""
    impossible_date: bytes
    """An invoice that is due on 30 February."""
    two_problems: bytes
    """An invoice with two problems."""


_INVOICE = to_ubl(document("invoice"))

CASES = {
    "ubl": Case(
        good={kind: to_ubl(document(kind)) for kind in UBL_KINDS},
        impossible_date=_INVOICE.replace(b"2026-03-16", b"2026-02-30"),
        two_problems=_INVOICE.replace(b"2026-03-16", b"2026-02-30").replace(b">380<", b">999<"),
    ),
    "json": Case(
        good={kind: as_json(example(kind)) for kind in EXAMPLES},
        impossible_date=as_json(example("invoice", due_date="2026-02-30")),
        two_problems=as_json(example("invoice", due_date="2026-02-30", type_code="999")),
    ),
}

each_format = pytest.mark.parametrize("name", FORMATS)


def check(items: list[ParsedItem], label: str) -> None:
    """What holds for any answer."""
    assert items
    assert [item.index for item in items] == list(range(len(items)))
    for item in items:
        assert item.label.startswith(label)
        assert (item.document is None) == bool(item.problems)
        for problem in item.problems:
            assert problem.rule == problem.rule.upper()
            assert problem.message
            assert problem.remedy
            assert len(problem.value) <= 80


def test_every_format_is_tried() -> None:
    assert set(CASES) == set(FORMATS)
    assert all(name == FORMATS[name].name for name in FORMATS)


@each_format
def test_good_documents_are_the_same_in_every_format(name: str) -> None:
    for kind, content in CASES[name].good.items():
        items = FORMATS[name].parse(content, "a")
        check(items, "a")
        assert [item.document for item in items] == [document(kind)]


@each_format
def test_a_format_recognises_its_own_and_no_other(name: str) -> None:
    for other, case in CASES.items():
        assert all(FORMATS[name].recognises(content) == (name == other) for content in case.good.values())


def test_media_types_belong_to_one_format() -> None:
    owners: list[tuple[str, Format]] = [
        (media, each) for each in FORMATS.values() for media in each.media_types
    ]
    assert len(owners) == len({media for media, _ in owners})
    assert all(media == media.lower() for media, _ in owners)


@each_format
def test_an_impossible_date_is_told_with_path_and_value(name: str) -> None:
    items = FORMATS[name].parse(CASES[name].impossible_date, "a")
    check(items, "a")
    ((problem,),) = [item.problems for item in items]
    assert (problem.field, problem.value, problem.rule) == ("due_date", "2026-02-30", "DATE_IMPOSSIBLE")
    assert problem.path.startswith("/")


@each_format
def test_all_problems_are_told_at_once(name: str) -> None:
    items = FORMATS[name].parse(CASES[name].two_problems, "a")
    check(items, "a")
    assert {problem.rule for item in items for problem in item.problems} == {
        "DATE_IMPOSSIBLE",
        "TYPE_UNKNOWN",
    }


@each_format
def test_oversize_bodies_are_refused(name: str) -> None:
    content = CASES[name].good["invoice"] + b" " * MAX_DOCUMENT_BYTES
    items = FORMATS[name].parse(content, "a")
    check(items, "a")
    assert [problem.rule for item in items for problem in item.problems] == ["TOO_LARGE"]


@each_format
@given(content=st.binary(max_size=120))
def test_no_bytes_raise(name: str, content: bytes) -> None:
    check(FORMATS[name].parse(content, "a"), "a")
    assert FORMATS[name].recognises(content) in {True, False}


@each_format
@given(data=st.data())
def test_no_damage_raises(name: str, data: st.DataObject) -> None:
    content = data.draw(st.sampled_from(sorted(CASES[name].good.values())))
    start = data.draw(st.integers(0, len(content)))
    length = data.draw(st.integers(0, 20))
    check(FORMATS[name].parse(content[:start] + content[start + length :], "a"), "a")
