"""Statements on documents: what is there already, what is added, what the ledger said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from industry_gateway.outbox.model import OutboxItem, runs_of
from industry_gateway.store.bulk import insert_rows, rows_in
from industry_gateway.store.database import MAX_PARAMETERS
from industry_gateway.store.tables import (
    document_bodies,
    document_keys,
    document_links,
    documents,
)

PENDING = "pending"
REGISTERED = "registered"
ALREADY = "already"
CONFLICT = "conflict"
REFUSED = "refused"
LEDGER_STATES = {
    PENDING: "pending",
    REGISTERED: "registered",
    ALREADY: "already_registered",
    CONFLICT: "conflict",
    REFUSED: "refused",
}
"""State in the store -> its name to the outside, lower case of the protos' LedgerState."""
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


_NAMED = ", ".join(f"documents.{column.name}" for column in _COLUMNS)
_BY_ID = f"SELECT {_NAMED} FROM documents WHERE documents.document_id IN ({{names}})"  # noqa: S608
_BY_FINGERPRINT = f"SELECT {_NAMED} FROM documents WHERE documents.live_fingerprint IN ({{names}})"  # noqa: S608
_BY_KEY = (
    f"SELECT document_keys.fingerprint, document_keys.tag, {_NAMED} FROM document_keys"  # noqa: S608
    " JOIN documents ON documents.document_id = document_keys.document_id"
    " WHERE document_keys.fingerprint IN ({names}) AND documents.live_fingerprint IS NOT NULL"
)


@dataclass(slots=True)
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


_NAMES: BindParameter[Any] = bindparam("names", expanding=True)
"""A list of any length as one parameter: what in_() is given element by element costs ten times as much."""


def _chunks(values: Iterable[str]) -> list[list[str]]:
    found = list(dict.fromkeys(values))
    return [found[start : start + MAX_PARAMETERS] for start in range(0, len(found), MAX_PARAMETERS)]


async def _rows(
    connection: AsyncConnection, statement: Select[Any], names: Sequence[str] | None = None
) -> list[Any]:
    found = await connection.execute(statement, None if names is None else {"names": list(names)})
    return list(found.all())


async def live_by_key(
    connection: AsyncConnection, fingerprints: Iterable[str]
) -> dict[str, list[tuple[str, StoredDocument]]]:
    """Live documents under any of their keys: fingerprint asked -> (tag under that key, document).

    The tag is empty where the key is an alias of the stored document.
    """
    found: dict[str, list[tuple[str, StoredDocument]]] = {}
    names = list(dict.fromkeys(fingerprints))
    for row in await rows_in(connection, _BY_FINGERPRINT, names):
        stored = StoredDocument(*row)
        found.setdefault(stored.fingerprint, []).append((stored.tag, stored))
    for key, tag, *values in await rows_in(connection, _BY_KEY, names):
        found.setdefault(key, []).append((tag, StoredDocument(*values)))
    return found


async def by_ids(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, StoredDocument]:
    """Documents by identifier."""
    rows = await rows_in(connection, _BY_ID, list(dict.fromkeys(ids)))
    return {row[0]: StoredDocument(*row) for row in rows}


async def of_subject(
    connection: AsyncConnection, subject: str, fingerprints: Sequence[str]
) -> list[StoredDocument]:
    """Documents on the ledger that a subject issued or handed in, or that name it as the seller, oldest
    first.

    :param fingerprints: only these, when given
    """
    columns = documents.c
    # Each document in one of three: together with "or" they would be found by reading all documents.
    roles = (
        (columns.pushed_by == subject,),
        (columns.seller == subject, columns.seller != columns.pushed_by),
        (
            columns.issuer == subject,
            columns.issuer != columns.pushed_by,
            columns.issuer != columns.seller,
        ),
    )
    there = (columns.live_fingerprint.is_not(None), columns.state.in_(ON_LEDGER))
    found: list[StoredDocument] = []
    for role in roles:
        statement = select(*_COLUMNS).where(*role, *there)
        if not fingerprints:
            found += [StoredDocument(*row) for row in await _rows(connection, statement)]
            continue
        for part in _chunks(fingerprints):
            rows = await _rows(connection, statement.where(columns.live_fingerprint.in_(_NAMES)), part)
            found += [StoredDocument(*row) for row in rows]
    return sorted(found, key=lambda each: each.document_id)


