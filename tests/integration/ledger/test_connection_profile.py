"""A gateway's settings with nothing but a connection profile reach a real ledger."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from consortium.errors import ConfigurationError
from consortium.ledger.gateway import Gateway
from consortium.ledger.settings import LedgerSettings
from tests.integration.ledger.conftest import BANK, INDUSTRY
from tests.support.client_world import OPEN
from tests.support.ledgers import Keys, LedgerUnderTest

pytestmark = pytest.mark.asyncio(loop_scope="module")


def profile_of(ledger: LedgerUnderTest, folder: Path) -> dict[str, Any]:
    """What an operator hands out: some certificates written out, some in files."""
    peers: dict[str, Any] = {}
    for msp in ledger.msps:
        endpoint = ledger.endpoint(msp)
        assert endpoint.tls_root is not None
        (folder / f"{msp}.pem").write_bytes(endpoint.tls_root)
        roots = {"pem": endpoint.tls_root.decode()} if msp == BANK else {"path": f"{msp}.pem"}
        peers[f"peer0.{msp}"] = {"url": f"grpcs://{endpoint.target}", "tlsCACerts": roots}
        if endpoint.override:
            peers[f"peer0.{msp}"]["grpcOptions"] = {"ssl-target-name-override": endpoint.override}
    return {
        "name": "trade",
        "version": "1.0.0",
        "client": {"organization": INDUSTRY},
        "organizations": {msp: {"mspid": msp, "peers": [f"peer0.{msp}"]} for msp in ledger.msps},
        "peers": peers,
        "channels": {ledger.channel: {"peers": {name: {"endorsingPeer": True} for name in peers}}},
    }


@pytest.mark.parametrize("name", ["profile.json", "profile.yaml"])
async def test_a_profile_is_all_that_it_takes(
    either: LedgerUnderTest, name: str, k: Keys, tmp_path: Path
) -> None:
    content = profile_of(either, tmp_path)
    text = json.dumps(content) if name.endswith("json") else yaml.safe_dump(content)
    (tmp_path / name).write_text(text)
    settings = LedgerSettings(
        kind=either.kind, connection_profile=tmp_path / name, channel=either.channel, chaincode=OPEN
    )

    endpoints = settings.gateway_endpoints(BANK)
    # the bank's own peer comes first, and when it is not there another organisation's
    gone = replace(endpoints[0], target="127.0.0.1:1")
    async with Gateway([gone, *endpoints[1:]], either.identity(BANK)) as gateway:
        contract = gateway.network(settings.channel).contract(settings.chaincode)
        assert await contract.submit("put", k().encode(), b"1") == b"1"
    async with Gateway(endpoints, either.identity(BANK)) as gateway:
        contract = gateway.network(settings.channel).contract(settings.chaincode)
        assert await contract.evaluate("put", k().encode(), b"2") == b"2"

    assert endpoints[0].msp_id == BANK
    assert {item.msp_id for item in endpoints} == set(either.msps)
    with pytest.raises(ConfigurationError, match="there is no 'nowhere', only"):
        LedgerSettings(connection_profile=tmp_path / name, channel="nowhere").gateway_endpoints(BANK)
