"""``encumbrances:fact`` and ``settle``: what was credited, paid or discharged, each piece of evidence once.

A payment can be told twice: by a fact (a bank statement was seen) and by a financier that settles its claim. Where both
name the same evidence it counts once. Per evidence and asset the ledger keeps ``share`` (how much of the asset it
settled or diluted), ``matched`` (how much of that discharged claims) and whether a ``fact`` told it. So with evidence
of a payment of 50 %, told by a fact and by a claim settled by 50 %, in either order, 50 % are settled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chaincode.contracts import documents_state, records
from chaincode.contracts.call import Call, Item, Result, each, require
from chaincode.contracts.document_changes import make_void
from chaincode.contracts.encumbrances import held, load
from chaincode.contracts.entitlement import entitled_to_asset, prepare, require_entitled
from chaincode.contracts.keys import document_key, evidence_key
from chaincode.contracts.operations import Writer
from chaincode.contracts.rows import Row
from chaincode.contracts.trade import Trade
from consortium.contract import encumbrances as shapes
from consortium.contract import names, reasons
from consortium.contract.figures import percent
from consortium.contract.names import FACE_VALUE_PPB

Counted = dict[str, Any]
"""What one evidence was counted for on one asset: type, share, matched, fact."""


def _keys(call: Call, items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        yield document_key(item["asset"])
        if item.get("evidence"):
            yield evidence_key(item["evidence"])


def _evidence(call: Call, evidence: str) -> dict[str, Counted]:
    """What a piece of evidence was counted for, by asset. It must have been read before."""
    data = call.state.known(evidence_key(evidence))
    return {} if data is None else dict(records.load(records.EVIDENCE, data)["assets"])


def _entry(trade: Trade, assets: dict[str, Counted], row: Row) -> tuple[str, Counted | None]:
    """The entry for an asset, also when it was counted before the asset was joined into another."""
    for asset, counted in sorted(assets.items()):
        if trade.current(asset) == row.asset:
            return asset, counted
    return row.asset, None


def _write(call: Call, evidence: str, assets: dict[str, Counted]) -> None:
    require(
        len(assets) <= names.MAX_ASSETS_PER_EVIDENCE,
        reasons.TOO_MANY_ASSETS,
        f"this evidence is counted for {names.MAX_ASSETS_PER_EVIDENCE} assets already",
    )
    call.state.put(evidence_key(evidence), records.dump(records.EVIDENCE, {"assets": assets}))


async def _load(call: Call, items: Sequence[Item]) -> Trade:
    """The trade, with assets for which the evidence was counted, and with what says who may."""
    trade = await load(call, items)
    evidence = [item["evidence"] for item in items if item.get("evidence")]
    counted = [asset for each_evidence in evidence for asset in _evidence(call, each_evidence)]
    await trade.load(counted, above=False)
    return trade


async def _fact(call: Call, items: Sequence[Item]) -> list[Result]:
    trade = await _load(call, items)
    proofs = await documents_state.fetch(call, (item["evidence"] for item in items))
    await prepare(call, trade, [item["asset"] for item in items])

    async def one(item: Item) -> Result:
        row = trade.asset(item["asset"])
        _may(call, trade, row, item, proofs[item["evidence"]])
        require(
            item["type"] != "void" or item["share"] == FACE_VALUE_PPB,
            reasons.INVALID_ITEM,
            "item.share: must be 1000000000 for void",
        )
        assets = _evidence(call, item["evidence"])
        asset, entry = _entry(trade, assets, row)
        if entry is not None and (entry["fact"] or entry["type"] != item["type"]):
            return _said(call, row, "already")
        before = entry["share"] if entry else 0
        added = max(0, item["share"] - before)
        assets[asset] = {
            "type": item["type"],
            "share": before + added,
            "matched": entry["matched"] if entry else 0,
            "fact": True,
        }
        _write(call, item["evidence"], assets)
        await trade.fact(row, lambda it: _apply(it, item["type"], added))
        return _said(call, row, "done")

    results = await each(items, one)
    trade.save()
    return results


def _apply(row: Row, kind: str, share: int) -> None:
    if kind == "void":
        make_void(row)
    elif kind == "credit":
        row.diluted = min(FACE_VALUE_PPB, row.diluted + share)
    else:
        row.settled = min(FACE_VALUE_PPB, row.settled + share)


def _may(call: Call, trade: Trade, row: Row, item: Item, proof: documents_state.Document | None) -> None:
    """Who may state a fact, as :mod:`consortium.contract.encumbrances` says.

    :raises RefusedError: NOT_ENTITLED, NOT_HOLDER, UNKNOWN_CLAIM
    """
    if entitled_to_asset(call, trade, row):
        return
    if (
        proof is not None
        and proof["owner"] == call.msp
        and proof["grade"] == "signed"
        and proof["state"] != "void"
        and proof.get("seller") == row.seller
    ):
        return
    require_entitled(bool(item.get("claim")))
    held(call, row, item["claim"])


def _said(call: Call, row: Row, status: str) -> Result:
    now = call.now
    return {"status": status, "asset": row.asset, "free": row.free(now), "shortfall": row.shortfall(now)}


async def _settle(call: Call, items: Sequence[Item]) -> list[Result]:
    trade = await _load(call, items)

    async def one(item: Item) -> Result:
        row = trade.asset(item["asset"])
        claim = held(call, row, item["claim"])
        require(claim["state"] == "financed", reasons.NOT_FINANCED, "the claim is only reserved")
        require(
            item["share"] <= claim["share"],
            reasons.SHARE_TOO_LARGE,
            f"{percent(claim['share'])} of the face value is left of the claim",
        )
        added = _discharge(call, trade, row, item)
        await trade.fact(
            row, lambda it: _settled(it.claims[item["claim"]], it, item["share"], added, call.now)
        )
        return {"status": "done", "claim": item["claim"], "asset": row.asset, "free": row.free(call.now)}

    results = await each(items, one)
    trade.save()
    return results


def _discharge(call: Call, trade: Trade, row: Row, item: Item) -> int:
    """How much of a discharged share is settled by it, and not already by a payment that was told."""
    evidence = item.get("evidence")
    if not evidence:
        return int(item["share"])
    assets = _evidence(call, evidence)
    asset, entry = _entry(trade, assets, row)
    entry = entry or {"type": "payment", "share": 0, "matched": 0, "fact": False}
    require(
        entry["type"] == "payment", reasons.INVALID_ITEM, f"item.evidence: was counted as {entry['type']}"
    )
    matched = entry["matched"] + item["share"]
    added = max(0, matched - entry["share"])
    assets[asset] = {**entry, "share": entry["share"] + added, "matched": matched}
    _write(call, evidence, assets)
    return int(added)


def _settled(claim: dict[str, Any], row: Row, share: int, added: int, now: int) -> None:
    claim["share"] -= share
    claim["settled"] = claim.get("settled", 0) + share
    if claim["share"] == 0:
        claim.update(state="settled", closed=now)
    row.settled = min(FACE_VALUE_PPB, row.settled + added)


FACT = Writer(names.EVENT_ENCUMBRANCES, names.MAX_CLAIM_ITEMS, shapes.FACT_ITEM, _keys, _fact)
SETTLE = Writer(names.EVENT_ENCUMBRANCES, names.MAX_CLAIM_ITEMS, shapes.SETTLE_ITEM, _keys, _settle)
