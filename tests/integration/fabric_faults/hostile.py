"""A member of the channel that disturbs another one's registrations, within what the contract lets it do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from consortium.contract import encode, names, read_results
from consortium.documents import parse_canonical
from tests.integration.fabric_faults.world import Faults
from tests.support.contract_world import digest


@dataclass
class Hostile:
    """It has registered something else under a document's fingerprint and changes that again and again.

    :ivar changes: how often it did
    """

    net: Faults
    fp: str
    active: bool = True
    changes: int = 0

    @classmethod
    async def take(cls, net: Faults, document: dict[str, Any]) -> Hostile:
        """Takes the document's key before its gateway has it."""
        fp = net.a.keys.fingerprint(parse_canonical(document["kind"], document))
        self = cls(net, fp)
        item = {
            "kind": document["kind"],
            "keys": [self._key()],
            "commitment": digest("something else"),
            "seller": digest("puppet"),
            "buyer": None,
            "issuer": digest("puppet"),
            "origin": None,
            "asset": True,
            "links": [],
        }
        assert await self._write(names.DOCUMENTS_REGISTER, item) == "registered"
        return self

    async def change(self) -> None:
        """Another version of its record is on the ledger when this returns."""
        self.changes += 1
        item = {
            "fp": self.fp,
            "keys": [self._key()],
            "commitment": digest(f"change {self.changes}"),
            "reason": "because",
            "evidence": None,
            "signature": None,
        }
        assert await self._write(names.DOCUMENTS_AMEND, item) == "amended"

    def _key(self) -> dict[str, Any]:
        return {"epoch": 1, "fp": self.fp, "tag": digest(f"another tag {self.changes}")}

    async def _write(self, function: str, item: dict[str, Any]) -> str:
        async with self.net.a.chaincode() as contract:
            answer = await contract.submit(function, encode({"op": os.urandom(16).hex(), "items": [item]}))
        return str(read_results(answer)[0]["status"])
