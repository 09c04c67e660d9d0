"""Client secrets of OAuth2 client credentials: made here, stored only as scrypt hashes, compared in constant time.

Form: ``scrypt$<log2 N>$<r>$<p>$<salt b64>$<hash b64>`` (RFC 7914). Our secrets are 256 random bits, so the cost only
has to make stolen hashes of badly chosen foreign secrets expensive.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets

LOG2_N = 14
BLOCK_R = 8
PARALLEL_P = 1
"""OWASP's figures for interactive use at 16 MiB: about 30 ms per check."""

MAX_LOG2_N = 17
"""Stored costs above this are refused: 128 MiB per check would be a way to stop the service."""

SALT_BYTES = 16
HASH_BYTES = 32
MAX_SECRET_CHARACTERS = 200
"""Longer secrets are refused unhashed."""


def new_client_secret() -> str:
    """A random secret of 256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def hash_client_secret(secret: str) -> str:
    """What may be stored of a secret."""
    salt = os.urandom(SALT_BYTES)
    digest = _scrypt(secret, salt, LOG2_N, BLOCK_R, PARALLEL_P)
    return "$".join(["scrypt", str(LOG2_N), str(BLOCK_R), str(PARALLEL_P), _encode(salt), _encode(digest)])


def verify_client_secret(secret: str, stored: str | None) -> bool:
    """Whether a secret is the one hashed; takes as long for a client that does not exist (``stored`` None).

    Runs some 30 ms of computation: call it in a thread.
    """
    if len(secret) > MAX_SECRET_CHARACTERS:
        return False
    known = _parse(stored if stored is not None else _NOBODY)
    if known is None:
        return False
    log2_n, r, p, salt, digest = known
    good = hmac.compare_digest(_scrypt(secret, salt, log2_n, r, p), digest)
    return good and stored is not None


def _parse(stored: str) -> tuple[int, int, int, bytes, bytes] | None:
    parts = stored.split("$")
    if len(parts) != 6 or parts[0] != "scrypt":
        return None
    try:
        log2_n, r, p = (int(part) for part in parts[1:4])
        salt, digest = (base64.b64decode(part, validate=True) for part in parts[4:])
    except (ValueError, binascii.Error):
        return None
    if not (1 <= log2_n <= MAX_LOG2_N and 1 <= r <= BLOCK_R and 1 <= p <= 4 and len(digest) == HASH_BYTES):
        return None
    return log2_n, r, p, salt, digest


def _scrypt(secret: str, salt: bytes, log2_n: int, r: int, p: int) -> bytes:
    memory = 128 * r * (2**log2_n + p + 2)
    return hashlib.scrypt(
        secret.encode(), salt=salt, n=2**log2_n, r=r, p=p, maxmem=2 * memory, dklen=HASH_BYTES
    )


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


_NOBODY = "$".join(
    ["scrypt", str(LOG2_N), str(BLOCK_R), str(PARALLEL_P), _encode(bytes(SALT_BYTES)), _encode(bytes(32))]
)
