"""``documents:*``: registering, amending, voiding and taking over documents.

======================= =========================================== ==========================================
function                request                                     answer
======================= =========================================== ==========================================
``documents:register``  ``{op, items: [RegisterItem]}`` up to 1,000 ``results: [RegisterResult]``
``documents:amend``     ``{op, items: [AmendItem]}`` up to 256      ``results`` ``amended`` | ``refused``
``documents:void``      ``{op, items: [VoidItem]}``                 ``voided`` | ``already`` | ``refused``
``documents:take_over`` ``{op, items: [TakeOverItem]}``             ``taken_over`` | ``already`` | ``refused``
``documents:get``       ``{fps: [..]}`` any keys, up to 1,000       ``{documents: [DocumentRecord | null]}``
``documents:history``   ``{fp}``                                    ``{fp, entries: [HistoryEntry]}``
======================= =========================================== ==========================================

Registering compares the tags of equal keys. Own key against own key: an equal tag is ``already`` (with the
first transaction), a different one is ``conflict``. Where a key is an alias (no tag) on either side, the
document is another one of the same receivable: with the same seller it is registered and shares the asset
(``grouped: true``); an alias that belongs to another seller is a ``conflict``, while a document's own key
takes precedence over another seller's alias. An asset is opened by orders, invoices, warehouse receipts
and bills, and ``asset`` must say so truly; an asset needs a seller.

Registering writes only the document's own keys. Two things are then left to the gateway, and results say
so: ``relink: true``: links of a document that shares an asset, or use that was waiting for this document,
have not reached the assets above; call ``assets:link`` with the document's links (or, without links of its
own, with those of a child). ``join``: further assets of the same receivable; call ``assets:alias`` for
each.

``state``: ``asserted`` (the registering organisation's word), ``signed`` (the issuer's or seller's key),
``amended``, ``void``. ``grade`` stays ``asserted`` or ``signed`` through the later ones. A signature is
checked against the digest given, not against the body, which the ledger never sees: whoever has the body
compares ``origin.digest`` with the SHA-256 of the origin statement.

Who may: any member may register (an asserted document is that member's word, ``owner`` says whose). Amend: the
owner, or anyone with the seller's signature over ``amendment_statement``; while live claims are on the asset
every holder must have agreed to its digest (``encumbrances:agree``). An amendment without signature makes a
signed document asserted again. Void: who may speak about the document
(:mod:`consortium.contract.encumbrances`), or the seller's signature over ``void_statement``; never refused for
being encumbered. The asset becomes void with it, if the seller signed or the caller may speak about the asset
too; an impaired asset stands in the event's ``changed`` with the holders' handles. Take over: the seller's
signature over ``take_over_statement``, only while asserted; changed content needs the holders' agreement too.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from consortium.contract.common import (
    DOCUMENT_KEY,
    KEY_NUMBER,
    LINK,
    PARTY_SIGNATURE,
    SIGNATURE_B64,
    DocumentKey,
    Link,
    PartySignature,
)
from consortium.contract.names import (
    DOCUMENT_KINDS,
    MAX_KEYS_PER_DOCUMENT,
    MAX_LINKS_PER_DOCUMENT,
    MAX_READ_ITEMS,
)
from consortium.contract.schema import HEX32, TIME, array, boolean, choice, nullable, record, text

DocumentState = Literal["asserted", "signed", "amended", "void"]


class Origin(TypedDict):
    """The issuer's or seller's signature over the document's origin statement."""

    party: str
    key: int
    signature: str
    digest: str
    """SHA-256 (hex) of the origin statement's bytes, over which the signature is checked."""


class RecordedOrigin(Origin):
    """The signature that makes a document signed: over its origin statement, or over a later amendment or
    take-over statement, of which ``digest`` is the SHA-256."""

    type: Literal["origin", "amendment", "take_over"]


