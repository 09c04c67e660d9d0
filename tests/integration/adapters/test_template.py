"""The template runs as a process of its own, as docs/adapters.md says."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from consortium.rpc.client import channel
from crossverify.sources.credit import CreditSource, ReportQuestion
from tests.support.adapters import SELLER
from tests.support.certs import TestConsortium

ROOT = Path(__file__).resolve().parents[3]
START_S = 60


async def test_the_template_serves_and_stops(consortium: TestConsortium, tmp_path: Path) -> None:
    tls = consortium.tls("template", "InstitutionsMSP", "adapter")
    ready = tmp_path / "ready.json"
    lines = [
        'listen = "127.0.0.1:0"',
        f'database = "sqlite:///{tmp_path / "adapter.db"}"',
        f'directory = "{consortium.directory_file}"',
        f'ready_file = "{ready}"',
        'asking_organisations = ["BankAMSP"]',
        "[tls]",
        *(f'{name} = "{getattr(tls, name)}"' for name in ("certificate", "key", "roots")),
    ]
    (tmp_path / "settings.toml").write_text("\n".join(lines))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "crossverify.adapters.template.app",
        str(tmp_path / "settings.toml"),
        cwd=ROOT,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(START_S):
            while not ready.exists():  # written whole, once it serves
                assert process.returncode is None
                await asyncio.sleep(0.05)
        port = json.loads(ready.read_text())["ports"]["grpc"]
        own = consortium.tls("bank-a", "BankAMSP", "gateway")
        link = channel(f"127.0.0.1:{port}", own, roots=consortium.directory.roots("InstitutionsMSP"))
        answer = await CreditSource(link).ask([ReportQuestion(SELLER, "consent-1")])
        await link.close()
        assert (answer.institution, answer.reason) == ("Template institution", "")
        assert answer.answers[SELLER]["known"] is False
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
