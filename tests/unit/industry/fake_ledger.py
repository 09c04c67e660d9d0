"""A ledger in memory for the outbox: endorsement, read versions, blocks, operation ids; and the faults of
real ones.

It runs a contract of ten lines: a key is registered once, with the tag it came with. ``hostile`` keys are
changed by somebody else between every endorsement and commit.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from consortium.contract.codec import ContractRefusedError, encode
from consortium.errors import OutcomeUnknownError, UnavailableError
from consortium.storage.outbox import DUPLICATE_TXID, MVCC_READ_CONFLICT, VALID
from industry_gateway.outbox.port import LedgerBlock, LedgerTransaction, Prepared


@dataclass
class Faults:
    """What goes wrong next; counted down."""

    lose_submits: int = 0
    """Submissions whose envelope never arrives, and the caller is not told."""
    hide_submits: int = 0
    """Submissions that arrive, and the caller is not told."""
    down: int = 0
    """Calls that find nobody."""
    reject_code: int = 0
    """Validation code of the next ``reject_times`` transactions."""
    reject_times: int = 0
    steal_ids: int = 0
    """Submissions before which somebody else uses the transaction id."""
    poison: set[str] = field(default_factory=set)
    """Keys that the contract refuses whole calls for."""
    hostile: dict[str, int] = field(default_factory=dict)
    """Keys that somebody else changes before commit, so many times."""


class FakeLedger:
    """Implements ``LedgerPort``."""

    def __init__(self) -> None:
        self.state: dict[str, tuple[str, str]] = {}
        self.versions: dict[str, int] = {}
        self.operations: dict[str, tuple[bytes, dict[str, object]]] = {}
        self.chain: list[LedgerBlock] = []
        self.faults = Faults()
        self.batches: list[tuple[str, int]] = []
        self.held: list[bytes] | None = None
        """When a list: submitted envelopes wait in it until :meth:`release`."""
        self._news = asyncio.Event()

    # ------------------------------------------------------------------ port

    async def prepare(self, function: str, payload: bytes) -> Prepared:
        self._maybe_down()
        await asyncio.sleep(0)
        request = json.loads(payload)
        keys = [_key(function, item) for item in request["items"]]
        if self.faults.poison & set(keys):
            raise ContractRefusedError("an item cannot be read", reason="BAD_REQUEST")
        txid = hashlib.sha256(secrets.token_bytes(24)).hexdigest()
        self.batches.append((function, len(keys)))
        stored = self.operations.get(request["op"])
        if stored is not None:
            if stored[0] != payload:
                raise ContractRefusedError("other bytes", reason="OPERATION_ID_REUSED")
            result = {**stored[1], "replayed": True}
            writes: dict[str, str] = {}
        else:
            results, writes = self._run(function, request["items"], keys)
            result = {"txid": txid, "results": results}
        envelope = encode(
            {
                "txid": txid,
                "function": function,
                "op": request["op"],
                "request": payload.hex(),
                "reads": {key: self.versions.get(key, 0) for key in keys},
                "writes": writes,
                "result": result,
                "nonce": secrets.token_hex(4),
            }
        )
        return Prepared(txid, envelope, _digest(envelope), encode(result))

    async def submit(self, envelope: bytes) -> None:
        self._maybe_down()
        await asyncio.sleep(0)
        faults = self.faults
        if faults.lose_submits:
            faults.lose_submits -= 1
            raise OutcomeUnknownError("timeout")
        if faults.steal_ids:
            faults.steal_ids -= 1
            self._append(json.loads(envelope)["txid"], MVCC_READ_CONFLICT, "0" * 64, "", b"", "OtherMSP")
        if self.held is not None:
            self.held.append(envelope)
        else:
            self.commit(envelope)
        if faults.hide_submits:
            faults.hide_submits -= 1
            raise OutcomeUnknownError("timeout")

    async def evaluate(self, function: str, payload: bytes) -> bytes:
        raise NotImplementedError(function)

    async def knows(self, txid: str) -> bool:
        self._maybe_down()
        return any(each.txid == txid for block in self.chain for each in block.transactions)

    async def height(self) -> int:
        self._maybe_down()
        return len(self.chain)

    async def blocks(self, start: int) -> AsyncIterator[LedgerBlock]:
        position = start
        while True:
            while position < len(self.chain):
                yield self.chain[position]
                position += 1
            self._news.clear()
            await self._news.wait()

    # ------------------------------------------------------------------ what happens behind it

    def release(self) -> None:
        """Orders what was held."""
        held, self.held = self.held or [], None
        for envelope in held:
            self.commit(envelope)

    def register(self, key: str, tag: str) -> None:
        """Somebody else registers a key."""
        self.state[key] = (tag, "f" * 64)
        self.versions[key] = self.versions.get(key, 0) + 1

    def commit(self, envelope: bytes) -> None:
        """Orders and validates one envelope, in a block of its own."""
        content = json.loads(envelope)
        for key in content["reads"]:
            if self.faults.hostile.get(key, 0) > 0:
                self.faults.hostile[key] -= 1
                self.versions[key] = self.versions.get(key, 0) + 1
        code = self._code(content)
        if code == VALID:
            for key, tag in content["writes"].items():
                self.state[key] = (tag, content["txid"])
                self.versions[key] = self.versions.get(key, 0) + 1
            if content["writes"] or content["op"] not in self.operations:
                stored = (bytes.fromhex(content["request"]), content["result"])
                self.operations.setdefault(content["op"], stored)
        self._append(
            content["txid"],
            code,
            _digest(envelope),
            content["function"],
            encode(content["result"]),
            "IndustryAMSP",
        )

    def registrations(self) -> dict[str, int]:
        """How often each key was registered, by the valid transactions of the chain."""
        found: dict[str, int] = {}
        for block in self.chain:
            for each in block.transactions:
                if each.code == VALID and each.function == "documents:register":
                    for result in json.loads(each.result)["results"]:
                        if result["status"] == "registered":
                            found[result["fp"]] = found.get(result["fp"], 0) + 1
        return found

    def _code(self, content: dict[str, object]) -> int:
        if any(each.txid == content["txid"] for block in self.chain for each in block.transactions):
            return DUPLICATE_TXID
        if self.faults.reject_times:
            self.faults.reject_times -= 1
            return self.faults.reject_code
        if content["op"] in self.operations:
            return MVCC_READ_CONFLICT
        reads = content["reads"]
        assert isinstance(reads, dict)
        stale = any(self.versions.get(key, 0) != version for key, version in reads.items())
        return MVCC_READ_CONFLICT if stale else VALID

    def _append(self, txid: str, code: int, digest: str, function: str, result: bytes, creator: str) -> None:
        transaction = LedgerTransaction(txid, code, digest, creator, function, result)
        self.chain.append(LedgerBlock(len(self.chain), (transaction,)))
        self._news.set()

    def _run(
        self, function: str, items: list[dict[str, object]], keys: list[str]
    ) -> tuple[list[dict[str, object]], dict[str, str]]:
        results: list[dict[str, object]] = []
        writes: dict[str, str] = {}
        for item, key in zip(items, keys, strict=True):
            if function != "documents:register":
                results.append({"status": "linked" if function == "assets:link" else "done"})
                continue
            tag = str(item["tag"])
            known = self.state.get(key)
            if known is None:
                writes[key] = tag
                results.append({"status": "registered", "fp": key})
            elif known[0] == tag:
                results.append({"status": "already", "fp": key, "txid": known[1]})
            else:
                results.append(
                    {"status": "conflict", "fp": key, "txid": known[1], "reason": "CONTENT_CONFLICT"}
                )
        return results, writes

    def _maybe_down(self) -> None:
        if self.faults.down:
            self.faults.down -= 1
            raise UnavailableError("nobody answers", reason="LEDGER_UNAVAILABLE")


def _key(function: str, item: dict[str, object]) -> str:
    return str(item["fp"] if function == "documents:register" else item.get("child") or item["asset"])


def _digest(envelope: bytes) -> str:
    return hashlib.sha256(envelope).hexdigest()
