"""Calls of Fabric's own command-line programs, as an administrator of one organisation or of the orderer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chanrong.fabric.material import Home
from chanrong.fabric.plan import Organisation, Plan
from chanrong.fabric.programs import Programs
from consortium.errors import ChanrongError

TIMEOUT_S = 60.0
MAX_OUTPUT = 2_000
"""Characters of a failed command's words that are shown."""

OWN_PREFIXES = ("CORE_", "ORDERER_", "CONFIGTX_", "FABRIC_", "CHAINCODE_")


class CommandFailedError(ChanrongError):
    """A program of Fabric refused; ``output`` has its words."""

    def __init__(self, what: str, output: str) -> None:
        super().__init__(
            f"{what} failed: {output[-MAX_OUTPUT:].strip() or 'no message'}",
            reason="FABRIC_FAILED",
            remedy="The logs of peers and orderer are below logs.",
        )
        self.output = output


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of Fabric's programs: settings of another network, in variables, must not get in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN_PREFIXES)}
    logging = {"FABRIC_LOGGING_FORMAT": "%{time:2006-01-02 15:04:05.000 MST} %{level} [%{module}] %{message}"}
    level = os.environ.get("FABRIC_LOGGING_SPEC", "warn")
    return {**kept, **logging, "FABRIC_LOGGING_SPEC": level, **extra}


async def call(what: str, argv: Sequence[str | Path], env: Mapping[str, str]) -> str:
    """Runs a program to its end; what it printed.

    :raises CommandFailedError: it did not end with 0, or not in time
    """
    process = await asyncio.create_subprocess_exec(
        *map(str, argv),
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            printed, _ = await process.communicate()
    except BaseException as stopped:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(stopped, TimeoutError):
            raise CommandFailedError(what, f"no end within {TIMEOUT_S:.0f} s") from None
        raise
    text = printed.decode("utf-8", "replace")
    if process.returncode != 0:
        raise CommandFailedError(what, text)
    return text


@dataclass(frozen=True, slots=True)
class Commands:
    """The programs, at work for one network."""

    home: Home
    plan: Plan
    programs: Programs

    async def genesis(self) -> None:
        """Makes the channel's first block."""
        scratch = self.home.genesis.with_suffix(".new")
        argv: list[str | Path] = [
            "-profile",
            "Channel",
            "-channelID",
            self.plan.channel,
            "-outputBlock",
            scratch,
        ]
        env = environment({"FABRIC_CFG_PATH": str(self.home.channel)})
        await call("configtxgen", [self.programs.configtxgen, *argv], env)
        scratch.replace(self.home.genesis)

    async def orderer_join(self) -> None:
        """Lets the orderer take the channel up."""
        block = str(self.home.genesis)
        await self._osnadmin("channel", "join", "--channelID", self.plan.channel, "--config-block", block)

    async def orderer_channel(self) -> str:
        """What the orderer says of the channel (JSON)."""
        return await self._osnadmin("channel", "list", "--channelID", self.plan.channel)

    async def _osnadmin(self, *words: str) -> str:
        tls = self.home.node(self.plan.orderer.name) / "admin-tls"
        who: list[str | Path] = [
            "--ca-file",
            tls / "ca.pem",
            "--client-cert",
            tls / "cert.pem",
            "--client-key",
            tls / "key.pem",
        ]
        argv = [self.programs.osnadmin, *words, "-o", self.plan.orderer.admin, *who]
        text = await call(f"osnadmin {' '.join(words[:2])}", argv, environment({}))
        # It ends with 0 whatever the orderer answers; the first line has the status.
        if not text.startswith("Status: 2"):
            raise CommandFailedError(f"osnadmin {' '.join(words[:2])}", text)
        return text

    async def peer(self, org: Organisation, *words: str | Path) -> str:
        """Runs ``peer`` as the administrator of an organisation, at its own peer."""
        what = f"peer {' '.join(map(str, words[:3]))} ({org.name})"
        return await call(what, [self.home.program("peer"), *words], self.admin_environment(org))

    def admin_environment(self, org: Organisation) -> dict[str, str]:
        """Variables with which ``peer`` speaks for an organisation."""
        folder = self.home.node(org.peer)
        return environment(
            {
                "FABRIC_CFG_PATH": str(folder),
                "CORE_PEER_ADDRESS": org.listen,
                "CORE_PEER_LOCALMSPID": org.msp_id,
                "CORE_PEER_MSPCONFIGPATH": str(folder / "admin"),
                "CORE_PEER_TLS_ENABLED": "true",
                "CORE_PEER_TLS_ROOTCERT_FILE": str(folder / "tls" / "ca.pem"),
            }
        )

    def orderer_options(self) -> list[str]:
        """Options of ``peer`` that name the orderer."""
        ca = self.home.node(self.plan.orderer.name) / "tls" / "ca.pem"
        return ["-o", self.plan.orderer.listen, "--tls", "--cafile", str(ca)]

    def all_peers(self) -> list[str]:
        """Options of ``peer`` that name every organisation's peer."""
        found = []
        for org in self.plan.organisations:
            root = self.home.node(org.peer) / "tls" / "ca.pem"
            found += ["--peerAddresses", org.listen, "--tlsRootCertFiles", str(root)]
        return found
