"""Fabric's programs are found where FABRIC.md's users have them, or one line says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from chanrong.fabric.programs import NAMES, find
from consortium.errors import ChanrongError

RELEASES = "https://github.com/hyperledger/fabric/releases"


def stand_ins(folder: Path, version: str = "v3.1.5", names: tuple[str, ...] = NAMES) -> Path:
    """Programs that tell a version and do nothing else."""
    folder.mkdir(parents=True)
    for name in names:
        path = folder / name
        path.write_text(f'#!/bin/sh\nprintf "{name}:\\n Version: {version}\\n Commit SHA: 0\\n"\n')
        path.chmod(0o755)
    return folder


def refused(environment: dict[str, str]) -> ChanrongError:
    with pytest.raises(ChanrongError) as caught:
        find(environment)
    assert caught.value.reason == "FABRIC_NOT_FOUND"
    assert "\n" not in caught.value.message + caught.value.remedy
    assert RELEASES in caught.value.remedy
    return caught.value


def test_on_path(tmp_path: Path) -> None:
    there = stand_ins(tmp_path / "bin")
    found = find({"PATH": f"/nowhere:{there}"})
    assert found.orderer == there / "orderer"
    assert (found.version, found.version_text) == ((3, 1, 5), "v3.1.5")


def test_named_folder_goes_before_path(tmp_path: Path) -> None:
    new, old = stand_ins(tmp_path / "new", "v3.2.0"), stand_ins(tmp_path / "old", "2.5.4")
    assert find({"FABRIC_BIN": str(new), "PATH": str(old)}).version == (3, 2, 0)
    assert find({"PATH": str(old)}).version == (2, 5, 4)


def test_samples_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    there = stand_ins(tmp_path / "home" / "fabric-samples" / "bin")
    assert find({"HOME": str(tmp_path / "home"), "PATH": ""}).peer == there / "peer"


def test_samples_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    there = stand_ins(tmp_path / "fabric-samples" / "bin")
    found = find({"PATH": ""})
    assert found.peer == there / "peer"
    assert found.peer.is_absolute()


def test_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused({"PATH": ""}).message == "Fabric's peer, orderer, configtxgen, osnadmin are not found."


def test_one_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    there = stand_ins(tmp_path / "bin", names=("peer", "orderer", "configtxgen"))
    assert refused({"PATH": str(there)}).message == "Fabric's osnadmin is not found."


def test_too_old(tmp_path: Path) -> None:
    there = stand_ins(tmp_path / "bin", "2.4.9")
    assert refused({"PATH": str(there)}).message.endswith("is Fabric 2.4.9; 2.5 or newer is needed.")


def test_mixed(tmp_path: Path) -> None:
    there = stand_ins(tmp_path / "bin")
    other = stand_ins(tmp_path / "other", "v3.1.4", ("orderer",))
    assert "different versions" in refused({"FABRIC_BIN": str(other), "PATH": str(there)}).message


def test_not_fabric(tmp_path: Path) -> None:
    there = stand_ins(tmp_path / "bin", "unknown")
    assert "does not tell" in refused({"PATH": str(there)}).message
