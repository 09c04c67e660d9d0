"""A server that is to end finishes what runs, and refuses what is new with a clear answer."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chaincode.hosts.peer import ChaincodeServer
from tests.integration.peer_host.conftest import serving, target
from tests.integration.peer_host.odd_contract import OddContract
from tests.support.scripted_peer import Kind, ScriptedPeer, dial, dialled, transaction

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def test_what_runs_ends_and_what_is_new_is_refused() -> None:
    contract = OddContract()
    async with serving(contract) as server, dialled(target(server)) as peer:
        call = transaction("wait")
        inbox = peer.inbox(call)
        await peer.send(call)
        await contract.started.wait()
        stopping = asyncio.create_task(server.stop(60))
        async with asyncio.timeout(60):
            while b"shutting down" not in (refusal := await peer.call("gather")).message.payload:
                assert refusal.response.status == 200  # it came before the stop
        contract.go_on.set()
        await peer.reply(await peer.next(inbox))
        done = await peer.next(inbox)
        assert (done.type, b"waited" in done.payload) == (Kind.COMPLETED, True)
        await stopping
        assert peer.ledger.state["", "waited"] == b"yes"
        code, _ = await peer.ended()
        assert code == grpc.StatusCode.OK


async def test_what_waits_is_run_before_the_end() -> None:
    async with serving(OddContract(), max_transactions=1) as server, dialled(target(server)) as peer:
        calls = [transaction("gather", "a") for _ in range(3)]
        inboxes = [peer.inbox(call) for call in calls]
        for call in calls:
            await peer.send(call)
        first = await peer.next(inboxes[0])
        await peer.call_keepalive()
        stopping = asyncio.create_task(server.stop(60))
        await peer.reply(first)
        for inbox in inboxes[1:]:
            await peer.reply(await peer.next(inbox))
        for inbox in inboxes:
            assert (await peer.next(inbox)).type == Kind.COMPLETED
        await stopping


async def test_after_the_grace_what_runs_and_waits_is_told() -> None:
    contract = OddContract()
    async with serving(contract, max_transactions=1) as server, dialled(target(server)) as peer:
        calls = [transaction("wait"), transaction("gather", "a")]
        inboxes = [peer.inbox(call) for call in calls]
        for call in calls:
            await peer.send(call)
        await contract.started.wait()
        await peer.call_keepalive()
        await server.stop(0.05)
        for inbox in inboxes:
            answer = await peer.next(inbox)
            assert (answer.type, b"shutting down" in answer.payload) == (Kind.ERROR, True)
        assert contract.cancelled == 1
        assert not peer.unexpected


async def test_an_idle_server_ends_at_once(server: ChaincodeServer) -> None:
    async with dialled(target(server)) as peer:
        assert (await peer.call("put", "a", "1")).response.status == 200
        async with asyncio.timeout(60):
            await server.stop(300)
        assert (await peer.ended())[0] == grpc.StatusCode.OK


async def test_a_peer_that_dials_meanwhile_is_told() -> None:
    contract = OddContract()
    async with serving(contract) as server, dialled(target(server)) as peer:
        running = asyncio.create_task(peer.call("wait"))
        await contract.started.wait()
        async with dial(target(server)) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            assert (await health.Check(health_pb2.HealthCheckRequest())).status == SERVING
            stopping = asyncio.create_task(server.stop(60))
            async with asyncio.timeout(60):
                while (await health.Check(health_pb2.HealthCheckRequest())).status != NOT_SERVING:
                    await asyncio.sleep(0.01)
            late = ScriptedPeer(channel)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await late.receive()
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
            assert "shutting down" in (caught.value.details() or "")
        contract.go_on.set()
        assert (await running).response.payload == b"waited"
        await stopping


async def test_stopping_twice_and_never_started(server: ChaincodeServer) -> None:
    await server.stop(0)
    await server.stop(0)
    await ChaincodeServer(server.settings, OddContract()).stop(0)


async def test_a_server_starts_where_one_has_stopped(server: ChaincodeServer) -> None:
    await server.stop(0)
    async with serving(listen=f"127.0.0.1:{server.port}") as again, dialled(target(again)) as peer:
        assert (await peer.call("put", "a", "1")).response.status == 200
