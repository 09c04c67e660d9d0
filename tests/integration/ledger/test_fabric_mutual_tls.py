"""A peer that asks for client certificates: requests for blocks are bound to the certificate of the connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from consortium.identity.ca import CertificateAuthority, Issued
from consortium.ledger.connection import Endpoint
from consortium.ledger.errors import EvaluateError, LedgerError, StreamError
from consortium.ledger.gateway import Gateway
from consortium.ledger.network import Network
from consortium.ledger.settings import LedgerSettings
from consortium.ledger.stages import Session
from tests.support.fabric import FabricWorld, fabric_world, requires_fabric
from tests.support.ledgers import BANK, INDUSTRY, until

pytestmark = [requires_fabric, pytest.mark.asyncio(loop_scope="module")]
PEER = "peer-bank-a"


def tls_client(world: FabricWorld) -> Issued:
    """A TLS certificate for a client, from an authority that the peer trusts."""
    return CertificateAuthority.load(world.layout.tls_ca(BANK)).issue("client", usage="tls")


def with_certificate(world: FabricWorld, issued: Issued) -> Endpoint:
    return replace(
        world.endpoint(BANK), client_certificate=issued.cert_pem, client_key=issued.key_pem, msp_id=BANK
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FabricWorld]:
    """Two organisations; the bank's peer was restarted so that it asks for certificates."""
    asks: dict[str, str] = {}
    async with fabric_world(tmp_path_factory.mktemp("mtls"), msps=(INDUSTRY, BANK), peer_env=asks) as started:
        await started.stop(PEER)
        started.network.peer_environment["CORE_PEER_TLS_CLIENTAUTHREQUIRED"] = "true"
        roots = str(started.layout.tls_ca(BANK) / "ca.pem")
        started.network.peer_environment["CORE_PEER_TLS_CLIENTROOTCAS_FILES"] = roots
        started.network.launch(PEER)
        async with Gateway(
            [with_certificate(started, tls_client(started))], started.identity(BANK)
        ) as gateway:

            async def serves() -> bool:
                try:
                    return await gateway.network(started.channel).height() > 0
                except LedgerError:
                    return False

            await until(serves)
        yield started


async def test_with_a_certificate(world: FabricWorld, tmp_path: Path) -> None:
    issued = tls_client(world)
    issued.save(tmp_path / "tls.pem", tmp_path / "tls.key")
    settings = LedgerSettings(
        endpoints=(f"{BANK}@{world.endpoint(BANK).target}",),
        tls_roots=world.tls_root(BANK),
        tls_client_cert=tmp_path / "tls.pem",
        tls_client_key=tmp_path / "tls.key",
        channel=world.channel,
    )

    async with Gateway(settings.gateway_endpoints(BANK), world.identity(BANK)) as gateway:
        network = gateway.network(settings.channel)
        height = await network.height()
        async with aclosing(network.blocks(0, stop=height - 1)) as blocks:
            assert [block.number async for block in blocks] == list(range(height))


async def test_without_one(world: FabricWorld) -> None:
    async with Gateway([world.endpoint(BANK)], world.identity(BANK)) as gateway:
        with pytest.raises(EvaluateError) as caught:
            await gateway.network(world.channel).height()

    assert caught.value.reason == "LEDGER_UNAVAILABLE"


async def test_a_request_that_is_bound_to_another_certificate(world: FabricWorld) -> None:
    async with Gateway([with_certificate(world, tls_client(world))], world.identity(BANK)) as gateway:
        session = gateway.network(world.channel).session
        assert isinstance(session, Session)
        other = Network(replace(session, tls_hash=bytes(32)), world.channel)
        with pytest.raises(StreamError) as caught:
            await anext(other.blocks(0))

    assert caught.value.reason == "LEDGER_REFUSED"
    assert "TLS client certificate" in caught.value.message
