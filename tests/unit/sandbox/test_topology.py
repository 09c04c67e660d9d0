"""Which parts a sandbox has, and where they listen."""

from __future__ import annotations

import pytest

from chanrong.sandbox.settings import gateway_peers
from chanrong.sandbox.topology import PORTS, PORTS_VARIABLE, free_ports, members, plan
from consortium.errors import ConfigurationError

FABRIC = [
    "orderer",
    "peer-industry-a",
    "peer-bank-a",
    "peer-bank-b",
    "chaincode-industry-a",
    "chaincode-bank-a",
    "chaincode-bank-b",
]
REST = ["tax", "bank", "credit", "registry", "bills", "industry-a", "bank-a", "bank-b"]


def test_each_ledger_has_its_parts() -> None:
    assert list(plan("embedded", 1, 2).services) == ["ledger", *REST]
    assert list(plan("fabric", 1, 2).services) == [*FABRIC, *REST]


def test_nobody_shares_a_port() -> None:
    profile = plan("fabric", 2, 2)
    addresses = [a for s in profile.services.values() for a in (s.grpc, s.rest) if a]
    assert len(set(addresses)) == len(addresses)
    assert {int(address.rpartition(":")[2]) in PORTS for address in addresses} == {True}


@pytest.mark.parametrize("msp", ["IndustryAMSP", "BankAMSP", "BankBMSP"])
def test_a_gateway_asks_its_own_peer_first_and_then_the_others(msp: str) -> None:
    profile = plan("fabric", 1, 2)
    peers = [peer.msp_id for peer in gateway_peers(profile, msp)]
    assert peers[0] == msp
    assert sorted(peers) == sorted(members(profile))


def test_ports_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PORTS_VARIABLE, "11000-11009")
    assert set(free_ports(3)) < set(range(11_000, 11_010))


@pytest.mark.parametrize("text", ["x", "9", "9-8", "1-5", "60000-70000", "-"])
def test_ports_that_are_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(PORTS_VARIABLE, text)
    with pytest.raises(ConfigurationError, match=PORTS_VARIABLE):
        free_ports(1)
