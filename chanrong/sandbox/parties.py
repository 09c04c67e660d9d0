"""Parties of the sandbox: their keys, and making them known at a gateway as its operator would."""

from __future__ import annotations

import re
import unicodedata

from chanrong.sandbox.clients import admin_of, connect
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Party, Profile, Service, load_profile, save_profile
from consortium.documents.fingerprint import party_id
from consortium.documents.party import Party as DocumentParty
from consortium.identity.files import write_file
from consortium.identity.signer import P256Signer
from consortium.rpc.client import call
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from industry_gateway.parties.directory import PartyDirectory, Tenant, identifiers_of

ALIAS_LENGTH = 32
MIN_ALIAS_LENGTH = 3
HANDLE_LENGTH = 64


def subject_of(profile: Profile, text: str) -> str:
    """What the finance gateway calls a subject: a party of the sandbox becomes its ledger handle.

    :raises NotFoundError: nobody of the sandbox, and neither an identifier (scheme:value) nor a handle
    """
    if ":" in text or len(text) == HANDLE_LENGTH:
        found = profile.find_party(text)
        return found.handle if found else text
    return profile.party(text).handle


def signer_of(layout: Layout, alias: str) -> P256Signer:
    """The signing key of a party of the sandbox."""
    return P256Signer.from_pem(layout.party_key(alias).read_bytes())


def alias_for(name: str, role: str) -> str:
    """A short name made from a legal name; where that leaves nothing to type, from the party's role."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    alias = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:ALIAS_LENGTH].strip("-")
    return alias if len(alias) >= MIN_ALIAS_LENGTH else role


def known_as(profile: Profile, party: DocumentParty) -> Party | None:
    """The sandbox's party that a document's party is, recognised as a gateway does."""
    tenants = [
        Tenant(
            alias=known.alias,
            name=known.name,
            handle=known.handle,
            identifiers=tuple(party_id(each) for each in known.identifiers),
            key_number=known.key_number,
            public_key=b"",
            secret_hash="",
        )
        for known in profile.parties.values()
    ]
    tenant = PartyDirectory(tenants).named(party)
    return profile.parties[tenant.alias] if tenant is not None else None


def own_identifiers(profile: Profile, party: DocumentParty) -> tuple[str, ...]:
    """Identifiers with which a document's party can be made known: none that belongs to another party already."""
    taken = {identifier for known in profile.parties.values() for identifier in known.identifiers}
    return tuple(str(each) for each in identifiers_of(party) if str(each) not in taken)


async def onboard(
    layout: Layout, profile: Profile, gateway: Service, *, alias: str, name: str, identifiers: tuple[str, ...]
) -> tuple[Profile, Party]:
    """Makes a party known at a gateway: key, ledger record, client secret. Returns the profile that knows it."""
    key_file = layout.party_key(alias)
    if not key_file.exists():
        write_file(key_file, P256Signer.generate().to_pem(), private=True)
    wanted = industry_pb2.RegisterPartyRequest(
        alias=alias, name=name, identifiers=identifiers, public_key=signer_of(layout, alias).spki
    )
    async with connect(layout, gateway, admin_of(gateway)) as link:
        answer = await call(industry_pb2_grpc.PartyServiceStub(link).RegisterParty, wanted)
    before = profile.parties.get(alias)
    party = Party(
        alias=alias,
        name=name,
        identifiers=tuple(answer.party.identifiers),
        handle=answer.party.handle,
        key_number=answer.party.key_number,
        secrets={**(before.secrets if before else {}), gateway.name: answer.client_secret},
    )
    profile = load_profile(layout)
    profile = profile.model_copy(update={"parties": {**profile.parties, alias: party}})
    save_profile(layout, profile)
    return profile, party
