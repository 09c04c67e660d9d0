"""Sealed bodies: round trip, erasure, and that every changed byte is found."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortium.errors import ConfigurationError, NotFoundError
from consortium.storage.crypto import KEY_BYTES, BodyTamperedError, BodyVault

VAULT = BodyVault({1: b"k" * KEY_BYTES}, 1)


@given(st.lists(st.tuples(st.text(max_size=40), st.binary(max_size=200)), max_size=5))
def test_bodies_come_back(items: list[tuple[str, bytes]]) -> None:
    sealed = VAULT.seal_many(items)
    assert [VAULT.open(name, *each) for (name, _), each in zip(items, sealed, strict=True)] == [
        body for _, body in items
    ]


def test_equal_bodies_look_different_and_neither_shows() -> None:
    first, second = VAULT.seal_many([("d", b"the same body"), ("d", b"the same body")])
    assert first.ciphertext[13:] != second.ciphertext[13:]
    assert first.wrapped_key[17:] != second.wrapped_key[17:]
    assert b"the same" not in first.ciphertext + first.wrapped_key


def test_every_flipped_bit_is_found() -> None:
    sealed = VAULT.seal("doc", b"body")
    for position in range(len(sealed.ciphertext)):
        changed = bytearray(sealed.ciphertext)
        changed[position] ^= 1
        with pytest.raises(BodyTamperedError):
            VAULT.open("doc", sealed.wrapped_key, bytes(changed))
    for position in range(len(sealed.wrapped_key)):
        changed = bytearray(sealed.wrapped_key)
        changed[position] ^= 1
        with pytest.raises((BodyTamperedError, ConfigurationError)):
            VAULT.open("doc", bytes(changed), sealed.ciphertext)


@pytest.mark.parametrize("cut", [0, 1, 13, 20])
def test_cut_off_bodies_are_found(cut: int) -> None:
    sealed = VAULT.seal("doc", b"body")
    with pytest.raises(BodyTamperedError):
        VAULT.open("doc", sealed.wrapped_key, sealed.ciphertext[:cut])
    with pytest.raises(BodyTamperedError):
        VAULT.open("doc", sealed.wrapped_key[:cut], sealed.ciphertext)


def test_rows_cannot_be_swapped() -> None:
    one, two = VAULT.seal("one", b"1"), VAULT.seal("two", b"2")
    with pytest.raises(BodyTamperedError):
        VAULT.open("one", *two)
    with pytest.raises(BodyTamperedError):
        VAULT.open("one", one.wrapped_key, two.ciphertext)


def test_an_erased_body_is_gone() -> None:
    sealed = VAULT.seal("doc", b"body")
    with pytest.raises(NotFoundError) as caught:
        VAULT.open("doc", None, sealed.ciphertext)
    assert caught.value.reason == "BODY_ERASED"


def test_a_new_master_key_opens_old_rows_and_takes_them_over() -> None:
    sealed = VAULT.seal("doc", b"body")
    both = BodyVault({1: b"k" * KEY_BYTES, 2: b"n" * KEY_BYTES}, 2)
    assert both.open("doc", *sealed) == b"body"
    assert both.needs_rewrap(sealed.wrapped_key)
    wrapped = both.rewrap("doc", sealed.wrapped_key)
    assert not both.needs_rewrap(wrapped)
    only_new = BodyVault({2: b"n" * KEY_BYTES}, 2)
    assert only_new.open("doc", wrapped, sealed.ciphertext) == b"body"
    with pytest.raises(ConfigurationError):
        only_new.open("doc", *sealed)


def test_a_wrong_master_key_opens_nothing() -> None:
    sealed = VAULT.seal("doc", b"body")
    with pytest.raises(BodyTamperedError):
        BodyVault({1: b"x" * KEY_BYTES}, 1).open("doc", *sealed)


def test_the_key_file_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.json"
    BodyVault.create_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sealed = BodyVault.load(path).seal("doc", b"body")
    assert BodyVault.load(path).open("doc", *sealed) == b"body"
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="open to others"):
        BodyVault.load(path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        '{"current": 1, "keys": {"1": "zz"}}',
        '{"current": 1, "keys": {"1": "aa"}}',
        json.dumps({"current": 2, "keys": {"1": "aa" * 32}}),
        json.dumps({"current": 1, "keys": {"1": "aa" * 32}, "more": 1}),
    ],
)
def test_wrong_key_files_are_refused_without_showing_keys(tmp_path: Path, content: str) -> None:
    path = tmp_path / "master.json"
    path.touch(mode=0o600)
    path.write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        BodyVault.load(path)
    assert "aaaa" not in str(caught.value)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.json"):
        BodyVault.load(tmp_path / "none.json")


def test_a_key_file_is_never_open_to_others_even_for_a_moment(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        BodyVault.create_file(tmp_path / "master.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "master.json").stat().st_mode) == 0o600
