"""The official Fabric Gateway client for Node drives either ledger, where npm is there: it sees the same on both."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.embedded import make_network
from tests.support.fabric import requires_fabric
from tests.support.ledgers import BANK, INDUSTRY, Keys, LedgerUnderTest, embedded_ledger, fabric_ledger

HERE = Path(__file__).parent
CLIENT = "@hyperledger/fabric-gateway"
INSTALL_TIMEOUT_S = 200
RUN_TIMEOUT_S = 90
Seen = dict[str, Any]


@pytest.fixture(scope="module")
def node() -> str:
    """The node program, with the client installed as package-lock.json says."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        pytest.skip("node and npm are not here: the official Fabric client was not run")
    if not (HERE / "node_modules" / CLIENT).is_dir():
        command = [npm, "ci", "--prefer-offline", "--loglevel=error"]
        try:
            done = subprocess.run(
                command, cwd=HERE, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip("npm ci did not end in time: the official Fabric client was not run")
        if done.returncode:
            reason = next(iter(done.stderr.strip().splitlines()), "no reason given")
            pytest.skip(f"npm ci failed: the official Fabric client was not run ({reason})")
    return program


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["embedded", pytest.param("fabric", marks=requires_fabric)]
)
async def ledger(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LedgerUnderTest]:
    """One of the two ledgers."""
    folder = tmp_path_factory.mktemp("node")
    if request.param == "fabric":
        opened = fabric_ledger(request.getfixturevalue("fabric"))
    else:
        opened = embedded_ledger(make_network(folder), folder)
    async with opened as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(node: str, ledger: LedgerUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What the client saw in all scenarios."""
    endpoint = ledger.endpoint(INDUSTRY)
    root = tmp_path_factory.mktemp("tls") / "root.pem"
    root.write_bytes(endpoint.tls_root or b"")
    certificate, key = ledger.client_files(INDUSTRY)
    options = {
        "target": endpoint.target,
        "tlsCa": str(root),
        "override": endpoint.override,
        "cert": str(certificate),
        "key": str(key),
        "mspId": INDUSTRY,
        "channel": ledger.channel,
        "chaincode": ledger.chaincode,
        "prefix": Keys().prefix,
    }
    process = await asyncio.create_subprocess_exec(
        node,
        "scenarios.mjs",
        json.dumps(options),
        cwd=HERE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(RUN_TIMEOUT_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, err.decode()[-3000:]
    found: Seen = json.loads(out)
    return found


def test_submit_and_evaluate(seen: Seen, ledger: LedgerUnderTest) -> None:
    found = seen["submitAndEvaluate"]
    assert (found["submitted"], found["evaluated"]) == ("one", "one")
    assert found["seen"][:2] == [INDUSTRY, ledger.channel]
    assert found["seen"][4] == {"secret": "whispered"}


def test_stages(seen: Seen) -> None:
    found = seen["stages"]
    assert found["same"]
    assert found["result"] == "two"
    assert found["status"]["code"] == found["valid"] == 0
    assert found["status"]["successful"]
    assert found["status"]["block"] > 0
    assert found["asyncResult"] == "three"
    assert found["later"] == {"code": 0, "successful": True}


def test_errors_carry_what_each_endorser_said(seen: Seen, ledger: LedgerUnderTest) -> None:
    found = seen["errors"]
    assert found["evaluate"]["status"] == "UNKNOWN"
    assert found["evaluate"]["details"] == [
        {
            "address": ledger.address(INDUSTRY),
            "mspId": INDUSTRY,
            "message": "chaincode response 500, on purpose",
        }
    ]
    assert found["endorse"]["type"] == "EndorseError"
    assert found["endorse"]["status"] == "ABORTED"
    assert found["endorse"]["transactionId"]
    assert found["endorse"]["details"][0]["message"] == "chaincode response 500, on purpose"
    assert sorted(detail["mspId"] for detail in found["endorseBoth"]["details"]) == [BANK, INDUSTRY]
    assert found["isEndorseError"]


def test_errors_of_the_gateway_itself(seen: Seen) -> None:
    found = seen["errors"]
    assert (found["unknownOrganisation"]["status"], found["unknownOrganisation"]["details"]) == (
        "UNAVAILABLE",
        [],
    )
    assert found["unknownChaincode"]["status"] == "FAILED_PRECONDITION"
    assert found["unknownChannel"]["status"] == "UNAVAILABLE"


def test_conflict(seen: Seen) -> None:
    assert seen["errors"]["conflict"] == {"code": 11, "successful": False}


def test_chaincode_events(seen: Seen, ledger: LedgerUnderTest) -> None:
    found = seen["chaincodeEvents"]
    assert [event["name"] for event in found["events"]] == ["first", "second", "third"]
    assert [event["transactionId"] for event in found["events"]] == found["ids"]
    assert found["events"][0]["payload"] == "payload-1"
    assert {event["chaincode"] for event in found["events"]} == {ledger.chaincode}
    assert found["resumed"] == ["second", "third"]
    assert found["live"] == ["live"]


def test_block_events(seen: Seen, ledger: LedgerUnderTest) -> None:
    found = seen["blockEvents"]
    assert found["number"]
    assert found["dataHash"]
    assert (found["actions"], found["code"]) == (1, 0)
    mark = "fabric" if ledger.is_fabric else "chanrong.embedded/1"
    assert (found["genesis"], found["genesisFormat"]) == (0, mark)
    assert found["filtered"] == [
        {"code": 0, "events": [{"name": "in-a-block", "payload": 0}]},
    ]
    assert found["withPrivate"]


def test_offline_signing(seen: Seen) -> None:
    assert seen["offline"] == {"missing": "Error", "successful": True, "block": True, "event": True}


def test_many_at_once(seen: Seen) -> None:
    assert seen["many"] == {"successful": 50}
