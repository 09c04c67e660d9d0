from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortium.documents import PartyId
from consortium.documents.identifiers import (
    USCC_ALPHABET,
    Validity,
    check_identifier,
    check_uscc,
    is_uscc,
    make_uscc,
    organisation_check_character,
    uscc_check_character,
)
from tests.sample_data import DATA, needs_sample_data


def validity(scheme: str, value: str) -> Validity:
    return check_identifier(PartyId(scheme=scheme, value=value)).validity


@pytest.mark.parametrize(
    ("scheme", "value", "outcome"),
    [
        ("uscc", "91310115MA1K3BTP2B", Validity.VALID),
        ("uscc", "A1110000MB0123457U", Validity.VALID),
        ("uscc", "N2330110MF1234567D", Validity.VALID),
        ("uscc", "Y1440300MJ76543211", Validity.VALID),
        ("uscc", "91310115MA1K3BTP2C", Validity.INVALID),
        ("uscc", "91310115MA1K3BTP2", Validity.INVALID),
        ("uscc", "91310115MA1K3BTPO2", Validity.INVALID),
        ("uscc", "B1310115MA1K3BTP2B", Validity.INVALID),
        ("lei", "5493001KJTIIGC8Y1R12", Validity.VALID),
        ("lei", "5493001KJTIIGC8Y1R13", Validity.INVALID),
        ("vat", "DE136695976", Validity.VALID),
        ("vat", "DE136695977", Validity.INVALID),
        ("vat", "NL8200.98.395.B.01", Validity.VALID),
        ("vat", "NO 995 525 828 MVA", Validity.VALID),
        ("vat", "GB980780684", Validity.VALID),
        ("vat", "US123", Validity.UNKNOWN),
        ("0192", "967611265", Validity.UNKNOWN),
        ("name", "whoever", Validity.UNKNOWN),
    ],
)
def test_check_characters(scheme: str, value: str, outcome: Validity) -> None:
    found = check_identifier(PartyId(scheme=scheme, value=value))
    assert found.validity is outcome
    assert bool(found.reason) == (outcome is Validity.INVALID)


@given(
    st.sampled_from("159ANY"),
    st.from_regex(r"[0-9]{6}", fullmatch=True),
    st.text(USCC_ALPHABET, min_size=8, max_size=8),
    st.integers(0, 17),
    st.sampled_from(USCC_ALPHABET),
)
def test_a_made_uscc_is_valid_and_one_wrong_character_is_found(
    authority: str, region: str, organisation: str, position: int, character: str
) -> None:
    made = make_uscc(authority, "1", region, organisation)
    assert is_uscc(made)
    changed = made[:position] + character + made[position + 1 :]
    assert is_uscc(changed) == (changed == made)


@needs_sample_data
def test_codes_found_in_validators_are_judged_as_the_standard_does() -> None:
    assert DATA is not None
    with (DATA / "codes" / "uscc" / "uscc-values.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    judged = {row["value"]: check_uscc(row["value"]).validity is Validity.VALID for row in rows}
    assert judged == {row["value"]: row["check_character"] == "ok" for row in rows}
    complete = [row["value"] for row in rows if row["check_character"] == "ok"]
    assert len(complete) > 200
    assert all(uscc_check_character(value[:17]) == value[17] for value in complete)
    assert all(organisation_check_character(value[8:16]) == value[16] for value in complete)


@needs_sample_data
def test_all_sample_leis_are_valid() -> None:
    assert DATA is not None
    with (DATA / "codes" / "lei" / "lei-values.csv").open(encoding="utf-8") as file:
        values = [next(iter(row.values())) for row in csv.DictReader(file)]
    assert len(values) == 100
    assert {validity("lei", value) for value in values} == {Validity.VALID}
