"""Checkpoints survive restarts and crashes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from consortium.errors import ConfigurationError
from consortium.ledger.checkpoints import Checkpoint, FileCheckpointer, MemoryCheckpointer


async def test_memory() -> None:
    keeper = MemoryCheckpointer()
    assert await keeper.load() is None

    await keeper.save(Checkpoint(3, "ab"))

    assert await keeper.load() == Checkpoint(3, "ab")


async def test_a_file_gives_back_what_another_process_saved(tmp_path: Path) -> None:
    path = tmp_path / "below" / "checkpoint.json"
    assert await FileCheckpointer(path).load() is None

    await FileCheckpointer(path).save(Checkpoint(3, "ab"))
    await FileCheckpointer(path).save(Checkpoint.after_block(8))

    assert await FileCheckpointer(path).load() == Checkpoint(9, "")
    assert os.listdir(path.parent) == ["checkpoint.json"]


async def test_a_save_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.json"
    keeper = FileCheckpointer(path)
    await keeper.save(Checkpoint(3, "ab"))

    def disk_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space"):
        await keeper.save(Checkpoint(4))

    assert await keeper.load() == Checkpoint(3, "ab")
    assert os.listdir(tmp_path) == ["checkpoint.json"]


async def test_the_file_is_synchronised_before_it_takes_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_sync(handle: int) -> None:
        steps.append("sync")
        fsync(handle)

    def note_rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_rename)

    await FileCheckpointer(tmp_path / "checkpoint.json").save(Checkpoint(1))

    assert steps == ["sync", "rename", "sync"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"blockNumber": "1", "transactionId": ""}',
        '{"blockNumber": -1, "transactionId": ""}',
    ],
)
async def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "checkpoint.json"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=r"checkpoint\.json"):
        await FileCheckpointer(path).load()
