"""Parties and services by what people call them."""

from __future__ import annotations

from pathlib import Path

import pytest

from chanrong.sandbox.layout import Layout
from chanrong.sandbox.parties import alias_for, subject_of
from chanrong.sandbox.profile import Party, Profile, Service, load_profile
from consortium.errors import ChanrongError, ConflictError, NotFoundError


def _party(alias: str, name: str, identifier: str) -> Party:
    return Party(alias=alias, name=name, identifiers=(identifier,), handle=alias[0] * 64)


PROFILE = Profile(
    services={"bank-a": Service(name="bank-a", kind="finance", msp_id="BankAMSP", grpc="127.0.0.1:1")},
    parties={
        "supplier": _party("supplier", "武汉同创紧固件有限公司", "uscc:91420111MAJUD12EXH"),
        "supplier-2": _party("supplier-2", "武汉恒昌自动化有限公司", "uscc:91420111MARUCXAD9X"),
        "acme": _party("acme", "Acme Ltd.", "vat:GB1"),
    },
)


@pytest.mark.parametrize(
    ("text", "alias"),
    [
        ("supplier", "supplier"),
        ("uscc:91420111MAJUD12EXH", "supplier"),
        ("Acme Ltd.", "acme"),
        ("acme l", "acme"),
        ("同创", "supplier"),
    ],
)
def test_alias_identifier_name_or_part_of_it(text: str, alias: str) -> None:
    assert PROFILE.party(text).alias == alias


def test_a_part_of_two_names_is_ambiguous() -> None:
    with pytest.raises(ConflictError, match="supplier-2"):
        PROFILE.party("武汉")


@pytest.mark.parametrize("text", ["", "nobody"])
def test_nobody_is_told_with_those_there_are(text: str) -> None:
    with pytest.raises(NotFoundError) as told:
        PROFILE.party(text)
    assert "acme" in told.value.remedy


@pytest.mark.parametrize(
    ("text", "subject"),
    [("acme", "a" * 64), ("vat:GB1", "a" * 64), ("uscc:999", "uscc:999"), ("f" * 64, "f" * 64)],
)
def test_subjects_are_handles_or_identifiers(text: str, subject: str) -> None:
    assert subject_of(PROFILE, text) == subject


def test_a_mistyped_subject_is_not_asked_about() -> None:
    with pytest.raises(NotFoundError):
        subject_of(PROFILE, "suplier")


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("Acme & Söhne GmbH", "acme-sohne-gmbh"),
        ("武汉同创紧固件有限公司", "supplier"),
        ("X" * 80, "x" * 32),
        ("3号", "supplier"),
    ],
)
def test_aliases_can_be_typed(name: str, alias: str) -> None:
    assert alias_for(name, "supplier") == alias


def test_a_service_of_another_kind_is_told_in_words() -> None:
    with pytest.raises(NotFoundError, match="no bank 'bank-z'"):
        PROFILE.service("bank-z", "finance")


def test_a_damaged_profile_is_told(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.profile.write_text('{"version": 7}')
    with pytest.raises(ChanrongError) as told:
        load_profile(layout)
    assert told.value.reason == "NO_SANDBOX"
