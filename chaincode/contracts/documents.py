"""``documents:register``, ``get`` and ``history``. Shapes and meaning: :mod:`consortium.contract.documents`.

Registering is made for a thousand documents at once: everything is read in one question (a second one only
where a key leads to another document), worked off in memory, and written as one set. It reads and writes
the documents' own keys, the rows under them and one index entry per (parent, child); no parent, party,
counter or shared row is written, so that batches meet only where they register the same documents.

Steps per document:

1. Kind, asset, seller, keys and links agree with each other. 2. Its keys are looked up: already there, a
conflict, another document of a receivable that is there, or new. 3. Its origin signature is checked. 4.
Record, further keys, index entries and, where it opens an asset, the claims row are written; what children
used of it while it was pending goes into that row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from chaincode.contracts import documents_state, records
from chaincode.contracts.call import Call, Item, RefusedError, Result, require
from chaincode.contracts.documents_state import SELF, Document, Pointer
from chaincode.contracts.keys import claims_key, document_key, link_key, member_key, party_key
from chaincode.contracts.operations import Reader, Writer
from chaincode.contracts.rows import Row, added_steps, later
from chaincode.contracts.signatures import verify_digest
from consortium.contract import documents as shapes
from consortium.contract import names, reasons

_INDEX = b'{"v":1}'
"""Index entries say everything in their key."""


def _keys(call: Call, items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        for key in item["keys"]:
            yield document_key(key["fp"])
            if item["asset"]:
                yield claims_key(key["fp"])
        if item["origin"]:
            yield party_key(item["origin"]["party"])


def _plain(item: Item) -> Result:
    fp = item["keys"][0]["fp"]
    return (
        {"status": "registered", "fp": fp}
        if item["asset"]
        else {"status": "registered", "fp": fp, "asset": None}
    )


async def _register(call: Call, items: Sequence[Item]) -> list[Result]:
    # Pointers found under a key lead to records that are not read yet: the only further question.
    pointed: dict[str, None] = {}
    for item in items:
        for key in item["keys"]:
            entry = _entry(call, key["fp"])
            if entry is not None and "of" in entry:
                pointed[document_key(entry["of"])] = None
    await call.state.get_many(list(pointed))
    results: list[Result] = []
    for item in items:
        try:
            results.append(_register_one(call, item))
        except RefusedError as refused:
            results.append(refused.result())
    return results


def _entry(call: Call, fp: str) -> Document | Pointer | None:
    data = call.state.known(document_key(fp))
    return None if data is None else documents_state.parse(data)


def _document(call: Call, entry: Document | Pointer) -> Document:
    """The document to which an entry belongs."""
    if "of" not in entry:
        return entry
    data = call.state.known(document_key(entry["of"]))
    if data is None:
        raise records.RecordError(f"a key points to {entry['of']}, which is not there")
    return documents_state.parse(data)


def _register_one(call: Call, item: Item) -> Result:
    _consistent(item)  # 1
    found = _match(call, item)  # 2
    if isinstance(found, dict):
        return found
    if item["origin"]:
        _check_origin(call, item)  # 3
    return _write(call, item, found)  # 4


def _consistent(item: Item) -> None:
    keys, links = item["keys"], item["links"]
    own = {key["fp"]: None for key in keys}
    wrong = ""
    if item["asset"] != (item["kind"] in names.ASSET_KINDS):
        wrong = (
            f"item.asset: must be {'true' if item['kind'] in names.ASSET_KINDS else 'false'} for this kind"
        )
    elif item["asset"] and item["seller"] is None:
        wrong = "item.seller: an asset needs a seller"
    elif not keys[0]["tag"]:
        wrong = "item.keys[0].tag: the first key is the document's own and has a tag"
    elif len(own) != len(keys):
        wrong = "item.keys: a fingerprint stands there twice"
    elif len({link["parent"] for link in links}) != len(links):
        wrong = "item.links: a parent stands there twice"
    elif any(link["parent"] in own for link in links):
        wrong = "item.links: a document is not its own parent"
    require(not wrong, reasons.INVALID_ITEM, wrong)
    require(
        weight_of(links) <= names.FACE_VALUE_PPB,
        reasons.LINKS_OVER_CHILD,
        "of_child sums to over 1,000,000,000",
    )


def weight_of(links: Iterable[Any]) -> int:
    """Sum of the parts of a child that its counting links name."""
    return sum(link["of_child"] for link in links if link["kind"] in names.ASSET_KINDS)


def _match(call: Call, item: Item) -> Result | list[Document]:
    """What the ledger knows under the document's keys.

    :returns: a result when it is there or conflicts; else other documents of the same receivable, the first
    one first
    """
    others: dict[str, Document] = {}
    foreign: Document | None = None
    for key in item["keys"]:
        entry = _entry(call, key["fp"])
        if entry is None:
            continue
        document = _document(call, entry)
        tag = entry["tag"] if "of" in entry else document["keys"][0][2]
        if key["tag"] and tag:
            return _seen(call, document, key["tag"] == tag)
        if document.get("seller") == item["seller"]:
            others[documents_state.primary_of(document)] = document
        elif not key["tag"]:
            foreign = document
    if foreign is not None:
        return {
            **_seen(call, foreign, False),
            "message": "an alias of this document belongs to a document of another seller",
        }
    return list(others.values())


def _seen(call: Call, document: Document, same: bool) -> Result:
    fp, asset = documents_state.primary_of(document), documents_state.asset_of(document)
    result: Result = {"status": "already" if same else "conflict", "fp": fp}
    if document["tx"] != call.txid:
        result["txid"] = document["tx"]
    if asset != fp:
        result["asset"] = asset
    if not same:
        result["reason"] = reasons.CONTENT_CONFLICT
        result["message"] = "a document with this fingerprint and other content is registered"
    return result


def _check_origin(call: Call, item: Item) -> None:
    origin = item["origin"]
    require(
        origin["party"] in (item["issuer"], item["seller"]),
        reasons.NOT_ENTITLED,
        "origin.party must be the document's issuer or seller",
    )
    verify_digest(call, origin["party"], origin["key"], origin["digest"], origin["signature"], late=True)


def _write(call: Call, item: Item, others: list[Document]) -> Result:
    fp = item["keys"][0]["fp"]
    state = call.state
    assets = list(dict.fromkeys(a for o in others if (a := documents_state.asset_of(o)) is not None))
    shared = assets[0] if item["asset"] and assets else None
    result = _plain(item)
    for key in item["keys"][1:]:
        taken = state.known(document_key(key["fp"])) is not None
        if key["tag"] or not taken:
            pointer = {"of": fp, "tag": key["tag"]}
            state.put(document_key(key["fp"]), records.dump(records.DOCUMENT, pointer))
    state.put(document_key(fp), records.dump(records.DOCUMENT, _record(call, item, shared)))
    for link in _counting(item):
        state.put(link_key(link["parent"], fp), _INDEX)
    if shared is not None:
        state.put(member_key(shared, fp), _INDEX)
        result.update(asset=shared, grouped=True)
        if len(assets) > 1:
            result["join"] = assets[1:]
        if _counting(item) or any(state.known(claims_key(key["fp"])) for key in item["keys"] if key["tag"]):
            result["relink"] = True
    elif item["asset"] and _open(call, item):
        result["relink"] = True
    return result


def _counting(item: Item) -> list[dict[str, Any]]:
    return [link for link in item["links"] if link["kind"] in names.ASSET_KINDS]


def _record(call: Call, item: Item, shared: str | None) -> Document:
    origin = item["origin"]
    grade = "signed" if origin else "asserted"
    record = {
        "kind": item["kind"],
        "keys": [[key["epoch"], key["fp"], key["tag"]] for key in item["keys"]],
        "commitment": item["commitment"],
        "issuer": item["issuer"],
        "owner": call.msp,
        "state": grade,
        "grade": grade,
        "tx": call.txid,
        "time": call.now,
    }
    if item["links"]:
        record["links"] = [[link[name] for name in documents_state.LINK_FIELDS] for link in item["links"]]
    for name in ("seller", "buyer"):
        if item[name]:
            record[name] = item[name]
    if item["asset"]:
        record["asset"] = SELF if shared is None else shared
    if origin:
        record["origin"] = {**origin, "type": "origin"}
    return record


def _open(call: Call, item: Item) -> bool:
    """Writes the claims row of a new asset; says whether use waits to be carried further up."""
    fp, state = item["keys"][0]["fp"], call.state
    row = Row(asset=fp, seller=item["seller"])
    row.links = {
        link["parent"]: {"of_child": link["of_child"], "of_parent": link["of_parent"], "basis": link["basis"]}
        for link in _counting(item)
    }
    for key in item["keys"]:
        data = state.known(claims_key(key["fp"]))
        if data is not None:
            absorb_pending(row, Row.read(key["fp"], data))
            if key["fp"] != fp:
                state.delete(claims_key(key["fp"]))
    row.age(call.now)
    state.put(claims_key(fp), row.write())
    return bool(row.links) and bool(row.via or row.loose)


def absorb_pending(row: Row, pending: Row) -> None:
    """Takes over what children of the same seller used of an asset before it was registered."""
    for child, seller in sorted(pending.sellers.items()):
        if seller != row.seller or child == row.asset:
            continue
        if child in pending.via:
            row.via[child] = added_steps(row.via.get(child, []), pending.via[child])
        end = later(row.loose.get(child), pending.loose.get(child))
        if end is not None:
            row.loose[child] = end


async def _get(call: Call, request: Item) -> dict[str, Any]:
    found = await documents_state.fetch(call, request["fps"])
    documents = (found[fp] for fp in request["fps"])
    return {"documents": [None if each is None else documents_state.as_record(each) for each in documents]}


async def _history(call: Call, request: Item) -> dict[str, Any]:
    document = (await documents_state.fetch(call, [request["fp"]]))[request["fp"]]
    if document is None:
        return {"fp": request["fp"], "entries": []}
    fp = documents_state.primary_of(document)
    entries: list[dict[str, Any]] = []
    async for change in call.state.history(document_key(fp)):
        version = documents_state.parse(change.value) if not change.is_delete else None
        if version is None or "of" in version:  # before it was registered, its key was another's alias
            continue
        entry = {name: version[name] for name in ("state", "owner", "commitment")}
        entries.append({"txid": change.txid, "time": change.timestamp.seconds, **entry})
        if len(entries) == names.MAX_HISTORY_ENTRIES:
            break
    return {"fp": fp, "entries": entries}


REGISTER = Writer(
    event=names.EVENT_DOCUMENTS,
    most=names.MAX_REGISTER_ITEMS,
    item=shapes.REGISTER_ITEM,
    keys=_keys,
    work=_register,
    plain=_plain,
)
GET = Reader(request=shapes.GET, answer=_get)
HISTORY = Reader(request=shapes.HISTORY, answer=_history)
