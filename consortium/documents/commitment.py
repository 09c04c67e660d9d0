"""Commitment: one hash on the ledger that binds a document and hides it, field by field.

1. Leaves: one per header field, sorted by name, then one per line in order (``lines/1``, ``lines/2``, ...).
2. Salts: ``SHAKE-128("chanrong/salts/v1" || 0x00 || secret)`` cut into 18 bytes per leaf, in the order of the
   leaves.
3. Leaf digest, RFC 9901's construction (SD-JWT): ``SHA-256(base64url([salt, name, value]))``, where salt is
   base64url, the value canonical JSON, the array without blanks, base64url without padding.
4. Commitment: ``SHA-256("chanrong/commitment/v1" || 0x00 || kind || 0x00 || number of leaves as 4 bytes ||
   digests, sorted)``.

One leaf is disclosed with its salt and with all digests; the other leaves stay hidden. Destroying the secret
(and the salts that were given out) leaves a hash that says nothing about what it committed to.
"""

from __future__ import annotations

import binascii
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from consortium.documents.base import Document
from consortium.documents.canonical import assemble, canonical_bytes, leaf_bytes, leaf_values
from consortium.errors import InvalidInputError

SECRET_BYTES: Final = 32
"""A document's secret, from which all its salts come."""
SALT_BYTES: Final = 18
"""144 bits per leaf: above RFC 9901's 128, and whole base64 characters."""
MAX_LEAVES: Final = 11_000
"""Leaves of one disclosure: the lines of the longest document and every header field."""

_SALTS_TAG = b"chanrong/salts/v1\x00"
_COMMITMENT_TAG = b"chanrong/commitment/v1\x00"
_SALT_CHARS = SALT_BYTES // 3 * 4
_URL = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class Commitment:
    """A commitment and what it was made of."""

    hex: str
    """Lower-case hex of 32 bytes: what the ledger holds."""
    digests: tuple[bytes, ...]
    """Leaf digests, sorted."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Everything that is made of a document at intake, in one go."""

    body: bytes
    """Canonical bytes of the document."""
    commitment: str
    """Commitment, lower-case hex."""


@dataclass(frozen=True, slots=True)
class DisclosedLeaf:
    """One leaf that is shown."""

    name: str
    """``issue_date``, ``lines/1``."""
    value: bytes
    """Canonical JSON of the value."""
    salt: bytes
    """The leaf's salt."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Some leaves of a document, and what it takes to check them against its commitment."""

    kind: str
    """The document's kind, which the commitment binds."""
    leaves: tuple[DisclosedLeaf, ...]
    """The leaves that are shown."""
    digests: tuple[bytes, ...]
    """All leaf digests, sorted."""


def new_secret() -> bytes:
    """A fresh random secret for one document."""
    return os.urandom(SECRET_BYTES)


def leaves(document: Document) -> dict[str, Any]:
    """A document's leaves by name, as plain JSON values: one per header field and one per line."""
    return leaf_values(document)


def _base64url(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).translate(_URL).rstrip(b"=")


def _salts(secret: bytes, count: int) -> bytes:
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a document's secret has {SECRET_BYTES} bytes")
    return hashlib.shake_128(_SALTS_TAG + secret).digest(SALT_BYTES * count)


def _digests(names: list[bytes], values: list[bytes], secret: bytes) -> list[bytes]:
    """Leaf digests in the order of the leaves."""
    salts = _base64url(_salts(secret, len(names)))
    encode = binascii.b2a_base64
    # Each ends with a line break, which base64 has no use for: so all of them are turned into base64url at once.
    encoded = [
        encode(b'["%b","%b",%b]' % (salts[start : start + _SALT_CHARS], name, value))
        for start, name, value in zip(range(0, len(salts), _SALT_CHARS), names, values, strict=True)
    ]
    texts = b"".join(encoded).translate(_URL, b"=").split(b"\n")
    del texts[-1]
    sha256 = hashlib.sha256
    return [sha256(text).digest() for text in texts]


def _combine(kind: str, digests: Iterable[bytes]) -> str:
    ordered = sorted(digests)
    head = _COMMITMENT_TAG + kind.encode("ascii") + b"\x00" + len(ordered).to_bytes(4, "big")
    return hashlib.sha256(head + b"".join(ordered)).hexdigest()


