"""Statements on this bank's claims."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.contract import names
from consortium.errors import NotFoundError
from finance_gateway.store.tables import claims

MAX_LISTED: Final = 1_000
MAX_IN_LIST: Final = 5_000


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim of this bank, without its opening. Shares in billionths, times in seconds since 1970 UTC."""

    claim_id: str
    fingerprint: str
    asset: str
    handle: str
    share: int
    settled: int
    state: str
    expires: int
    consent_id: str
    asset_state: str
    shortfall: int
    txid: str
    created: int


_COLUMNS = [claims.c[name] for name in ClaimRow.__slots__]


async def add(session: AsyncSession, claim: ClaimRow, opening: bytes, wrapped_key: bytes) -> None:
    """Stores a claim before it is asked for, with its sealed opening."""
    values = {name: getattr(claim, name) for name in ClaimRow.__slots__}
    await session.execute(insert(claims).values(**values, opening=opening, wrapped_key=wrapped_key))


async def get(session: AsyncSession, claim_id: str) -> ClaimRow:
    """One claim.

    :raises NotFoundError: there is none
    """
    row = (await session.execute(select(*_COLUMNS).where(claims.c.claim_id == claim_id))).one_or_none()
    if row is None:
        raise NotFoundError(
            f"This bank has no claim {claim_id!r}.", remedy="List them with `chanrong financing show`."
        )
    return ClaimRow(*row)


async def listed(session: AsyncSession, fingerprint: str) -> list[ClaimRow]:
    """Claims, newest first, without refused ones; only those on an asset when one is named."""
    query = (
        select(*_COLUMNS)
        .where(claims.c.state != "refused")
        .order_by(claims.c.created.desc(), claims.c.claim_id)
        .limit(MAX_LISTED)
    )
    if fingerprint:
        query = query.where((claims.c.fingerprint == fingerprint) | (claims.c.asset == fingerprint))
    return [ClaimRow(*row) for row in await session.execute(query)]


async def own_handles(session: AsyncSession, found: Iterable[str]) -> set[str]:
    """The handles among these that are this bank's."""
    wanted = sorted(found)
    own: set[str] = set()
    for start in range(0, len(wanted), MAX_IN_LIST):
        query = select(claims.c.handle).where(claims.c.handle.in_(wanted[start : start + MAX_IN_LIST]))
        own |= set((await session.execute(query)).scalars())
    return own


async def with_handles(session: AsyncSession, found: Iterable[str]) -> list[ClaimRow]:
    """This bank's claims among handles that an event names."""
    query = select(*_COLUMNS).where(claims.c.handle.in_(list(found)))
    return [ClaimRow(*row) for row in await session.execute(query)]


async def under_consents(session: AsyncSession, consent_ids: Collection[str]) -> list[tuple[str, str]]:
    """Assets of live claims that rest on one of these consents: (asset, consent)."""
    if not consent_ids:
        return []
    query = select(claims.c.asset, claims.c.consent_id).where(
        claims.c.consent_id.in_(consent_ids), claims.c.state.in_(("reserved", "financed"))
    )
    return sorted((row.asset, row.consent_id) for row in await session.execute(query))


async def refuse(session: AsyncSession, claim_id: str) -> None:
    """Notes that a reservation was not made."""
    await session.execute(
        update(claims)
        .where(claims.c.claim_id == claim_id, claims.c.state == "reserving")
        .values(state="refused")
    )


async def apply(
    session: AsyncSession, function: str, item: Mapping[str, Any], result: Mapping[str, Any]
) -> None:
    """Brings a claim to what the contract says of it."""
    claim_id = item["claim"]
    if result["status"] != "done":
        await refuse(session, claim_id)
        return
    values: dict[str, Any] = {"txid": result["txid"]}
    if function == names.ENCUMBRANCES_RESERVE:
        values |= {"state": "reserved", "asset": result.get("asset", item["asset"])}
    elif function == names.ENCUMBRANCES_FINANCE:
        # From here on it is this consent, with monitor scope, that lets the bank look.
        values |= {"state": "financed", "expires": 0, "consent_id": item["consent"]}
    elif function == names.ENCUMBRANCES_RELEASE:
        values |= {"state": "released"}
    elif function == names.ENCUMBRANCES_SETTLE:
        claim = await get(session, claim_id)
        settled = claim.settled + int(item["share"])
        values |= {"settled": settled, "state": "settled" if settled >= claim.share else "financed"}
    await session.execute(update(claims).where(claims.c.claim_id == claim_id).values(**values))
