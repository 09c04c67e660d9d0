"""Which registered party is meant by what a document, a certificate or a token says.

A document names its parties by identifiers, and anybody can write any identifier into a document. So a
registered party is recognised on a document only when an identifier agrees **and** none of those that a legal
entity has only one of (USCC, LEI, VAT number in a country, company register) contradicts: a document with the
victim's USCC and the caller's own GLN on one party names the victim.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from consortium.documents import Party, PartyId
from consortium.documents.party import STRONG_RANK, name_id, primary_id, rank

MAX_REMEMBERED = 50_000
"""Parties of documents whose registered party is remembered."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A registered party.

    :param alias: short name at this gateway; OAuth2 client id and common name of its certificate
    :param handle: keyed handle (hex) under which the ledger knows it
    :param identifiers: the first is the primary one, from which the handle is made
    :param key_number: number of its present key on the ledger
    :param public_key: that key, SubjectPublicKeyInfo in DER
    """

    alias: str
    name: str
    handle: str
    identifiers: tuple[PartyId, ...]
    key_number: int
    public_key: bytes
    secret_hash: str

    def is_named_by(self, party: Party) -> bool:
        """Whether a party on a document is this one."""
        written = identifiers_of(party)
        own = {str(each) for each in self.identifiers}
        if own.isdisjoint(str(each) for each in written):
            return False
        return not any(self._contradicts(each) for each in written)

    def _contradicts(self, written: PartyId) -> bool:
        if rank(written.scheme) > STRONG_RANK:
            return False
        same = [each for each in self.identifiers if _register(each) == _register(written)]
        return bool(same) and written not in same


def identifiers_of(party: Party) -> tuple[PartyId, ...]:
    """What a party on a document can be recognised by: not by the number that its trading partner gave it.

    A name counts only where nothing else stands.
    """
    found = tuple(each for each in party.identifiers if each.scheme != "local")
    if found:
        return found
    name = party.name or party.trading_name
    return (name_id(name),) if name else ()


def _register(identifier: PartyId) -> str:
    """The register that an identifier is from: VAT numbers are given country by country."""
    if identifier.scheme == "vat":
        return f"vat:{identifier.value[:2]}"
    return identifier.scheme


class PartyDirectory:
    """All registered parties of one gateway, in memory."""

    def __init__(self, tenants: Iterable[Tenant] = ()) -> None:
        self._by_alias: dict[str, Tenant] = {}
        self._by_identifier: dict[str, Tenant] = {}
        self._by_handle: dict[str, Tenant] = {}
        self.replace(tenants)

    def replace(self, tenants: Iterable[Tenant]) -> None:
        """Takes over what the database has."""
        found = list(tenants)
        self._named: dict[object, Tenant | None] = {}
        self._by_alias = {each.alias: each for each in found}
        self._by_identifier = {str(name): each for each in found for name in each.identifiers}
        self._by_handle = {each.handle: each for each in found}

    def alias(self, alias: str) -> Tenant | None:
        """The party of a short name."""
        return self._by_alias.get(alias)

    def handle(self, handle: str) -> Tenant | None:
        """The party of a ledger handle."""
        return self._by_handle.get(handle)

    def named(self, party: Party) -> Tenant | None:
        """The registered party that a document's party is; None when it is nobody's here.

        The best identifier that is known here decides: beside it, others' weak ones name nobody else.
        """
        names = (
            tuple((each.scheme, each.value) for each in party.identifiers) or party.name or party.trading_name
        )
        try:
            return self._named[names]
        except KeyError:
            pass
        found = self._look_up(party)
        if len(self._named) >= MAX_REMEMBERED:
            self._named.clear()
        self._named[names] = found
        return found

    def _look_up(self, party: Party) -> Tenant | None:
        for identifier in sorted(identifiers_of(party), key=lambda each: rank(each.scheme)):
            tenant = self._by_identifier.get(str(identifier))
            if tenant is not None:
                return tenant if tenant.is_named_by(party) else None
        return None

    def all(self) -> list[Tenant]:
        """All parties by alias."""
        return [self._by_alias[alias] for alias in sorted(self._by_alias)]


def primary_of(identifiers: Iterable[PartyId]) -> PartyId:
    """The identifier that a registered party's handle is made from: the one a document's handle would be."""
    return primary_id(Party(identifiers=tuple(identifiers)))
