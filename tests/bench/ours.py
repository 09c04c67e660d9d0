"""Our client as a process of its own: ``python -m tests.bench.ours OPTIONS``, the twin of ``official.mjs``.

Options and answer are one JSON object each; see :mod:`tests.bench.clients`. Verdicts come from one block stream, as the
gateways take them.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import uvloop

from consortium.identity.msp import Identity
from consortium.identity.signer import load_signer
from consortium.ledger.connection import Endpoint
from consortium.ledger.contract import Contract
from consortium.ledger.follower import CommitFollower
from consortium.ledger.gateway import Gateway


async def run(options: dict[str, Any]) -> dict[str, Any]:
    """Warms up, then writes every request, so many at a time."""
    requests = Path(options["requests"]).read_bytes().splitlines()
    warm_up, timed = requests[: options["warmUp"]], requests[options["warmUp"] :]
    identity = Identity(
        options["mspId"], Path(options["cert"]).read_bytes(), load_signer(Path(options["key"]))
    )
    endpoint = Endpoint(options["target"], Path(options["tlsCa"]).read_bytes())
    async with Gateway([endpoint], identity) as gateway:
        network = gateway.network(options["channel"])
        contract = network.contract(options["chaincode"])
        async with CommitFollower(network) as follower:
            await _write(contract, follower, warm_up, options)
            began, cpu = time.time(), time.process_time()
            latencies = await _write(contract, follower, timed, options)
            return {
                "began": began,
                "ended": time.time(),
                "cpu": time.process_time() - cpu,
                "latencies": latencies,
            }


async def _write(
    contract: Contract, follower: CommitFollower, requests: list[bytes], options: dict[str, Any]
) -> list[float]:
    latencies: list[float] = []
    todo: Iterator[bytes] = iter(requests)

    async def work() -> None:
        for request in todo:
            began = time.perf_counter()
            await contract.submit(
                options["function"],
                request,
                organisations=options["organisations"],
                verdicts=follower,
            )
            latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(work() for _ in range(options["clients"])))
    return latencies


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(uvloop.run(run(orjson.loads(sys.argv[1])))))
