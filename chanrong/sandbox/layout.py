"""Where everything of one sandbox lives below its folder (``.chanrong`` or ``--dir``)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_DIRECTORY = ".chanrong"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one sandbox. Every path is absolute."""

    root: Path

    @classmethod
    def at(cls, directory: Path | str | None) -> Layout:
        """The sandbox in ``directory``, else in ``CHANRONG_DIR``, else in ``.chanrong`` below the working folder."""
        chosen = directory or os.environ.get("CHANRONG_DIR") or DEFAULT_DIRECTORY
        return cls(Path(chosen).expanduser().resolve())

    @property
    def profile(self) -> Path:
        """The profile that the commands use."""
        return self.root / "profile.json"

    @property
    def lock(self) -> Path:
        """Held while ``up`` or ``down`` works, so that two of them do not cross."""
        return self.root / "lock"

    @property
    def overrides(self) -> Path:
        """The user's own settings, kept from the last ``up --config``."""
        return self.root / "config.toml"

    @property
    def pushed(self) -> Path:
        """What was pushed from here: a line of JSON for each document, so that commands know it by its number."""
        return self.root / "pushed.ndjson"

    @property
    def directory(self) -> Path:
        """Organisations, their TLS authorities and the roles that they may give."""
        return self.root / "directory.json"

    @property
    def consortium_keys(self) -> Path:
        """The consortium's fingerprint keys."""
        return self.root / "consortium-keys.json"

    @property
    def trust(self) -> Path:
        """The trust folder for ``package verify``."""
        return self.root / "trust"

    @property
    def bundle(self) -> Path:
        """Every organisation's TLS authority in one file."""
        return self.root / "tls" / "bundle.pem"

    def ca(self, msp_id: str) -> Path:
        """An organisation's certificate authority for identities."""
        return self.root / "ca" / msp_id / "ca"

    def tls_ca(self, msp_id: str) -> Path:
        """An organisation's certificate authority for TLS."""
        return self.root / "ca" / msp_id / "tlsca"

    def msp(self, msp_id: str) -> Path:
        """MSP folder of an organisation's gateway."""
        return self.root / "orgs" / msp_id / "msp"

    def peer(self, msp_id: str) -> Path:
        """Certificate and key of an organisation's endorsing peer."""
        return self.root / "peers" / msp_id

    def tls(self, name: str) -> Path:
        """TLS certificate and key of one service or person."""
        return self.root / "tls" / name

    def config(self, service: str) -> Path:
        """Settings file of a service."""
        return self.root / "services" / f"{service}.toml"

    def data(self, service: str) -> Path:
        """Folder of a service's own data."""
        return self.root / "data" / service

    def log(self, service: str) -> Path:
        """Log of a service."""
        return self.root / "logs" / f"{service}.log"

    def pid(self, service: str) -> Path:
        """Process record of a service."""
        return self.root / "run" / f"{service}.json"

    def party_key(self, alias: str) -> Path:
        """Signing key of a party of the sandbox."""
        return self.root / "parties" / f"{alias}.key.pem"
