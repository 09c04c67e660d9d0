"""Public keys of parties, by handle and number: what origin signatures are checked with."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Mapping

from consortium.contract.codec import decode, encode
from consortium.contract.names import MAX_READ_ITEMS, PARTIES_GET
from industry_gateway.outbox.port import LedgerPort
from industry_gateway.parties.directory import PartyDirectory

REMEMBERED_S = 60.0
"""How long a party's keys, or their absence, are believed without asking the ledger again."""
MAX_REMEMBERED = 50_000


class KeyBook:
    """Keys of this gateway's own parties, and of others as the ledger has them."""

    def __init__(
        self,
        directory: PartyDirectory,
        ledger: LedgerPort,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._ledger = ledger
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, Mapping[int, bytes]]] = {}

    async def keys(self, handles: Iterable[str], number: int) -> dict[str, bytes]:
        """Public keys (DER) with this number, by party; those that the ledger does not know are left out.

        :raises UnavailableError: when the ledger has to be asked and does not answer
        """
        now = self._monotonic()
        found: dict[str, bytes] = {}
        asked: list[str] = []
        for handle in dict.fromkeys(handles):
            tenant = self._directory.handle(handle)
            if tenant is not None and tenant.key_number == number:
                found[handle] = tenant.public_key
                continue
            known = self._known.get(handle)
            if known is None or now - known[0] > REMEMBERED_S:
                asked.append(handle)
            elif number in known[1]:
                found[handle] = known[1][number]
        for start in range(0, len(asked), MAX_READ_ITEMS):
            await self._ask(asked[start : start + MAX_READ_ITEMS], now)
        for handle in asked:
            if number in self._known[handle][1]:
                found[handle] = self._known[handle][1][number]
        return found

    async def _ask(self, handles: list[str], now: float) -> None:
        answer = decode(await self._ledger.evaluate(PARTIES_GET, encode({"parties": handles})))
        if len(self._known) > MAX_REMEMBERED:
            self._known.clear()
        for handle, record in zip(handles, answer["parties"], strict=True):
            keys = (
                {}
                if record is None
                else {key["number"]: base64.b64decode(key["spki"]) for key in record["keys"]}
            )
            self._known[handle] = (now, keys)
