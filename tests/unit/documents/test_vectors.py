"""The published vectors, recomputed twice: with our code, and with nothing but the standard library."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from consortium.documents import parse_canonical
from consortium.documents.canonical import document_bytes
from consortium.documents.commitment import (
    DisclosedLeaf,
    Disclosure,
    commitment_hex,
    verify_disclosure,
)
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.documents.origin import document_digest, origin_statement
from tests.vectors.make_documents import make

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "documents.json").read_text(encoding="utf-8")
)
CASES: list[dict[str, Any]] = VECTORS["cases"]
KEYS = ConsortiumKeys.from_json(json.dumps(VECTORS["consortium_keys"]))

each_case = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def hkdf(key: bytes, info: bytes) -> bytes:
    """RFC 5869 with SHA-256, no salt, one block."""
    return hmac.digest(hmac.digest(bytes(32), key, "sha256"), info + b"\x01", "sha256")


def base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def test_the_file_is_what_its_maker_makes() -> None:
    assert json.loads(json.dumps(make(), ensure_ascii=False)) == VECTORS


@each_case
def test_our_code_gives_them(case: dict[str, Any]) -> None:
    made = parse_canonical(case["kind"], case["input"])
    assert document_bytes(made).decode() == case["canonical"]
    assert document_digest(made) == case["digest"]
    assert origin_statement(made).decode() == case["origin_statement"]
    assert commitment_hex(made, bytes.fromhex(case["secret"])) == case["commitment"]
    keys = [
        {"epoch": key.epoch, "fp": key.fp, "tag": key.tag, "alias": key.alias} for key in KEYS.keys_of(made)
    ]
    assert keys == case["keys"]


@each_case
def test_canonical_bytes_are_sorted_json_without_blanks(case: dict[str, Any]) -> None:
    text = case["canonical"].encode()
    assert canonical(json.loads(text)) == text
    assert hashlib.sha256(text).hexdigest() == case["digest"]


@each_case
def test_the_commitment_follows_from_its_description(case: dict[str, Any]) -> None:
    values = json.loads(case["canonical"])
    lines = values.pop("lines", [])
    named = [(name, values[name]) for name in sorted(values)]
    named += [(f"lines/{number}", line) for number, line in enumerate(lines, 1)]
    assert sorted(name for name, _ in named) == sorted(case["leaves"])
    salts = hashlib.shake_128(b"chanrong/salts/v1\x00" + bytes.fromhex(case["secret"])).digest(
        18 * len(named)
    )
    digests = []
    for position, (name, value) in enumerate(named):
        salt = base64url(salts[18 * position : 18 * position + 18]).decode()
        digests.append(hashlib.sha256(base64url(canonical([salt, name, value]))).digest())
    head = b"chanrong/commitment/v1\x00" + case["kind"].encode() + b"\x00" + len(named).to_bytes(4, "big")
    assert hashlib.sha256(head + b"".join(sorted(digests))).hexdigest() == case["commitment"]
    assert [digest.hex() for digest in sorted(digests)] == case["disclosure"]["digests"]


@each_case
def test_the_disclosure_is_accepted(case: dict[str, Any]) -> None:
    leaves = tuple(
        DisclosedLeaf(leaf["name"], leaf["value"].encode(), bytes.fromhex(leaf["salt"]))
        for leaf in case["disclosure"]["leaves"]
    )
    digests = tuple(bytes.fromhex(digest) for digest in case["disclosure"]["digests"])
    found = verify_disclosure(case["commitment"], Disclosure(case["kind"], leaves, digests))
    values = json.loads(case["canonical"])
    lines = {f"lines/{number}": line for number, line in enumerate(values.get("lines", []), 1)}
    assert found == {leaf.name: (values | lines)[leaf.name] for leaf in leaves}


@each_case
def test_fingerprints_and_tags_follow_from_their_description(case: dict[str, Any]) -> None:
    epochs = {int(epoch): bytes.fromhex(key) for epoch, key in VECTORS["consortium_keys"]["epochs"].items()}
    order = [2, 1]
    expected = []
    for identity, core in zip(case["identities"], case["core"], strict=True):
        for epoch in order:
            fp = hmac.digest(hkdf(epochs[epoch], b"chanrong/fingerprint/v1"), canonical(identity), "sha256")
            tag = hmac.digest(
                hkdf(epochs[epoch], b"chanrong/tag/v1"), canonical([*identity, *core]), "sha256"
            )
            expected.append({"epoch": epoch, "fp": fp.hex(), "tag": tag.hex(), "alias": False})
    for identity in case["aliases"]:
        for epoch in order:
            fp = hmac.digest(hkdf(epochs[epoch], b"chanrong/fingerprint/v1"), canonical(identity), "sha256")
            expected.append({"epoch": epoch, "fp": fp.hex(), "tag": "", "alias": True})
    assert case["keys"] == expected


def test_party_handles_follow_from_their_description() -> None:
    key = hkdf(bytes.fromhex(VECTORS["consortium_keys"]["party"]), b"chanrong/party/v1")
    for party, handle in VECTORS["party_handles"].items():
        assert hmac.digest(key, party.encode(), "sha256").hex() == handle == KEYS.party_handle(party)
