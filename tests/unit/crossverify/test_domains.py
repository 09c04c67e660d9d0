"""Domains that pass themselves off as others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossverify.domains import domain_of, look_alike, matches, within

KNOWN = ("greatwheel-motors.com", "hua-steel.com.cn", "ick.cn")


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("Finance <ap@GreatWheel-Motors.com>", "greatwheel-motors.com"),
        ("ap@greatwheel-motors.com", "greatwheel-motors.com"),
        ("  Hua-Steel.com.cn. ", "hua-steel.com.cn"),
        ("ｇreatwheel-motors．com", "greatwheel-motors.com"),
        ("not an address", ""),
        ("https://greatwheel-motors.com/", ""),
        ("", ""),
        ("ap@localhost", ""),
    ],
)
def test_the_domain_of_an_address(address: str, domain: str) -> None:
    assert domain_of(address) == domain


@pytest.mark.parametrize(
    ("domain", "aped"),
    [
        ("greatwhee1-motors.com", KNOWN[0]),  # a digit for a letter
        ("great\u0440wheel-motors.com", KNOWN[0]),  # one letter more
        ("gre\u0430twheel-motors.com", KNOWN[0]),  # Cyrillic a
        ("gr\u00e9atwheel-motors.com", KNOWN[0]),
        ("greatwheel-rnotors.com", KNOWN[0]),
        ("greatwheel-motros.com", KNOWN[0]),  # swapped
        ("greatwheelmotors.com", KNOWN[0]),  # without the hyphen
        ("greatwheel-motors.co", KNOWN[0]),  # another ending
        ("greatwheel-motors.com.cn", KNOWN[0]),
        ("hua-steel.com", KNOWN[1]),
        ("hua-stee1.com.cn", KNOWN[1]),
        ("ap@hau-steel.com.cn", KNOWN[1]),
        ("ick.com", KNOWN[2]),
        ("greatwheel-motors.com", None),  # itself
        ("mail.greatwheel-motors.com", None),  # below it
        ("greatwheel-motors.com.evil.net", None),  # named otherwise by whoever owns evil.net
        ("ick5.cn", None),  # short names are compared as a whole
        ("othercompany.com", None),
        ("", None),
        ("nonsense", None),
    ],
)
def test_what_looks_like_a_known_domain(domain: str, aped: str | None) -> None:
    assert look_alike(domain, KNOWN) == aped


def test_punycode_is_read_as_a_person_reads_it() -> None:
    spoof = "gre\u0430twheel-motors"
    label = "xn--" + spoof.encode("punycode").decode()
    assert look_alike(f"ap@{label}.com", KNOWN) == KNOWN[0]
    assert domain_of("xn--\u00e4.com") == "xn--\u00e4.com"


def test_a_known_name_with_something_added() -> None:
    assert look_alike("huasteel-finance.com", ("huasteel.com",)) == "huasteel.com"
    assert look_alike("finance-huasteel.com.cn", ("huasteel.com",)) == "huasteel.com"


def test_nothing_is_like_nothing() -> None:
    assert look_alike("greatwheel.com", ()) is None
    assert look_alike("greatwheel.com", ("", "no domain")) is None
    assert not matches("greatwheel.com", ("",))


LETTERS = st.text("abcde", max_size=7)


def distance(one: str, other: str) -> int:
    """Optimal string alignment, written another way: by recursion."""
    if not one or not other:
        return len(one) + len(other)
    best = min(
        distance(one[1:], other) + 1,
        distance(one, other[1:]) + 1,
        distance(one[1:], other[1:]) + (one[0] != other[0]),
    )
    if len(one) > 1 and len(other) > 1 and one[0] == other[1] and one[1] == other[0]:
        best = min(best, distance(one[2:], other[2:]) + 1)
    return best


@given(st.text("abc", max_size=5), st.text("abc", max_size=5), st.integers(0, 4))
def test_a_few_letters_apart(one: str, other: str, limit: int) -> None:
    assert within(one, other, limit) == (distance(one, other) <= limit)
