"""The package file: the payload, its signature and the signed reads, as one canonical JSON object.

```
{"format": "chanrong-package/1",
 "payload": {...},                 what content.build_payload made
 "signature": "<header>..<sig>",   JWS (ES256) over the payload's canonical bytes, detached (RFC 7515, F)
 "nonce": "<32 bytes hex>",        the bank's own, so that the reads are fresh and for this package
 "signed_reads": ["<base64>", ...]}
```
The signed reads stand outside the payload because their challenge is made from the payload's digest.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Final

import orjson

from consortium.documents.canonical import canonical_bytes
from consortium.errors import InvalidInputError

FORMAT: Final = "chanrong-package/1"
MAX_PACKAGE_BYTES: Final = 96 * 1024 * 1024
"""What a signature may be over, below what one message carries; a package of 10,000 documents is some 90 MB."""

NONCE_BYTES: Final = 32
_KEYS: Final = {"format", "payload", "signature", "nonce", "signed_reads"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """A package file, taken apart. Nothing in it has been checked but its form.

    :ivar payload: canonical bytes of the payload: what is signed, digested, anchored and challenged
    """

    payload: bytes
    signature: str
    nonce: str
    signed_reads: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the payload."""
        return hashlib.sha256(self.payload).hexdigest()

    def to_bytes(self) -> bytes:
        """The file: canonical JSON, put together around the payload's bytes, which are megabytes."""
        reads = [base64.b64encode(read).decode("ascii") for read in self.signed_reads]
        return b'{"format":%b,"nonce":%b,"payload":%b,"signature":%b,"signed_reads":%b}' % (
            orjson.dumps(FORMAT),
            orjson.dumps(self.nonce),
            self.payload,
            orjson.dumps(self.signature),
            orjson.dumps(reads),
        )


def read_envelope(data: bytes) -> tuple[Envelope, dict[str, Any]]:
    """Takes a package file apart: the envelope, and its payload as data.

    :raises InvalidInputError: PACKAGE_MALFORMED when it is not a package file; PACKAGE_NOT_CANONICAL when a byte of it
        could be another without changing its meaning, which no issuer writes
    """
    if len(data) > MAX_PACKAGE_BYTES:
        raise _malformed(f"it has {len(data)} bytes, the most is {MAX_PACKAGE_BYTES}")
    try:
        content = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _malformed(f"it is not JSON ({error})") from error
    if not isinstance(content, dict) or set(content) != _KEYS or content["format"] != FORMAT:
        raise _malformed(f"it is not of the format {FORMAT}")
    payload, signature, nonce, reads = (content[k] for k in ("payload", "signature", "nonce", "signed_reads"))
    if not (isinstance(payload, dict) and isinstance(signature, str) and isinstance(nonce, str)):
        raise _malformed("payload, signature or nonce has the wrong type")
    if not isinstance(reads, list) or not all(isinstance(read, str) for read in reads):
        raise _malformed("signed_reads has the wrong type")
    if len(nonce) != 2 * NONCE_BYTES or any(c not in "0123456789abcdef" for c in nonce):
        raise _malformed("the nonce is not 32 bytes in hex")
    try:
        taken = tuple(base64.b64decode(read, validate=True) for read in reads)
        envelope = Envelope(canonical_bytes(payload), signature, nonce, taken)
        canonical = envelope.to_bytes()
    except (InvalidInputError, TypeError, ValueError) as error:  # binascii.Error is a ValueError
        raise _malformed(f"it has no canonical form ({error})") from error
    if canonical != data:
        raise InvalidInputError(
            "The package file is not in canonical form: its bytes were changed after it was written.",
            reason="PACKAGE_NOT_CANONICAL",
            remedy="Get the file from the issuer again; do not reformat it.",
        )
    return envelope, payload


def challenge_of(nonce: str, digest: str) -> str:
    """The challenge of a package's signed reads: SHA-256 over nonce and payload digest (both hex)."""
    return hashlib.sha256(bytes.fromhex(nonce) + bytes.fromhex(digest)).hexdigest()


def _malformed(why: str) -> InvalidInputError:
    return InvalidInputError(
        f"The file is not a credit package: {why}.",
        reason="PACKAGE_MALFORMED",
        remedy="Get the file from the issuer again.",
    )
