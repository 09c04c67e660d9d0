"""A ledger as the conformance suite sees it: the same few questions of the embedded one and of real Fabric.

The key/value contract runs under the names ``kv`` and ``other``, with the collections ``shared`` (everybody) and
``banks`` (the two banks), and the endorsement policy AND(industry, OR(banks)).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import grpc
import grpc.aio

from chaincode.hosts.embedded.server import EmbeddedLedger
from chaincode.hosts.embedded.verification import verify
from consortium.identity.ca import CertificateAuthority
from consortium.identity.msp import Identity, make_identity
from consortium.ledger.connection import Endpoint
from consortium.ledger.gateway import Gateway
from tests.support.embedded import CHAINCODE, MAX_MESSAGE, Network, RawClient, running
from tests.support.fabric import FabricWorld
from tests.support.kv_contract import KvContract

INDUSTRY, BANK, BANK_B = "IndustryAMSP", "BankAMSP", "BankBMSP"
OTHER = "other"
COLLECTIONS: list[dict[str, Any]] = [{"name": "shared"}, {"name": "banks", "members": [BANK, BANK_B]}]
CONTRACT = "tests.support.kv_contract:KvContract"
BATCH_TIMEOUT_MS = 20
"""Transactions that are ordered together share a block, as on Fabric, where it is 200 ms."""

Kind = Literal["embedded", "fabric"]


class Parts(Protocol):
    """What either kind of ledger must tell."""

    @property
    def channel(self) -> str: ...
    @property
    def msps(self) -> tuple[str, ...]: ...
    def identity(self, msp: str) -> Identity: ...
    def authority(self, msp: str) -> CertificateAuthority: ...
    def peer_identity(self, msp: str) -> Identity: ...
    def endpoint(self, msp: str) -> Endpoint: ...
    def client_files(self, msp: str) -> tuple[Path, Path]: ...


@dataclass(frozen=True)
class EmbeddedParts:
    """An embedded ledger that runs in this process."""

    network: Network
    ledger: EmbeddedLedger

    @property
    def channel(self) -> str:
        """Name of the channel."""
        return self.ledger.settings.channel

    @property
    def msps(self) -> tuple[str, ...]:
        """Members."""
        return tuple(item.msp_id for item in self.ledger.settings.organisations)

    def identity(self, msp: str) -> Identity:
        """An organisation's client."""
        return self.network.identities[msp]

    def authority(self, msp: str) -> CertificateAuthority:
        """Who issues an organisation's certificates."""
        return self.network.authorities[msp]

    def peer_identity(self, msp: str) -> Identity:
        """An organisation's peer."""
        return make_identity(msp, self.network.peers[msp])

    def endpoint(self, msp: str) -> Endpoint:
        """Every organisation's peer is the one node."""
        return Endpoint(self.ledger.target, self.network.tls_ca)

    def client_files(self, msp: str) -> tuple[Path, Path]:
        """Certificate and key of an organisation's client."""
        folder = self.network.root / msp
        files = folder / "client.pem", folder / "client.key"
        self.network.clients[msp].save(*files)
        return files


@dataclass
class LedgerUnderTest:
    """One ledger with the key/value contract on it."""

    kind: Kind
    parts: Parts
    chaincode: str = CHAINCODE

    @property
    def channel(self) -> str:
        """Name of the channel."""
        return self.parts.channel

    @property
    def msps(self) -> tuple[str, ...]:
        """Members: the industry organisation, then the banks."""
        return self.parts.msps

    @property
    def is_fabric(self) -> bool:
        """Whether this is real Fabric."""
        return self.kind == "fabric"

    def identity(self, msp: str) -> Identity:
        """An organisation's client."""
        return self.parts.identity(msp)

    def authority(self, msp: str) -> CertificateAuthority:
        """Who issues an organisation's certificates."""
        return self.parts.authority(msp)

    def peer_identity(self, msp: str) -> Identity:
        """An organisation's peer."""
        return self.parts.peer_identity(msp)

    def endpoint(self, msp: str) -> Endpoint:
        """The gateway peer of an organisation."""
        return self.parts.endpoint(msp)

    def client_files(self, msp: str) -> tuple[Path, Path]:
        """Certificate and key of an organisation's client."""
        return self.parts.client_files(msp)

    def address(self, msp: str) -> str:
        """Where error details say that an organisation's peer is."""
        if isinstance(self.parts, EmbeddedParts):
            return self.parts.network.organisation(msp).address
        return self.endpoint(msp).target

    def gateway(self, msp: str = INDUSTRY, **options: Any) -> Gateway:
        """Our client at an organisation's peer."""
        return Gateway([self.endpoint(msp)], self.identity(msp), **options)

    @asynccontextmanager
    async def raw(self, msp: str = INDUSTRY, identity: Identity | None = None) -> AsyncIterator[RawClient]:
        """A client of bare messages at an organisation's peer."""
        endpoint = self.endpoint(msp)
        options: list[tuple[str, Any]] = [
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
        ]
        if endpoint.override:
            options.append(("grpc.ssl_target_name_override", endpoint.override))
        credentials = grpc.ssl_channel_credentials(
            endpoint.tls_root, endpoint.client_key, endpoint.client_certificate
        )
        async with grpc.aio.secure_channel(endpoint.target, credentials, options=options) as channel:
            yield RawClient(channel, identity or self.identity(msp), self.channel, self.chaincode)


@asynccontextmanager
async def embedded_ledger(organisations: Network, folder: Path) -> AsyncIterator[LedgerUnderTest]:
    """A new embedded ledger; what is left behind must verify."""
    database = folder / "ledger.db"
    settings = organisations.settings(database, collections=COLLECTIONS, batch_timeout_ms=BATCH_TIMEOUT_MS)
    async with running(settings, KvContract(), {OTHER: KvContract()}) as started:
        yield LedgerUnderTest("embedded", EmbeddedParts(organisations, started))
    assert (await asyncio.to_thread(verify, database)).problems == ()


@asynccontextmanager
async def fabric_ledger(world: FabricWorld) -> AsyncIterator[LedgerUnderTest]:
    """The shared network, with the key/value contract on it."""
    for name in ("kv", OTHER):
        await world.deploy(name, contract=CONTRACT, collections=COLLECTIONS)
    yield LedgerUnderTest("fabric", world)


class Keys:
    """Keys, event names and values of one test: nobody else's."""

    def __init__(self) -> None:
        self.prefix = os.urandom(6).hex()

    def __call__(self, name: str = "") -> str:
        return f"{self.prefix}-{name}"


async def height_of(client: RawClient) -> int:
    """Number of committed blocks."""
    from consortium.wire.fabric.common.ledger_pb2 import BlockchainInfo

    data = await client.evaluate("GetChainInfo", client.ledger, chaincode="qscc")
    return BlockchainInfo.FromString(data).height


async def block_of(client: RawClient, number: int) -> Any:
    """A block by its number."""
    from consortium.wire.fabric.common.common_pb2 import Block

    data = await client.evaluate("GetBlockByNumber", client.ledger, str(number), chaincode="qscc")
    return Block.FromString(data)


async def until(condition: Any, patience_s: float = 20.0) -> None:
    """Waits until an asynchronous condition holds."""
    end = time.monotonic() + patience_s
    while not await condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {patience_s} s: {condition}")
        await asyncio.sleep(0.02)
