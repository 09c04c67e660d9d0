"""Our packages, as Fabric's own programs see them; and the commands of docs/fabric.md's step list."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chanrong.fabric.package import LABEL, Connection, make_package
from consortium.errors import ChanrongError
from tests.support.fabric import FabricWorld, requires_fabric

pytestmark = requires_fabric

LABELS = ("a", "chanrong_1.0", "a+b-c.d", "a__b", "a b", "_a", "a.", "a:b", "ü")


def command(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs `chanrong chaincode package`."""
    argv = [sys.executable, "-m", "chanrong", "chaincode", "package", *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    return done


def made(*words: str) -> Any:
    """What the command says in JSON."""
    return json.loads(command(*words, "--json").stdout)


async def test_the_peer_calls_it_what_we_call_it(fabric: FabricWorld, tmp_path: Path) -> None:
    path = tmp_path / "package.tar.gz"
    package = make_package("chanrong_1.0", Connection("127.0.0.1:9999"))
    path.write_bytes(package.content)
    org = fabric.network.plan.organisations[0]
    said = await fabric.network.commands.peer(org, "lifecycle", "chaincode", "calculatepackageid", path)
    assert said.strip() == package.package_id


@pytest.mark.parametrize("label", LABELS)
async def test_labels(fabric: FabricWorld, tmp_path: Path, label: str) -> None:
    """What we take as a label is what Fabric takes."""
    org = fabric.network.plan.organisations[0]
    words = ["--path", str(tmp_path), "--lang", "golang", "--label", label]
    refused = False
    try:
        await fabric.network.commands.peer(
            org, "lifecycle", "chaincode", "package", tmp_path / "x.tar.gz", *words
        )
    except ChanrongError as error:
        refused = "invalid label" in error.message
    assert refused == (LABEL.fullmatch(label) is None)


def test_command(fabric: FabricWorld, tmp_path: Path) -> None:
    folder = fabric.network.home.node("peer-bank-a") / "tls"
    tls = ["--server-roots", str(folder / "ca.pem"), "--client-cert", str(folder / "cert.pem")]
    tls += ["--client-key", str(folder / "key.pem")]
    files = [tmp_path / "first.tar.gz", tmp_path / "second.tar.gz"]
    ids = [made("--address", "cc.bank-a.example:9999", *tls, "-o", str(f))["package_id"] for f in files]
    assert ids[0] == ids[1]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].stat().st_mode & 0o077 == 0, "the key inside is the peer's own"
    plain = command("--address", "cc.bank-a.example:9999", *tls, "-o", str(files[0])).stdout
    assert plain.strip() == ids[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--address", "nowhere"], "--address: host:port"),
        (["--address", "h:1", "--client-cert", "x.pem"], "give both or none"),
        (["--address", "h:1", "--server-name", "x"], "TLS needs it"),
        (["--address", "h:1", "--server-roots", "/nowhere.pem"], "/nowhere.pem cannot be read"),
        (["--address", "h:1", "--server-roots", __file__], "holds no PEM of a certificate"),
    ],
)
def test_wrong_input(tmp_path: Path, words: list[str], said: str) -> None:
    output = tmp_path / "package.tar.gz"
    assert said in " ".join(command(*words, "-o", str(output), code=2).stderr.split())
    assert not output.exists()


def test_a_label_that_peers_refuse(tmp_path: Path) -> None:
    done = command("--address", "h:1", "--label", "a b", "-o", str(tmp_path / "x"), code=1)
    assert "label" in done.stderr
