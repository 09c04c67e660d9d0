"""Statements on documents: what is there already, what is added, what the ledger said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from industry_gateway.store.database import MAX_PARAMETERS
from industry_gateway.store.tables import document_bodies, document_keys, document_links, documents

PENDING = "pending"
REGISTERED = "registered"
ALREADY = "already"
CONFLICT = "conflict"
REFUSED = "refused"
ON_LEDGER = (REGISTERED, ALREADY)
"""States in which the ledger has the document."""

_COLUMNS = (
    documents.c.document_id,
    documents.c.fingerprint,
    documents.c.tag,
    documents.c.commitment,
    documents.c.kind,
    documents.c.seller,
    documents.c.buyer,
    documents.c.issuer,
    documents.c.pushed_by,
    documents.c.push_id,
    documents.c.state,
    documents.c.txid,
    documents.c.block,
    documents.c.reason,
    documents.c.message,
)


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document's row, without its body. Parties are ledger handles; empty where there is none."""

    document_id: str
    fingerprint: str
    tag: str
    commitment: str
    kind: str
    seller: str
    buyer: str
    issuer: str
    pushed_by: str
    push_id: str
    state: str
    txid: str
    block: int | None
    reason: str
    message: str

    def concerns(self, handle: str) -> bool:
        """Whether a party may know of this row."""
        return handle in {self.seller, self.buyer, self.issuer, self.pushed_by}


@dataclass(frozen=True, slots=True)
class Link:
    """A row of ``document_links``."""

    child: str
    parent: str
    slot: int
    role: str
    state: str


def _chunks(values: Iterable[str]) -> list[list[str]]:
    found = list(dict.fromkeys(values))
    return [found[start : start + MAX_PARAMETERS] for start in range(0, len(found), MAX_PARAMETERS)]


async def _rows(connection: AsyncConnection, statement: Select[Any]) -> list[Any]:
    return list((await connection.execute(statement)).all())


async def live_by_key(
    connection: AsyncConnection, fingerprints: Iterable[str]
) -> dict[str, list[tuple[str, StoredDocument]]]:
    """Live documents under any of their keys: fingerprint asked -> (tag under that key, document).

    The tag is empty where the key is an alias of the stored document.
    """
    found: dict[str, list[tuple[str, StoredDocument]]] = {}
    for part in _chunks(fingerprints):
        for row in await _rows(connection, select(*_COLUMNS).where(documents.c.live_fingerprint.in_(part))):
            stored = StoredDocument(*row)
            found.setdefault(stored.fingerprint, []).append((stored.tag, stored))
        further = (
            select(document_keys.c.fingerprint, document_keys.c.tag, *_COLUMNS)
            .join(documents, documents.c.document_id == document_keys.c.document_id)
            .where(document_keys.c.fingerprint.in_(part), documents.c.live_fingerprint.is_not(None))
        )
        for key, tag, *values in await _rows(connection, further):
            found.setdefault(key, []).append((tag, StoredDocument(*values)))
    return found


async def by_ids(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, StoredDocument]:
    """Documents by identifier."""
    found: dict[str, StoredDocument] = {}
    for part in _chunks(ids):
        for row in await _rows(connection, select(*_COLUMNS).where(documents.c.document_id.in_(part))):
            found[row.document_id] = StoredDocument(*row)
    return found


async def of_subject(
    connection: AsyncConnection, subject: str, fingerprints: Sequence[str]
) -> list[StoredDocument]:
    """Documents on the ledger that a subject issued or handed in, or that name it as the seller, oldest
    first.

    :param fingerprints: only these, when given
    """
    statement = (
        select(*_COLUMNS)
        .where(
            or_(
                documents.c.seller == subject,
                documents.c.issuer == subject,
                documents.c.pushed_by == subject,
            ),
            documents.c.live_fingerprint.is_not(None),
            documents.c.state.in_(ON_LEDGER),
        )
        .order_by(documents.c.document_id)
    )
    found: list[StoredDocument] = []
    if not fingerprints:
        return [StoredDocument(*row) for row in await _rows(connection, statement)]
    for part in _chunks(fingerprints):
        rows = await _rows(connection, statement.where(documents.c.live_fingerprint.in_(part)))
        found += [StoredDocument(*row) for row in rows]
    return found


