"""Identities made once, peers that end with the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from consortium.identity.ca import CertificateAuthority
from consortium.identity.msp import Identity, make_identity
from consortium.ledger.connection import Deadlines, Endpoint
from consortium.ledger.gateway import Gateway
from tests.support.ledger_fakes import FakePeer
from tests.unit.ledger.world import World, make_world


@pytest.fixture(scope="session")
def identity() -> Identity:
    """The client."""
    ca = CertificateAuthority.create("ca.industry", "IndustryAMSP")
    return make_identity("IndustryAMSP", ca.issue("gateway", ou="client"))


@pytest.fixture(scope="session")
def peers() -> list[Identity]:
    """Peers of two organisations."""
    made = []
    for msp_id in ("IndustryAMSP", "BankAMSP"):
        ca = CertificateAuthority.create(f"ca.{msp_id}", msp_id)
        made.append(make_identity(msp_id, ca.issue(f"peer0.{msp_id}", ou="peer")))
    return made


PeerMaker = Callable[..., Awaitable[FakePeer]]
GatewayMaker = Callable[..., Gateway]


@pytest.fixture
async def peer(peers: list[Identity]) -> AsyncIterator[PeerMaker]:
    """Starts fake peers."""
    started: list[FakePeer] = []

    async def make(**options: Any) -> FakePeer:
        made = await FakePeer(peers=peers, **options).start()
        started.append(made)
        return made

    yield make
    for made in started:
        await made.stop()


@pytest.fixture
async def gateway(identity: Identity) -> AsyncIterator[GatewayMaker]:
    """Makes clients of peers or addresses."""
    opened: list[Gateway] = []

    def make(*targets: FakePeer | str, **options: Any) -> Gateway:
        endpoints = [Endpoint(item if isinstance(item, str) else item.target, None) for item in targets]
        options.setdefault("deadlines", Deadlines(10, 10, 10, 10))
        made = Gateway(endpoints, options.pop("identity", identity), **options)
        opened.append(made)
        return made

    yield make
    for made in opened:
        await made.close()


@pytest.fixture(scope="session")
def world() -> World:
    """Organisations that sign reads."""
    return make_world()
