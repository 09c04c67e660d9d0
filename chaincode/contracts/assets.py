"""``assets:alias``, ``link`` and ``get``. Shapes and meaning: :mod:`consortium.contract.assets`.

Joining and linking are facts about a trade: they are never refused because of claims. What then exceeds
face value is a shortfall, and the holders are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chaincode.contracts import documents_state
from chaincode.contracts.call import Call, Item, Result, each, require
from chaincode.contracts.documents import absorb_pending
from chaincode.contracts.encumbrances import claims_row
from chaincode.contracts.entitlement import entitled_to_asset, prepare, require_entitled
from chaincode.contracts.keys import (
    claims_key,
    document_key,
    link_key,
    links_of,
    member_key,
    members_of,
)
from chaincode.contracts.operations import Reader, Writer
from chaincode.contracts.rows import Row, added_steps, later
from chaincode.contracts.signatures import verify_built
from chaincode.contracts.trade import MAX_JOINS, Trade
from chaincode.state import split_composite_key
from consortium.contract import assets as shapes
from consortium.contract import names, reasons
from consortium.contract.names import FACE_VALUE_PPB
from consortium.contract.statements import alias_statement

_INDEX = b'{"v":1}'
MAX_MEMBERS = 1000
"""Documents of one asset, and children of one asset, that ``assets:get`` lists."""


def _alias_keys(call: Call, items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        yield document_key(item["asset"])
        yield document_key(item["alias"])


async def _alias(call: Call, items: Sequence[Item]) -> list[Result]:
    trade = Trade(call)
    fps = [fp for item in items for fp in (item["asset"], item["alias"])]
    await trade.load(fps)
    await prepare(call, trade, fps)

    async def one(item: Item) -> Result:
        # Earlier items may have joined what was loaded as two.
        row, other = (trade.asset(item[name]) for name in ("asset", "alias"))
        require(
            row.seller == other.seller,
            reasons.SELLER_DIFFERS,
            "the assets are of different sellers",
            asset=row.asset,
        )
        if item.get("signature"):
            statement = alias_statement(asset=item["asset"], alias=item["alias"])
            verify_built(call, item["signature"], row.seller, statement)
        else:
            require_entitled(all(entitled_to_asset(call, trade, each_row) for each_row in (row, other)))
        if row is other:
            return {"status": "already", "asset": row.asset}
        _separate(call, row, other)
        await _join(call, trade, row, other)
        return {"status": "joined", "asset": row.asset}

    results = await each(items, one)
    trade.save()
    return results


def _separate(call: Call, row: Row, other: Row) -> None:
    """Refuses claims of one id on both assets while either lives, and too long a row of joins."""
    require(
        other.joins < MAX_JOINS, reasons.LINK_LIMIT, f"at most {MAX_JOINS} joins stand one behind the other"
    )
    for name in other.claims:
        require(
            name not in row.claims or not (name in row.live(call.now) or name in other.live(call.now)),
            reasons.CLAIM_EXISTS,
            f"claim id {name} is on both assets",
            asset=row.asset,
        )


async def _join(call: Call, trade: Trade, row: Row, other: Row) -> None:
    rows = list({each_row.asset: each_row for each_row in (row, *trade.path(row.asset).rows)}.values())
    above = [each_row for each_row in trade.path(other.asset).rows[1:] if each_row is not row]
    known = {each_row.asset: None for each_row in rows}
    rows += [each_row for each_row in above if each_row.asset not in known]

    def change() -> None:
        for each_row in (row, *above):  # what drew on the other asset's parents is the joined asset now
            for values in (each_row.via, each_row.loose, each_row.sellers):
                if values.pop(other.asset, None) is not None:
                    trade.touch(each_row)
        _merge(row, other)
        other.into = row.asset
        trade.touch(row)
        trade.touch(other)
        trade.carry(trade.path(row.asset))

    await trade.facts(rows, change)
    call.state.put(member_key(row.asset, other.asset), _INDEX)


def _merge(row: Row, other: Row) -> None:
    for name, claim in other.claims.items():
        if name not in row.claims:
            row.claims[name] = claim
    row.settled = min(FACE_VALUE_PPB, row.settled + other.settled)
    row.diluted = min(FACE_VALUE_PPB, row.diluted + other.diluted)
    row.void = row.void or other.void
    row.joins = max(row.joins, other.joins + 1)
    for child, steps in other.via.items():
        if child != row.asset:
            row.via[child] = added_steps(row.via.get(child, []), steps)
    for child, end in other.loose.items():
        if child != row.asset:
            row.loose[child] = later(row.loose.get(child), end) or 0
    for parent, link in other.links.items():
        row.links[parent] = link if parent not in row.links else _heavier(row.links[parent], link)
    for reason, count in other.released.items():
        row.released[reason] = row.released.get(reason, 0) + count


def _heavier(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Of two links to one parent the one that uses more of it; an unknown weight may be any."""
    if one["of_parent"] is None or other["of_parent"] is None:
        return one if one["of_parent"] is None else other
    return one if one["of_parent"] >= other["of_parent"] else other


