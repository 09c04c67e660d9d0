"""``encumbrances:*``: claims and facts. Shapes and meaning: :mod:`consortium.contract.encumbrances`.

A call loads everything that its items touch once (:mod:`chaincode.contracts.trade`), works them off in order in
memory, and writes the rows that changed. What must hold, after every call, at its time:

- for every asset, ``claimed + settled + diluted + via`` is at most face value, but for what facts did;
- ``via`` of an asset is the rounded-up use by its children, at any later time too;
- a claim acts only for whoever opens its handle as the calling organisation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from chaincode.contracts.call import Call, Item, RefusedError, Result, each, require
from chaincode.contracts.consents import check_consent
from chaincode.contracts.keys import consent_key, document_key, party_key
from chaincode.contracts.operations import Reader, Writer
from chaincode.contracts.rows import Row, lapses
from chaincode.contracts.signatures import read_statement, verify_digest
from chaincode.contracts.trade import Trade
from consortium.contract import encumbrances as shapes
from consortium.contract import names, reasons, statements
from consortium.contract.claims import claim_handle, latest_expiry, opening_key
from consortium.contract.schema import HEX32, SchemaError


def _keys(call: Call, items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        yield document_key(item["asset"])
        if item.get("consent"):
            yield consent_key(item["consent"])


async def load(call: Call, items: Iterable[Item], name: str = "asset") -> Trade:
    """The trade of the assets that items name."""
    trade = Trade(call)
    await trade.load(item[name] for item in items)
    return trade


def own_handle(call: Call, claim: str) -> str:
    """The handle that the caller can open, from the opening in its transient data.

    :raises RefusedError: NOT_HOLDER
    """
    opening = call.transient.get(opening_key(claim), b"").decode("ascii", "replace")
    try:
        HEX32(opening)
    except SchemaError as error:
        raise RefusedError(
            reasons.NOT_HOLDER,
            f"transient data has no opening of 64 hexadecimal characters under {opening_key(claim)}",
        ) from error
    return claim_handle(call.msp, opening)


def held(call: Call, row: Row, claim_id: str) -> dict[str, Any]:
    """A live or lapsed claim that is the caller's.

    :raises RefusedError: UNKNOWN_CLAIM, NOT_HOLDER
    """
    claim = row.claims.get(claim_id)
    if claim is None or claim["state"] not in ("reserved", "financed"):
        state = "" if claim is None else f" any more: it is {claim['state']}"
        raise RefusedError(reasons.UNKNOWN_CLAIM, f"no claim {claim_id} is on this asset{state}")
    require(
        own_handle(call, claim_id) == claim["handle"],
        reasons.NOT_HOLDER,
        "the claim's handle is not opened by this opening and organisation",
    )
    return claim


def _done(call: Call, row: Row, item: Item, **facts: Any) -> Result:
    return {"status": "done", "claim": item["claim"], "asset": row.asset, "free": row.free(call.now), **facts}


async def _reserve(call: Call, items: Sequence[Item]) -> list[Result]:
    trade = await load(call, items)
    await call.state.get_many(
        [
            party_key(trade.rows[home].seller)
            for item in items
            if (home := trade.resolve(item["asset"])) is not None
        ]
    )

    async def one(item: Item) -> Result:
        row = trade.asset(item["asset"])
        now = call.now
        require(
            own_handle(call, item["claim"]) == item["handle"],
            reasons.NOT_HOLDER,
            "the handle is not that of this organisation and opening",
        )
        _check_word(call, row, item)
        require(item["expires"] > now, reasons.RESERVATION_LAPSED, "expires is not in the future")
        require(
            item["expires"] <= latest_expiry(now),
            reasons.RESERVATION_TOO_LONG,
            f"a reservation made now ends at {latest_expiry(now)} at the latest",
        )
        known = row.claims.get(item["claim"])
        if known is not None:
            _renewable(call, known, item)
            trade.claim(row, lambda it: it.claims[item["claim"]].update(expires=item["expires"], renewed=1))
            return _done(call, trade.asset(item["asset"]), item)
        require(not row.void, reasons.ASSET_VOID, "the receivable is void")
        require(
            len(row.live(now)) < names.MAX_CLAIMS_PER_ASSET,
            reasons.TOO_MANY_CLAIMS,
            f"there are {names.MAX_CLAIMS_PER_ASSET} live claims",
        )
        claim = {name: item[name] for name in ("share", "handle", "expires")}
        trade.claim(row, lambda it: it.claims.update({item["claim"]: {**claim, "state": "reserved"}}))
        again = {"repurchased": True} if row.released.get("repurchased") else {}
        return _done(call, trade.asset(item["asset"]), item, **again)

    return await _run(trade, items, one)


async def _run(trade: Trade, items: Sequence[Item], one: Any) -> list[Result]:
    results = await each(items, one)
    trade.save()
    return results


def _renewable(call: Call, known: dict[str, Any], item: Item) -> None:
    require(
        known["state"] == "reserved"
        and known["handle"] == item["handle"]
        and known["share"] == item["share"],
        reasons.CLAIM_EXISTS,
        "this claim id is taken on this asset",
    )
    require(call.now <= known["expires"], reasons.RESERVATION_LAPSED, f"it ended at {known['expires']}")
    require(not known.get("renewed"), reasons.RENEWED_ALREADY, "it was renewed once")
    require(
        item["expires"] > known["expires"], reasons.CLAIM_EXISTS, "it is reserved as long as this already"
    )


def _check_word(call: Call, row: Row, item: Item) -> None:
    """The seller agrees to this reservation: by a consent to the caller, or by its signature over the reservation."""
    word = item["signature"]
    require(
        (item["consent"] is None) != (word is None),
        reasons.INVALID_ITEM,
        "item: needs one of consent and signature",
    )
    if word is None:
        check_consent(call, item["consent"], row.seller, names.SCOPES)
        return
    fields, digest = read_statement(statements.RESERVATION, word["statement"])
    require(
        fields["asset"] == item["asset"]
        and fields["claim"] == item["claim"]
        and fields["recipient"] == call.msp
        and item["share"] <= fields["share"],
        reasons.STATEMENT_INVALID,
        "the statement is for another asset, claim, organisation or a smaller share",
    )
    require(
        fields["issued"] <= call.now + names.CLOCK_TOLERANCE_S and call.now < fields["expires"],
        reasons.STATEMENT_INVALID,
        "the statement is not in force now",
    )
    verify_digest(call, row.seller, word["key"], digest, word["signature"])


async def _finance(call: Call, items: Sequence[Item]) -> list[Result]:
    trade = await load(call, items)

    async def one(item: Item) -> Result:
        row, now = trade.asset(item["asset"]), call.now
        claim = held(call, row, item["claim"])
        require(claim["state"] == "reserved", reasons.NOT_RESERVED, "the claim is financed already")
        require(
            now <= claim["expires"],
            reasons.RESERVATION_LAPSED,
            f"the reservation ended at {claim['expires']}",
        )
        check_consent(call, item["consent"], row.seller, (names.SCOPE_MONITOR,))
        require(not row.void, reasons.ASSET_VOID, "the receivable is void")
        path = trade.path(row.asset)
        trade.followable(path)
        for each_row in path.rows:
            require(
                not each_row.shortfall(now),
                reasons.ASSET_IMPAIRED,
                f"facts used up {each_row.asset}: {each_row.shortfall(now)} of what is claimed is missing",
                asset=row.asset,
                free=row.free(now),
            )
        trade.claim(row, lambda it: it.claims[item["claim"]].update(state="financed", expires=0))
        return _done(call, trade.asset(item["asset"]), item)

    return await _run(trade, items, one)


async def _release(call: Call, items: Sequence[Item]) -> list[Result]:
    trade = await load(call, items)

    async def one(item: Item) -> Result:
        row = trade.asset(item["asset"])
        held(call, row, item["claim"])

        def change(it: Row) -> None:
            closed = {"state": "released", "share": 0, "reason": item["reason"], "closed": call.now}
            it.claims[item["claim"]].update(closed)
            it.released[item["reason"]] = it.released.get(item["reason"], 0) + 1

        await trade.fact(row, change)
        return _done(call, row, item)

    return await _run(trade, items, one)


async def _agree(call: Call, items: Sequence[Item]) -> list[Result]:
    trade = Trade(call)
    await trade.load((item["asset"] for item in items), above=False)

    async def one(item: Item) -> Result:
        row = trade.asset(item["asset"])
        claim = held(call, row, item["claim"])
        require(
            claim["state"] == "financed" or call.now <= lapses(claim),
            reasons.RESERVATION_LAPSED,
            f"the reservation ended at {claim['expires']}",
        )
        claim["agreed"] = item["amendment"]
        trade.touch(row)
        return _done(call, row, item)

    return await _run(trade, items, one)


async def _get(call: Call, request: Item) -> dict[str, Any]:
    trade = Trade(call)
    await trade.load(request["assets"], above=False)
    return {"rows": [claims_row(trade, fp) for fp in request["assets"]]}


def claims_row(trade: Trade, fp: str) -> dict[str, Any] | None:
    """An asset as :class:`consortium.contract.figures.ClaimsRow`; None where there is none."""
    home = trade.resolve(fp)
    if home is None or trade.documents[fp] is None:
        return None
    row, now = trade.rows[home], trade.call.now
    return {"fp": fp, **row.figures(now), "claims": row.listed(now)}


def _writer(item: Any, work: Any) -> Writer:
    return Writer(names.EVENT_ENCUMBRANCES, names.MAX_CLAIM_ITEMS, item, _keys, work)


RESERVE = _writer(shapes.RESERVE_ITEM, _reserve)
FINANCE = _writer(shapes.FINANCE_ITEM, _finance)
RELEASE = _writer(shapes.RELEASE_ITEM, _release)
AGREE = _writer(shapes.AGREE_ITEM, _agree)
GET = Reader(request=shapes.GET, answer=_get)
