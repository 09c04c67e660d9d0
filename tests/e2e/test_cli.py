"""A stranger's way through the product: push, consent, package, verify, finance, reconcile."""

from __future__ import annotations

from pathlib import Path

import orjson
import psutil
import pytest

from consortium.documents.canonical import document_bytes
from tests.e2e.conftest import Cli
from tests.e2e.papers import alias_of, files_of, make_trade

FACE_VALUE_PPB = 1_000_000_000
ATTEMPTS = 20


def test_status_says_what_runs(cli: Cli) -> None:
    found = cli.json("status")
    assert {"ledger", "industry-a", "bank-a", "bank-b", "tax", "bank", "credit", "registry", "bills"} == {
        s["name"] for s in found
    }
    assert {s["state"] for s in found} == {"healthy"}


def test_up_again_finds_everything_running(cli: Cli) -> None:
    before = {s["name"]: s["pid"] for s in cli.json("status")}
    cli.run("up", "--banks", "2")
    assert {s["name"]: s["pid"] for s in cli.json("status")} == before


def test_push_to_verified_package_to_claim(cli: Cli, tmp_path: Path) -> None:
    trade = make_trade(100)
    pushed = cli.json("push", *files_of(trade, tmp_path))
    assert {(r["status"], r["position"]["state"]) for r in pushed} == {("accepted", "registered")}
    again = cli.json("push", str(tmp_path / "0-purchase_order.xml"))
    assert again[0]["fingerprint"] in {r["fingerprint"] for r in pushed}

    tax = tmp_path / "tax.ndjson"
    tax.write_bytes(b"".join(document_bytes(invoice) + b"\n" for invoice in trade.invoices))
    loaded = cli.json("institution", "load", "tax", str(tax))
    assert loaded[str(tax)]["loaded"] == 1

    seller = alias_of(cli, trade)
    consent = cli.json("consent", "grant", "--as", seller, "--bank", "bank-a")
    assert consent["state"] == "live"
    package = tmp_path / "package.json"
    # Links between documents just pushed may still be on their way; each reopens a package that rests on them.
    for _ in range(ATTEMPTS):
        summary = cli.json("package", "request", "--bank", "bank-a", "--subject", seller, "-o", str(package))
        if summary["state"] == "valid":
            break
    assert summary["state"] == "valid"

    report = cli.json("package", "verify", str(package), "--trust", str(cli.directory / "trust"))
    assert report["ok"], report
    assert any("embedded ledger" in notice for notice in report["notices"])

    forged = tmp_path / "forged.json"
    content = orjson.loads(package.read_bytes())
    content["payload"]["summary"]["counts"]["eligible"] += 1
    forged.write_bytes(orjson.dumps(content, option=orjson.OPT_SORT_KEYS))
    report = cli.json("package", "verify", str(forged), "--trust", str(cli.directory / "trust"), code=4)
    assert "signature" in {check["check"] for check in report["checks"] if not check["ok"]}

    invoice = next(r for r in pushed if r["kind"] == "invoice")["fingerprint"]
    claim = cli.json("financing", "reserve", invoice, "--consent", consent["consent_id"], "--bank", "bank-a")
    assert claim["done"]
    other = cli.json("consent", "grant", "--as", seller, "--bank", "bank-b")["consent_id"]
    refused = cli.json("financing", "reserve", invoice, "--consent", other, "--bank", "bank-b", code=3)
    assert refused["reason"] == "OVER_FACE_VALUE"
    shown = cli.json("ledger", "show", invoice)
    assert shown["document"]["kind"] == "invoice"
    assert shown["asset"]["claimed"] == FACE_VALUE_PPB

    cli.run("consent", "revoke", consent["consent_id"], "--as", seller)
    denied = cli.run("package", "request", "--bank", "bank-a", "--subject", seller, code=1)
    assert "CONSENT_MISSING" in denied.stderr
    listed = cli.json("package", "list", "--bank", "bank-a")
    assert listed[0]["state"] == "reopened"
    followed = cli.run(
        "package", "watch", listed[0]["package_id"], "--after", "1", "--seconds", "5", "--json"
    ).stdout
    told = [orjson.loads(line) for line in followed.splitlines()]
    assert [event["event"] for event in told][-1] == "reopened"
    assert "was revoked" in told[-1]["reason"]


