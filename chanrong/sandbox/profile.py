"""The profile that ``up`` leaves behind and the other commands use."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict

from chanrong.sandbox.layout import Layout
from consortium.errors import ChanrongError, NotFoundError
from consortium.identity.files import write_file

ServiceKind = Literal["ledger", "industry", "finance", "adapter"]


class ProfileModel(BaseModel):
    """Base of the profile's records: closed, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Service(ProfileModel):
    """One running service. Addresses are ``host:port`` on loopback."""

    name: str
    kind: ServiceKind
    msp_id: str
    grpc: str
    rest: str = ""

    @property
    def rest_url(self) -> str:
        """Base address of the REST interface."""
        return f"https://{self.rest}"


class Party(ProfileModel):
    """A party of the sandbox. Its signing key is a file of its own; client secrets are per gateway."""

    alias: str
    name: str
    identifiers: tuple[str, ...]
    handle: str
    key_number: int = 1
    secrets: dict[str, str] = {}


class Profile(ProfileModel):
    """Everything that a command has to know of a sandbox."""

    version: Literal[1] = 1
    ledger: Literal["embedded", "fabric"] = "embedded"
    channel: str = "chanrong"
    chaincode: str = "chanrong"
    services: dict[str, Service] = {}
    parties: dict[str, Party] = {}

    def service(self, name: str, kind: ServiceKind | None = None) -> Service:
        """One service by its name.

        :raises NotFoundError: with the names that there are
        """
        found = self.services.get(name)
        if found is None or (kind and found.kind != kind):
            known = ", ".join(s.name for s in self.services.values() if not kind or s.kind == kind)
            raise NotFoundError(
                f"There is no {kind or 'service'} {name!r} here.", remedy=f"There are: {known}."
            )
        return found

    def of_kind(self, kind: ServiceKind) -> list[Service]:
        """All services of a kind, in the order of their start."""
        return [service for service in self.services.values() if service.kind == kind]

    def party(self, alias: str) -> Party:
        """One party by its alias.

        :raises NotFoundError: with the aliases that there are
        """
        if alias not in self.parties:
            known = ", ".join(sorted(self.parties)[:12]) or "none yet"
            raise NotFoundError(
                f"There is no party {alias!r} in this sandbox.", remedy=f"Known parties: {known}."
            )
        return self.parties[alias]


def load_profile(layout: Layout) -> Profile:
    """Reads the profile.

    :raises ChanrongError: reason NO_SANDBOX when nothing was brought up here
    """
    try:
        raw = layout.profile.read_bytes()
    except FileNotFoundError:
        raise ChanrongError(
            f"There is no sandbox in {layout.root}.",
            reason="NO_SANDBOX",
            remedy="Start one with `chanrong up`, or name its folder with --dir.",
        ) from None
    return Profile.model_validate_json(raw)


def save_profile(layout: Layout, profile: Profile) -> None:
    """Writes the profile, whole or not at all; only its owner may read it, since it holds client secrets."""
    content = json.dumps(profile.model_dump(), indent=2, ensure_ascii=False) + "\n"
    write_file(layout.profile, content.encode(), private=True)
