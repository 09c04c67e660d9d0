"""Fabric's own programs on this machine: looked for, checked, never downloaded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from consortium.errors import ChanrongError

NAMES = ("peer", "orderer", "configtxgen", "osnadmin")
OLDEST = (2, 5)
"""The Gateway service and external builders as we use them are all there from 2.5 on."""

VERSION_TIMEOUT_S = 20.0
WHERE = "Fabric publishes them at https://github.com/hyperledger/fabric/releases (bin/ of hyperledger-fabric-*.tar.gz)"
REMEDY = f"{WHERE}: put them on PATH or name their folder in FABRIC_BIN."


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs are, and of which version."""

    peer: Path
    orderer: Path
    configtxgen: Path
    osnadmin: Path
    version: tuple[int, int, int]

    @property
    def version_text(self) -> str:
        """The version as Fabric writes it, such as v3.1.5."""
        return "v" + ".".join(map(str, self.version))


def find(environment: Mapping[str, str] | None = None) -> Programs:
    """Looks in ``FABRIC_BIN``, then on ``PATH``, then in ``fabric-samples/bin`` (here and in the home folder).

    :raises ChanrongError: reason FABRIC_NOT_FOUND, in one line: which are missing, or which version is too old
    """
    known = os.environ if environment is None else environment
    found: dict[str, Path] = {}
    for folder in _folders(known):
        for name in NAMES:
            if name not in found and (path := shutil.which(name, path=str(folder))):
                found[name] = Path(path).absolute()
    missing = [name for name in NAMES if name not in found]
    if missing:
        raise _error(f"Fabric's {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not found.")
    versions = {name: _version(found[name]) for name in ("peer", "orderer")}
    if versions["peer"] != versions["orderer"]:
        raise _error(f"{found['peer']} and {found['orderer']} are of different versions.")
    version = versions["peer"]
    if version[:2] < OLDEST:
        text = ".".join(map(str, version))
        raise _error(f"{found['peer']} is Fabric {text}; {OLDEST[0]}.{OLDEST[1]} or newer is needed.")
    return Programs(found["peer"], found["orderer"], found["configtxgen"], found["osnadmin"], version)


def _folders(environment: Mapping[str, str]) -> Iterator[Path]:
    if own := environment.get("FABRIC_BIN"):
        yield Path(own)
    for folder in environment.get("PATH", "").split(os.pathsep):
        if folder:
            yield Path(folder)
    yield Path("fabric-samples") / "bin"
    if home := environment.get("HOME"):
        yield Path(home) / "fabric-samples" / "bin"


def _version(program: Path) -> tuple[int, int, int]:
    try:
        done = subprocess.run(
            [str(program), "version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as wrong:
        raise _error(f"{program} cannot be run: {wrong}.") from wrong
    match = re.search(r"Version:\s*v?(\d+)\.(\d+)\.(\d+)", done.stdout)
    if match is None:
        raise _error(f"{program} does not tell Fabric's version.")
    major, minor, patch = (int(part) for part in match.groups())
    return major, minor, patch


def _error(message: str) -> ChanrongError:
    return ChanrongError(message, reason="FABRIC_NOT_FOUND", remedy=REMEDY)
