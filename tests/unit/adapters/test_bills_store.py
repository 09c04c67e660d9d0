"""How the reference exchange paints what it is told over what it knew."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from crossverify.adapters.bills.store import Piece, merged, painted
from crossverify.subranges import SubRange, overlap

LAST = 30
PIECES = st.builds(
    lambda ends, content, as_of: Piece(SubRange(min(ends), max(ends)), content, as_of),
    st.tuples(st.integers(1, LAST), st.integers(1, LAST)),
    st.sampled_from("abc"),
    st.integers(1, 4),
)


def by_unit(pieces: list[Piece]) -> dict[int, tuple[str, int]]:
    return {
        unit: (each.content, each.as_of)
        for each in pieces
        for unit in range(each.units.first, each.units.last + 1)
    }


@given(st.lists(PIECES, max_size=8))
def test_each_unit_has_what_the_newest_load_said_of_it(loads: list[Piece]) -> None:
    pieces: tuple[Piece, ...] = ()
    expected: dict[int, tuple[str, int]] = {}
    for load in loads:
        pieces = painted(pieces, [load])
        for unit in range(load.units.first, load.units.last + 1):
            if unit not in expected or expected[unit][1] <= load.as_of:
                expected[unit] = (load.content, load.as_of)
    assert by_unit(list(pieces)) == expected
    assert overlap(each.units for each in pieces) is None
    assert list(pieces) == sorted(pieces, key=lambda each: each.units)


@given(st.lists(PIECES, max_size=8))
def test_what_is_told_is_as_short_as_can_be(loads: list[Piece]) -> None:
    pieces: tuple[Piece, ...] = ()
    for load in loads:
        pieces = painted(pieces, [load])
    told = merged(pieces)
    assert {unit: content for unit, (content, _) in by_unit(told).items()} == {
        unit: content for unit, (content, _) in by_unit(list(pieces)).items()
    }
    for one, other in pairwise(told):
        assert one.content != other.content or one.units.last + 1 < other.units.first


def test_a_package_that_goes_as_a_whole() -> None:
    whole = SubRange(0, 0)
    assert painted([Piece(whole, "a", 1)], [Piece(whole, "b", 2)]) == (Piece(whole, "b", 2),)
    assert painted([Piece(whole, "a", 2)], [Piece(whole, "b", 1)]) == (Piece(whole, "a", 2),)
