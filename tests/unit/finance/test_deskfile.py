"""The bank's own figures: read anew when they changed; with a broken file no package is made, and nobody is asked."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from consortium.errors import ConfigurationError
from crossverify.rule import Stage
from finance_gateway.deskfile import DeskFile
from finance_gateway.packages.collect import Collector, Wanted
from finance_gateway.packages.ports import Institutions

NAME = "Shadow Trading Ltd"


def write(path: Path, at: int, **parts: Any) -> None:
    path.write_bytes(orjson.dumps(parts))
    os.utime(path, (at, at))


def test_without_a_file_there_are_no_figures() -> None:
    assert DeskFile(None).info() is None


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "desk.json"
    desk = DeskFile(path)
    for at, group in ((1_000, "Great Wheel"), (2_000, "Small Wheel")):
        write(path, at, groups={"uscc:91310000MA1FL8TQ32": group})
        info = desk.info()
        assert info is not None
        assert (info.as_of, dict(info.groups)) == (at, {"uscc:91310000MA1FL8TQ32": group})
        assert desk.info() is info


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'"x"', b'{"sanctions": [{"name": "Shadow Trading Ltd"}]}', b'{"limits": 1}']
)
def test_a_broken_file_is_told_and_old_figures_are_not_used(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "desk.json"
    write(path, 1_000)
    desk = DeskFile(path)
    assert desk.info() is not None
    path.write_bytes(content)
    for _ in range(2):
        with pytest.raises(ConfigurationError) as told:
            desk.info()
        assert "desk.json" in told.value.message
        assert told.value.remedy
        assert NAME not in told.value.message
    path.unlink()
    with pytest.raises(ConfigurationError) as told:
        desk.info()
    assert "desk.json" in told.value.message
    assert str(tmp_path) not in told.value.message


async def test_nobody_is_asked_with_figures_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "desk.json"
    path.write_bytes(b"{")
    nobody: Any = SimpleNamespace()  # whoever is asked here fails with an AttributeError
    collector = Collector(
        msp_id="BankAMSP",
        channel="trade",
        keys=nobody,
        ledger=nobody,
        bodies=[nobody],
        institutions=Institutions(nobody, nobody, nobody),
        desk=DeskFile(path),
    )
    wanted = Wanted("d" * 64, (), "p", "", Stage.ASSESS, ())
    with pytest.raises(ConfigurationError):
        await collector.collect(wanted, 1_000, nobody)
