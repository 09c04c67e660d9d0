"""Links and facts that could not go with a registration, because the other document was not there yet.

The follower marks a link ``ready`` when both ends are on the ledger. Here, in one database transaction per
round, the bodies are looked up, weights or shares are reckoned, and outbox items take the place of what was
ready:

- the weights of an invoice or a bill become one ``assets:link``;
- a credit note becomes an ``encumbrances:fact`` for each invoice that it corrects, once all of them are
  known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from consortium.contract.codec import encode
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.documents.roles import references_of
from consortium.documents.weights import Worth, credit_shares, portions_of, weight
from consortium.errors import ChanrongError
from consortium.storage import failpoints
from industry_gateway.bodies import Bodies
from industry_gateway.intake.chunk import link_of
from industry_gateway.outbox.model import FACT, LINK, OutboxItem, next_sequence
from industry_gateway.store import documents, outbox
from industry_gateway.store.database import Database
from industry_gateway.store.documents import Link, StoredDocument

ROUND_CHILDREN = 200
"""Documents dealt with in one transaction."""
MAX_LEVELS = 8
"""How far the trade is followed upward; the contract follows as many links."""
RETRY_S = 2.0

failpoints.declare("followups.before_commit", "followups.after_commit")

_log = structlog.get_logger(__name__)


class FollowUps:
    """Turns links that are ready into outbox items."""

    def __init__(
        self,
        database: Database,
        bodies: Bodies,
        keys: ConsortiumKeys,
        offer: Callable[[Iterable[OutboxItem]], None],
    ) -> None:
        self._database = database
        self._bodies = bodies
        self._keys = keys
        self._offer = offer
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Says that there may be links which are ready."""
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled."""
        while True:
            self._wake.clear()
            try:
                while await self.round():
                    pass
            except (ChanrongError, IntegrityError) as error:
                _log.warning("follow-ups wait", why=type(error).__name__)
                await asyncio.sleep(RETRY_S)
                continue
            await self._wake.wait()

    async def round(self) -> int:
        """Deals with some documents; how many outbox items came of it."""
        async with self._database.write() as connection:
            children = await documents.ready_children(connection, ROUND_CHILDREN)
            if not children:
                return 0
            items: list[OutboxItem] = []
            links = await documents.links_of(connection, children)
            live = await documents.live_by_key(connection, {*children, *(link.parent for link in links)})
            for child in children:
                own = [link for link in links if link.child == child]
                items += await self._weights(connection, child, own, live)
                items += await self._credits(connection, child, own, live)
            await outbox.add_items(connection, items)
            failpoints.reach("followups.before_commit")
        failpoints.reach("followups.after_commit")
        self._offer(items)
        return len(items)

    async def _weights(
        self,
        connection: AsyncConnection,
        child: str,
        links: Sequence[Link],
        live: dict[str, list[tuple[str, StoredDocument]]],
    ) -> list[OutboxItem]:
        ready = [link for link in links if link.role == "weight" and link.state == "ready"]
        stored = _own(live, child)
        if not ready or stored is None:
            return []
        if await outbox.is_under_way(connection, LINK, child):
            # The next round takes them, when that one's result is there.
            return []
        body = (await documents.bodies(connection, [stored.document_id])).get(stored.document_id)
        if body is None or body[0] is None:
            await documents.set_links(connection, _pairs(ready), "refused", "BODY_ERASED")
            return []
        document = self._bodies.open(stored.document_id, body).document(stored.kind)
        worths = await self._bodies.worths(connection, [stored, *_parents(live, ready)])
        portions = {portion.key: portion for portion in portions_of(document)}
        said: dict[str, dict[str, object]] = {}
        for reference in references_of(document):
            portion = portions.get((reference.kind, reference.number, reference.fapiao_code))
            if portion is None:
                continue
            names = self._keys.parent_fingerprints(reference, document)
            parent = next((found for name in names if (found := _own(live, name))), None)
            if parent is not None and parent.document_id in worths:
                reckoned = weight(worths[stored.document_id], portion, worths[parent.document_id])
                said.setdefault(parent.fingerprint, link_of(parent.fingerprint, reckoned, portion.kind))
        await self._settle_slots(connection, links, ready, "queued")
        payload = encode({"child": child, "links": list(said.values())})
        root = await self._root(connection, child)
        return [OutboxItem(LINK, child, root, payload, next_sequence())]

    async def _credits(
        self,
        connection: AsyncConnection,
        child: str,
        links: Sequence[Link],
        live: dict[str, list[tuple[str, StoredDocument]]],
    ) -> list[OutboxItem]:
        corrections = [link for link in links if link.role == "credit"]
        ready = [link for link in corrections if link.state == "ready"]
        note = _own(live, child)
        if not ready or note is None:
            return []
        slots = {link.slot for link in corrections}
        if slots != {link.slot for link in ready}:
            # One of the corrected invoices is not there yet: how much falls on each is not known.
            await documents.set_links(connection, _pairs(ready), "waiting")
            return []
        chosen = {link.slot: link for link in reversed(ready)}
        invoices = [found for link in chosen.values() if (found := _own(live, link.parent))]
        worths = await self._bodies.worths(connection, [note, *invoices])
        known = [worths[each.document_id] for each in invoices if each.document_id in worths]
        shares = _shares(worths.get(note.document_id), known) if len(known) == len(chosen) else None
        if shares is None:
            _log.warning("a credit note's share cannot be reckoned", document_id=note.document_id)
            await self._settle_slots(connection, links, ready, "refused", "SHARE_UNKNOWN")
            return []
        await self._settle_slots(connection, links, list(chosen.values()), "queued")
        items = []
        for link, invoice, share in zip(chosen.values(), invoices, shares, strict=True):
            fact = {"asset": invoice.fingerprint, "type": "credit", "share": share, "evidence": child}
            root = await self._root(connection, invoice.fingerprint)
            items.append(OutboxItem(FACT, f"{link.parent}|{child}", root, encode(fact), next_sequence()))
        return items

    async def _settle_slots(
        self,
        connection: AsyncConnection,
        links: Sequence[Link],
        chosen: Sequence[Link],
        state: str,
        reason: str = "",
    ) -> None:
        """Moves the chosen links on; other guesses for the same references have not come true."""
        taken = {(link.role, link.slot) for link in chosen}
        names = {link.parent for link in chosen}
        dropped = [link for link in links if (link.role, link.slot) in taken and link.parent not in names]
        await documents.set_links(connection, _pairs(chosen), state, reason)
        await documents.set_links(connection, _pairs(dropped), "dropped")

    async def _root(self, connection: AsyncConnection, fingerprint: str) -> str:
        """The top of the trade that a document belongs to, as far as this store knows it."""
        level, seen = {fingerprint}, {fingerprint}
        for _ in range(MAX_LEVELS):
            links = await documents.links_of(connection, sorted(level), roles=("weight",))
            above = {link.parent for link in links if link.state != "dropped"} - seen
            if not above:
                break
            seen |= above
            level = above
        return min(level)


def _own(live: dict[str, list[tuple[str, StoredDocument]]], name: str) -> StoredDocument | None:
    """The live document that has this key as its own, not as an alias."""
    return next((document for tag, document in live.get(name, ()) if tag), None)


def _parents(
    live: dict[str, list[tuple[str, StoredDocument]]], links: Sequence[Link]
) -> list[StoredDocument]:
    return [found for link in links if (found := _own(live, link.parent))]


def _pairs(links: Sequence[Link]) -> list[tuple[str, str]]:
    return [(link.child, link.parent) for link in links]


def _shares(credit: Worth | None, invoices: Sequence[Worth]) -> list[int] | None:
    return None if credit is None else credit_shares(credit, invoices)