def _link_keys(call: Call, items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        yield document_key(item["child"])


async def _link(call: Call, items: Sequence[Item]) -> list[Result]:
    trade = Trade(call)
    await trade.load(item["child"] for item in items)
    await trade.load(link["parent"] for item in items for link in _counting(item))
    await prepare(call, trade, [item["child"] for item in items])
    own = [key[1] for item in items for key in (trade.documents[item["child"]] or {"keys": []})["keys"]]
    await call.state.get_many([claims_key(fp) for fp in own])

    async def one(item: Item) -> Result:
        row = trade.asset(item["child"])
        document = documents_state.known(trade.documents, item["child"])
        require_entitled(entitled_to_asset(call, trade, row))
        links = _linked(call, row, item)
        pending = [fp for fp in (key[1] for key in document["keys"]) if _is_pending(call, trade, fp)]

        def change(it: Row) -> None:
            for fp in pending:
                absorb_pending(
                    it, trade.rows.get(fp) or Row.read(fp, call.state.known(claims_key(fp)) or b"")
                )
                call.state.delete(claims_key(fp))

        row.links = links  # first, so that parents new to the asset are among those that may suffer
        await trade.fact(row, change)
        for link in _counting(item):
            call.state.put(link_key(link["parent"], documents_state.primary_of(document)), _INDEX)
        return {"status": "linked", "asset": row.asset}

    results = await each(items, one)
    trade.save()
    return results


def _counting(item: Item) -> list[dict[str, Any]]:
    return [link for link in item["links"] if link["kind"] in names.ASSET_KINDS]


def _is_pending(call: Call, trade: Trade, fp: str) -> bool:
    """Whether use waited under a fingerprint that belongs to a document by now."""
    data = call.state.known(claims_key(fp))
    return data is not None and Row.read(fp, data).pending


def _linked(call: Call, row: Row, item: Item) -> dict[str, dict[str, Any]]:
    """The asset's links with those of the item.

    :raises RefusedError: INVALID_ITEM, LINK_LOWERED, LINKS_OVER_CHILD, LINK_LIMIT
    """
    links = dict(row.links)
    used = bool(row.use(call.now))
    for link in _counting(item):
        known = links.get(link["parent"])
        if used and known is not None and known["of_parent"] is not None:
            require(
                link["of_parent"] is not None and link["of_parent"] >= known["of_parent"],
                reasons.LINK_LOWERED,
                f"the weight of {link['parent']} is {known['of_parent']} and the asset is in use",
                asset=row.asset,
            )
        links[link["parent"]] = {name: link[name] for name in ("of_child", "of_parent", "basis")}
    require(
        sum(link["of_child"] for link in links.values()) <= FACE_VALUE_PPB,
        reasons.LINKS_OVER_CHILD,
        "of_child of all links sums to over 1,000,000,000",
        asset=row.asset,
    )
    require(
        len(links) <= names.MAX_LINKS_PER_DOCUMENT,
        reasons.LINK_LIMIT,
        f"an asset has at most {names.MAX_LINKS_PER_DOCUMENT} links",
        asset=row.asset,
    )
    return links


async def _get(call: Call, request: Item) -> dict[str, Any]:
    trade = Trade(call)
    await trade.load(request["assets"], above=False)
    views: list[dict[str, Any] | None] = []
    for fp in request["assets"]:
        row = claims_row(trade, fp)
        views.append(None if row is None else {**row, **await _surroundings(call, trade, row["asset"])})
    return {"assets": views}


async def _surroundings(call: Call, trade: Trade, asset: str) -> dict[str, Any]:
    documents = await _documents(call, asset)
    await trade.load(documents, above=False)
    keys = {
        key[1]: None for document in documents for key in (trade.documents[document] or {"keys": []})["keys"]
    }
    children: dict[str, None] = {}
    for fp in keys:
        async for entry in call.state.range(*links_of(fp)):
            children[split_composite_key(entry.key)[1][1]] = None
            if len(children) == MAX_MEMBERS:
                break
    row = trade.rows[asset]
    await trade.load([*row.links, *children], above=False)
    return {
        "documents": documents,
        "keys": list(keys),
        "parents": _parents(trade, row),
        "children": _children(trade, row, list(children)),
    }


async def _documents(call: Call, asset: str) -> list[str]:
    """Primary fingerprints of an asset's documents, also of assets that were joined into it."""
    found, waiting = {asset: None}, [asset]
    while waiting and len(found) < MAX_MEMBERS:
        async for entry in call.state.range(*members_of(waiting.pop())):
            member = split_composite_key(entry.key)[1][1]
            if member not in found and len(found) < MAX_MEMBERS:
                found[member] = None
                waiting.append(member)
    return list(found)


def _parents(trade: Trade, row: Row) -> list[dict[str, Any]]:
    """Edges to the assets that this one draws on."""
    edges: list[dict[str, Any]] = []
    for fp, link in sorted(row.links.items()):
        home = trade.resolve(fp)
        parent = None if home is None else trade.rows[home]
        edges.append(_edge(trade, row, parent, parent, fp, link))
    return edges


def _children(trade: Trade, row: Row, documents: list[str]) -> list[dict[str, Any]]:
    """Edges from assets whose links lead to this asset."""
    edges: list[dict[str, Any]] = []
    for asset in dict.fromkeys(trade.resolve(fp) for fp in documents):
        if asset is None or asset == row.asset:
            continue
        child = trade.rows[asset]
        for fp, link in sorted(child.links.items()):
            if fp in trade.home and trade.resolve(fp) == row.asset:
                edges.append(_edge(trade, child, row, child, asset, link))
    return edges


def _edge(
    trade: Trade, child: Row, parent: Row | None, end: Row | None, fp: str, link: dict[str, Any]
) -> Item:
    """A link as :class:`consortium.contract.assets.Edge`; ``end`` is the side that is not asked for."""
    counts = parent is not None and not parent.pending and parent.seller == child.seller
    figures = None if end is None or end.pending else end.figures(trade.call.now)
    return {"fp": fp, **link, "counts": counts, "figures": figures}


ALIAS = Writer(names.EVENT_ASSETS, names.MAX_CLAIM_ITEMS, shapes.ALIAS_ITEM, _alias_keys, _alias)
LINK = Writer(names.EVENT_ASSETS, names.MAX_CLAIM_ITEMS, shapes.LINK_ITEM, _link_keys, _link)
GET = Reader(request=shapes.GET, answer=_get)
