"""Both ledgers for tests of the client, with the key/value contract under a policy that any one organisation meets.

That is how the scenarios of the official clients have it: endorsing organisations, key-level policies and private
collections then decide who must sign.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from chaincode.hosts.embedded.settings import EndorsementPolicy
from tests.support.embedded import MSPS, make_network, running
from tests.support.fabric import FabricWorld
from tests.support.kv_contract import KvContract
from tests.support.ledgers import BANK, BANK_B, CONTRACT, INDUSTRY, EmbeddedParts, LedgerUnderTest

OPEN: Final = "open"
BATCH_TIMEOUT_MS: Final = 20
COLLECTIONS: Final[list[dict[str, Any]]] = [
    {"name": "industry", "members": [INDUSTRY]},
    {"name": "both", "members": [INDUSTRY, BANK]},
    {"name": "bank_b", "members": [BANK_B]},
]
GUARDED: Final[dict[str, Any]] = {"name": "guarded", "members": [INDUSTRY], "memberOnlyWrite": True}
"""Only Fabric knows members who alone may write."""

ANY_ONE: Final = "OR(" + ",".join(f"'{msp}.peer'" for msp in MSPS) + ")"


@asynccontextmanager
async def open_embedded(folder: Path) -> AsyncIterator[LedgerUnderTest]:
    """A new embedded ledger."""
    organisations = make_network(folder)
    settings = organisations.settings(
        folder / "ledger.db",
        chaincode=OPEN,
        collections=COLLECTIONS,
        policy=EndorsementPolicy(any_of=(MSPS,)),
        batch_timeout_ms=BATCH_TIMEOUT_MS,
    )
    async with running(settings, KvContract()) as started:
        yield LedgerUnderTest("embedded", EmbeddedParts(organisations, started), OPEN)


@asynccontextmanager
async def open_fabric(world: FabricWorld) -> AsyncIterator[LedgerUnderTest]:
    """The network that all tests share."""
    await world.deploy(OPEN, contract=CONTRACT, collections=[*COLLECTIONS, GUARDED], policy=ANY_ONE)
    yield LedgerUnderTest("fabric", world, OPEN)
