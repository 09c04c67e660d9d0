"""The profile that ``up`` leaves behind and the other commands use."""

from __future__ import annotations

import json
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from chanrong.sandbox.layout import Layout
from consortium.errors import ChanrongError, ConflictError, NotFoundError
from consortium.identity.files import write_file

ServiceKind = Literal["ledger", "orderer", "peer", "chaincode", "industry", "finance", "adapter"]
KIND_NAMES: Final = {
    "ledger": "ledger",
    "orderer": "orderer",
    "peer": "peer",
    "chaincode": "chaincode server",
    "industry": "industry gateway",
    "finance": "bank",
    "adapter": "institution",
}
MAX_NAMED: Final = 5


class ProfileModel(BaseModel):
    """Base of the profile's records: closed, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Service(ProfileModel):
    """One running service. Addresses are ``host:port`` on loopback; an orderer's ``rest`` is its participation API."""

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
                f"There is no {KIND_NAMES[kind] if kind else 'service'} {name!r} in this sandbox.",
                remedy=f"There are: {known}.",
            )
        return found

    def of_kind(self, kind: ServiceKind) -> list[Service]:
        """All services of a kind, in the order of their start."""
        return [service for service in self.services.values() if service.kind == kind]

    def find_party(self, text: str) -> Party | None:
        """One party by its alias, an identifier (scheme:value), its name, or a part of its name; None if nobody's.

        :raises ConflictError: the part is in several names
        """
        if text in self.parties:
            return self.parties[text]
        there = self.parties.values()
        exact = [each for each in there if text in (each.name, *each.identifiers)]
        found = exact or [each for each in there if text and text.casefold() in each.name.casefold()]
        if len({each.alias for each in found}) > 1:
            raise ConflictError(
                f"{text!r} can be {', '.join(f'{each.alias} ({each.name})' for each in found[:MAX_NAMED])}.",
                reason="AMBIGUOUS",
                remedy="Give the alias.",
            )
        return found[0] if found else None

    def party(self, text: str) -> Party:
        """One party, as :meth:`find_party` finds it.

        :raises NotFoundError: with aliases that there are
        """
        found = self.find_party(text)
        if found is None:
            known = ", ".join(sorted(self.parties)[:MAX_NAMED]) or "none yet: push a document first"
            raise NotFoundError(
                f"There is no party {text!r} in this sandbox.",
                remedy=f"`chanrong parties` lists them: {known}{', …' if len(self.parties) > MAX_NAMED else ''}.",
            )
        return found


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
    try:
        return Profile.model_validate_json(raw)
    except ValueError as wrong:
        raise ChanrongError(
            f"{layout.profile} cannot be read: it is of another version, or damaged.",
            reason="NO_SANDBOX",
            remedy="Start anew: `chanrong down --purge`, then `chanrong up`.",
        ) from wrong


def save_profile(layout: Layout, profile: Profile) -> None:
    """Writes the profile, whole or not at all; only its owner may read it, since it holds client secrets."""
    content = json.dumps(profile.model_dump(), indent=2, ensure_ascii=False) + "\n"
    write_file(layout.profile, content.encode(), private=True)
