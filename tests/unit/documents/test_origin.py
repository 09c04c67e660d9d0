from __future__ import annotations

import hashlib
import json

from consortium.documents.canonical import canonical_bytes, document_bytes
from consortium.documents.origin import document_digest, origin_statement
from tests.support.document_cases import document


def test_the_statement_binds_kind_number_and_every_byte() -> None:
    made = document("invoice")
    body = document_bytes(made)
    statement = origin_statement(made)
    assert json.loads(statement) == {
        "v": 1,
        "type": "chanrong.origin",
        "kind": "invoice",
        "number": "INV-2026-0042",
        "digest": hashlib.sha256(body).hexdigest(),
    }
    assert canonical_bytes(json.loads(statement)) == statement
    assert origin_statement(made, body) == statement
    assert document_digest(made, body) == document_digest(made)
    assert origin_statement(document("invoice", note="x")) != statement
