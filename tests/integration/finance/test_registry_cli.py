"""``chanrong registry`` against a bank's gateway and the reference registry."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chanrong.sandbox.profile import save_profile
from tests.integration.finance.test_filing import a_package, pause
from tests.support.finance_bank import a_bank


@dataclass(frozen=True)
class Said:
    exit_code: int
    stdout: str
    stderr: str


async def run(folder: Path, *words: str) -> Said:
    """A command in a process of its own: this one's output has the services' logs."""
    environment = {**os.environ, "COLUMNS": "200"}
    command = [sys.executable, "-m", "chanrong", "registry", *words, "--dir", str(folder)]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


async def told(folder: Path, *words: str, code: int = 0) -> Any:
    said = await run(folder, *words, "--json")
    assert said.exit_code == code, said
    return json.loads(said.stdout)


async def test_search_file_amend_cancel_show(tmp_path: Path) -> None:
    async with a_bank(tmp_path, trades=2, start=("bank-a",)) as bank:
        save_profile(bank.sandbox.layout, bank.sandbox.profile)
        folder = bank.sandbox.layout.root
        package = await a_package(bank)
        asset = bank.fingerprint(bank.invoices[0])
        assert "No filings yet" in (await run(folder, "show")).stdout
        preview = await run(folder, "file", package, asset, "--preview")
        assert preview.exit_code == 0, preview.stderr
        assert bank.invoices[0].number in preview.stdout
        filed = await told(folder, "file", package, asset, "--term", "24", "--key", "k")
        assert (filed["state"], filed["term_months"], filed["fingerprints"]) == ("done", 24, [asset])
        assert await told(folder, "file", package, asset, "--term", "24", "--key", "k") == filed
        number = filed["registration"]
        found = await told(folder, "search", bank.supplier)
        assert [each["number"] for each in found["answer"]["registrations"]] == [number]
        shown = await run(folder, "search", bank.supplier)
        assert number in shown.stdout
        assert "assignment to bank-a" in shown.stdout
        longer = await told(folder, "amend", number, "--change", "term", "--months", "60")
        assert longer["state"] == "done"
        released = await told(folder, "amend", number, "--change", "release", "--text", f"发票号码:{asset}。")
        assert released["state"] == "done"
        ended = await run(folder, "cancel", number, "--reason", "paid")
        assert (ended.exit_code, "cancelled" in ended.stdout) == (0, True)
        refused = await told(folder, "cancel", number, "--reason", "paid", code=3)
        assert (refused["state"], refused["reason"]) == ("refused", "REGISTRATION_ENDED")
        acts = [each["act"] for each in await told(folder, "show", "--registration", number)]
        assert sorted(acts) == ["amend", "amend", "cancel", "cancel", "file"]
        assert number in (await run(folder, "show", asset)).stdout

        await pause(bank, True)
        waiting = await run(folder, "file", package, asset, "--key", "later")
        assert waiting.exit_code == 1
        assert "--key later" in waiting.stdout
        silent = await run(folder, "search", bank.supplier)
        assert (silent.exit_code, "INSTITUTION_PAUSED" in silent.stdout) == (1, True)


async def test_wrong_words(tmp_path: Path) -> None:
    """Nothing is asked of anybody."""
    said = await asyncio.gather(
        run(tmp_path, "amend", "1", "--change", "term"),
        run(tmp_path, "cancel", "1", "--reason", "why not"),
        run(tmp_path, "file", "p", "--term", "361"),
    )
    assert [each.exit_code for each in said] == [2, 2, 2]
