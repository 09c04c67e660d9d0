"""The ledger that a test of this folder runs on: the embedded one, of its own, or Fabric, shared by the whole run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaincode.contracts import ChanrongContract
from tests.conformance.contract.player import Player, player_on
from tests.support import embedded
from tests.support.fabric import requires_fabric
from tests.support.ledgers import EmbeddedParts, LedgerUnderTest

CHAINCODE = "chanrong"
CONTRACT = "chaincode.contracts:ChanrongContract"


@pytest.fixture(scope="session")
def organisations(tmp_path_factory: pytest.TempPathFactory) -> embedded.Network:
    """Certificates of three organisations, for embedded ledgers."""
    return embedded.make_network(tmp_path_factory.mktemp("organisations"))


@pytest.fixture(params=["embedded", pytest.param("fabric", marks=requires_fabric)])
def kind(request: pytest.FixtureRequest) -> str:
    """Which ledger."""
    return str(request.param)


@pytest.fixture
async def ledger(
    kind: str, request: pytest.FixtureRequest, organisations: embedded.Network, tmp_path: Path
) -> AsyncIterator[LedgerUnderTest]:
    """A ledger with the Chanrong contract."""
    if kind == "fabric":
        fabric = request.getfixturevalue("fabric")
        await fabric.deploy(CHAINCODE, contract=CONTRACT)
        yield LedgerUnderTest("fabric", fabric, CHAINCODE)
        return
    settings = organisations.settings(tmp_path / "ledger.db", chaincode=CHAINCODE)
    async with embedded.running(settings, ChanrongContract()) as started:
        yield LedgerUnderTest("embedded", EmbeddedParts(organisations, started), CHAINCODE)


@pytest.fixture
async def player(ledger: LedgerUnderTest) -> AsyncIterator[Player]:
    """The members, connected."""
    async with player_on(ledger) as made:
        yield made
