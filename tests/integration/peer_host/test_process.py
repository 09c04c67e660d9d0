"""``chanrong chaincode serve`` as a process: its options, its environment, its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from consortium.wire.fabric.peer.proposal_response_pb2 import Response
from tests.support.scripted_peer import FABRIC_31, ScriptedPeer, dial, dialled, transaction

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "chanrong", "chaincode", "serve")
MAX_MEMORY_BYTES = 150_000_000


@asynccontextmanager
async def started(
    folder: Path, *options: str, **environment: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The process, and where it listens."""
    ready = folder / "ready.json"
    given = {**os.environ, "CHANRONG_READY_FILE": str(ready), **environment}
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *options, cwd=ROOT, env=given, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(120):
            while not ready.exists():
                assert process.returncode is None, await process.communicate()
                await asyncio.sleep(0.02)
        yield process, f"127.0.0.1:{json.loads(ready.read_text())['ports']['grpc']}"
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Waits for its end: exit code and log."""
    async with asyncio.timeout(120):
        _, log = await process.communicate()
    return process.returncode, log.decode()


async def test_any_contract_by_its_name_with_the_standard_variables(tmp_path: Path) -> None:
    environment: dict[str, Any] = {"CHAINCODE_ID": "stock_1:abc", "CHAINCODE_SERVER_ADDRESS": "127.0.0.1:0"}
    options = ("--contract", "examples.stock.contract:StockContract")
    async with started(tmp_path, *options, **environment) as (process, target):
        async with dialled(target) as peer:
            assert peer.registered == "stock_1:abc"
            done = await peer.call("receive", "L1", "steel", "4", msp_id="MillMSP")
            assert json.loads(done.response.payload)["owner"] == "MillMSP"
        process.terminate()
        code, log = await ended(process)
        assert code == 0, log


async def test_a_file_and_options_over_it(tmp_path: Path) -> None:
    file = tmp_path / "chaincode.toml"
    file.write_text('package_id = "file:1"\nlisten = "127.0.0.1:0"\nmax_clock_skew_s = 10\n')
    async with (
        started(tmp_path, "--config", str(file), "--id", "option:1") as (_, target),
        dialled(target) as peer,
    ):
        assert peer.registered == "option:1"
        done = await peer.call("attest", "{}", at=0)
        assert "10 seconds" in done.response.message


async def test_sigterm_finishes_what_runs(tmp_path: Path) -> None:
    options = ("--id", "kv:1", "--contract", "tests.support.kv_contract:KvContract")
    async with started(tmp_path, *options) as (process, target), dialled(target) as peer:
        call = transaction("update", "a", "1")
        inbox = peer.inbox(call)
        await peer.send(call)
        question = await peer.next(inbox)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            while b"shutting down" not in (await peer.call("put", "b", "1")).message.payload:
                pass
        await peer.reply(question)
        await peer.reply(await peer.next(inbox))
        assert Response.FromString((await peer.next(inbox)).payload).status == 200
        assert (await ended(process))[0] == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ((), "package_id"),
        (("--id", "kv:1", "--contract", "nothing.here:Contract"), "cannot be loaded"),
        (("--id", "kv:1", "--listen", "0.0.0.0:0"), "plain_text"),
        (("--id", "kv:1", "--tls-cert", "a.pem", "--tls-key", "b.pem"), "cannot listen"),
    ],
)
async def test_what_cannot_be_used_is_told(options: tuple[str, ...], text: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *options, cwd=ROOT, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    code, log = await ended(process)
    assert code == 2
    assert text in log
    assert "Traceback" not in log


async def test_the_embedded_ledger_takes_contracts_by_their_name(tmp_path: Path) -> None:
    file = tmp_path / "ledger.toml"
    organisation = 'msp_id = "M"\nca_certs = ["ca.pem"]\npeer_cert = "peer.pem"\npeer_key = "peer.key"\n'
    file.write_text(f'database = "{tmp_path}/ledger.db"\n[[organisations]]\n{organisation}')
    command = (*COMMAND[:3], "ledger", "serve", "--config", str(file))
    for contract, text in (
        ("nothing.here:Contract", "cannot be loaded"),
        ("examples.stock.contract:StockContract", "peer.pem"),  # as far as the files, which are not there
    ):
        process = await asyncio.create_subprocess_exec(
            *command, "--contract", contract, cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        code, log = await ended(process)
        assert (code, text in log) == (2, True), log


async def test_memory_stays_bounded_under_load(tmp_path: Path) -> None:
    """Eight transactions at once, each of a thousand keys and a megabyte, again and again."""
    contract = "tests.support.kv_contract:KvContract"
    options = ("--id", "kv:1", "--contract", contract)
    async with started(tmp_path, *options, CHANRONG_LOG__LEVEL="warning") as (process, target):
        async with dial(target) as channel:
            peer = ScriptedPeer(channel)
            await peer.handshake(FABRIC_31)

            async def client(number: int) -> None:
                for turn in range(6):
                    done = await peer.call("many", f"{number}-{turn}-", "1000", "1000")
                    assert done.response.payload == b"1000"

            await asyncio.gather(*(client(number) for number in range(8)))
            peer.ledger.batches.clear()
            assert len(peer.ledger.state) == 48_000
            await peer.hang_up()
        assert psutil.Process(process.pid).memory_info().rss < MAX_MEMORY_BYTES
