"""Documents in state: compact records, and finding them under any key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from chaincode.contracts import records
from chaincode.contracts.call import Call, RefusedError
from chaincode.contracts.keys import document_key
from consortium.contract import reasons

SELF: Final = ""
"""``asset`` of a record whose document opened the asset under its own fingerprint."""

LINK_FIELDS: Final = ("parent", "kind", "of_child", "of_parent", "basis")
"""A document's links are lists of these."""

Pointer = records.Record
Document = records.Record
"""As stored: kind, keys [[epoch, fp, tag]], commitment, seller, buyer, issuer, owner, state, grade, origin, asset,
links, tx, time, changed, reason, evidence; what is None or empty is left out. A pointer has ``of`` and ``tag``
only."""


def parse(data: bytes) -> Document:
    """A stored document or pointer."""
    return records.load(records.DOCUMENT, data)


def write(call: Call, fp: str, document: Document) -> None:
    """Stores a document under its primary fingerprint."""
    call.state.put(document_key(fp), records.dump(records.DOCUMENT, document))


def primary_of(document: Document) -> str:
    """The primary fingerprint."""
    return str(document["keys"][0][1])


def asset_of(document: Document) -> str | None:
    """Id of the asset that the document opened or shares, as registered; later joins are in the claims row."""
    asset = document.get("asset")
    return primary_of(document) if asset == SELF else asset


async def fetch(call: Call, fps: Iterable[str]) -> dict[str, Document | None]:
    """Documents by any of their fingerprints, with at most two questions to the ledger."""
    wanted = list(dict.fromkeys(fps))
    found: dict[str, Document | None] = {}
    pointed: dict[str, str] = {}
    for fp, data in zip(wanted, await call.state.get_many([document_key(fp) for fp in wanted]), strict=True):
        entry = None if data is None else parse(data)
        if entry is not None and "of" in entry:
            pointed[fp] = entry["of"]
        else:
            found[fp] = entry
    targets = list(dict.fromkeys(pointed.values()))
    if targets:
        values = await call.state.get_many([document_key(fp) for fp in targets])
        parsed = {fp: parse(data) for fp, data in zip(targets, values, strict=True) if data is not None}
        found.update((fp, parsed[target]) for fp, target in pointed.items())
    return found


def known(documents: dict[str, Document | None], fp: str) -> Document:
    """A document that must be there.

    :raises RefusedError: UNKNOWN_DOCUMENT
    """
    document = documents[fp]
    if document is None:
        raise RefusedError(reasons.UNKNOWN_DOCUMENT, f"{fp} is not registered")
    return document


def as_keys(keys: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Keys as callers see them."""
    return [{"epoch": epoch, "fp": fp, "tag": tag} for epoch, fp, tag in keys]


def as_record(document: Document) -> dict[str, Any]:
    """A document as :class:`consortium.contract.documents.DocumentRecord`."""
    found = {
        "fp": primary_of(document),
        "kind": document["kind"],
        "keys": as_keys(document["keys"]),
        "commitment": document["commitment"],
        "seller": document.get("seller"),
        "buyer": document.get("buyer"),
        "issuer": document["issuer"],
        "owner": document["owner"],
        "state": document["state"],
        "grade": document["grade"],
        "origin": document.get("origin"),
        "asset": asset_of(document),
        "links": [dict(zip(LINK_FIELDS, link, strict=True)) for link in document.get("links", ())],
        "first_tx": document["tx"],
        "time": document["time"],
        "changed_tx": document.get("changed", document["tx"]),
    }
    if "reason" in document:
        found["reason"] = document["reason"]
        found["evidence"] = document.get("evidence")
    return found
