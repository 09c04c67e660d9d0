"""Writes ``documents.json``, the published test vectors of canonical bytes, commitment, disclosure,
fingerprint and tag.

Run ``python -m tests.vectors.make_documents`` only to add a case: what is published stays as it is, since ledgers
hold fingerprints and commitments that were made so. The test recomputes every value without our code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from consortium.documents import KINDS
from consortium.documents.canonical import document_bytes
from consortium.documents.commitment import commit, disclose, leaves
from consortium.documents.core import core_fields
from consortium.documents.fingerprint import OFFICIAL, ConsortiumKeys, alias_identities, identities
from consortium.documents.origin import document_digest, origin_statement
from tests.support.document_cases import EUROPEAN_BUYER, EUROPEAN_SELLER, EXAMPLES, document, example

FILE = Path(__file__).with_name("documents.json")
KEYS = {
    "current": 2,
    "epochs": {"1": bytes(range(32)).hex(), "2": bytes(range(100, 132)).hex()},
    "party": bytes(range(200, 232)).hex(),
}

CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    **{f"a {kind.replace('_', ' ')}": (kind, {}, ["issue_date", "lines/1"]) for kind in list(KINDS)[:7]},
    "a debtor confirmation": ("debtor_confirmation", {}, ["confirmed_amount", "due_date", "response_code"]),
    "a European invoice, seller with several identifiers": (
        "invoice",
        {"seller": EUROPEAN_SELLER, "buyer": EUROPEAN_BUYER, "currency": "EUR"},
        ["totals"],
    ),
    "a digital fapiao": ("invoice", {"number": "26312000000123456789"}, ["number", "seller"]),
    "an older fapiao": (
        "invoice",
        {
            "number": "00456789",
            "fapiao": [{"fapiao_kind": "special", "number": "00456789", "code": "310012345678"}],
        },
        [],
    ),
    "a commercial invoice that names its fapiao": (
        "invoice",
        {"fapiao": [{"fapiao_kind": "digital_special", "number": "26312000000123456789"}]},
        ["fapiao"],
    ),
    "a number with separators and leading zeros": ("credit_note", {"number": "018304 / 28865"}, ["lines/2"]),
    "a corrected invoice below zero": (
        "invoice",
        {
            "type_code": "384",
            "totals": {name: f"-{value}" for name, value in EXAMPLES["invoice"]["totals"].items()},
        },
        ["totals", "type_code"],
    ),
    # Later kinds stand behind what was published before: a case's secret comes from its position.
    **{f"a {kind.replace('_', ' ')}": (kind, {}, ["issue_date", "lines/1"]) for kind in list(KINDS)[7:]},
    "a statement of the seller": ("statement_of_account", {"issued_by": "seller"}, ["lines/1"]),
    "a notice by the assignee": ("assignment_notice", {"issued_by": "assignee"}, ["assignee", "served_date"]),
    "a bill that cannot be split": ("bill", {"range_from": None, "range_to": None}, ["amount", "due_date"]),
}


def make_case(name: str, seed: int) -> dict[str, Any]:
    """All published values of one case."""
    kind, changes, shown = CASES[name]
    made = document(kind, **changes)
    secret = bytes((seed * 7 + n) % 256 for n in range(32))
    keys = ConsortiumKeys.from_json(json.dumps(KEYS))
    made_leaves = leaves(made)
    disclosure = disclose(made, secret, [each for each in shown if each in made_leaves])
    own = identities(made)
    return {
        "name": name,
        "kind": kind,
        "input": example(kind, **changes),
        "canonical": document_bytes(made).decode(),
        "digest": document_digest(made),
        "origin_statement": origin_statement(made).decode(),
        "secret": secret.hex(),
        "leaves": list(made_leaves),
        "commitment": commit(made, secret).hex,
        "disclosure": {
            "leaves": [
                {"name": leaf.name, "value": leaf.value.decode(), "salt": leaf.salt.hex()}
                for leaf in disclosure.leaves
            ],
            "digests": [digest.hex() for digest in disclosure.digests],
        },
        "identities": own,
        "aliases": alias_identities(made),
        "core": [core_fields(made, official=identity[0] in OFFICIAL) for identity in own],
        "keys": [
            {"epoch": key.epoch, "fp": key.fp, "tag": key.tag, "alias": key.alias}
            for key in keys.keys_of(made)
        ],
    }


def make() -> dict[str, Any]:
    """The whole file."""
    keys = ConsortiumKeys.from_json(json.dumps(KEYS))
    parties = ["uscc:91310115MA1K3BTP2B", "vat:DE136695976", "legal-de:HRB1234", "name:远航集团"]
    return {
        "about": "consortium/documents: canonical.py, commitment.py, fingerprint.py, core.py say how these are made",
        "consortium_keys": KEYS,
        "party_handles": {party: keys.party_handle(party) for party in parties},
        "cases": [make_case(name, seed) for seed, name in enumerate(CASES)],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
