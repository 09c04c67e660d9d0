"""What the README tells a stranger to type works as it stands there, in that order, in an empty folder."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from chanrong.cli.main import COMMANDS
from tests.e2e.conftest import TIMEOUT_S, environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
NOT_HERE = ("make demo", ". .venv/bin/activate")
"""What the test's own environment has done already."""


def _commands() -> list[list[str]]:
    block = README.split("## Try it", 1)[1].split("```", 2)[1]
    lines = [line.split("#", 1)[0].strip() for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line and line not in NOT_HERE]


def _run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    assert words[0] == "chanrong", f"a stranger has no {words[0]}"
    command = [sys.executable, "-m", *words]
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def _eligible(package: Path) -> str:
    receivables = orjson.loads(package.read_bytes())["payload"]["receivables"]
    return next(str(each["number"]) for each in receivables if each["decision"] == "eligible")


def test_try_it_as_it_is_written(tmp_path: Path) -> None:
    commands = _commands()
    assert ["chanrong", "up"] in commands
    assert commands[-1] == ["chanrong", "down"]
    try:
        for words in commands:
            filled = [_eligible(tmp_path / "package.json") if w == "INVOICE" else w for w in words]
            done = _run(filled, tmp_path)
            assert done.returncode == 0, f"{' '.join(filled)}\n{done.stdout}\n{done.stderr}"
        assert _run(["chanrong", "status"], tmp_path).returncode == 1, "down leaves nothing running"
    finally:
        _run(["chanrong", "down", "--purge"], tmp_path)
    assert not (tmp_path / ".chanrong").exists()


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_commands_of_the_documentation_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [link for link in links if not (page.parent / link).exists()] == []
    named = set(re.findall(r"(?:^|`)chanrong ([a-z]+)", text, re.MULTILINE))
    assert named <= set(COMMANDS)
