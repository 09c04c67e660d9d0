"""What a committed batch means for the store: the ledger's word on each document, and what has to follow.

Runs inside the follower's transaction for a block, so that verdict, positions and follow-ups are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from consortium.contract.codec import encode, read_results
from industry_gateway.outbox.model import ALIAS, FACT, LINK, REGISTER, OutboxItem, next_sequence
from industry_gateway.outbox.port import LedgerTransaction
from industry_gateway.store import documents, outbox
from industry_gateway.store.documents import ALREADY, CONFLICT, LEDGER_STATES, ON_LEDGER, REFUSED, Link
from industry_gateway.store.outbox import Attempt
from industry_gateway.webhooks.messages import Messages

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Followed:
    """What the blocks since the last look brought about."""

    items: bool = False
    """There are new outbox items that nobody was offered."""
    links: bool = False
    """There are links that can be put on the ledger now."""
    messages: bool = False
    """There are webhooks to send."""


class Projection:
    """Applies results of the contract to the store."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._followed = Followed()

    def take(self) -> Followed:
        """What has come about since this was asked last.

        Ask only after the block's transaction has committed.
        """
        followed, self._followed = self._followed, Followed()
        return followed

    async def effect(
        self,
        connection: AsyncConnection,
        attempt: Attempt,
        items: Sequence[OutboxItem],
        transaction: LedgerTransaction,
        block: int,
    ) -> None:
        """Stores the results of a valid transaction of ours; they come in the order of its items."""
        results = read_results(transaction.result)
        if len(results) != len(items):
            raise ValueError(f"batch {attempt.batch_id} has {len(items)} items and {len(results)} results")
        pairs = list(zip(items, results, strict=True))
        if attempt.lane == REGISTER:
            await self._registered(connection, pairs, transaction.txid, block)
        else:
            for item, result in pairs:
                await self._linked(connection, item, result)

    async def refuse(self, connection: AsyncConnection, item: OutboxItem, reason: str, message: str) -> None:
        """Stores that the contract will never take an item."""
        result = {"status": "refused", "reason": reason, "message": message, "txid": ""}
        if item.lane == REGISTER:
            await self._registered(connection, [(item, result)], "", None)
        else:
            await self._linked(connection, item, result)

    async def _registered(
        self,
        connection: AsyncConnection,
        pairs: Sequence[tuple[OutboxItem, dict[str, Any]]],
        txid: str,
        block: int | None,
    ) -> None:
        own = await outbox.own_blocks(
            connection, sorted({result["txid"] for _, result in pairs if result["status"] == "already"})
        )
        others: list[dict[str, Any]] = []
        items = [item for item, _ in pairs]
        concerned = await self._messages.concerned(connection, items)
        for item, result in pairs:
            # "already" in a transaction of ours is a registration whose verdict got lost on the way here.
            mine = result["status"] == "registered" or (
                result["status"] == "already" and result["txid"] in own
            )
            if not mine or result["txid"] != txid or block is None:
                others.append(_other(item.key, result, mine=mine, block=own.get(result["txid"])))
        if block is not None and len(others) < len(pairs):
            await documents.mark_registered(connection, items, txid=txid, block=block)
        await documents.mark_other(connection, others)
        if concerned:
            positions = {item.key: _registered_at(txid, block) for item, _ in pairs}
            positions |= {each["fp"]: _position_of(each) for each in others}
            if await self._messages.owe(connection, concerned, positions):
                self._followed.messages = True
        await self._follow_up(connection, pairs)
        await self._wake_links(connection, [item.key for item in items])

    async def _follow_up(
        self, connection: AsyncConnection, pairs: Sequence[tuple[OutboxItem, dict[str, Any]]]
    ) -> None:
        """What the contract asks for: links to be said again, assets to be joined."""
        again = [
            item.key
            for item, result in pairs
            if result.get("relink") or (result["status"] == "already" and result["txid"])
        ]
        links: Mapping[str, list[Link]] = {}
        if again:
            links = _by_child(await documents.links_of(connection, again, roles=("weight",)))
        for item, result in pairs:
            sent = [link for link in links.get(item.key, ()) if link.state == "sent"]
            if sent:
                await documents.set_links(connection, [(link.child, link.parent) for link in sent], "ready")
                self._followed.links = True
            elif result.get("relink"):
                payload = encode({"child": item.key, "links": []})
                await self._offer(connection, LINK, item.key, payload)
            for other in result.get("join", ()):
                asset = result.get("asset") or item.key
                payload = encode({"asset": asset, "alias": other, "evidence": item.key})
                await self._offer(connection, ALIAS, f"{asset}|{other}", payload, root=asset)

    async def _offer(
        self, connection: AsyncConnection, lane: str, key: str, payload: bytes, root: str = ""
    ) -> None:
        item = OutboxItem(lane, key, root or key, payload, next_sequence())
        try:
            async with connection.begin_nested():
                await outbox.add_items(connection, [item])
        except IntegrityError:
            return  # the same is under way
        self._followed.items = True

    async def _wake_links(self, connection: AsyncConnection, fingerprints: Sequence[str]) -> None:
        """Links whose two ends are on the ledger now can be put there."""
        waiting = await documents.waiting_links(connection, fingerprints)
        if not waiting:
            return
        ends = {link.child for link in waiting} | {link.parent for link in waiting}
        known = await documents.live_by_key(connection, ends)
        there = {
            name
            for name, found in known.items()
            if any(tag and document.state in ON_LEDGER for tag, document in found)
        }
        ready = [link for link in waiting if link.child in there and link.parent in there]
        if ready:
            await documents.set_links(connection, [(link.child, link.parent) for link in ready], "ready")
            self._followed.links = True

    async def _linked(self, connection: AsyncConnection, item: OutboxItem, result: dict[str, Any]) -> None:
        """The contract's word on links, facts and joined assets."""
        refused = result["status"] == "refused"
        state, reason = ("refused", str(result.get("reason", ""))) if refused else ("done", "")
        if refused:
            _log.warning("the contract refuses a follow-up", lane=item.lane, reason=reason)
        if item.lane == LINK:
            queued = [
                (link.child, link.parent)
                for link in await documents.links_of(connection, [item.key])
                if link.state == "queued"
            ]
            await documents.set_links(connection, queued, state, reason)
            self._followed.links = True  # further links of this document may have become ready meanwhile
        elif item.lane == FACT:
            parent, child = item.key.split("|")
            queued = [
                (link.child, link.parent)
                for link in await documents.links_of(connection, [child], roles=("credit",))
                if link.state == "queued" and link.parent == parent
            ]
            await documents.set_links(connection, queued, state, reason)


def _other(fingerprint: str, result: dict[str, Any], *, mine: bool, block: int | None) -> dict[str, Any]:
    status = result["status"]
    state = documents.REGISTERED if mine else {"already": ALREADY, "conflict": CONFLICT}.get(status, REFUSED)
    return {
        "fp": fingerprint,
        "b_state": state,
        "b_txid": result["txid"] if state != REFUSED else "",
        # Of somebody else's transaction only the id is known here, not the block.
        "b_block": block,
        "b_live": fingerprint if state in ON_LEDGER else None,
        "b_reason": str(result.get("reason", "")),
        "b_message": str(result.get("message", "")),
    }


def _registered_at(txid: str, block: int | None) -> dict[str, object]:
    return {"state": "registered", "transaction_id": txid, "block_number": block, "reason": ""}


def _position_of(other: dict[str, Any]) -> dict[str, object]:
    return {
        "state": LEDGER_STATES[other["b_state"]],
        "transaction_id": other["b_txid"],
        "block_number": other["b_block"],
        "reason": other["b_reason"],
    }


def _by_child(links: Sequence[Link]) -> dict[str, list[Link]]:
    found: dict[str, list[Link]] = {}
    for link in links:
        found.setdefault(link.child, []).append(link)
    return found