async def bodies(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, tuple[bytes | None, bytes]]:
    """Wrapped key (None once erased) and sealed body by document."""
    found: dict[str, tuple[bytes | None, bytes]] = {}
    for part in _chunks(ids):
        for row in await _rows(
            connection, select(document_bodies).where(document_bodies.c.document_id.in_(_NAMES)), part
        ):
            key = None if row.wrapped_key is None else bytes(row.wrapped_key)
            found[row.document_id] = (key, bytes(row.sealed))
    return found


@dataclass(slots=True)
class NewRows:
    """Rows of new documents, each with the values of its table's columns as named below."""

    documents: list[tuple[object, ...]] = field(default_factory=list)
    bodies: list[tuple[object, ...]] = field(default_factory=list)
    keys: list[tuple[object, ...]] = field(default_factory=list)
    links: list[tuple[object, ...]] = field(default_factory=list)


DOCUMENT_COLUMNS = (
    "document_id",
    "live_fingerprint",
    "fingerprint",
    "tag",
    "commitment",
    "kind",
    "seller",
    "buyer",
    "issuer",
    "pushed_by",
    "push_id",
    "state",
    "created_at",
)
BODY_COLUMNS = ("document_id", "sealed", "wrapped_key")
KEY_COLUMNS = ("fingerprint", "document_id", "tag")
LINK_COLUMNS = ("child", "parent", "slot", "role", "state")


async def add(connection: AsyncConnection, rows: NewRows) -> None:
    """Stores new documents with their bodies, further keys and links.

    :raises IntegrityError: when another replica stored one of them meanwhile
    """
    await insert_rows(connection, documents, DOCUMENT_COLUMNS, rows.documents)
    await insert_rows(connection, document_bodies, BODY_COLUMNS, rows.bodies)
    await insert_rows(connection, document_keys, KEY_COLUMNS, rows.keys)
    await insert_rows(connection, document_links, LINK_COLUMNS, rows.links)


async def mark_registered(
    connection: AsyncConnection, items: Sequence[OutboxItem], *, txid: str, block: int
) -> None:
    """The ledger took these items' documents in this transaction; exceptions are marked afterwards."""
    ranges, single = runs_of(item.document_id for item in items if item.document_id)
    values = {"state": REGISTERED, "txid": txid, "block": block}
    name = documents.c.document_id
    if ranges:
        # What the range holds that ledger or contract have ended by other words is not live, and stays as it is.
        await connection.execute(
            update(documents)
            .where(
                name.between(bindparam("first"), bindparam("last")), documents.c.live_fingerprint.is_not(None)
            )
            .values(values),
            [{"first": first, "last": last} for first, last in ranges],
        )
    fingerprints = [item.key for item in items if not item.document_id]
    for column, names in ((name, single), (documents.c.live_fingerprint, fingerprints)):
        for part in _chunks(names):
            await connection.execute(
                update(documents)
                .where(column.in_(_NAMES), documents.c.live_fingerprint.is_not(None))
                .values(values),
                {"names": part},
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
            .where(columns.child.in_(_NAMES), columns.role.in_(roles))
            .order_by(columns.child, columns.slot),
            part,
        )
        found += [Link(*row) for row in rows]
    return found


async def waiting_links(connection: AsyncConnection, fingerprints: Sequence[str]) -> list[Link]:
    """Links that wait, and are of these documents, to them, or of a document that has such a link."""
    columns = document_links.c
    waiting = columns.state == "waiting"
    some = await connection.scalar(select(columns.child).where(waiting).limit(1))
    if some is None:
        return []
    further = (
        select(document_keys.c.fingerprint)
        .join(documents, documents.c.document_id == document_keys.c.document_id)
        .where(documents.c.live_fingerprint.in_(_NAMES))
    )
    touched = union(
        select(columns.child).where(waiting, columns.parent.in_(_NAMES)),
        select(columns.child).where(waiting, columns.parent.in_(further)),
        select(columns.child).where(waiting, columns.child.in_(_NAMES)),
    )
    found: dict[tuple[str, str], Link] = {}
    for part in _chunks(fingerprints):
        rows = await _rows(
            connection,
            select(columns.child, columns.parent, columns.slot, columns.role, columns.state).where(
                waiting, columns.child.in_(touched)
            ),
            part,
        )
        found |= {(row.child, row.parent): Link(*row) for row in rows}
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
