"""Stores a chunk of prepared documents: everything about it in one database transaction.

1. Copies within the chunk are found by their keys.
2. Copies in the store are found by any key: the same content is already there, other content is a conflict.
3. Documents that new ones refer to are looked up: where they are known, link weights go with the
   registration.
4. Documents, bodies, keys, links and outbox items are stored.

The caller stores the results and the idempotency record in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from consortium.contract.codec import encode
from consortium.contract.names import ASSET_KINDS, MAX_LINKS_PER_DOCUMENT
from consortium.documents import Problem
from consortium.documents.weights import WHOLE_PPB, Weight, Worth, weight
from consortium.storage.outbox import OutboxPolicy, fitting
from industry_gateway.bodies import Bodies
from industry_gateway.intake.prepare import PreparedDocument, Referred
from industry_gateway.intake.results import IntakeStatus, Outcome
from industry_gateway.outbox.model import (
    REGISTER,
    OutboxItem,
    new_id,
    new_series,
    next_sequence,
    of_series,
)
from industry_gateway.parties.directory import Tenant
from industry_gateway.store import documents as statements
from industry_gateway.store import outbox
from industry_gateway.store.documents import PENDING, NewRows, StoredDocument


@dataclass(slots=True)
class Entry:
    """One document of a chunk: prepared, or refused with its problems."""

    index: int
    label: str
    prepared: PreparedDocument | None
    problems: tuple[Problem, ...] = ()
    kind: str = ""
    number: str = ""


@dataclass(slots=True)
class _New:
    """A document that will be stored."""

    document_id: str
    prepared: PreparedDocument


@dataclass(slots=True)
class _Rows:
    new: NewRows = field(default_factory=NewRows)
    bodies: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    items: list[OutboxItem] = field(default_factory=list)


class ChunkStore:
    """Stores chunks for one gateway."""

    def __init__(self, bodies: Bodies, policy: OutboxPolicy | None = None) -> None:
        self._bodies = bodies
        self._policy = policy or OutboxPolicy()

    async def store(
        self, connection: AsyncConnection, entries: Sequence[Entry], tenant: Tenant, push_id: str, *, at: int
    ) -> tuple[list[Outcome], list[OutboxItem]]:
        """Stores what is new; the results in order, and the outbox items to hand to the worker."""
        ready = [entry.prepared for entry in entries if entry.prepared is not None]
        asked = {key.fp for each in ready for key in each.keys}
        asked.update(name for each in ready for referred in each.referred for name in referred.candidates)
        stored = await statements.live_by_key(connection, asked)
        new: dict[str, _New] = {}
        series = new_series()
        outcomes = [_judge(entry, stored, new, tenant, series) for entry in entries]
        fresh = list({id(each): each for each in new.values()}.values())
        parents = await self._parents(connection, fresh, stored, new)
        rows = _Rows()
        first = next_sequence(max(1, len(fresh)))
        for position, each in enumerate(fresh):
            _add(rows, each, parents, tenant, push_id, sequence=first + position, at=at)
        rows.new.bodies = self._bodies.seal(rows.bodies)
        items = _parcelled(rows.items, self._policy)
        await statements.add(connection, rows.new)
        await outbox.add_items(connection, items)
        return outcomes, items

    async def _parents(
        self,
        connection: AsyncConnection,
        fresh: Sequence[_New],
        stored: Mapping[str, list[tuple[str, StoredDocument]]],
        new: Mapping[str, _New],
    ) -> dict[str, tuple[str, Worth]]:
        """Orders that new invoices draw on: candidate fingerprint -> primary fingerprint and worth."""
        names = {
            name
            for each in fresh
            for referred in each.prepared.referred
            if referred.role == "weight"
            for name in referred.candidates
        }
        found = {
            name: (new[name].prepared.fingerprint, new[name].prepared.worth) for name in names if name in new
        }
        known = {
            name: document
            for name in names - found.keys()
            for tag, document in stored.get(name, ())
            if tag and document.kind in ASSET_KINDS
        }
        worths = await self._bodies.worths(connection, known.values())
        for name, document in known.items():
            if document.document_id in worths:
                found[name] = (document.fingerprint, worths[document.document_id])
        return found


def _judge(
    entry: Entry,
    stored: Mapping[str, list[tuple[str, StoredDocument]]],
    new: dict[str, _New],
    tenant: Tenant,
    series: str,
) -> Outcome:
    """Steps 1 and 2 for one document. A new one is noted under all its keys."""
    prepared = entry.prepared
    if prepared is None:
        return Outcome(
            entry.index,
            IntakeStatus.REFUSED,
            label=entry.label,
            kind=entry.kind,
            number=entry.number,
            problems=entry.problems,
        )

    def result(status: IntakeStatus, **more: Any) -> Outcome:
        return Outcome(
            entry.index,
            status,
            label=entry.label,
            kind=prepared.kind,
            number=prepared.number,
            fingerprint=prepared.fingerprint,
            **more,
        )

    for key in prepared.keys:
        if not key.tag:
            continue
        twin = new.get(key.fp)
        if twin is not None:
            if any(each.fp == key.fp and each.tag == key.tag for each in twin.prepared.keys):
                return result(IntakeStatus.ALREADY_REGISTERED, document_id=twin.document_id)
            return result(IntakeStatus.CONFLICT, problems=(_conflict(prepared),))
        for tag, document in stored.get(key.fp, ()):
            if not tag:
                continue
            if tag == key.tag:
                known = document.document_id if document.concerns(tenant.handle) else ""
                return result(
                    IntakeStatus.ALREADY_REGISTERED, document_id=known, first_transaction_id=document.txid
                )
            return result(
                IntakeStatus.CONFLICT, problems=(_conflict(prepared),), first_transaction_id=document.txid
            )
    fresh = _New(of_series(series, entry.index), prepared)
    for key in prepared.keys:
        if key.tag:
            new[key.fp] = fresh
    return result(IntakeStatus.ACCEPTED, document_id=fresh.document_id)


def _add(
    rows: _Rows,
    new: _New,
    parents: Mapping[str, tuple[str, Worth]],
    tenant: Tenant,
    push_id: str,
    *,
    sequence: int,
    at: int,
) -> None:
    """Steps 3 and 4 for one document."""
    prepared = new.prepared
    fingerprint = prepared.fingerprint
    rows.new.documents.append(
        (
            new.document_id,
            fingerprint,
            fingerprint,
            prepared.tag,
            prepared.commitment,
            prepared.kind,
            prepared.seller or "",
            prepared.buyer or "",
            prepared.issuer,
            tenant.handle,
            push_id,
            PENDING,
            at,
        )
    )
    rows.bodies.append((new.document_id, prepared.secret, prepared.body))
    for key in prepared.keys[1:]:
        rows.new.keys.append((key.fp, new.document_id, key.tag))
    links = _links(rows, prepared, parents)
    payload = encode(
        {
            "kind": prepared.kind,
            "keys": [{"epoch": key.epoch, "fp": key.fp, "tag": key.tag} for key in prepared.keys],
            "commitment": prepared.commitment,
            "seller": prepared.seller,
            "buyer": prepared.buyer,
            "issuer": prepared.issuer,
            "origin": prepared.origin,
            "asset": prepared.asset,
            "links": links,
        }
    )
    rows.items.append(
        OutboxItem(REGISTER, fingerprint, fingerprint, payload, sequence, document_id=new.document_id)
    )


def _parcelled(items: Sequence[OutboxItem], policy: OutboxPolicy) -> list[OutboxItem]:
    """New items in parcels, each of which fits into a ledger transaction."""
    found: list[OutboxItem] = []
    start = 0
    while start < len(items):
        count = fitting([len(item.payload) + 1 for item in items[start:]], policy)
        parcel = new_id()
        found += [OutboxItem(*item[:5], parcel, item.document_id) for item in items[start : start + count]]
        start += count
    return found


def _links(
    rows: _Rows, prepared: PreparedDocument, parents: Mapping[str, tuple[str, Worth]]
) -> list[dict[str, Any]]:
    """The links that go with the registration; each reference's row says what is still owed for it."""
    links: dict[str, dict[str, Any]] = {}
    noted: set[str] = set()
    for slot, referred in enumerate(prepared.referred):
        if referred.role == "credit":
            names, state = referred.candidates, "waiting"
        else:
            parent, reckoned = _weight(prepared, referred, parents)
            _merge(links, parent, reckoned, referred)
            known = parent in {parents[name][0] for name in referred.candidates if name in parents}
            names, state = ((parent,), "sent") if known else (referred.candidates, "waiting")
        for name in names:
            if name != prepared.fingerprint and name not in noted:
                noted.add(name)
                rows.new.links.append((prepared.fingerprint, name, slot, referred.role, state))
    return list(links.values())[:MAX_LINKS_PER_DOCUMENT]


