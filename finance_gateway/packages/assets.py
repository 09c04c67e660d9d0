"""Reading the assets of a package's documents, and those they are linked to, with the claims on each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final

from consortium.contract import names
from consortium.contract.assets import AssetView, Edge
from consortium.contract.figures import LIVE_STATES, ClaimsRow
from crossverify.evidence import AssetState, ClaimState, LinkState
from finance_gateway.packages.ports import Desk, LedgerPort
from finance_gateway.together import together

ASSETS_PER_READ: Final = names.MAX_CLAIM_ITEMS
MAX_READS_AT_ONCE: Final = 4

Own = Callable[[str], bool]


async def read_assets(ledger: LedgerPort, wanted: Iterable[str], desk: Desk) -> dict[str, AssetState]:
    """Assets by their fingerprint: those wanted, and the other ends of their links."""
    views = await _views(ledger, sorted(wanted))
    known = {view["asset"] for view in views}
    rows = await _rows(ledger, sorted(_linked(views) - known))
    handles = {claim["handle"] for row in (*views, *rows) for claim in _live(row)}
    own = (await desk.own_handles(handles)).__contains__
    found = {view["asset"]: _view_state(view, own) for view in views}
    found |= {row["asset"]: _row_state(row, own) for row in rows}
    return found


def _linked(views: Iterable[AssetView]) -> set[str]:
    return {
        edge["figures"]["asset"]
        for view in views
        for edge in (*view["parents"], *view["children"])
        if edge["figures"] is not None
    }


async def _views(ledger: LedgerPort, assets: Sequence[str]) -> list[AssetView]:
    answers = await _asked(ledger, names.ASSETS_GET, assets, ASSETS_PER_READ)
    return [view for answer in answers for view in answer["assets"] if view is not None]


async def _rows(ledger: LedgerPort, assets: Sequence[str]) -> list[ClaimsRow]:
    answers = await _asked(ledger, names.ENCUMBRANCES_GET, assets, names.MAX_READ_ITEMS)
    return [row for answer in answers for row in answer["rows"] if row is not None]


async def _asked(
    ledger: LedgerPort, function: str, assets: Sequence[str], size: int
) -> Sequence[dict[str, Any]]:
    turns = asyncio.Semaphore(MAX_READS_AT_ONCE)

    async def one(chunk: Sequence[str]) -> dict[str, Any]:
        async with turns:
            return await ledger.read(function, {"assets": list(chunk)})

    return await together(one(assets[start : start + size]) for start in range(0, len(assets), size))


def _live(row: ClaimsRow) -> list[Any]:
    return [claim for claim in row["claims"] if claim["state"] in LIVE_STATES]


def _row_state(row: ClaimsRow, own: Own) -> AssetState:
    return AssetState(
        asset=row["asset"],
        aliases=(row["asset"],),
        state=row["state"],
        claims=tuple(
            ClaimState(
                # The ledger names no financier: a claim is known by its handle.
                claim=claim["handle"],
                share_ppb=claim["share"],
                state=claim["state"],
                own=own(claim["handle"]),
                expires=claim["expires"],
            )
            for claim in _live(row)
        ),
        settled_ppb=row["settled"],
        diluted_ppb=row["diluted"],
        shortfall_ppb=row["shortfall"],
        via=dict(sorted(row["via"].items())),
    )


def _view_state(view: AssetView, own: Own) -> AssetState:
    links = tuple(
        LinkState(
            child=view["asset"],
            parent=_parent(edge),
            of_child_ppb=edge["of_child"],
            of_parent_ppb=edge["of_parent"],
            basis=edge["basis"],
        )
        for edge in view["parents"]
    )
    return _row_state(view, own).model_copy(update={"aliases": aliases_of(view), "links": links})


def _parent(edge: Edge) -> str:
    """The parent's asset; a link may name another of its keys."""
    return edge["figures"]["asset"] if edge["figures"] is not None else edge["fp"]


def aliases_of(view: AssetView) -> tuple[str, ...]:
    """Every fingerprint that leads to an asset."""
    keys: Collection[str] = {*view["keys"], *view["documents"], view["asset"]}
    return tuple(sorted(keys))
