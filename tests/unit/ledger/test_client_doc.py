"""docs/client.md names tests and reasons that exist."""

from __future__ import annotations

import re
from pathlib import Path

import consortium.ledger.errors

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "client.md").read_text()


def test_every_test_of_the_table_is_there() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", TEXT)

    missing = [
        f"{file}::{test}"
        for file, test in named
        if f"async def {test}(" not in (ROOT / "tests" / "integration" / "ledger" / file).read_text()
    ]
    assert len(named) > 30
    assert missing == []


def test_every_reason_is_one_of_the_client_s() -> None:
    listed = set(re.findall(r"^([A-Z_]{5,})  ?", consortium.ledger.errors.__doc__ or "", re.MULTILINE))
    named = {
        word
        for line in TEXT.splitlines()
        if line.startswith("| ")
        for word in re.findall(r"`([A-Z_]{5,})`", line)
    }

    assert named
    assert named <= listed