class RegisterItem(TypedDict):
    """A document to register."""

    kind: str
    keys: list[DocumentKey]
    commitment: str
    seller: str | None
    buyer: str | None
    issuer: str
    origin: Origin | None
    asset: bool
    links: list[Link]


class RegisterResult(TypedDict):
    """What became of one document; ``asset`` is absent where it equals ``fp``."""

    status: Literal["registered", "already", "conflict", "refused"]
    fp: NotRequired[str]
    txid: NotRequired[str]
    """The first registration's transaction."""
    asset: NotRequired[str | None]
    grouped: NotRequired[bool]
    relink: NotRequired[bool]
    join: NotRequired[list[str]]
    reason: NotRequired[str]
    message: NotRequired[str]


class AmendItem(TypedDict):
    """A voluntary change of content. ``keys``: the document's own keys with their new tags."""

    fp: str
    keys: list[DocumentKey]
    commitment: str
    reason: str
    evidence: str | None
    signature: PartySignature | None


class VoidItem(TypedDict):
    """The end of a document. ``evidence``: fingerprint or digest of what shows it."""

    fp: str
    reason: str
    evidence: str | None
    signature: NotRequired[PartySignature | None]


class TakeOverItem(TypedDict):
    """The seller's own registration in place of an asserted one."""

    fp: str
    keys: list[DocumentKey]
    commitment: str
    issued: int
    party: str
    key: int
    signature: str


class DocumentRecord(TypedDict):
    """A document as the ledger has it."""

    fp: str
    kind: str
    keys: list[DocumentKey]
    commitment: str
    seller: str | None
    buyer: str | None
    issuer: str
    owner: str
    """MSP id of the organisation that registered it or took it over."""
    state: DocumentState
    grade: Literal["asserted", "signed"]
    origin: RecordedOrigin | None
    asset: str | None
    links: list[Link]
    """As registered; an asset's present links are in ``assets:get``."""
    first_tx: str
    time: int
    changed_tx: str
    """Transaction of the last change; the first one when there was none."""
    reason: NotRequired[str]
    evidence: NotRequired[str | None]


class HistoryEntry(TypedDict):
    """One version of a document's record, newest first."""

    txid: str
    time: int
    state: DocumentState
    owner: str
    commitment: str


class GetDocuments(TypedDict):
    """Answer of ``documents:get``."""

    documents: list[DocumentRecord | None]


_ORIGIN: Final = record({"party": HEX32, "key": KEY_NUMBER, "signature": SIGNATURE_B64, "digest": HEX32})
_KEYS: Final = array(DOCUMENT_KEY, 1, MAX_KEYS_PER_DOCUMENT)
REASON_TEXT: Final = text(1, 256)

REGISTER_ITEM: Final = record(
    {
        "kind": choice(*DOCUMENT_KINDS),
        "keys": _KEYS,
        "commitment": HEX32,
        "seller": nullable(HEX32),
        "buyer": nullable(HEX32),
        "issuer": HEX32,
        "origin": nullable(_ORIGIN),
        "asset": boolean,
        "links": array(LINK, 0, MAX_LINKS_PER_DOCUMENT),
    }
)
AMEND_ITEM: Final = record(
    {
        "fp": HEX32,
        "keys": _KEYS,
        "commitment": HEX32,
        "reason": REASON_TEXT,
        "evidence": nullable(HEX32),
        "signature": nullable(PARTY_SIGNATURE),
    }
)
VOID_ITEM: Final = record(
    {"fp": HEX32, "reason": REASON_TEXT, "evidence": nullable(HEX32)},
    {"signature": nullable(PARTY_SIGNATURE)},
)
TAKE_OVER_ITEM: Final = record(
    {
        "fp": HEX32,
        "keys": _KEYS,
        "commitment": HEX32,
        "issued": TIME,
        "party": HEX32,
        "key": KEY_NUMBER,
        "signature": SIGNATURE_B64,
    }
)
GET: Final = record({"fps": array(HEX32, 1, MAX_READ_ITEMS)})
HISTORY: Final = record({"fp": HEX32})
