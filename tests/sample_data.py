"""Where the public sample documents are, when they are there at all. They are never part of this repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_CANDIDATE = Path(
    os.environ.get("CHANRONG_SAMPLE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)

DATA: Path | None = _CANDIDATE if _CANDIDATE.is_dir() else None

needs_sample_data = pytest.mark.skipif(
    DATA is None, reason="no sample documents: set CHANRONG_SAMPLE_DATA to a folder with ubl/, camt/, ..."
)


def sample_files(folder: str, *patterns: str) -> list[Path]:
    """Sample files below a folder, sorted; empty when there are no sample data."""
    if DATA is None:
        return []
    root = DATA / folder
    return sorted({path for pattern in patterns for path in root.rglob(pattern) if path.is_file()})
