"""Fingerprint and content tag: the keyed names under which the ledger knows a document.

A plain hash of a guessable number is found by trying; so the consortium has keys, one per epoch, and an
outsider cannot.

- **Fingerprint**: ``HMAC-SHA-256(HKDF(epoch key, "chanrong/fingerprint/v1"), canonical JSON of the
  identity)``. The identity names the thing, not who brings it: kind of number, issuer, counterparty,
  normalised number, year, as
  :func:`identities` says.
- **Content tag**: ``HMAC-SHA-256(HKDF(epoch key, "chanrong/tag/v1"), canonical JSON of identity and core
  fields)``. The same tag: the same document again. Another tag under the same fingerprint: a conflict.
- **Party handle**: ``HMAC-SHA-256(HKDF(party key, "chanrong/party/v1"), identifier)``: the same in every
  epoch.

A party may be written with several identifiers (USCC, LEI, VAT number); each strong one gives a key, so that
one invoice written with two of them meets itself. A commercial invoice that names its 数电票 has that number
as an alias.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from consortium.documents.base import Document
from consortium.documents.bill import Bill
from consortium.documents.core import core_fields
from consortium.documents.invoice import InvoiceBase
from consortium.documents.party import Party, PartyId, primary_id, strong_ids
from consortium.documents.roles import Reference, buyer_of, issuer_of, seller_of
from consortium.errors import ConfigurationError, InvalidInputError

KEY_BYTES: Final = 32
MAX_PARTY_KEYS: Final = 4
"""Combinations of strong identifiers of issuer and counterparty that give keys of their own, per epoch."""
DIGITAL_FAPIAO: Final = "cn-digital"
OLDER_FAPIAO: Final = "cn-code"
BILL: Final = "bill"
OFFICIAL: Final = frozenset({DIGITAL_FAPIAO, OLDER_FAPIAO})
"""Kinds of number that a tax authority gives: they stand alone, whoever the parties are."""
ALONE: Final = frozenset({"invoice", "credit_note", "warehouse_receipt"}) | frozenset(
    {"transport_document", "financing_request", "keeper_attestation", "inspection_report"}
)
"""Kinds whose number is their issuer's alone, whoever the counterparty is."""
BY_BUYER: Final = frozenset(
    {"purchase_order", "goods_receipt", "debtor_confirmation", "assignment_acknowledgement"}
)
"""Kinds that the buyer numbers."""

_SIGNS = re.compile(r"[^0-9A-Z]+")
_DIGITAL_NUMBER = re.compile(r"\d{20}", re.ASCII)


class DocumentKey(NamedTuple):
    """One name of a document on the ledger."""

    epoch: int
    """Epoch of the consortium key."""
    fp: str
    """Fingerprint, hex."""
    tag: str
    """Content tag, hex; empty for an alias, since what the other document says is not known."""
    alias: bool = False
    """True: the key of another document of the same receivable (a 数电票 that a commercial invoice names)."""


def normalised_number(number: str) -> str:
    """A document number as it is compared: NFKC, upper case, letters and digits only; a purely numeric one
    without its leading zeros. A number of nothing but signs stays as it is."""
    if number.isascii():
        text = _SIGNS.sub("", number.upper()) or number.upper().strip()
        return text.lstrip("0") or "0" if text.isdigit() else text
    text = unicodedata.normalize("NFKC", number).upper()
    if not (text.isascii() and text.isalnum()):
        text = unicodedata.normalize("NFKC", "".join(c for c in text if c.isalnum())) or text.strip()
    return text.lstrip("0") or "0" if text.isascii() and text.isdigit() else text


def _digits(number: str) -> str:
    """An official number, whose length is fixed: its zeros stay."""
    return "".join(c for c in unicodedata.normalize("NFKC", number) if c.isalnum())


