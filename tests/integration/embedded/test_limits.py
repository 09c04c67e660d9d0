"""Bounds: sizes, concurrency, waiting, a full disk. And who may connect at all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chaincode.hosts.embedded.server import EmbeddedLedger
from chaincode.hosts.embedded.verification import verify
from consortium.errors import ConfigurationError
from consortium.identity.ca import CertificateAuthority
from tests.support.embedded import MSPS, Code, Network, RawClient, details_of, refusal, running

PATIENCE_S = 30.0


@asynccontextmanager
async def serving(
    network: Network, folder: Path, **settings: Any
) -> AsyncIterator[tuple[EmbeddedLedger, RawClient]]:
    """A ledger of its own and a client."""
    async with (
        running(network.settings(folder / "ledger.db", **settings)) as ledger,
        network.client(ledger) as client,
    ):
        yield ledger, client


async def test_message_above_the_absolute_limit(network: Network, tmp_path: Path) -> None:
    async with serving(network, tmp_path, absolute_max_bytes=1_000_000) as (_, client):
        txid, envelope = await client.endorse("put", "big", "x" * 500_000)
        error = await refusal(client.order(txid, client.sign(envelope)))
        assert error.code() == grpc.StatusCode.ABORTED
        assert "exceeds maximum allowed 1000000 bytes" in (error.details() or "")
        assert (await client.submit("put", "large", "y" * 300_000)).code == Code.VALID
        assert len(await client.evaluate("get", "large")) == 300_000


async def test_block_limits(network: Network, tmp_path: Path) -> None:
    limits = {"batch_timeout_ms": 300, "max_block_transactions": 3, "max_block_bytes": 60_000}
    async with serving(network, tmp_path, **limits) as (_, client):
        small = [await client.endorse("put", f"s{number}", "x") for number in range(7)]
        await asyncio.gather(*(client.order(txid, client.sign(envelope)) for txid, envelope in small))
        blocks = [(await client.status(txid))[1] for txid, _ in small]
        assert max(blocks.count(block) for block in blocks) == 3
        large = [await client.endorse("put", f"l{number}", "x" * 50_000) for number in range(3)]
        await asyncio.gather(*(client.order(txid, client.sign(envelope)) for txid, envelope in large))
        assert len({(await client.status(txid))[1] for txid, _ in large}) == 3


async def test_concurrent_calls(network: Network, tmp_path: Path) -> None:
    async with serving(network, tmp_path, gateway_concurrency=5) as (_, client):
        waiting = [asyncio.create_task(client.status(f"unseen-{number}")) for number in range(5)]
        while (error := await first_refusal(client)) is None:
            await asyncio.sleep(0)
        assert error.code() == grpc.StatusCode.UNKNOWN
        assert error.details() == "too many requests for /gateway.Gateway, exceeding concurrency limit (5)"
        waiting[0].cancel()
        while await first_refusal(client) is not None:
            await asyncio.sleep(0)
        for task in waiting:
            task.cancel()


async def first_refusal(client: RawClient) -> grpc.aio.AioRpcError | None:
    """The error of one small call, if any."""
    try:
        await client.evaluate("get_many", "x")
    except grpc.aio.AioRpcError as error:
        return error
    return None


async def test_commit_status_gives_up(network: Network, tmp_path: Path) -> None:
    async with serving(network, tmp_path, commit_status_timeout_s=0.2) as (_, client):
        assert (await refusal(client.status("never"))).code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_too_slow(network: Network, tmp_path: Path) -> None:
    """As on real Fabric: ``tests/conformance/ledger/test_fabric_only.py``."""
    async with serving(network, tmp_path, endorsement_timeout_s=0.2) as (_, client):
        evaluated, endorsed, named = await asyncio.gather(
            refusal(client.evaluate("slow", "30")),
            refusal(client.endorse("slow", "30")),
            refusal(client.endorse("slow", "30", organisations=list(MSPS[:2]))),
        )
        assert evaluated.details() == "failed to evaluate transaction, see attached details for more info"
        assert endorsed.details() == "failed to endorse transaction, see attached details for more info"
        for error, asked in ((evaluated, MSPS), (endorsed, MSPS[:1]), (named, MSPS[:2])):
            assert error.code() == grpc.StatusCode.ABORTED
            assert [detail[1] for detail in details_of(error)] == list(asked)
            for _, _, text in details_of(error):
                assert text.startswith("error in simulation: failed to execute transaction ")
                assert text.endswith("timeout expired while executing transaction")


async def test_simulations_wait_for_each_other(network: Network, tmp_path: Path) -> None:
    async with serving(network, tmp_path, simulations=2) as (_, client):
        await asyncio.gather(*(client.evaluate("slow", "0.02") for _ in range(12)))


async def test_full_disk_acknowledges_nothing_and_recovers(network: Network, tmp_path: Path) -> None:
    async with serving(network, tmp_path) as (ledger, client):
        await client.submit("put", "before", "1")
        assert await health(network, ledger) == health_pb2.HealthCheckResponse.SERVING
        connection = ledger._connection
        assert connection is not None
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        limit_pages(connection, pages)
        txid, envelope = await client.endorse("put", "during", "x" * 100_000)
        await client.order(txid, client.sign(envelope))
        waiting = asyncio.create_task(client.status(txid))
        async with asyncio.timeout(PATIENCE_S):
            while await health(network, ledger) == health_pb2.HealthCheckResponse.SERVING:
                await asyncio.sleep(0.01)
        other, second = await client.endorse("put", "refused", "x")
        error = await refusal(client.order(other, client.sign(second)))
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert "full" in details_of(error)[0][2]
        assert await client.evaluate("get", "before") == b"1"
        assert not waiting.done()
        limit_pages(connection, 2**30)
        async with asyncio.timeout(PATIENCE_S):
            assert (await waiting)[0] == Code.VALID
            while await health(network, ledger) != health_pb2.HealthCheckResponse.SERVING:
                await asyncio.sleep(0.01)
        assert (await client.submit("put", "after", "1")).code == Code.VALID
        assert verify(tmp_path / "ledger.db").problems == ()


def limit_pages(connection: sqlite3.Connection, pages: int) -> None:
    """How large the database may become."""
    connection.execute(f"PRAGMA max_page_count={pages}")


async def health(network: Network, ledger: EmbeddedLedger) -> int:
    """What the health service says."""
    async with grpc.aio.secure_channel(
        ledger.target, grpc.ssl_channel_credentials(network.tls_ca)
    ) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service="gateway.Gateway"))
    return int(answer.status)


async def test_queue_is_bounded(network: Network, tmp_path: Path) -> None:
    """More than fits waits for room instead of filling the memory; nothing is lost."""
    limits = {"max_queued_transactions": 3, "batch_timeout_ms": 20, "max_block_transactions": 2}
    async with serving(network, tmp_path, **limits) as (_, client):
        done = await asyncio.gather(*(client.submit("put", f"q{number}", "x") for number in range(30)))
        assert {item.code for item in done} == {Code.VALID}


class TestTls:
    """Who may connect."""

    async def test_plain_text_is_refused(self, network: Network, tmp_path: Path) -> None:
        async with (
            serving(network, tmp_path) as (ledger, _),
            grpc.aio.insecure_channel(ledger.target) as channel,
        ):
            client = RawClient(channel, network.identities["IndustryAMSP"])
            assert (await refusal(client.evaluate("get_many", "x"))).code() == grpc.StatusCode.UNAVAILABLE

    async def test_client_certificates(self, network: Network, tmp_path: Path) -> None:
        authority = CertificateAuthority.create("tls", "Clients")
        (tmp_path / "clients.pem").write_bytes(authority.cert_pem)
        issued = authority.issue("gateway", usage="tls")
        stranger = CertificateAuthority.create("tls", "Strangers").issue("x", usage="tls")
        async with running(
            network.settings(tmp_path / "ledger.db", client_ca=tmp_path / "clients.pem")
        ) as ledger:
            for shown, welcome in ((issued, True), (stranger, False), (None, False)):
                credentials = grpc.ssl_channel_credentials(
                    network.tls_ca, *((shown.key_pem, shown.cert_pem) if shown else ())
                )
                async with grpc.aio.secure_channel(ledger.target, credentials) as channel:
                    client = RawClient(channel, network.identities["IndustryAMSP"])
                    if welcome:
                        assert await client.evaluate("get_many", "x")
                    else:
                        error = await refusal(client.evaluate("get_many", "x"))
                        assert error.code() == grpc.StatusCode.UNAVAILABLE

    async def test_taken_port(self, network: Network, tmp_path: Path) -> None:
        async with running(network.settings(tmp_path / "one.db")) as ledger:
            settings = network.settings(tmp_path / "two.db", listen=ledger.target)
            with pytest.raises(ConfigurationError, match="cannot listen"):
                await EmbeddedLedger(settings, object()).start()  # type: ignore[arg-type]