def test_a_refused_document_says_why_and_loses_nothing_else(cli: Cli, tmp_path: Path) -> None:
    trade = make_trade(200)
    good = orjson.loads(document_bytes(trade.order))
    bad = {**good, "number": "PO-BAD", "issue_date": "2026-02-30"}
    file = tmp_path / "orders.json"
    file.write_bytes(orjson.dumps([bad, good]))
    found = cli.json("push", str(file), code=3)
    assert [r["status"] for r in found] == ["refused", "accepted"]
    problem = found[0]["problems"][0]
    assert "issue_date" in problem["path"] + problem["field"]
    assert problem["value"] == "2026-02-30"
    assert problem["remedy"]


def test_institutions_that_are_paused_make_unknowns(cli: Cli, tmp_path: Path) -> None:
    trade = make_trade(300)
    cli.run("push", *files_of(trade, tmp_path))
    seller = alias_of(cli, trade)
    cli.run("consent", "grant", "--as", seller, "--bank", "bank-a")
    cli.run("institution", "pause", "tax")
    try:
        package = tmp_path / "package.json"
        cli.run("package", "request", "--bank", "bank-a", "--subject", seller, "-o", str(package))
    finally:
        cli.run("institution", "resume", "tax")
    payload = orjson.loads(package.read_bytes())["payload"]
    outcomes = {f["outcome"] for f in payload["findings"] if f["rule"] == "INV_AUTHENTIC"}
    assert outcomes == {"UNKNOWN"}
    assert payload["summary"]["counts"]["eligible"] == 0


def test_reconciliation_agrees_and_the_ledger_is_intact(cli: Cli, tmp_path: Path) -> None:
    cli.run("push", *files_of(make_trade(400), tmp_path))
    results = cli.json("reconcile", "run")
    assert set(results) == {"industry-a", "bank-a", "bank-b"}
    assert all(r["state"] == "done" and r["open"] == 0 for found in results.values() for r in found), results
    assert cli.json("reconcile", "breaks") == []
    assert cli.json("ledger", "verify")["ok"]


def test_wrong_usage_and_unknown_names_are_told(cli: Cli) -> None:
    assert cli.run("push", code=2).returncode == 2
    unknown = cli.run("package", "request", "--bank", "bank-z", "--subject", "x:y", code=1)
    assert "bank-a" in unknown.stderr
    assert "no file" in cli.run("package", "show", "nothing.json", code=1).stderr
    assert cli.run("--help").stdout


def test_without_a_sandbox_one_is_told_how_to_start_it(tmp_path: Path) -> None:
    told = Cli(tmp_path / "nothing").run("status", code=1)
    assert "chanrong up" in told.stderr


def test_two_sandboxes_side_by_side_and_down_after_a_crash(cli: Cli, tmp_path: Path) -> None:
    second = Cli(tmp_path / "second")
    try:
        second.run("up")
        pids = [s["pid"] for s in second.json("status")]
        assert {s["state"] for s in cli.json("status")} == {"healthy"}
        psutil.Process(pids[0]).kill()
        for record in (second.directory / "run").glob("*.json"):
            record.unlink()
    finally:
        second.run("down", "--purge")
    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    assert not second.directory.exists()
    assert {s["state"] for s in cli.json("status")} == {"healthy"}


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    import socket

    sandbox = Cli(tmp_path / "taken")
    try:
        sandbox.run("up")
        address = orjson.loads((sandbox.directory / "profile.json").read_bytes())["services"]["tax"]["grpc"]
        sandbox.run("down")
        host, _, port = address.rpartition(":")
        with socket.socket() as squatter:
            squatter.bind((host, int(port)))
            squatter.listen()
            told = sandbox.run("up", code=1)
        assert "PORT_TAKEN" in told.stderr
        assert address in told.stderr
    finally:
        sandbox.run("down", "--purge", code=None)


@pytest.mark.slow
def test_the_demo_tells_its_story() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        done = Cli(Path(folder) / "demo").run("demo", "--trades", "30")
    assert "things happened as they should" in done.stdout
