"""The command line over real Fabric: what a user of the embedded ledger does, and what only a network has."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from consortium.documents.canonical import document_bytes
from tests.e2e.conftest import TIMEOUT_S, Cli, environment
from tests.e2e.papers import alias_of, files_of, make_trade
from tests.support.fabric import requires_fabric

NODES = {"orderer", "peer-industry-a", "peer-bank-a", "peer-bank-b"}
SERVERS = {"chaincode-industry-a", "chaincode-bank-a", "chaincode-bank-b"}
ATTEMPTS = 5
DEMO_TIMEOUT_S = 250
OWN_PORTS = "10000-10999"
"""Of no other test: nobody shall take them while this sandbox is down."""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A running consortium on Fabric: one industry gateway, two banks."""
    made = Cli(tmp_path_factory.mktemp("fabric") / "consortium", {"CHANRONG_PORTS": OWN_PORTS})
    try:
        made.run("up", "--ledger", "fabric", "--banks", "2")
        yield made
    finally:
        made.run("down", "--purge", code=None)


def profile_of(sandbox: Cli) -> Any:
    """The sandbox's profile."""
    return orjson.loads((sandbox.directory / "profile.json").read_bytes())


def package_for(sandbox: Cli, seller: str, path: Path) -> Any:
    """A package that is valid when it arrives, and its verification."""
    for _ in range(ATTEMPTS):  # links between documents just pushed reopen a package that rests on them
        made = sandbox.json("package", "request", "--bank", "bank-a", "--subject", seller, "-o", str(path))
        if made["state"] == "valid":
            break
    assert made["state"] == "valid"
    return sandbox.json("package", "verify", str(path), "--trust", str(sandbox.directory / "trust"))


@requires_fabric
def test_status_names_every_part_of_the_network(sandbox: Cli) -> None:
    found = sandbox.json("status")
    gateways = {"industry-a", "bank-a", "bank-b", "tax", "bank", "credit", "registry", "bills"}
    assert {s["name"] for s in found} == NODES | SERVERS | gateways
    assert {s["state"] for s in found} == {"healthy"}
    before = {s["name"]: s["pid"] for s in found}
    sandbox.run("up", "--banks", "2")
    assert {s["name"]: s["pid"] for s in sandbox.json("status")} == before


@requires_fabric
def test_push_to_verified_package_to_claim_and_upgrade(sandbox: Cli, tmp_path: Path) -> None:
    trade = make_trade(100)
    pushed = sandbox.json("push", *files_of(trade, tmp_path))
    assert {(r["status"], r["position"]["state"]) for r in pushed} == {("accepted", "registered")}
    tax = tmp_path / "tax.ndjson"
    tax.write_bytes(b"".join(document_bytes(invoice) + b"\n" for invoice in trade.invoices))
    sandbox.json("institution", "load", "tax", str(tax))
    seller = alias_of(sandbox, trade)
    consent = sandbox.json("consent", "grant", "--as", seller, "--bank", "bank-a")["consent_id"]
    report = package_for(sandbox, seller, tmp_path / "package.json")
    assert report["ok"], report
    assert "embedded" not in orjson.dumps(report).decode()
    invoice = next(r for r in pushed if r["kind"] == "invoice")["fingerprint"]
    claim = sandbox.json("financing", "reserve", invoice, "--consent", consent, "--bank", "bank-a")
    assert claim["done"]

    upgraded = sandbox.json("chaincode", "upgrade")
    assert upgraded["from"] == {"version": "1.0", "sequence": 1}
    assert upgraded["to"] == {"version": "1.1", "sequence": 2}
    found = sandbox.json("status")
    assert {s["name"] for s in found} >= NODES | {f"{name}-2" for name in SERVERS}
    assert not SERVERS & {s["name"] for s in found}
    assert {s["state"] for s in found} == {"healthy"}

    other = sandbox.json("consent", "grant", "--as", seller, "--bank", "bank-b")["consent_id"]
    refused = sandbox.json("financing", "reserve", invoice, "--consent", other, "--bank", "bank-b", code=3)
    assert refused["reason"] == "OVER_FACE_VALUE", "the claim is still there"
    assert package_for(sandbox, seller, tmp_path / "again.json")["ok"]
    old = sandbox.json(
        "package", "verify", str(tmp_path / "package.json"), "--trust", str(sandbox.directory / "trust")
    )
    assert old["ok"], "a proof of the former version stays one"


@requires_fabric
def test_the_ledger_is_the_same_on_every_peer(sandbox: Cli) -> None:
    report = sandbox.json("ledger", "verify")
    assert report["ok"]
    assert len(set(report["peers"].values())) == 1
    assert set(report["peers"]) == {"IndustryAMSP", "BankAMSP", "BankBMSP"}
    assert "equal and intact" in sandbox.run("ledger", "verify").stdout


