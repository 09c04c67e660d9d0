"""Logs of a whole run carry no documents, names, secrets, tokens or keys, whatever came in and went wrong."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_S = 120


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, list[str]]]:
    """Everything that a run wrote, and what must not be in it."""
    folder = tmp_path_factory.mktemp("story")
    command = [sys.executable, "-m", "tests.integration.security.story", str(folder)]
    with (folder / "log").open("wb") as log:
        done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log, timeout=TIMEOUT_S, check=False)
    text = (folder / "log").read_text(encoding="utf-8")
    assert done.returncode == 0, text[-3000:]
    return text, orjson.loads((folder / "secrets.json").read_bytes())


def lines_of(text: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in text.splitlines()]


def test_the_run_was_told(told: tuple[str, dict[str, list[str]]]) -> None:
    """Every line is JSON of ours, and all that happened is in there: else nothing could be missed below."""
    text, secrets = told
    events = Counter(line["event"] for line in lines_of(text))
    assert events["request"] > 25
    assert events["call"] > 15
    assert events["loaded"] == 7
    reasons = {line.get("reason") for line in lines_of(text)}
    assert {
        "TOKEN_INVALID",
        "INVALID_CLIENT",
        "UNAUTHENTICATED",
        "MALFORMED",
        "CONSENT_MISSING",
        "INVALID_INPUT",
    } <= reasons
    assert all(found and all(found) for found in secrets.values()), secrets
    assert sum(map(len, secrets.values())) > 60


def test_nothing_of_it_is_a_document_a_name_or_a_secret(told: tuple[str, dict[str, list[str]]]) -> None:
    text, secrets = told
    whole = text + "".join(_unescaped(line) for line in lines_of(text))
    leaked = [
        (kind, secret, next((line[:300] for line in text.splitlines() if secret in line), ""))
        for kind, found in secrets.items()
        for secret in found
        if secret in whole
    ]
    assert not leaked, leaked[:5]


def test_nothing_went_wrong_by_itself(told: tuple[str, dict[str, list[str]]]) -> None:
    text, _ = told
    wrong = [line for line in lines_of(text) if line["level"] in {"error", "critical"} or "incident" in line]
    assert not wrong, wrong[:3]
    assert "PRIVATE KEY" not in text
    assert "Traceback" not in text


def _unescaped(line: dict[str, Any]) -> str:
    """A line's values as they are, in case they were escaped."""
    return repr(line) + "".join(str(value) for value in line.values())
