"""Measures the raw embedded ledger: ``python -m tests.support.embedded_bench [--keys N] [--clients N] ...``.

Server and client are processes of their own on the same machine; the figures say what either spent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import tempfile
import time
from pathlib import Path

import psutil

from consortium.contract import names
from consortium.contract.codec import encode
from tests.support.embedded import CHANNEL, Network, make_network
from tests.support.embedded_process import process_running


def percentile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def registration(documents: int) -> str:
    """A request of the consortium's contract that registers this many invoices, each new."""
    items = [
        {
            "kind": "invoice",
            "keys": [{"epoch": 1, "fp": secrets.token_hex(32), "tag": secrets.token_hex(32)}],
            "commitment": secrets.token_hex(32),
            **{role: secrets.token_hex(32) for role in ("seller", "buyer", "issuer")},
            "origin": None,
            "asset": True,
            "links": [],
        }
        for _ in range(documents)
    ]
    return encode({"op": secrets.token_hex(16), "items": items}).decode()


async def measure(
    network: Network, *, keys: int, clients: int, transactions: int, size: int, profile: str, contract: str
) -> dict[str, float]:
    """Writes ``transactions`` of ``keys`` new keys (or documents) each, ``clients`` at a time."""
    settings: dict[str, str] = {"contract": contract} | ({"profile": profile} if profile else {})
    async with process_running(network, **settings) as process:
        server = psutil.Process(process.process.pid)
        latencies: list[float] = []
        todo = iter(range(transactions))
        async with network.client(process.target) as client:
            calls: list[tuple[str, ...]] = [
                ("many", f"{number:08d}-", str(keys), str(size)) for number in range(transactions)
            ]
            if contract != "kv":
                calls = [(names.DOCUMENTS_REGISTER, registration(keys)) for _ in range(transactions)]
            await client.evaluate("GetChainInfo", CHANNEL, chaincode="qscc")

            async def work() -> None:
                for number in todo:
                    begun = time.perf_counter()
                    done = await client.submit(*calls[number])
                    assert done.code == 0, done
                    assert contract == "kv" or done.result.count(b'"registered"') == keys
                    latencies.append(time.perf_counter() - begun)

            before, own, begun = server.cpu_times(), time.process_time(), time.perf_counter()
            await asyncio.gather(*(work() for _ in range(clients)))
            wall = time.perf_counter() - begun
        after = server.cpu_times()
        spent = after.user + after.system - before.user - before.system
        memory = server.memory_info().rss
        await process.terminate()
    documents = keys * transactions
    return {
        "keys_per_transaction": keys,
        "clients": clients,
        "documents_per_s": round(documents / wall),
        "transactions_per_s": round(transactions / wall, 1),
        "p50_ms": round(percentile(latencies, 0.5) * 1000, 1),
        "p99_ms": round(percentile(latencies, 0.99) * 1000, 1),
        "server_cpu_us_per_document": round(spent / documents * 1e6, 1),
        "documents_per_server_cpu_s": round(documents / spent),
        "client_cpu_us_per_document": round((time.process_time() - own) / documents * 1e6, 1),
        "server_memory_mb": round(memory / 1e6),
        "database_mb": round((network.root / "ledger.db").stat().st_size / 1e6, 1),
    }


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--transactions", type=int, default=200)
    parser.add_argument("--size", type=int, default=300, help="bytes per value")
    parser.add_argument("--contract", choices=("kv", "chanrong"), default="kv")
    parser.add_argument("--profile", default="", help="file for the server's cProfile data")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        network = make_network(Path(folder))
        print(json.dumps(asyncio.run(measure(network, **vars(options)))))


if __name__ == "__main__":
    main()
