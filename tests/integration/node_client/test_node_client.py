"""The official Fabric Gateway client for Node drives the embedded ledger, where npm is there."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.embedded import CHAINCODE, CHANNEL, make_network, running

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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def seen(node: str, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What the client saw in all scenarios."""
    folder = tmp_path_factory.mktemp("node")
    network = make_network(folder)
    identity = network.identities["IndustryAMSP"]
    (folder / "client.pem").write_bytes(identity.cert_pem)
    (folder / "client.key").write_bytes(network.clients["IndustryAMSP"].key_pem)
    async with running(network.settings(folder / "ledger.db")) as ledger:
        options = {
            "target": ledger.target,
            "tlsCa": str(folder / "tlsca.pem"),
            "cert": str(folder / "client.pem"),
            "key": str(folder / "client.key"),
            "mspId": identity.msp_id,
            "channel": CHANNEL,
            "chaincode": CHAINCODE,
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


def test_submit_and_evaluate(seen: Seen) -> None:
    found = seen["submitAndEvaluate"]
    assert (found["submitted"], found["evaluated"]) == ("one", "one")
    assert found["seen"][:2] == ["IndustryAMSP", CHANNEL]
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


def test_errors_carry_what_each_endorser_said(seen: Seen) -> None:
    found = seen["errors"]
    assert found["evaluate"]["status"] == "UNKNOWN"
    assert found["evaluate"]["details"] == [
        {
            "address": "peer0.industryamsp:7051",
            "mspId": "IndustryAMSP",
            "message": "chaincode response 500, on purpose",
        }
    ]
    assert found["endorse"]["type"] == "EndorseError"
    assert found["endorse"]["status"] == "ABORTED"
    assert found["endorse"]["transactionId"]
    assert found["endorse"]["details"][0]["message"] == "chaincode response 500, on purpose"
    assert [detail["mspId"] for detail in found["endorseBoth"]["details"]] == ["IndustryAMSP", "BankAMSP"]
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


def test_chaincode_events(seen: Seen) -> None:
    found = seen["chaincodeEvents"]
    assert [event["name"] for event in found["events"]] == ["first", "second", "third"]
    assert [event["transactionId"] for event in found["events"]] == found["ids"]
    assert found["events"][0]["payload"] == "payload-1"
    assert {event["chaincode"] for event in found["events"]} == {CHAINCODE}
    assert found["resumed"] == ["second", "third"]
    assert found["live"] == ["live"]


def test_block_events(seen: Seen) -> None:
    found = seen["blockEvents"]
    assert found["number"]
    assert found["dataHash"]
    assert found["transactionId"]
    assert (found["actions"], found["codes"]) == (1, [0])
    assert (found["genesis"], found["genesisFormat"]) == (0, "chanrong.embedded/1")
    assert found["filtered"] == [
        {"own": True, "code": 0, "events": [{"name": "in-a-block", "payload": 0}]},
    ]
    assert found["withPrivate"]


def test_offline_signing(seen: Seen) -> None:
    assert seen["offline"] == {"missing": "Error", "successful": True, "block": True, "event": True}


def test_many_at_once(seen: Seen) -> None:
    assert seen["many"] == {"successful": 50}
