"""Shares as people read them: exact, and without floats, so that every peer says the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortium.contract.figures import percent
from consortium.contract.names import FACE_VALUE_PPB


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (1, "0.0000001 %"),
        (400_000_000, "40 %"),
        (123_400_000, "12.34 %"),
        (FACE_VALUE_PPB, "100 %"),
        (-5_000_000, "-0.5 %"),
    ],
)
def test_examples(share: int, said: str) -> None:
    assert percent(share) == said


@given(st.integers(0, 2 * FACE_VALUE_PPB))
def test_nothing_is_rounded(share: int) -> None:
    whole, _, digits = percent(share).removesuffix(" %").partition(".")
    assert int(whole) * 10_000_000 + int(digits.ljust(7, "0") or 0) == share
