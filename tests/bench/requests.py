"""Requests of ``documents:register``, made beforehand: what the clients write is the same and costs them nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from chanrong.sandbox.layout import Layout
from consortium.contract import names
from consortium.contract.codec import encode
from consortium.documents import Document, Invoice
from consortium.documents.commitment import commitment_hex, new_secret
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.documents.roles import buyer_of, issuer_of, references_of, seller_of
from consortium.documents.weights import WHOLE_PPB
from tests.bench import documents


def register_item(keys: ConsortiumKeys, document: Document) -> dict[str, Any]:
    """A document as the industry gateway registers it; the bench's invoices draw on one order each, on all of it."""
    seller, buyer = seller_of(document), buyer_of(document)
    orders = [
        keys.parent_fingerprint(reference, document)
        for reference in (references_of(document) if isinstance(document, Invoice) else ())
        if reference.kind == "purchase_order"
    ]
    link = {"kind": "purchase_order", "of_child": WHOLE_PPB, "of_parent": WHOLE_PPB, "basis": "gross"}
    return {
        "kind": document.kind,
        "keys": [{"epoch": k.epoch, "fp": k.fp, "tag": k.tag} for k in keys.keys_of(document)],
        "commitment": commitment_hex(document, new_secret()),
        "seller": keys.handle_of(seller) if seller else None,
        "buyer": keys.handle_of(buyer) if buyer else None,
        "issuer": keys.handle_of(issuer_of(document)),
        "origin": None,
        "asset": document.kind in names.ASSET_KINDS,
        "links": [{"parent": parent, **link} for parent in orders],
    }


def register_items(layout: Layout, count: int) -> list[dict[str, Any]]:
    """Items for ``count`` documents that were never registered."""
    keys = ConsortiumKeys.from_json(layout.consortium_keys.read_bytes())
    made = documents.trades(-(-count // documents.DOCUMENTS_PER_TRADE)).documents
    return [register_item(keys, document) for document in made[:count]]


def pack(items: Sequence[dict[str, Any]], per_transaction: int) -> list[bytes]:
    """Requests of so many documents each, sorted by fingerprint as the gateway's outbox sorts them."""
    parts = (items[start : start + per_transaction] for start in range(0, len(items), per_transaction))
    return [
        encode({"op": secrets.token_hex(16), "items": sorted(part, key=lambda item: item["keys"][0]["fp"])})
        for part in parts
    ]


def write_lines(path: Path, requests: Iterable[bytes]) -> Path:
    """A file with one request on each line."""
    path.write_bytes(b"".join(request + b"\n" for request in requests))
    return path
