"""What a bank wrote on the ledger, from the blocks alone: shares nothing with the gateway's own follower."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from consortium.contract import names
from consortium.ledger.blocks import Block, BlockTransaction
from consortium.reconcile.rows import Row, Value, day_of

ANCHORED: Final = "anchored"
SUPERSEDED: Final = "superseded"
REVOKED: Final = "revoked"


def package_key(package_id: str) -> str:
    """What both sides call a package."""
    return f"package/{package_id}"


def claim_key(claim_id: str) -> str:
    """What both sides call a claim."""
    return f"claim/{claim_id}"


class LedgerSide:
    """One bank's packages and claims. Holds some 500 bytes of each.

    A claim that was reserved, given up and reserved anew under the same id is one row, with its latest state.
    """

    def __init__(self, msp_id: str, chaincode: str) -> None:
        self._msp_id = msp_id
        self._chaincode = chaincode
        self.next_block = 0
        self._rows: dict[str, dict[str, Value]] = {}
        self._days: dict[str, int] = {}

    def take(self, block: Block) -> None:
        """Reads one block.

        :raises ValueError, KeyError, TypeError: a transaction of this bank is none of the contract's
        """
        for transaction in block.transactions:
            call = transaction.call if transaction.ok else None
            if call is None or transaction.creator_msp != self._msp_id or call.chaincode != self._chaincode:
                continue
            if call.args:
                self._read(transaction, orjson.loads(call.args[0]), orjson.loads(call.payload))
        self.next_block = block.number + 1

    def _read(
        self, transaction: BlockTransaction, request: Mapping[str, Any], answer: Mapping[str, Any]
    ) -> None:
        if "items" not in request or answer.get("replayed"):
            return  # a read, or what another transaction did
        for item, result in zip(request["items"], answer["results"], strict=True):
            self._apply(transaction.function, item, str(result.get("status")), day_of(transaction.timestamp))

    def _apply(self, function: str, item: Mapping[str, Any], status: str, day: int) -> None:
        if function == names.PACKAGES_ANCHOR and status == "anchored":
            values = {name: item[name] for name in ("digest", "subject", "consent")}
            self._rows[package_key(item["id"])] = {**values, "state": ANCHORED}
            self._days[package_key(item["id"])] = day
            if item["supersedes"]:
                self._rows[package_key(item["supersedes"])]["state"] = SUPERSEDED
        elif function in {names.PACKAGES_SUPERSEDE, names.PACKAGES_REVOKE} and status in {
            SUPERSEDED,
            REVOKED,
        }:
            self._rows[package_key(item["id"])]["state"] = status
        elif status == "done" and "claim" in item:
            self._apply_claim(function, item, day)

    def _apply_claim(self, function: str, item: Mapping[str, Any], day: int) -> None:
        key = claim_key(item["claim"])
        if function == names.ENCUMBRANCES_RESERVE:
            values = {name: item[name] for name in ("handle", "share", "expires")}
            self._rows[key] = {**values, "state": "reserved", "settled": 0}
            self._days.setdefault(key, day)
        elif function == names.ENCUMBRANCES_FINANCE:
            self._rows[key] |= {"state": "financed", "expires": 0}
        elif function == names.ENCUMBRANCES_RELEASE:
            self._rows[key]["state"] = "released"
        elif function == names.ENCUMBRANCES_SETTLE:
            row = self._rows[key]
            settled = int(row["settled"] or 0) + int(item["share"])
            done = settled >= int(row["share"] or 0)
            self._rows[key] = {**row, "settled": settled, "state": "settled" if done else "financed"}

    def day_of(self, key: str) -> int:
        """The day of a key, as the ledger has it; 0 for what the ledger does not know."""
        return self._days.get(key, 0)

    def rows(self) -> list[Row]:
        """One row per package and claim."""
        return [Row(key, (self._msp_id, self.day_of(key)), values) for key, values in self._rows.items()]
