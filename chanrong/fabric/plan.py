"""What a local network consists of: kept in one file of its folder, so that a second start resumes the same one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from consortium.errors import ChanrongError
from consortium.identity.files import write_file

ORDERER = "OrdererMSP"
HOST = "127.0.0.1"


class Model(BaseModel):
    """Base of the plan's records: closed, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Orderer(Model):
    """The ordering node. Addresses are ``host:port`` on loopback."""

    name: str = "orderer"
    msp_id: str = ORDERER
    listen: str
    admin: str


class Organisation(Model):
    """A member of the channel and its one peer."""

    name: str
    msp_id: str
    listen: str

    @property
    def peer(self) -> str:
        """Name of the peer as a service."""
        return f"peer-{self.name}"


class ChaincodeServer(Model):
    """One organisation's server of one definition of a chaincode."""

    name: str
    msp_id: str
    listen: str
    contract: str
    package_id: str = ""


class Definition(Model):
    """A chaincode as the channel knows it, with who serves it."""

    name: str
    version: str
    sequence: int
    policy: str
    collections: tuple[dict[str, Any], ...] = ()
    servers: dict[str, ChaincodeServer]
    committed: bool = False

    @property
    def label(self) -> str:
        """The package's label."""
        return f"{self.name}_{self.version}"

    def with_packages(self, package_ids: Mapping[str, str]) -> Definition:
        """The same definition, now that the packages are made."""
        servers = {
            msp: server.model_copy(update={"package_id": package_ids[msp]})
            for msp, server in self.servers.items()
        }
        return self.model_copy(update={"servers": servers})


class Plan(Model):
    """A whole network.

    :param readers: MSP ids of organisations without a peer that may read and not write, such as a regulator
    :param definitions: by chaincode name: the one in use, or on its way to the first use
    :param upgrades: by chaincode name: what is to take its place
    :param joined: the orderer and all peers have the channel
    """

    version: int = 1
    channel: str
    batch_timeout_ms: int = 200
    orderer: Orderer
    organisations: tuple[Organisation, ...]
    readers: tuple[str, ...] = ()
    definitions: dict[str, Definition] = {}
    upgrades: dict[str, Definition] = {}
    joined: bool = False

    @property
    def msps(self) -> list[str]:
        """MSP ids of the members, in order."""
        return [org.msp_id for org in self.organisations]

    def organisation(self, msp_id: str) -> Organisation:
        """One member."""
        return next(org for org in self.organisations if org.msp_id == msp_id)

    def servers(self) -> list[ChaincodeServer]:
        """Every chaincode server, those of an upgrade under way among them."""
        both = (*self.definitions.values(), *self.upgrades.values())
        return [server for each in both for server in each.servers.values()]

    def default_policy(self) -> str:
        """The first organisation and any one of the others: no two banks alone can rewrite state."""
        first, *others = self.msps
        rest = ", ".join(f"'{msp}.peer'" for msp in others)
        return f"AND('{first}.peer', OR({rest}))" if others else f"OR('{first}.peer')"


def name_of(msp_id: str) -> str:
    """A service name from an MSP id: IndustryAMSP is industry-a."""
    words = re.findall(r"[A-Z][a-z0-9]*", msp_id.removesuffix("MSP"))
    return "-".join(word.lower() for word in words) or msp_id.lower()


def load_plan(path: Path) -> Plan | None:
    """The plan of a folder; None where nothing was planned yet.

    :raises ChanrongError: reason NO_SANDBOX, damaged or of another version
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return Plan.model_validate_json(raw)
    except ValueError as wrong:
        raise ChanrongError(
            f"{path} cannot be read: it is of another version, or damaged.",
            reason="NO_SANDBOX",
            remedy="Start anew: `chanrong down --purge`, then `chanrong up --ledger fabric`.",
        ) from wrong


def save_plan(path: Path, plan: Plan) -> None:
    """Writes the plan, whole or not at all."""
    write_file(path, json.dumps(plan.model_dump(), indent=2).encode() + b"\n", private=True)
