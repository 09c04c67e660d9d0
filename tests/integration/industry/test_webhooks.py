"""An ERP is told where its documents came to stand, without asking."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.industry.papers import invoice
from tests.integration.industry.world import SELLER, World, gateway_running, ledger_running, make_world

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A gateway that may send to this machine."""
    made = make_world(tmp_path_factory.mktemp("hooks"))
    async with ledger_running(made), gateway_running(made, webhook_loopback=True):
        await made.register("seller", SELLER)
        yield made


async def test_positions_are_told(world: World) -> None:
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        told.put_nowait(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, world.http("seller") as http:
        refused = await http.put("/v1/webhook", json={"url": "https://169.254.169.254/"})
        assert (refused.status_code, refused.json()["reason"]) == (400, "WEBHOOK_URL_INVALID")
        made = await http.put("/v1/webhook", json={"url": f"http://127.0.0.1:{port}/hook"})
        assert made.json()["secret"].startswith("whsec_")
        assert (await http.get("/v1/webhook")).json()["url"].endswith("/hook")
        answer = await world.push("seller", [invoice("W-1"), invoice("W-2")])
        found: dict[str, dict[str, Any]] = {}
        async with asyncio.timeout(20):
            while len(found) < 2:
                message = await told.get()
                assert message["type"] == "documents.position"
                found |= {each["document_id"]: each for each in message["data"]["documents"]}
        for result in answer.results:
            position = found[result.document_id]["position"]
            assert position["state"] == "registered"
            status = (await http.get(f"/v1/documents/{result.document_id}")).json()
            assert position["transaction_id"] == status["position"]["transaction_id"]
            assert position["block_number"] == status["position"]["block_number"]
        assert (await http.delete("/v1/webhook")).status_code == 204
        assert (await http.get("/v1/webhook")).status_code == 404
