"""``documents:amend``, ``void`` and ``take_over``. Shapes and meaning: :mod:`consortium.contract.documents`.

Each change names the document by any key, checks who may, and writes the record, its further keys and, when
voided, the claims rows of its asset. A change of content (amend, take over) while live claims are on the
asset needs that every holder agreed to the digest of the very statement that describes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chaincode.contracts import documents_state, records
from chaincode.contracts.call import Call, Item, RefusedError, Result, each, require
from chaincode.contracts.documents_state import Document
from chaincode.contracts.entitlement import entitled, entitled_to_asset, prepare, require_entitled
from chaincode.contracts.keys import document_key, party_key
from chaincode.contracts.operations import Writer
from chaincode.contracts.rows import Row
from chaincode.contracts.signatures import verify_built
from chaincode.contracts.trade import Trade
from consortium.contract import documents as shapes
from consortium.contract import names, reasons
from consortium.contract.statements import (
    amendment_statement,
    statement_digest,
    take_over_statement,
    void_statement,
)


def _keys(call: Call, items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        yield document_key(item["fp"])
        for key in item.get("keys", ()):
            yield document_key(key["fp"])
        signed = item if "party" in item else item.get("signature")
        if signed:
            yield party_key(signed["party"])


async def _load(call: Call, items: Sequence[Item]) -> Trade:
    trade = Trade(call)
    await trade.load(item["fp"] for item in items)
    return trade


async def _present(call: Call, trade: Trade, fp: str) -> Document:
    """The document as earlier items of this call left it."""
    primary = documents_state.primary_of(documents_state.known(trade.documents, fp))
    data = await call.state.get(document_key(primary))
    if data is None:
        raise records.RecordError(f"a key points to {primary}, which is not there")
    return documents_state.parse(data)


def _row(trade: Trade, fp: str) -> Row | None:
    asset = trade.resolve(fp)
    return None if asset is None else trade.rows[asset]


def _agreed(call: Call, row: Row | None, digest: str) -> None:
    """Refuses while a holder of a live claim has not agreed to a change."""
    live = {} if row is None else row.live(call.now)
    missing = sorted(name for name, claim in live.items() if claim.get("agreed") != digest)
    require(
        not missing,
        reasons.ENCUMBERED,
        f"{len(missing)} holders of claims have not agreed to {digest}, first claim {missing[0] if missing else ''}",
    )


async def _rekey(call: Call, document: Document, keys: list[dict[str, Any]]) -> None:
    """Gives a document new tags, and new keys of its own. Its primary key stays.

    :raises RefusedError: INVALID_ITEM when the keys are not this document's
    """
    fp = documents_state.primary_of(document)
    own = {key[1]: key for key in document["keys"]}
    require(
        any(key["fp"] in own and key["tag"] for key in keys),
        reasons.INVALID_ITEM,
        "item.keys: none of them is the document's own",
    )
    new = [key for key in keys if key["fp"] not in own]
    entries = await call.state.get_many([document_key(key["fp"]) for key in new])
    for key, data in zip(new, entries, strict=True):
        require(data is None, reasons.INVALID_ITEM, f"item.keys: {key['fp']} belongs to another document")
    for key in keys:
        known = own.get(key["fp"])
        if known is None:
            document["keys"].append([key["epoch"], key["fp"], key["tag"]])
        elif bool(known[2]) == bool(key["tag"]):
            known[2] = key["tag"]
        else:
            raise RefusedError(reasons.INVALID_ITEM, f"item.keys: {key['fp']} is an alias on one side only")
    require(
        len(document["keys"]) <= names.MAX_KEYS_PER_DOCUMENT,
        reasons.INVALID_ITEM,
        f"item.keys: a document has at most {names.MAX_KEYS_PER_DOCUMENT}",
    )
    for key in keys:
        if key["fp"] != fp and (key["tag"] or key["fp"] not in own):
            pointer = {"of": fp, "tag": key["tag"]}
            call.state.put(document_key(key["fp"]), records.dump(records.DOCUMENT, pointer))


async def _amend(call: Call, items: Sequence[Item]) -> list[Result]:
    trade = await _load(call, items)

    async def one(item: Item) -> Result:
        document = await _present(call, trade, item["fp"])
        fp = documents_state.primary_of(document)
        require(document["state"] != "void", reasons.DOCUMENT_VOID, "a void document is not amended")
        statement = amendment_statement(
            fp=fp,
            previous=document["commitment"],
            commitment=item["commitment"],
            reason=item["reason"],
            evidence=item["evidence"],
        )
        digest = statement_digest(statement)
        signed = item["signature"]
        if signed:
            verify_built(call, signed, document.get("seller"), statement)
        else:
            require(
                document["owner"] == call.msp,
                reasons.NOT_ENTITLED,
                "only the organisation that registered the document amends it without the seller's signature",
            )
        _agreed(call, _row(trade, item["fp"]), digest)
        await _rekey(call, document, item["keys"])
        document.update(
            commitment=item["commitment"], state="amended", changed=call.txid, reason=item["reason"]
        )
        _evidence(document, item)
        if signed:
            document.update(grade="signed", origin={**signed, "digest": digest, "type": "amendment"})
        else:  # the seller has not signed what the document says now
            document["grade"] = "asserted"
            document.pop("origin", None)
        documents_state.write(call, fp, document)
        return {"status": "amended", "fp": fp}

    return await each(items, one)


def _evidence(document: Document, item: Item) -> None:
    document.pop("evidence", None)
    if item["evidence"]:
        document["evidence"] = item["evidence"]


async def _void(call: Call, items: Sequence[Item]) -> list[Result]:
    trade = await _load(call, items)
    await prepare(call, trade, [item["fp"] for item in items])

    async def one(item: Item) -> Result:
        document = await _present(call, trade, item["fp"])
        fp = documents_state.primary_of(document)
        signed = item.get("signature")
        if signed:
            statement = void_statement(fp=fp, reason=item["reason"], evidence=item["evidence"])
            verify_built(call, signed, document.get("seller"), statement)
        else:
            require_entitled(entitled(call, document))
        if document["state"] == "void":
            return {"status": "already", "fp": fp, "txid": document.get("changed", document["tx"])}
        document.update(state="void", changed=call.txid, reason=item["reason"])
        _evidence(document, item)
        documents_state.write(call, fp, document)
        row = _row(trade, item["fp"])
        if row is not None and (signed or entitled_to_asset(call, trade, row)):
            await trade.fact(row, make_void)
        return {"status": "voided", "fp": fp}

    results = await each(items, one)
    trade.save()
    return results


def make_void(row: Row) -> None:
    """A void receivable is worth nothing: all of it is diluted."""
    row.void = True
    row.diluted = names.FACE_VALUE_PPB


async def _take_over(call: Call, items: Sequence[Item]) -> list[Result]:
    trade = await _load(call, items)

    async def one(item: Item) -> Result:
        document = await _present(call, trade, item["fp"])
        fp = documents_state.primary_of(document)
        require(document["state"] != "void", reasons.DOCUMENT_VOID, "a void document is not taken over")
        same = document["commitment"] == item["commitment"]
        if document["grade"] == "signed":
            require(
                same and document["owner"] == call.msp,
                reasons.SIGNED_ALREADY,
                "the document carries a party's signature already",
            )
            return {"status": "already", "fp": fp, "txid": document.get("changed", document["tx"])}
        require(
            item["issued"] <= call.now + names.CLOCK_TOLERANCE_S,
            reasons.STATEMENT_INVALID,
            "the statement is issued in the future",
        )
        statement = take_over_statement(
            fp=fp,
            previous=document["commitment"],
            commitment=item["commitment"],
            owner=call.msp,
            issued=item["issued"],
        )
        digest = verify_built(call, item, document.get("seller"), statement)
        if not same:
            _agreed(call, _row(trade, item["fp"]), digest)
        await _rekey(call, document, item["keys"])
        origin = {name: item[name] for name in ("party", "key", "signature")}
        document.update(
            commitment=item["commitment"],
            owner=call.msp,
            state="signed",
            grade="signed",
            origin={**origin, "digest": digest, "type": "take_over"},
            changed=call.txid,
        )
        documents_state.write(call, fp, document)
        return {"status": "taken_over", "fp": fp}

    return await each(items, one)


AMEND = Writer(names.EVENT_DOCUMENTS, names.MAX_OTHER_ITEMS, shapes.AMEND_ITEM, _keys, _amend)
VOID = Writer(names.EVENT_DOCUMENTS, names.MAX_OTHER_ITEMS, shapes.VOID_ITEM, _keys, _void)
TAKE_OVER = Writer(names.EVENT_DOCUMENTS, names.MAX_OTHER_ITEMS, shapes.TAKE_OVER_ITEM, _keys, _take_over)
