"""Reading the assets of a package's documents, and those they are linked to, with the claims on each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from consortium.contract import names
from consortium.contract.assets import AssetView
from consortium.contract.figures import LIVE_STATES, ClaimsRow
from crossverify.evidence import AssetState, ClaimState, LinkState
from finance_gateway.packages.ports import LedgerPort, Opens

ASSETS_PER_READ: Final = names.MAX_CLAIM_ITEMS


async def read_assets(
    ledger: LedgerPort, attested: Iterable[Mapping[str, Any]], opens: Opens
) -> dict[str, AssetState]:
    """Assets by their fingerprint: those of the attested documents, and the other ends of their links.

    :param attested: answers of the contract's ``attest``
    :param opens: whether the bank can open a claim's handle: then the claim is its own
    """
    own = sorted({answer["asset"] for answer in attested if answer.get("asset") and answer.get("claims")})
    views = await _views(ledger, own)
    found = {view["asset"]: _view_state(view, opens) for view in views}
    linked = {
        edge["figures"]["asset"]
        for view in views
        for edge in (*view["parents"], *view["children"])
        if edge["figures"] is not None
    }
    for row in await _rows(ledger, sorted(linked - set(found))):
        found[row["asset"]] = _row_state(row, opens)
    return found


async def _views(ledger: LedgerPort, assets: Sequence[str]) -> list[AssetView]:
    views: list[AssetView] = []
    for start in range(0, len(assets), ASSETS_PER_READ):
        answer = await ledger.read(names.ASSETS_GET, {"assets": assets[start : start + ASSETS_PER_READ]})
        views += [view for view in answer["assets"] if view is not None]
    return views


async def _rows(ledger: LedgerPort, assets: Sequence[str]) -> list[ClaimsRow]:
    rows: list[ClaimsRow] = []
    for start in range(0, len(assets), names.MAX_READ_ITEMS):
        chunk = assets[start : start + names.MAX_READ_ITEMS]
        answer = await ledger.read(names.ENCUMBRANCES_GET, {"assets": chunk})
        rows += [row for row in answer["rows"] if row is not None]
    return rows


def _row_state(row: ClaimsRow, opens: Opens) -> AssetState:
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
                own=opens(claim["handle"]),
                expires=claim["expires"],
            )
            for claim in row["claims"]
            if claim["state"] in LIVE_STATES
        ),
        settled_ppb=row["settled"],
        diluted_ppb=row["diluted"],
        shortfall_ppb=row["shortfall"],
        via=dict(sorted(row["via"].items())),
    )


def _view_state(view: AssetView, opens: Opens) -> AssetState:
    links = tuple(
        LinkState(
            child=view["asset"],
            parent=edge["figures"]["asset"] if edge["figures"] is not None else edge["fp"],
            of_child_ppb=edge["of_child"],
            of_parent_ppb=edge["of_parent"],
            basis=edge["basis"],
        )
        for edge in view["parents"]
    )
    aliases = tuple(sorted({*view["keys"], *view["documents"], view["asset"]}))
    return _row_state(view, opens).model_copy(update={"aliases": aliases, "links": links})
