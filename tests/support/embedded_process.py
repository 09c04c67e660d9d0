"""An embedded ledger in a process of its own, for tests that kill it and for measuring it.

``python -m tests.support.embedded_process FOLDER PORT`` serves the key/value contract with the certificates
that :func:`tests.support.embedded.make_network` made in FOLDER, on the database FOLDER/ledger.db.
"""

from __future__ import annotations

import asyncio
import cProfile
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chaincode.contracts import ChanrongContract
from chaincode.hosts.embedded.server import serve
from chaincode.state import Contract
from consortium.rpc.run import run_service
from tests.support.embedded import Network
from tests.support.kv_contract import KvContract

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60.0


class LedgerProcess:
    """A running process."""

    def __init__(self, process: asyncio.subprocess.Process, target: str) -> None:
        self.process = process
        self.target = target

    async def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def terminate(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


async def start_process(network: Network, **settings: Any) -> LedgerProcess:
    """Starts one and waits until it serves."""
    ready = network.root / "ready.json"
    ready.unlink(missing_ok=True)
    with (network.root / "ledger.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.embedded_process",
            str(network.root),
            json.dumps(settings),
            cwd=ROOT,
            stderr=log,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
    async with asyncio.timeout(START_TIMEOUT_S):
        while not ready.exists():
            if process.returncode is not None:
                raise RuntimeError((network.root / "ledger.log").read_text()[-3000:])
            await asyncio.sleep(0.02)
    port = json.loads(ready.read_text())["ports"]["grpc"]
    return LedgerProcess(process, f"127.0.0.1:{port}")


@asynccontextmanager
async def process_running(network: Network, **settings: Any) -> AsyncIterator[LedgerProcess]:
    """A process that is ended when the block is."""
    running = await start_process(network, **settings)
    try:
        yield running
    finally:
        await running.kill()


def main() -> None:
    """Serves until SIGTERM."""
    folder, options = Path(sys.argv[1]), json.loads(sys.argv[2])
    profile = options.pop("profile", None)
    contract: Contract = ChanrongContract() if options.pop("contract", "kv") == "chanrong" else KvContract()
    settings = Network(folder).settings(folder / "ledger.db", ready_file=folder / "ready.json", **options)
    profiler = cProfile.Profile()
    if profile is not None:
        profiler.enable()
    code = run_service("ledger", lambda chosen: serve(chosen, contract), lambda: settings)
    if profile is not None:
        profiler.dump_stats(profile)
    sys.exit(code)


if __name__ == "__main__":
    main()
