"""Whether what is sealed in the store is still what it was: package files, and the openings of claims.

The ledger's side of the job holds a package's digest and a claim's handle, but not what they stand for. Opening every
file in every run would cost gigabytes, so a run opens some, in turns, and always those that were found wrong before: a
break closes only when it is seen that it is mended.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, Final

import orjson
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.contract.claims import claim_handle
from consortium.errors import ChanrongError
from consortium.reconcile import breaks
from consortium.reconcile.rows import BreakClass, Difference
from consortium.storage.crypto import BodyVault
from finance_gateway.packages.envelope import read_envelope
from finance_gateway.packages.store import ISSUED
from finance_gateway.reconciliation.ledger_side import claim_key, package_key
from finance_gateway.store.tables import claims, package_contents, packages

PACKAGES_PER_RUN: Final = 20
CLAIMS_PER_RUN: Final = 500


class Contents:
    """Looks into sealed contents, some in each run."""

    def __init__(self, vault: BodyVault, msp_id: str) -> None:
        self._vault = vault
        self._msp_id = msp_id
        self._package = ""
        self._claim = ""

    async def read(self, session: AsyncSession, job: str) -> tuple[list[Any], list[Any]]:
        """The rows to look into: the next packages and claims in turn, and those that are on the break list."""
        suspects = await breaks.open_keys(session, job, BreakClass.TAMPER)
        chosen = (
            select(
                packages.c.package_id,
                packages.c.digest,
                packages.c.subject,
                packages.c.summary,
                packages.c.evaluated_at,
                packages.c.valid_until,
                package_contents.c.content,
                package_contents.c.wrapped_key,
            )
            .join(package_contents, package_contents.c.package_id == packages.c.package_id, isouter=True)
            .where(packages.c.stage.in_(ISSUED))
        )
        made = await _turn(
            session, chosen, packages.c.package_id, self._package, PACKAGES_PER_RUN, _ids(suspects, "package")
        )
        held = await _turn(
            session,
            select(claims.c.claim_id, claims.c.handle, claims.c.opening, claims.c.wrapped_key),
            claims.c.claim_id,
            self._claim,
            CLAIMS_PER_RUN,
            _ids(suspects, "claim"),
        )
        self._package = made[0][-1].package_id if len(made[0]) == PACKAGES_PER_RUN else ""
        self._claim = held[0][-1].claim_id if len(held[0]) == CLAIMS_PER_RUN else ""
        return made[0] + made[1], held[0] + held[1]

    def look(self, made: Iterable[Any], held: Iterable[Any]) -> list[Difference]:
        """What is not as it was. Takes seconds for large packages: not for the event loop."""
        found = {package_key(row.package_id): self._of_package(row) for row in made}
        found |= {claim_key(row.claim_id): self._of_claim(row) for row in held}
        return [
            Difference(BreakClass.TAMPER, key, None, {"wrong": wrong})
            for key, wrong in sorted(found.items())
            if wrong
        ]

    def _of_package(self, row: Any) -> str:
        if row.content is None:
            return "the content is gone"
        if row.wrapped_key is None:
            return ""  # erased on purpose
        try:
            packed = self._vault.open(row.package_id, row.wrapped_key, bytes(row.content))
            envelope, payload = read_envelope(zlib.decompress(packed))
        except (ChanrongError, zlib.error) as error:
            return f"the content cannot be read: {getattr(error, 'reason', 'PACKING')}"
        said = {
            "digest": envelope.digest,
            "subject": payload["subject"]["handle"],
            "summary": payload["summary"],
            "evaluated_at": payload["evaluated_at"],
            "valid_until": payload["valid_until"],
        }
        here = {**row._mapping, "summary": orjson.loads(row.summary)}
        wrong = [name for name in said if said[name] != here[name]]
        return f"not as in the content: {', '.join(wrong)}" if wrong else ""

    def _of_claim(self, row: Any) -> str:
        try:
            opening = self._vault.open(row.claim_id, row.wrapped_key, bytes(row.opening)).decode()
        except (ChanrongError, UnicodeDecodeError):
            return "the opening cannot be read"
        return "" if claim_handle(self._msp_id, opening) == row.handle else "the opening opens another handle"


async def _turn(
    session: AsyncSession, query: Select[Any], column: Any, after: str, limit: int, also: list[str]
) -> tuple[list[Any], list[Any]]:
    """The next rows behind ``after``, and those named besides."""
    rows = list(await session.execute(query.where(column > after).order_by(column).limit(limit)))
    seen = {row[0] for row in rows}
    others = [each for each in also if each not in seen]
    more = list(await session.execute(query.where(column.in_(others)))) if others else []
    return rows, more


def _ids(keys: Iterable[str], kind: str) -> list[str]:
    return [key.removeprefix(f"{kind}/") for key in keys if key.startswith(f"{kind}/")]
