"""Runs a client over a file of requests: the official Node client, or ours. Both are told the same and tell the same.

Options: ``target``, ``tlsCa``, ``cert``, ``key``, ``mspId``, ``channel``, ``chaincode``, ``function``,
``organisations``, ``requests`` (file), ``clients`` (how many at a time), ``warmUp`` (requests before the clock starts).
Answer: ``began``, ``ended`` (seconds since 1970), ``cpu`` (seconds of the process), ``latencies`` (seconds each).
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import orjson

from consortium.contract import names
from consortium.errors import ChanrongError
from tests.bench.requests import write_lines
from tests.bench.target import Target

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGE = "@hyperledger/fabric-gateway"
INSTALL_TIMEOUT_S = 300
RUN_TIMEOUT_S = 300
OURS = (sys.executable, "-m", "tests.bench.ours")


@dataclass(frozen=True, slots=True)
class Written:
    """What a client did, times in seconds."""

    transactions: int
    began: float
    ended: float
    cpu: float
    latencies: tuple[float, ...]

    @property
    def p50(self) -> float:
        """Median latency."""
        return median(self.latencies)


def official() -> tuple[str, ...]:
    """The command that runs the official client, installed from npm as package-lock.json says.

    :raises ChanrongError: node or npm is missing, or npm failed
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise ChanrongError(
            "node and npm are needed: the bench measures against the official Fabric client for Node.",
            reason="NODE_NOT_FOUND",
            remedy="Install Node 20 or later.",
        )
    if not (HERE / "node_modules" / PACKAGE).is_dir():
        command = [npm, "ci", "--prefer-offline", "--no-fund", "--no-audit", "--loglevel=error"]
        done = subprocess.run(
            command, cwd=HERE, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
        )
        if done.returncode:
            raise ChanrongError(f"npm ci failed in {HERE}:\n{done.stderr.strip()}", reason="NPM_FAILED")
    return (node, str(HERE / "official.mjs"))


async def write(
    command: Sequence[str], target: Target, requests: Sequence[bytes], *, clients: int, warm_up: int
) -> Written:
    """Runs a client to its end.

    :raises ChanrongError: it failed
    """
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        options = {
            "target": target.peers[0],
            "tlsCa": str(target.tls_roots),
            "cert": str(target.certificate),
            "key": str(target.key),
            "mspId": target.msp_id,
            "channel": target.channel,
            "chaincode": target.chaincode,
            "function": names.DOCUMENTS_REGISTER,
            "organisations": target.organisations,
            "requests": str(write_lines(Path(file.name), requests)),
            "clients": clients,
            "warmUp": warm_up,
        }
        process = await asyncio.create_subprocess_exec(
            *command,
            orjson.dumps(options).decode(),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(RUN_TIMEOUT_S):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    if process.returncode:
        raise ChanrongError(f"{command[-1]} failed:\n{err.decode()[-3000:]}", reason="CLIENT_FAILED")
    seen = orjson.loads(out)
    return Written(
        len(seen["latencies"]), seen["began"], seen["ended"], seen["cpu"], tuple(seen["latencies"])
    )