@requires_fabric
def test_down_ends_all_of_it_and_a_second_up_resumes_the_same_ledger(sandbox: Cli, tmp_path: Path) -> None:
    # 1. Some documents are on the ledger.
    files = files_of(make_trade(300), tmp_path)
    first = {r["fingerprint"] for r in sandbox.json("push", *files)}
    ports = {name: service["grpc"] for name, service in profile_of(sandbox)["services"].items()}
    height = sandbox.json("ledger", "verify")["height"]

    # 2. One bank's chaincode server dies: any other bank's endorsement will do.
    pids = {s["name"]: s["pid"] for s in sandbox.json("status")}
    psutil.Process(next(pid for name, pid in pids.items() if name.startswith("chaincode-bank-a"))).kill()
    (tmp_path / "more").mkdir()
    more = sandbox.json("push", *files_of(make_trade(301), tmp_path / "more"))
    assert {r["position"]["state"] for r in more} == {"registered"}

    # 3. A peer dies: it is told by name, and what needs every peer says so.
    psutil.Process(pids["peer-bank-b"]).kill()
    assert {s["name"]: s["state"] for s in sandbox.json("status", code=1)}["peer-bank-b"] == "down"
    told = sandbox.run("ledger", "verify", code=1).stderr
    assert "The peer of BankBMSP does not answer" in " ".join(told.split())
    assert "peer-bank-b does not run" in sandbox.run("chaincode", "upgrade", code=1).stderr

    # 4. The records are lost as well: down ends every process all the same, and no stranger's.
    for record in (sandbox.directory / "run").glob("*.json"):
        record.unlink()
    sandbox.run("down")
    assert not [p for p in pids.values() if psutil.pid_exists(p) and psutil.Process(p).status() != "zombie"]
    assert running_in(sandbox) == []

    # 5. What keeps it from starting is told, and nothing is left running.
    told = sandbox.run("up", "--ledger", "embedded", code=1).stderr
    assert "was made with --ledger fabric" in " ".join(told.split())
    taken_port(sandbox, ports["peer-bank-a"])
    broken_part(sandbox)

    # 6. Then it comes up as it was.
    sandbox.run("up", "--banks", "2")
    assert {name: service["grpc"] for name, service in profile_of(sandbox)["services"].items()} == ports
    report = sandbox.json("ledger", "verify")
    assert report["ok"]
    assert report["height"] >= height
    assert {r["fingerprint"] for r in sandbox.json("push", *files)} == first


def taken_port(sandbox: Cli, address: str) -> None:
    """Another program listens where a peer has to."""
    host, _, port = address.rpartition(":")
    with socket.socket() as squatter:
        squatter.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # connections that were there still fade
        squatter.bind((host, int(port)))
        squatter.listen()
        told = sandbox.run("up", "--banks", "2", code=1).stderr
    assert "PORT_TAKEN" in told
    assert address in told
    assert running_in(sandbox) == []


def broken_part(sandbox: Cli) -> None:
    """A peer cannot start: the end of its log is shown, and everything that was started is ended."""
    key = sandbox.directory / "fabric" / "peer-bank-b" / "tls" / "key.pem"
    content = key.read_bytes()
    key.write_bytes(b"not a key")
    try:
        told = " ".join(sandbox.run("up", "--banks", "2", code=1).stderr.split())
    finally:
        key.write_bytes(content)
    assert "Service peer-bank-b ended while starting. The end of its log" in told
    assert "PEM" in told
    assert running_in(sandbox) == []


def running_in(sandbox: Cli) -> list[str]:
    """Command lines of processes that belong to a sandbox."""
    mark = str(sandbox.directory.resolve())
    lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if mark in line]


def test_without_the_programs_one_line_says_where_they_are_published(tmp_path: Path) -> None:
    folder = tmp_path / "consortium"
    done = subprocess.run(
        [sys.executable, "-m", "chanrong", "up", "--ledger", "fabric", "--dir", str(folder)],
        cwd=tmp_path,
        env={**environment(), "PATH": "", "HOME": str(tmp_path), "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    told = " ".join(done.stderr.split())
    assert done.returncode == 1
    assert "Fabric's peer, orderer, configtxgen, osnadmin are not found." in told
    assert "https://github.com/hyperledger/fabric/releases" in told
    assert "FABRIC_NOT_FOUND" in told
    assert not folder.exists(), "nothing is made before they are there"


@requires_fabric
@pytest.mark.slow
def test_the_demo_tells_its_story_on_fabric(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "demo", timeout_s=DEMO_TIMEOUT_S)
    try:
        done = cli.run("demo", "--ledger", "fabric", "--trades", "30")
    finally:
        cli.run("down", "--purge", code=None)
    assert "Hyperledger Fabric v" in done.stdout
    assert "equal and intact" in " ".join(done.stdout.split())
    assert "things happened as they should" in done.stdout
    assert "embedded" not in done.stdout