def _named(document: Document) -> tuple[list[bytes], list[bytes], bytes]:
    header, lines = leaf_bytes(document)
    names = [name.encode("ascii") for name, _ in header] + [b"lines/%d" % n for n in range(1, len(lines) + 1)]
    return names, [value for _, value in header] + lines, assemble(header, lines)


def seal(document: Document, secret: bytes) -> Sealed:
    """Canonical bytes and commitment in one pass: the fast path of intake."""
    names, values, body = _named(document)
    return Sealed(body, _combine(document.kind, _digests(names, values, secret)))


def commit(document: Document, secret: bytes) -> Commitment:
    """The commitment of a document under its secret, with the leaf digests."""
    names, values, _ = _named(document)
    digests = _digests(names, values, secret)
    return Commitment(_combine(document.kind, digests), tuple(sorted(digests)))


def commitment_hex(document: Document, secret: bytes) -> str:
    """The commitment alone."""
    return seal(document, secret).commitment


def disclose(document: Document, secret: bytes, names: Iterable[str]) -> Disclosure:
    """Show some leaves of a document.

    :param names: names of leaves, as :func:`leaves` gives them
    :raises InvalidInputError: ``LEAF_UNKNOWN`` when the document has no such leaf
    """
    all_names, values, _ = _named(document)
    position = {name.decode("ascii"): at for at, name in enumerate(all_names)}
    salts = _salts(secret, len(all_names))
    shown = []
    for name in dict.fromkeys(names):
        at = position.get(name)
        if at is None:
            raise InvalidInputError(f"The document has no field or line {name!r}.", reason="LEAF_UNKNOWN")
        shown.append(DisclosedLeaf(name, values[at], salts[SALT_BYTES * at : SALT_BYTES * (at + 1)]))
    return Disclosure(document.kind, tuple(shown), tuple(sorted(_digests(all_names, values, secret))))


def leaf_digest(leaf: DisclosedLeaf) -> bytes:
    """Digest of a leaf (step 3)."""
    name = orjson.dumps(leaf.name)
    return hashlib.sha256(_base64url(b'["%b",%b,%b]' % (_base64url(leaf.salt), name, leaf.value))).digest()


def verify_disclosure(commitment: str, disclosure: Disclosure) -> dict[str, Any]:
    """Check disclosed leaves against the commitment that the ledger holds.

    1. The digests make the commitment. 2. No leaf is named twice. 3. Every value is in canonical form.
    4. Every leaf's digest is among the digests.

    :returns: the disclosed values by leaf name
    :raises InvalidInputError: ``COMMITMENT_MISMATCH``
    """
    if len(disclosure.digests) > MAX_LEAVES or any(len(each) != 32 for each in disclosure.digests):
        raise _mismatch("the list of digests is malformed")
    if len(set(disclosure.digests)) != len(disclosure.digests) or not disclosure.kind.isascii():
        raise _mismatch("the list of digests is malformed")
    if _combine(disclosure.kind, disclosure.digests) != commitment.lower():  # 1
        raise _mismatch("the digests do not make the commitment")
    found: dict[str, Any] = {}
    for leaf in disclosure.leaves:
        if leaf.name in found:  # 2
            raise _mismatch(f"{leaf.name!r} is shown twice")
        try:
            value = orjson.loads(leaf.value)
        except orjson.JSONDecodeError as error:
            raise _mismatch(f"{leaf.name!r} is no JSON") from error
        if canonical_bytes(value) != leaf.value:  # 3
            raise _mismatch(f"{leaf.name!r} is not in canonical form")
        if leaf_digest(leaf) not in disclosure.digests:  # 4
            raise _mismatch(f"{leaf.name!r} is not what was committed to")
        found[leaf.name] = value
    return found


def _mismatch(what: str) -> InvalidInputError:
    return InvalidInputError(
        f"The disclosure does not fit the commitment: {what}.",
        reason="COMMITMENT_MISMATCH",
        remedy="Ask for the document again; if it stays so, it was changed after it was registered.",
    )
