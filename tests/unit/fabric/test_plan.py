"""The plan of a local network, and what becomes of it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from chanrong.fabric import texts
from chanrong.fabric.plan import Orderer, Organisation, Plan, load_plan, name_of, save_plan
from chanrong.fabric.upgrade import next_version
from consortium.errors import ChanrongError

PLAN = Plan(
    channel="trade",
    orderer=Orderer(listen="127.0.0.1:1", admin="127.0.0.1:2"),
    organisations=(
        Organisation(name="industry-a", msp_id="IndustryAMSP", listen="127.0.0.1:3"),
        Organisation(name="bank-a", msp_id="BankAMSP", listen="127.0.0.1:4"),
        Organisation(name="bank-b", msp_id="BankBMSP", listen="127.0.0.1:5"),
    ),
)


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    assert load_plan(path) is None
    save_plan(path, PLAN)
    assert load_plan(path) == PLAN
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_one_says_so(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    path.write_text("{}")
    with pytest.raises(ChanrongError, match="damaged"):
        load_plan(path)


def test_default_policy_needs_the_first_and_any_other() -> None:
    assert PLAN.default_policy() == "AND('IndustryAMSP.peer', OR('BankAMSP.peer', 'BankBMSP.peer'))"


@pytest.mark.parametrize(
    ("msp", "name"),
    [("IndustryAMSP", "industry-a"), ("BankBMSP", "bank-b"), ("MSP", "msp"), ("Org1MSP", "org1")],
)
def test_names(msp: str, name: str) -> None:
    assert name_of(msp) == name


@pytest.mark.parametrize(
    ("old", "new"), [("1.0", "1.1"), ("1.9", "1.10"), ("7", "8"), ("1.0-rc", "1.0-rc.1")]
)
def test_next_version(old: str, new: str) -> None:
    assert next_version(old) == new


def test_everything_listens_on_loopback(tmp_path: Path) -> None:
    core = texts.core(PLAN.organisations[0], tmp_path, tmp_path)
    orderer = texts.orderer(PLAN, tmp_path)
    addresses = [
        core["peer"]["listenAddress"],
        core["peer"]["chaincodeListenAddress"],
        core["operations"]["listenAddress"],
        orderer["General"]["ListenAddress"],
        orderer["Operations"]["ListenAddress"],
        orderer["Admin"]["ListenAddress"],
    ]
    assert {address.partition(":")[0] for address in addresses} == {"127.0.0.1"}
    assert core["peer"]["tls"]["enabled"] is True
    assert orderer["General"]["TLS"]["Enabled"] is True
    assert orderer["Admin"]["TLS"]["ClientAuthRequired"] is True


@pytest.mark.parametrize(("newest", "capability"), [(True, "V3_0"), (False, "V2_0")])
def test_channel_capability_is_what_the_programs_know(tmp_path: Path, newest: bool, capability: str) -> None:
    folders = {msp: tmp_path / msp for msp in (*PLAN.msps, "OrdererMSP")}
    channel = texts.configtx(PLAN, tmp_path, folders, newest=newest)["Profiles"]["Channel"]
    assert channel["Capabilities"] == {capability: True}
    assert channel["Orderer"]["BatchTimeout"] == "200ms"
    assert [org["ID"] for org in channel["Application"]["Organizations"]] == PLAN.msps
    assert json.loads(texts.yaml(channel)) == channel
