"""An operator's day: a store that was changed, a gateway that died, a bank's own figures, files that are private."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import psutil
import pytest

from tests.e2e.conftest import Cli
from tests.e2e.papers import alias_of, files_of, make_trade

PUBLIC = frozenset(
    {"cert.pem", "ca.pem", "tlsca.pem", "bundle.pem", "config.yaml", "directory.json", "trust.json"}
)


def _change(database: Path, fingerprint: str, commitment: str) -> str:
    """Changes a document's commitment behind the gateway's back; what it was."""
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        (before,) = connection.execute(
            "SELECT commitment FROM documents WHERE live_fingerprint = ?", (fingerprint,)
        ).fetchone()
        connection.execute(
            "UPDATE documents SET commitment = ? WHERE live_fingerprint = ?", (commitment, fingerprint)
        )
        return str(before)


def test_a_changed_store_is_a_break_until_it_is_right_again(cli: Cli, tmp_path: Path) -> None:
    pushed = cli.json("push", *files_of(make_trade(8_000), tmp_path))
    invoice = next(r for r in pushed if r["kind"] == "invoice")
    store = cli.directory / "data" / "industry-a" / "store.db"
    before = _change(store, invoice["fingerprint"], "0" * 64)
    try:
        told = cli.run("reconcile", "run", "documents", code=4)
        assert "1 open" in told.stdout
        found = cli.json("reconcile", "breaks")
        assert [item["key"] for item in found] == [invoice["fingerprint"]]
        shown = cli.run("reconcile", "breaks").stdout
        assert invoice["number"] in shown
        assert "the store says: commitment 000000000000" in shown
        cli.run("reconcile", "resolve", found[0]["break_id"][:8], "--resolution", "restored from backup")
    finally:
        _change(store, invoice["fingerprint"], before)
    assert cli.json("reconcile", "run")["industry-a"][0]["closed"] == 1
    closed = cli.json("reconcile", "breaks", "--closed")
    assert [(item["state"], item["resolution"]) for item in closed] == [("closed", "restored from backup")]


def test_a_dead_gateway_is_told_by_name_and_up_starts_it_again(cli: Cli) -> None:
    pid = next(s["pid"] for s in cli.json("status") if s["name"] == "bank-b")
    psutil.Process(pid).kill()
    try:
        assert {s["name"]: s["state"] for s in cli.json("status", code=1)}["bank-b"] == "down"
        told = cli.run("package", "list", "--bank", "bank-b", code=1).stderr
        assert "bank-b does not answer" in told
        assert "chanrong up" in told
        results = cli.json("reconcile", "run", code=1)
        assert results["bank-b"][0]["state"] == "unreachable"
        assert results["bank-a"][0]["state"] == "done", "the others run all the same"
    finally:
        cli.run("up", "--banks", "2")
    assert {s["state"] for s in cli.json("status")} == {"healthy"}


def test_nothing_secret_can_be_read_by_others(cli: Cli) -> None:
    assert cli.directory.stat().st_mode & 0o077 == 0
    readable = {
        path.name
        for path in cli.directory.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077 and path.name not in PUBLIC
    }
    assert readable <= {"package-jwks.json"}


def test_a_banks_own_figures_reach_it_and_stay(cli: Cli, tmp_path: Path) -> None:
    """Only the services whose settings changed start again; the figures are in the package."""
    trade = make_trade(8_100)
    cli.run("push", *files_of(trade, tmp_path))
    cli.run("consent", "grant", "--as", alias_of(cli, trade), "--bank", "bank-a")
    own = tmp_path / "own.toml"
    own.write_text('[bank-a.profile_overrides.receivable-v2.waterfall]\nadvance_rate = "0.55"\n')
    before = {s["name"]: s["pid"] for s in cli.json("status")}
    cli.run("up", "--banks", "2", "--config", str(own))
    try:
        after = {s["name"]: s["pid"] for s in cli.json("status")}
        assert {name for name in before if before[name] != after[name]} == {"bank-a"}
        cli.run("up", "--banks", "2")
        assert {s["name"]: s["pid"] for s in cli.json("status")} == after, "kept without naming it again"
        package = tmp_path / "package.json"
        cli.run(
            "package", "request", "--bank", "bank-a", "--subject", alias_of(cli, trade), "-o", str(package)
        )
        profile = orjson.loads(package.read_bytes())["payload"]["profile"]
        assert profile["waterfall"]["advance_rate"] == "0.55"
        assert package.stat().st_mode & 0o077 == 0, "documents are in it"
    finally:
        own.write_text("")
        cli.run("up", "--banks", "2", "--config", str(own))


@pytest.mark.parametrize(
    ("text", "said"),
    [("nonsense = 1\n", "nonsense"), ("[bank-a]\nadapter_timeout_s = 'soon'\n", "adapter_timeout_s")],
)
def test_wrong_settings_are_told_before_anything_starts(
    cli: Cli, tmp_path: Path, text: str, said: str
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    before = cli.json("status")
    told = cli.run("up", "--banks", "2", "--config", str(own), code=2)
    assert said in told.stderr
    assert [s["pid"] for s in cli.json("status")] == [s["pid"] for s in before]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    told = Cli(tmp_path).run("down", "--purge", code=1)
    assert "precious" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