def _weight(
    prepared: PreparedDocument, referred: Referred, parents: Mapping[str, tuple[str, Worth]]
) -> tuple[str, Weight]:
    assert referred.portion is not None
    for name in referred.candidates:
        if name in parents:
            parent, worth = parents[name]
            return parent, weight(prepared.worth, referred.portion, worth)
    return referred.candidates[0], weight(prepared.worth, referred.portion, None)


def _merge(links: dict[str, dict[str, Any]], parent: str, reckoned: Weight, referred: Referred) -> None:
    """Adds a link; two references to one order, written differently, become one link."""
    link = links.get(parent)
    if link is None:
        assert referred.portion is not None
        links[parent] = link_of(parent, reckoned, referred.portion.kind)
        return
    link["of_child"] = min(WHOLE_PPB, link["of_child"] + reckoned.of_child)
    if link["of_parent"] is not None and reckoned.of_parent is not None:
        link["of_parent"] = min(WHOLE_PPB, link["of_parent"] + reckoned.of_parent)


def link_of(parent: str, reckoned: Weight, kind: str) -> dict[str, Any]:
    """A link to the asset of a document of some kind, as the contract takes it."""
    return {
        "parent": parent,
        "kind": kind,
        "of_child": reckoned.of_child,
        "of_parent": reckoned.of_parent,
        "basis": reckoned.basis,
    }


def _conflict(prepared: PreparedDocument) -> Problem:
    return Problem(
        path="/number",
        field="number",
        value=prepared.number,
        rule="CONTENT_CONFLICT",
        message="Another document with this identity and other content is there already.",
        remedy="Compare the two. A correction needs a number of its own, or a credit note.",
    )
