"""A service that tests run as a process of its own: ``python sample_service.py MODE TOML``."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import structlog

import consortium.rpc.run
from consortium.rpc.run import ready, run_service, until_stopped
from consortium.rpc.settings import ServiceSettings, load_settings

MODE = sys.argv[1]


async def serve(settings: ServiceSettings) -> None:
    """Does what the mode says."""
    if MODE == "fails":
        raise RuntimeError("broken")
    ready(grpc=1234)
    try:
        await until_stopped()
        if MODE == "hangs":
            time.sleep(600)  # a loop that does not turn any more
        if MODE in {"hurry", "slow"}:
            await asyncio.Event().wait()
    finally:
        structlog.get_logger("sample").info("cleaned up")


if __name__ == "__main__":
    if MODE in {"hangs", "slow"}:
        consortium.rpc.run.EXTRA_GRACE_S = 0.2
    sys.exit(run_service("sample", serve, lambda: load_settings(ServiceSettings, Path(sys.argv[2]))))