@dataclass(frozen=True, slots=True)
class ConsortiumKeys:
    """The consortium's secret keys. Every gateway of the consortium holds the same ones; nobody else does."""

    current: int
    """Epoch under which new documents get their first key."""
    fingerprint_keys: Mapping[int, bytes]
    """Derived key per epoch, the current one first, then newest first."""
    tag_keys: Mapping[int, bytes]
    """Derived key per epoch."""
    party_key: bytes
    """Derived key of party handles."""

    @classmethod
    def create(cls, epochs: Mapping[int, bytes], current: int, party: bytes) -> ConsortiumKeys:
        """Derive the working keys.

        :param epochs: epoch number -> 32 secret bytes
        :param party: 32 secret bytes
        :raises ConfigurationError: a key has another length, or the current epoch has none
        """
        wrong = [
            str(epoch) for epoch, key in epochs.items() if len(key) != KEY_BYTES or not 0 < epoch < 2**31
        ]
        if wrong or len(party) != KEY_BYTES or current not in epochs:
            raise ConfigurationError(
                f"Consortium keys need {KEY_BYTES} bytes each, and a key of the current epoch {current}.",
                remedy="Get the consortium's key file from its operator again.",
            )
        order = sorted(epochs, key=lambda epoch: (epoch != current, -epoch))
        return cls(
            current=current,
            fingerprint_keys={epoch: _derive(epochs[epoch], b"chanrong/fingerprint/v1") for epoch in order},
            tag_keys={epoch: _derive(epochs[epoch], b"chanrong/tag/v1") for epoch in order},
            party_key=_derive(party, b"chanrong/party/v1"),
        )

    @classmethod
    def from_json(cls, data: bytes | str) -> ConsortiumKeys:
        """Read the key file: ``{"current": 1, "epochs": {"1": "<hex>"}, "party": "<hex>"}``.

        :raises ConfigurationError: the file is malformed
        """
        try:
            values = orjson.loads(data)
            epochs = {int(epoch): bytes.fromhex(key) for epoch, key in values["epochs"].items()}
            current, party = int(values["current"]), bytes.fromhex(values["party"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigurationError(
                "The consortium's key file is malformed.",
                remedy='It holds {"current": 1, "epochs": {"1": "<hex>"}, "party": "<hex>"}, 32 bytes each.',
            ) from error
        return cls.create(epochs, current, party)

    def __repr__(self) -> str:
        return f"ConsortiumKeys(current={self.current}, epochs={sorted(self.fingerprint_keys)})"

    def fingerprint(self, document: Document, epoch: int | None = None) -> str:
        """The document's first key under an epoch (the current one by default)."""
        return self._fingerprint(identities(document)[0], epoch)

    def tag(self, document: Document, epoch: int | None = None) -> str:
        """The content tag that belongs to :meth:`fingerprint`."""
        return self._tag(identities(document)[0], document, epoch)

    def keys_of(self, document: Document) -> tuple[DocumentKey, ...]:
        """All keys of a document: the first is the primary one under the current epoch; then the same under
        older epochs, under the parties' other strong identifiers, and the aliases."""
        own, aliases = identities(document), alias_identities(document)
        found = [
            DocumentKey(epoch, self._fingerprint(identity, epoch), self._tag(identity, document, epoch))
            for identity in own
            for epoch in self.fingerprint_keys
        ]
        found += [
            DocumentKey(epoch, self._fingerprint(identity, epoch), "", alias=True)
            for identity in aliases
            for epoch in self.fingerprint_keys
        ]
        return tuple(found)

    def parent_fingerprint(self, reference: Reference, document: Document) -> str:
        """The most likely fingerprint, under the current epoch, of a document that this one refers to."""
        return self._fingerprint(reference_identities(reference, document)[0], None)

    def parent_fingerprints(self, reference: Reference, document: Document) -> tuple[str, ...]:
        """Every fingerprint under which that document may be known, likeliest first: other identifiers of the
        parties, the year before where the reference has no date, older epochs."""
        found = [
            self._fingerprint(identity, epoch)
            for epoch in self.fingerprint_keys
            for identity in reference_identities(reference, document)
        ]
        return tuple(dict.fromkeys(found))

    def party_handle(self, party: PartyId | str) -> str:
        """The name of a party on the ledger, hex.

        :param party: an identifier, or its text ``scheme:value``
        """
        return hmac.digest(self.party_key, str(party_id(party)).encode(), "sha256").hex()

    def handle_of(self, party: Party) -> str:
        """The handle of a party's best identifier."""
        return self.party_handle(primary_id(party))

    def _fingerprint(self, identity: tuple[str, ...], epoch: int | None) -> str:
        key = self._key(self.fingerprint_keys, epoch)
        return hmac.digest(key, orjson.dumps(identity), "sha256").hex()

    def _tag(self, identity: tuple[str, ...], document: Document, epoch: int | None) -> str:
        key = self._key(self.tag_keys, epoch)
        official = identity[0] in OFFICIAL
        return hmac.digest(
            key, orjson.dumps([*identity, *core_fields(document, official=official)]), "sha256"
        ).hex()

    def _key(self, keys: Mapping[int, bytes], epoch: int | None) -> bytes:
        number = self.current if epoch is None else epoch
        try:
            return keys[number]
        except KeyError as error:
            raise InvalidInputError(
                f"The consortium has no key of epoch {number}.", reason="EPOCH_UNKNOWN"
            ) from error


def party_id(party: PartyId | str) -> PartyId:
    """An identifier from its text ``scheme:value``.

    :raises InvalidInputError: ``PARTY_ID_INVALID``
    """
    if isinstance(party, PartyId):
        return party
    scheme, colon, value = party.partition(":")
    try:
        return PartyId(scheme=scheme.lower(), value=value)
    except ValueError as error:
        raise InvalidInputError(
            "This is not a party's identifier." if colon else "An identifier is written scheme:value.",
            reason="PARTY_ID_INVALID",
            remedy="Write for example uscc:91310000MA1FL0000X.",
        ) from error


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(key)


def identities(document: Document) -> list[tuple[str, ...]]:
    """What identifies a document, first the primary identity.

    A 数电票 is its 20 digits; an older fapiao its code and number; any other invoice or credit note its
    seller, number and year; a bill its package number and sub-range; an order its buyer, seller and number; what is
    in ``ALONE`` its issuer and number; other documents issuer, counterparty and number.
    """
    if isinstance(document, Bill):
        return [(BILL, document.number, str(document.range_from), str(document.range_to))]
    official = _own_official(document)
    if official is not None:
        return [official]
    year = document.issue_date.year if isinstance(document, InvoiceBase) else None
    return list(
        _by_parties(document.kind, issuer_of(document), _counterparty(document), document.number, year)
    )


def alias_identities(document: Document) -> list[tuple[str, ...]]:
    """Identities of other documents of the same receivable: the fapiao that a commercial invoice names."""
    if not isinstance(document, InvoiceBase) or not document.fapiao:
        return []
    own = _own_official(document)
    found = (_official(each.number, each.code) for each in document.fapiao)
    return [each for each in dict.fromkeys(found) if each != own]


def reference_identities(reference: Reference, document: Document) -> list[tuple[str, ...]]:
    """What identifies a document that is only referred to, likeliest first."""
    seller, buyer = reference.seller, reference.buyer
    if reference.kind == "invoice" and (official := _referred_official(reference)):
        return [official]
    if reference.kind == BILL:
        return [_bill_identity(reference.number)]
    issuer, other = (buyer, seller) if reference.kind in BY_BUYER else (seller, buyer)
    if reference.issuer is not None:
        issuer, other = reference.issuer, buyer
    if issuer is None:
        issuer, other = issuer_of(document), None
    if reference.kind not in {"invoice", "credit_note"}:
        other = None if reference.kind in ALONE else other
        return list(_by_parties(reference.kind, issuer, other, reference.number, None))
    day = reference.issue_date or document.issue_date
    years = [day.year] if reference.issue_date else [day.year, day.year - 1]
    return [each for y in years for each in _by_parties(reference.kind, issuer, None, reference.number, y)]


def _counterparty(document: Document) -> Party | None:
    if document.kind in ALONE:
        return None
    issuer, buyer = issuer_of(document), buyer_of(document)
    return seller_of(document) if issuer is buyer else buyer


def _by_parties(
    kind: str, issuer: Party, other: Party | None, number: str, year: int | None
) -> Iterator[tuple[str, ...]]:
    tail = (normalised_number(number), *([str(year)] if year is not None else []))
    others = [""] if other is None else [str(each) for each in strong_ids(other) or (primary_id(other),)]
    issuers = [str(each) for each in strong_ids(issuer) or (primary_id(issuer),)]
    count = 0
    for one in issuers:
        for another in others:
            if count < MAX_PARTY_KEYS:
                count += 1
                yield (kind, one, another, *tail)


def _bill_identity(number: str) -> tuple[str, ...]:
    """Of a bill as a document names it: ``package number|from|to``, or the number alone."""
    package, *numbers = number.split("|")
    first, last = (*numbers, "0", "0")[:2]
    return (BILL, _digits(package), first.strip(), last.strip())


def _official(number: str, code: str | None) -> tuple[str, ...]:
    return (OLDER_FAPIAO, code, number) if code else (DIGITAL_FAPIAO, number)


def _own_official(document: Document) -> tuple[str, ...] | None:
    """The official number of a document that is itself a Chinese tax invoice."""
    if not isinstance(document, InvoiceBase):
        return None
    number = _digits(document.number)
    for fapiao in document.fapiao:
        if fapiao.number == number:
            return _official(fapiao.number, fapiao.code)
    if _DIGITAL_NUMBER.fullmatch(number) and _is_chinese(document.seller):
        return (DIGITAL_FAPIAO, number)
    return None


def _referred_official(reference: Reference) -> tuple[str, ...] | None:
    number = _digits(reference.number)
    if reference.fapiao_code:
        return (OLDER_FAPIAO, reference.fapiao_code, number)
    if _DIGITAL_NUMBER.fullmatch(number) and reference.seller is not None and _is_chinese(reference.seller):
        return (DIGITAL_FAPIAO, number)
    return None


def _is_chinese(party: Party) -> bool:
    """Whether a number of 20 digits of this seller is a 数电票: it has a USCC, or sits in China."""
    if any(each.scheme == "uscc" for each in party.identifiers):
        return True
    return party.address is not None and party.address.country == "CN"
