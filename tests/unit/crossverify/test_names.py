"""Names of companies as a person compares them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossverify.names import alike, core, mistakable, same_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Great Wheel Motors Ltd", "GREAT WHEEL MOTORS, LTD."),
        ("Great Wheel Motors", "Great-Wheel Motors Co., Limited"),
        ("上海恒昌电气有限公司", "上海恒昌电气 有限责任公司"),
        ("上海恒昌电气集团股份有限公司", "上海恒昌电气集团有限公司"),
        ("（中国）华信", "(中国)华信"),
    ],
)
def test_one_name_in_two_writings(one: str, other: str) -> None:
    assert same_name(one, other)
    assert mistakable(one, other)
    assert alike(one, other)


@pytest.mark.parametrize(
    ("one", "other", "to_the_eye"),
    [
        ("Great Wheel Motors", "Great Whee1 Motors", True),
        ("Great Wheel Motors", "Gr\u0435at Wheel M\u043etors", True),
        ("中国未来科技", "中国末来科技", True),
        ("Great Wheel Motors", "Great Wheels Motors", False),
        ("上海恒昌电气有限公司", "上海恒昌电器有限公司", False),
    ],
)
def test_names_that_are_taken_for_each_other(one: str, other: str, to_the_eye: bool) -> None:
    assert not same_name(one, other)
    assert mistakable(one, other) is to_the_eye
    assert alike(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", ""),
        ("", "A"),
        (" ", " "),
        ("--", "--"),
        ("华信", "华能"),
        ("Great Wheel Motors", "Small Wheel Motors"),
        ("招商银行上海分行", "招商银行北京分行"),
        ("有限公司", "集团"),
    ],
)
def test_names_apart(one: str, other: str) -> None:
    assert not alike(one, other)
    assert not same_name(one, other)


def test_a_name_of_nothing_but_a_legal_form_stays_itself() -> None:
    assert core("Co., Ltd.") == "coltd"
    assert core("有限公司") == "有限公司"


NAMES = st.text(alphabet="abcdefgh 上海华信电气有限公司", max_size=14)


@given(NAMES, NAMES)
def test_likeness_is_mutual(one: str, other: str) -> None:
    assert alike(one, other) == alike(other, one)
    assert mistakable(one, other) == mistakable(other, one)
    if same_name(one, other):
        assert mistakable(one, other)
    if mistakable(one, other):
        assert alike(one, other)


@given(st.text(alphabet="abcdefgh", min_size=6, max_size=11), st.integers(0, 10), st.sampled_from("xyz"))
def test_one_letter_is_a_slip_and_two_are_not(name: str, place: int, letter: str) -> None:
    where = place % len(name)
    assert alike(name, name[:where] + letter + name[where:])
    assert alike(name, name[:where] + letter + name[where + 1 :])
    assert not alike(name, f"zz{name}zz")
