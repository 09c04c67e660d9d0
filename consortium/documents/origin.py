"""Origin: what a party signs to say "this document is mine".

The statement is canonical JSON and names the digest of the document's canonical bytes. It is signed with the
party's key as registered on the ledger: ECDSA P-256 over SHA-256, DER.
"""

from __future__ import annotations

import hashlib
from typing import Final

from consortium.documents.base import Document
from consortium.documents.canonical import canonical_bytes, document_bytes

ORIGIN_TYPE: Final = "chanrong.origin"


def document_digest(document: Document, body: bytes | None = None) -> str:
    """SHA-256 (lower-case hex) of a document's canonical bytes.

    :param body: the canonical bytes, where they are at hand already
    """
    return hashlib.sha256(document_bytes(document) if body is None else body).hexdigest()


def origin_statement(document: Document, body: bytes | None = None) -> bytes:
    """The bytes that the document's issuer signs."""
    return canonical_bytes(
        {
            "v": 1,
            "type": ORIGIN_TYPE,
            "kind": document.kind,
            "number": document.number,
            "digest": document_digest(document, body),
        }
    )
