"""Which document numbers a payment names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossverify.adapters.bank.matching import (
    MAX_TOKENS,
    creditor_reference_tokens,
    text_tokens,
    token_of,
)

FULL_WIDTH = {ord("0") + digit: ord("０") + digit for digit in range(10)}


def strong(*segments: str) -> set[str]:
    return {token for token, sure in text_tokens(segments).items() if sure}


def weak(*segments: str) -> set[str]:
    return {token for token, sure in text_tokens(segments).items() if not sure}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1002", "Rechnung 1002"),
        ("001", "Rg.-Nr. 001"),
        ("2026-117", "Invoice 2026-117"),
        ("INV-2024/001", "SVWZ+INV-2024/001"),
        ("INV-2024-001", "inv 2024 001"),
        ("INV-2024-001", "Payment INV.2024.001 thank you"),
        ("25112000000000000001", "货款发票号码25112000000000000001"),
        ("25112000000000000001", "发票号:" + "25112000000000000001".translate(FULL_WIDTH)),
        ("INV-2", "INV-1/INV-2"),
        ("321", "Invoices 123 and 321"),
        ("3", "Invoices 1,2,3"),
        ("708723862112", "REF 2202389041/ 708723862112/ 5401939189"),
        ("1234557", "Levering maand mei, zie nota 1234557. Uw klantnummer 123455666"),
        ("000123456", "paid 123456"),
        ("R77561", "INVOICE R77561"),
        ("FA/2026/06/17", "Faktura FA/2026/06/17"),
        ("TOSL108", "tosl108"),
        ("A-001", "A-001"),
    ],
)
def test_a_number_is_found_however_it_is_written(number: str, text: str) -> None:
    assert token_of(number) in strong(text)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("INV-1", "INV-10"),
        ("INV-1", "INV-11 and INV-12"),
        ("2024", "INV-2024-001"),
        ("1", "INV-2024-001"),
        ("001", "INV-2024-001"),
        ("INV-2024", "INV-2024-001"),
        ("4711", "PO4711X"),
        ("47114712", "4711 4712"),
        ("123", "Invoice 1234"),
        ("2305271368", "pid2305271368t"),
        ("100", "EUR 1100"),
        ("INV", "INVOICE"),
    ],
)
def test_a_part_of_a_number_is_not_the_number(number: str, text: str) -> None:
    assert token_of(number) not in text_tokens([text])


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("2024", "Subscription 2024"),
        ("1", "INV 2024 001"),
        ("2024", "INV 2024 001"),
        ("4711", "PO 4711"),
        ("123455666", "Kundennummer 123455666"),
        ("4711", "INV4711"),
        ("12", "12 pieces"),
        ("010126", "TOT 01.01.26"),
        ("2026-05-04", "from 2026-05-04"),
    ],
)
def test_a_number_that_may_be_something_else_is_weak(number: str, text: str) -> None:
    assert token_of(number) in weak(text)


def test_a_line_break_inside_a_number_is_mended() -> None:
    assert "INV2024001" in strong("Payment of our invoices INV-20", "24-001")
    assert "1234" in strong("Payment for your invoice numbers 12", "34")
    assert "1234" not in strong("Invoice 12", "34")


def test_a_filled_segment_followed_by_another_word_keeps_both() -> None:
    found = strong("payment for your invoice RE-12345", "RE-67890")
    assert {"RE12345", "RE67890"} <= found


def test_iso_11649_reference_gives_what_is_inside() -> None:
    assert creditor_reference_tokens("RF18 5390 0754 7034") == ["RF18539007547034", "539007547034"]
    assert creditor_reference_tokens("RF19539007547034") == ["RF19539007547034"]


@pytest.mark.parametrize(
    ("one", "other"),
    [("INV-2024/001", "inv 2024 001"), ("0042", "42"), ("ＡＢ－１２", "ab12"), ("000", "0")],
)
def test_writings_of_one_number_have_one_token(one: str, other: str) -> None:
    assert token_of(one) == token_of(other)


def test_very_long_texts_give_a_bounded_number_of_tokens() -> None:
    assert len(text_tokens([" ".join(f"A{number}" for number in range(5_000))])) == MAX_TOKENS


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_text_is_read(segments: list[str]) -> None:
    for token in text_tokens(segments):
        assert token == token_of(token) or token.isdigit()
        assert any(character.isdigit() for character in token)


@given(
    st.from_regex(r"([A-Z]{1,4}[-/]?|Q[A-Z]{0,3} )[0-9]{4,9}", fullmatch=True),
    st.sampled_from([" ", ", ", "; ", " + "]),
)
def test_a_number_between_words_is_always_found(number: str, between: str) -> None:
    """Behind a blank the letters may be a word of their own, such as "N" for number: none of those begins with Q."""
    assert token_of(number) in strong(f"payment{between}{number}{between}thanks")
