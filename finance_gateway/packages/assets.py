"""Reading the assets of a package's documents, and those they are linked to, with the claims on each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from consortium.contract import names
from consortium.contract.assets import AssetFigures, AssetView
from consortium.contract.encumbrances import LIVE_STATES, ClaimsRow
from crossverify.evidence import FACE_VALUE_PPB, AssetState, ClaimState
from finance_gateway.packages.ledger_view import asset_state
from finance_gateway.packages.ports import LedgerPort, Opens

ASSETS_PER_READ: Final = names.MAX_CLAIM_ITEMS


async def read_assets(
    ledger: LedgerPort, attested: Iterable[Mapping[str, Any]], opens: Opens
) -> dict[str, AssetState]:
    """Assets by their fingerprint: those of the attested documents, and the other ends of their links.

    :param attested: answers of the contract's ``attest``
    :param opens: whether the bank can open a claim's handle
    """
    own = {
        answer["asset"]: answer["claims"]
        for answer in attested
        if answer.get("asset") and answer.get("claims")
    }
    views = await _views(ledger, sorted(own))
    found = {view["asset"]: asset_state(view, own.get(view["asset"]), opens, _via(view)) for view in views}
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
        answer = await ledger.read(
            names.ENCUMBRANCES_GET, {"assets": assets[start : start + names.MAX_READ_ITEMS]}
        )
        rows += [row for row in answer["rows"] if row is not None]
    return rows


def _via(view: AssetView) -> dict[str, int]:
    """Share used through each child, rounded up as the contract does; what is not explained by the children that the
    ledger lists stands under the empty name, so that the sum is always the ledger's."""
    via: dict[str, int] = {}
    for edge in view["children"]:
        figures, weight = edge["figures"], edge["of_parent"]
        if figures is not None and weight is not None and edge["counts"]:
            used = -(-_used(figures) * weight // FACE_VALUE_PPB)
            if used:
                via[figures["asset"]] = used
    rest = view["via_total"] - sum(via.values())
    if rest < 0:
        return {"": view["via_total"]} if view["via_total"] else {}
    return {**via, "": rest} if rest else via


def _used(figures: AssetFigures) -> int:
    return figures["claimed"] + figures["settled"] + figures["via_total"]


def _row_state(row: ClaimsRow, opens: Opens) -> AssetState:
    live = [claim for claim in row["claims"] if claim["state"] in LIVE_STATES]
    return AssetState(
        asset=row["asset"],
        aliases=(row["asset"],),
        state=row["state"],
        claims=tuple(
            ClaimState(
                claim=claim["handle"],
                share_ppb=claim["share"],
                state=claim["state"],
                own=opens(claim["handle"]),
                expires=claim["expires"],
            )
            for claim in live
        ),
        settled_ppb=row["settled"],
        diluted_ppb=row["diluted"],
        shortfall_ppb=row["shortfall"],
        via={"": row["via_total"]} if row["via_total"] else {},
    )
