"""From a parsed document to everything that is stored and registered about it. Pure, and most of what intake
costs.

In order, for one document:

1. the caller is one of its parties; what is somebody's word (a confirmation, a keeper's attestation) comes from there;
2. an origin signature, if any, is the issuer's or the seller's, by a key that the ledger has;
3. keys (fingerprint and tag), canonical bytes, salted commitment, parties' handles, references.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from consortium.contract.names import ASSET_KINDS, MAX_KEYS_PER_DOCUMENT
from consortium.documents import Document, Party, Problem
from consortium.documents.commitment import new_secret, seal
from consortium.documents.fingerprint import ConsortiumKeys, DocumentKey
from consortium.documents.origin import origin_statement
from consortium.documents.party import primary_id
from consortium.documents.roles import (
    buyer_of,
    issuer_of,
    parties_of,
    references_of,
    seller_of,
    word_of_issuer,
)
from consortium.documents.weights import Portion, Worth, portions_of, worth_of
from consortium.identity.signer import verify_p256
from industry_gateway.parties.directory import PartyDirectory, Tenant

MAX_REMEMBERED_HANDLES = 50_000
"""Handles of parties on documents that are kept; an HMAC each otherwise."""

REFERRING = frozenset({"invoice", "credit_note", "bill"})
"""Kinds whose references the ledger reckons with."""
NO_WORTH = Worth(None, None)
"""For documents whose worth nobody asks for here."""
PublicKeys = Mapping[str, bytes]
"""Ledger handle -> public key (DER) with the number that the signature names, looked up beforehand."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A party's signature by which it says "this document is mine", as it came with the document."""

    key_number: int
    signature: bytes


@dataclass(slots=True)
class Referred:
    """Another document that this one refers to.

    :param role: ``weight`` (an order that an invoice draws on, an invoice that a bill pays for) or ``credit`` (an
        invoice that is corrected)
    :param candidates: fingerprints under which the ledger may know it, likeliest first
    :param portion: of a weight: which part of this document it is about
    """

    role: str
    candidates: tuple[str, ...]
    portion: Portion | None = None


@dataclass(slots=True)
class PreparedDocument:
    """A document that may be stored. It does not hold the document itself: a chunk of those would not fit in
    memory.

    :param body: canonical bytes
    :param secret: from which the salts of its commitment come
    :param referred: other documents that the ledger reckons with
    """

    kind: str
    number: str
    keys: tuple[DocumentKey, ...]
    commitment: str
    body: bytes
    secret: bytes
    seller: str | None
    buyer: str | None
    issuer: str
    origin: dict[str, object] | None
    referred: tuple[Referred, ...]
    worth: Worth

    @property
    def fingerprint(self) -> str:
        """Primary fingerprint."""
        return self.keys[0].fp

    @property
    def tag(self) -> str:
        """Content tag under the primary fingerprint."""
        return self.keys[0].tag

    @property
    def asset(self) -> bool:
        """Whether registering it opens an asset."""
        return self.kind in ASSET_KINDS