async def bodies(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, tuple[bytes | None, bytes]]:
    """Wrapped key (None once erased) and sealed body by document."""
    found: dict[str, tuple[bytes | None, bytes]] = {}
    for part in _chunks(ids):
        for row in await _rows(
            connection, select(document_bodies).where(document_bodies.c.document_id.in_(part))
        ):
            key = None if row.wrapped_key is None else bytes(row.wrapped_key)
            found[row.document_id] = (key, bytes(row.sealed))
    return found


async def add(
    connection: AsyncConnection,
    *,
    rows: Sequence[dict[str, Any]],
    sealed: Sequence[dict[str, Any]],
    keys: Sequence[dict[str, Any]],
    links: Sequence[dict[str, Any]],
) -> None:
    """Stores new documents with their bodies, further keys and links."""
    for table, values in (
        (documents, rows),
        (document_bodies, sealed),
        (document_keys, keys),
        (document_links, links),
    ):
        if values:
            await connection.execute(insert(table), values)


async def mark_registered(
    connection: AsyncConnection, fingerprints: Sequence[str], *, txid: str, block: int
) -> None:
    """The ledger took these in this transaction."""
    for part in _chunks(fingerprints):
        await connection.execute(
            update(documents)
            .where(documents.c.live_fingerprint.in_(part))
            .values(state=REGISTERED, txid=txid, block=block)
        )


async def mark_other(connection: AsyncConnection, outcomes: Sequence[dict[str, Any]]) -> None:
    """What else the ledger said: rows of ``fp, state, txid, block, live, reason, message``.

    ``live`` is the fingerprint, or None when this row no longer stands for it.
    """
    if outcomes:
        await connection.execute(
            update(documents)
            .where(documents.c.live_fingerprint == bindparam("fp"))
            .values(
                state=bindparam("b_state"),
                txid=bindparam("b_txid"),
                block=bindparam("b_block"),
                live_fingerprint=bindparam("b_live"),
                reason=bindparam("b_reason"),
                message=bindparam("b_message"),
            ),
            outcomes,
        )


async def links_of(
    connection: AsyncConnection, children: Sequence[str], *, roles: Sequence[str] = ("weight", "credit")
) -> list[Link]:
    """All links of these documents."""
    found: list[Link] = []
    columns = document_links.c
    for part in _chunks(children):
        rows = await _rows(
            connection,
            select(columns.child, columns.parent, columns.slot, columns.role, columns.state)
            .where(columns.child.in_(part), columns.role.in_(roles))
            .order_by(columns.child, columns.slot),
        )
        found += [Link(*row) for row in rows]
    return found


async def waiting_links(
    connection: AsyncConnection, fingerprints: Sequence[str], parents: Sequence[str]
) -> list[Link]:
    """Links that wait, of these children or to these parents."""
    found: dict[tuple[str, str], Link] = {}
    columns = document_links.c
    base = select(columns.child, columns.parent, columns.slot, columns.role, columns.state).where(
        columns.state == "waiting"
    )
    for column, values in ((columns.child, fingerprints), (columns.parent, parents)):
        for part in _chunks(values):
            for row in await _rows(connection, base.where(column.in_(part))):
                found[row.child, row.parent] = Link(*row)
    return list(found.values())


async def ready_children(connection: AsyncConnection, limit: int) -> list[str]:
    """Documents that have links which can be put on the ledger now."""
    rows = await _rows(
        connection,
        select(document_links.c.child)
        .where(document_links.c.state == "ready")
        .distinct()
        .order_by(document_links.c.child)
        .limit(limit),
    )
    return [row[0] for row in rows]


async def set_links(
    connection: AsyncConnection, pairs: Sequence[tuple[str, str]], state: str, reason: str = ""
) -> None:
    """Moves links, given as (child, parent), to a state."""
    if pairs:
        await connection.execute(
            update(document_links)
            .where(
                document_links.c.child == bindparam("b_child"),
                document_links.c.parent == bindparam("b_parent"),
            )
            .values(state=state, reason=reason),
            [{"b_child": child, "b_parent": parent} for child, parent in pairs],
        )


async def keys_of(connection: AsyncConnection, fingerprints: Sequence[str]) -> list[str]:
    """Further keys of these live documents."""
    found: list[str] = []
    for part in _chunks(fingerprints):
        rows = await _rows(
            connection,
            select(document_keys.c.fingerprint)
            .join(documents, documents.c.document_id == document_keys.c.document_id)
            .where(documents.c.live_fingerprint.in_(part)),
        )
        found += [row[0] for row in rows]
    return found
