"""Which organisations and services a sandbox has, and on which ports."""

from __future__ import annotations

import os
import random
import socket
import string
from contextlib import ExitStack
from typing import Literal

from chanrong.sandbox.profile import Profile, Service, ServiceKind
from consortium.errors import ChanrongError, ConfigurationError

HOST = "127.0.0.1"
PORTS = range(20_000, 32_000)
"""Below Linux's range for outgoing connections (32768 and up)."""

PORTS_VARIABLE = "CHANRONG_PORTS"
"""First and last port to choose from, such as 21000-21999, where others have claims on some."""

MAX_PER_KIND = 5
ADAPTERS = ("tax", "bank", "credit", "registry", "bills")
INSTITUTIONS = "InstitutionsMSP"
ORDERER = "OrdererMSP"

Role = Literal["industry", "bank"]


def industry_msp(index: int) -> str:
    """MSP id of the industry gateway with this index: IndustryAMSP, IndustryBMSP, ..."""
    return f"Industry{string.ascii_uppercase[index]}MSP"


def bank_msp(index: int) -> str:
    """MSP id of the bank with this index: BankAMSP, BankBMSP, ..."""
    return f"Bank{string.ascii_uppercase[index]}MSP"


def members(profile: Profile) -> list[str]:
    """MSP ids of the channel's members: every industry gateway's and every bank's organisation."""
    return [service.msp_id for kind in ("industry", "finance") for service in profile.of_kind(kind)]


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens on now, all different.

    They are below the range from which systems take the ports of outgoing connections: one of those could be taken by
    any program between now and the start of the service.
    """
    among = _ports()
    with ExitStack() as stack:
        found: list[int] = []
        for port in random.sample(among, len(among)):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            try:
                sock.bind((HOST, port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise ChanrongError(
        f"There are no {count} free ports from {among.start} to {among.stop - 1}.",
        reason="PORT_TAKEN",
        remedy=f"End programs that hold them, or name another range in {PORTS_VARIABLE}.",
    )


def _ports() -> range:
    text = os.environ.get(PORTS_VARIABLE, "")
    if not text:
        return PORTS
    first, _, last = text.partition("-")
    if first.isdecimal() and last.isdecimal() and 1024 <= int(first) <= int(last) < 65_536:
        return range(int(first), int(last) + 1)
    raise ConfigurationError(
        f"{PORTS_VARIABLE} is {text!r}.", remedy="Give the first and the last port, such as 21000-21999."
    )


def plan(ledger: Literal["embedded", "fabric"], industries: int, banks: int) -> Profile:
    """A new sandbox with its services and free ports; ports are chosen once per folder.

    :raises ChanrongError: reason INVALID_INPUT when a number is out of range
    """
    for what, number in (("--industry", industries), ("--banks", banks)):
        if not 1 <= number <= MAX_PER_KIND:
            raise ChanrongError(
                f"{what} is {number}.", reason="INVALID_INPUT", remedy=f"Choose 1 to {MAX_PER_KIND}."
            )
    members = [(string.ascii_lowercase[i], industry_msp(i), "industry") for i in range(industries)]
    members += [(string.ascii_lowercase[i], bank_msp(i), "bank") for i in range(banks)]
    wanted: list[tuple[str, ServiceKind, str, bool]] = [("ledger", "ledger", ORDERER, False)]
    if ledger == "fabric":
        wanted = [("orderer", "orderer", ORDERER, True)]
        wanted += [(f"peer-{kind}-{letter}", "peer", msp, False) for letter, msp, kind in members]
        wanted += [(f"chaincode-{kind}-{letter}", "chaincode", msp, False) for letter, msp, kind in members]
    wanted += [(name, "adapter", INSTITUTIONS, False) for name in ADAPTERS]
    wanted += [
        (f"industry-{string.ascii_lowercase[i]}", "industry", industry_msp(i), True)
        for i in range(industries)
    ]
    wanted += [(f"bank-{string.ascii_lowercase[i]}", "finance", bank_msp(i), True) for i in range(banks)]
    ports = iter(free_ports(sum(2 if rest else 1 for *_, rest in wanted)))
    services = {
        name: Service(
            name=name,
            kind=kind,
            msp_id=msp_id,
            grpc=f"{HOST}:{next(ports)}",
            rest=f"{HOST}:{next(ports)}" if rest else "",
        )
        for name, kind, msp_id, rest in wanted
    }
    return Profile(ledger=ledger, services=services)


def taken(address: str) -> bool:
    """Whether somebody listens on an address already."""
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, int(port)))
        except OSError:
            return True
        return False