class Preparer:
    """Prepares documents for one gateway."""

    def __init__(self, keys: ConsortiumKeys, directory: PartyDirectory) -> None:
        self._keys = keys
        self._directory = directory
        self._handles: dict[str, str] = {}

    def signers(self, document: Document) -> list[str]:
        """Handles of those whose signature makes a document theirs: the issuer, then the seller."""
        seller = seller_of(document)
        found = [self.handle_of(issuer_of(document))]
        if seller is not None:
            found.append(self.handle_of(seller))
        return list(dict.fromkeys(found))

    def handle_of(self, party: Party) -> str:
        """Ledger handle of a party: the registered one's, else that of its best identifier."""
        tenant = self._directory.named(party)
        if tenant is not None:
            return tenant.handle
        name = str(primary_id(party))
        handle = self._handles.get(name)
        if handle is None:
            if len(self._handles) >= MAX_REMEMBERED_HANDLES:
                self._handles.clear()
            handle = self._handles[name] = self._keys.party_handle(name)
        return handle

    def _is(self, party: Party, tenant: Tenant) -> bool:
        found = self._directory.named(party)
        # Nobody's here: then the caller's own registration has not come to this directory yet.
        return tenant.is_named_by(party) if found is None else found.handle == tenant.handle

    def prepare(
        self, document: Document, tenant: Tenant, origin: Origin | None, public_keys: PublicKeys
    ) -> PreparedDocument | Problem:
        """Steps 1 to 3; a problem when the document may not be stored for this caller."""
        if not any(self._is(party, tenant) for party in parties_of(document)):
            return _not_a_party(document)
        issuer = issuer_of(document)
        secret = new_secret()
        sealed = seal(document, secret)
        signed: dict[str, object] | None = None
        if origin is not None:
            signed = self._verified(document, sealed.body, origin, public_keys)
            if signed is None:
                return _bad_signature(origin)
        if word_of_issuer(document) and not (self._is(issuer, tenant) or self._signed_by(issuer, signed)):
            return _not_the_issuer(document)
        seller, buyer = seller_of(document), buyer_of(document)
        referred = self._referred(document)
        return PreparedDocument(
            kind=document.kind,
            number=document.number,
            keys=self._keys.keys_of(document)[:MAX_KEYS_PER_DOCUMENT],
            commitment=sealed.commitment,
            body=sealed.body,
            secret=secret,
            seller=None if seller is None else self.handle_of(seller),
            buyer=None if buyer is None else self.handle_of(buyer),
            issuer=self.handle_of(issuer),
            origin=signed,
            referred=referred,
            worth=worth_of(document) if referred or document.kind in ASSET_KINDS else NO_WORTH,
        )

    def _signed_by(self, issuer: Party, signed: Mapping[str, object] | None) -> bool:
        """Whether the issuer signed: the seller's signature is an origin too, but not the issuer's word."""
        return signed is not None and signed["party"] == self.handle_of(issuer)

    def _verified(
        self, document: Document, body: bytes, origin: Origin, public_keys: PublicKeys
    ) -> dict[str, object] | None:
        statement = origin_statement(document, body)
        for handle in self.signers(document):
            spki = public_keys.get(handle)
            if spki is not None and verify_p256(spki, statement, origin.signature):
                return {
                    "party": handle,
                    "key": origin.key_number,
                    "signature": base64.b64encode(origin.signature).decode(),
                    "digest": hashlib.sha256(statement).hexdigest(),
                }
        return None

    def _referred(self, document: Document) -> tuple[Referred, ...]:
        """Orders that an invoice draws on, invoices that a bill pays for or a credit note corrects: what the ledger
        reckons with.
        """
        if document.kind not in REFERRING:
            return ()
        references = references_of(document)
        if document.kind == "credit_note":
            invoices = [reference for reference in references if reference.kind == "invoice"]
            return tuple(
                Referred("credit", self._keys.parent_fingerprints(each, document)) for each in invoices
            )
        found: list[Referred] = []
        portions = {portion.key: portion for portion in portions_of(document)}
        for reference in references:
            portion = portions.get((reference.kind, reference.number, reference.fapiao_code))
            if portion is not None:
                candidates = self._keys.parent_fingerprints(reference, document)
                found.append(Referred("weight", candidates, portion))
        return tuple(found)


def _not_a_party(document: Document) -> Problem:
    return Problem(
        path="",
        field="parties",
        value="",
        rule="NOT_A_PARTY",
        message=f"The caller is not a party of this {document.kind.replace('_', ' ')}.",
        remedy="Push it as a party that it names, and let the operator register all your identifiers.",
    )


def _not_the_debtor() -> Problem:
    return Problem(
        path="/buyer",
        field="buyer",
        value="",
        rule="CONFIRMATION_NOT_FROM_DEBTOR",
        message="A confirmation counts only when it comes from the debtor.",
        remedy="Let the buyer push it, or send it with the buyer's origin signature.",
    )


def _not_the_issuer(document: Document) -> Problem:
    if document.kind == "debtor_confirmation":
        return _not_the_debtor()
    role = {"keeper_attestation": "keeper", "inspection_report": "inspector"}.get(document.kind, "buyer")
    what = document.kind.replace("_", " ")
    return Problem(
        path=f"/{role}",
        field=role,
        value="",
        rule="NOT_FROM_ISSUER",
        message=f"This {what} is the {role}'s word and counts only when it comes from there.",
        remedy=f"Let the {role} push it, or send it with the {role}'s origin signature.",
    )


def _bad_signature(origin: Origin) -> Problem:
    return Problem(
        path="",
        field="origin",
        value=f"key {origin.key_number}",
        rule="ORIGIN_SIGNATURE_INVALID",
        message="The origin signature is not the issuer's or seller's, or was made over other bytes.",
        remedy="Sign the origin statement of exactly this document with the registered key, or send none.",
    )
