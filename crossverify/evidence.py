"""Everything that the rules see of one request, as one value.

Evidence is put together by the finance gateway, travels inside the package, and gives the same findings
wherever it is evaluated again. It holds no clock and no handle to anything outside: ``evaluated_at`` is the
time of evaluation. Times are integer seconds since 1970 UTC, shares are integer billionths of face value
(ppb), amounts inside answers are decimal strings. ``to_bytes`` and ``from_bytes`` are inverse, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from consortium.documents import Document, parse_canonical
from consortium.documents.canonical import canonical_bytes, plain
from consortium.errors import ChanrongError, InvalidInputError
from crossverify.desk import DeskInfo
from crossverify.rule import Stage

EVIDENCE_VERSION = 2
OLDEST_EVIDENCE_VERSION = 1
_SINCE_VERSION_2 = {"registry", "bills", "desk"}
FACE_VALUE_PPB = 1_000_000_000
"""The face value of an asset, in billionths."""

Handle = Annotated[str, Field(max_length=64)]
Ppb = Annotated[int, Field(ge=0, strict=True)]
Seconds = Annotated[int, Field(ge=0, strict=True)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _read_document(value: object) -> Document:
    if isinstance(value, Document):
        return value
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        raise ValueError("a document is a canonical JSON object with a kind")
    try:
        return parse_canonical(value["kind"], value)
    except ChanrongError as error:
        raise ValueError(f"a document cannot be read: {error.message}") from error


def _write_document(document: Document) -> Any:
    return plain(document)


class SubjectInfo(_Frozen):
    """Who asks for credit.

    :ivar handle: ledger handle (hex)
    :ivar identifiers: as "scheme:value"
    :ivar name: as the party is registered; may be empty
    """

    handle: Handle
    identifiers: tuple[str, ...]
    name: str = ""


class RequestInfo(_Frozen):
    """What was asked, by whom and for what.

    :ivar recipient: MSP id of the organisation that gets the package
    :ivar purpose: purpose code; has to be the consent's
    :ivar scope: scope of consent that the step needs: "assess" or "monitor"
    :ivar stage: stage of the lending process; rules of later stages are left out
    :ivar consent_id: the consent that was used; empty takes any that fits
    """

    recipient: str
    purpose: str
    scope: str = "assess"
    stage: Stage = Stage.ASSESS
    consent_id: str = ""


class EvidenceDocument(_Frozen):
    """A document's body with its place on the ledger.

    :ivar fingerprint: primary key on the ledger (hex)
    :ivar document: the body; checked against ``commitment`` by whoever puts it here
    :ivar commitment: what the ledger holds (hex)
    :ivar matched_by: "commitment": the ledger holds it; "tag": another gateway registered the same document
        first, under its own salts, and the content tag agrees
    :ivar salt: the document's salt secret (hex)
    :ivar block: block of the registering transaction; 0 when it is not on the ledger
    :ivar tx_index: position of that transaction in its block, where known
    :ivar txid: the registering transaction; empty when it is not on the ledger
    :ivar registered_at: time of that transaction
    :ivar registered_by: MSP id of the registering organisation
    :ivar pushed_by: ledger handle of the party whose system handed it in
    :ivar signed_by: ledger handle of the party whose signature is on the ledger; empty when merely asserted
    :ivar seller: ledger handle of the seller, as the ledger has it
    :ivar buyer: ledger handle of the buyer, as the ledger has it
    :ivar state: state on the ledger: "asserted", "signed", "amended" or "void"
    """

    fingerprint: Handle
    document: Annotated[Document, BeforeValidator(_read_document), PlainSerializer(_write_document)]
    commitment: Handle
    matched_by: Literal["commitment", "tag"] = "commitment"
    salt: Handle = ""
    block: Annotated[int, Field(ge=0, strict=True)] = 0
    tx_index: Annotated[int, Field(ge=0, strict=True)] = 0
    txid: str = ""
    registered_at: Seconds = 0
    registered_by: str = ""
    pushed_by: Handle = ""
    signed_by: Handle = ""
    seller: Handle = ""
    buyer: Handle = ""
    state: str = "asserted"


class WithheldDocument(_Frozen):
    """A document that is known but whose body could not be used.

    :ivar fingerprint: primary key on the ledger (hex)
    :ivar kind: kind of the document
    :ivar reason: why: "CONSENT_FIELDS", "ERASED", "COMMITMENT_MISMATCH", ...
    """

    fingerprint: Handle
    kind: str
    reason: str


class ClaimState(_Frozen):
    """One live claim on an asset.

    :ivar claim: identifier
    :ivar share_ppb: share of face value
    :ivar state: "reserved" or "financed"
    :ivar own: whether the asking bank can open its handle
    :ivar expires: when a reservation lapses; 0 for a financing
    """

    claim: str
    share_ppb: Ppb
    state: str
    own: bool = False
    expires: Seconds = 0


class LinkState(_Frozen):
    """One weighted link on the ledger, from an asset to the asset that it uses up.

    :ivar child: fingerprint of the document that has the link
    :ivar parent: fingerprint of the parent asset
    :ivar of_child_ppb: part of the child's value that comes from this parent
    :ivar of_parent_ppb: part of the parent that it uses up; none while it is pending
    :ivar basis: "gross", "quantity" or "unknown"
    """

    child: Handle
    parent: Handle
    of_child_ppb: Ppb
    of_parent_ppb: Ppb | None = None
    basis: str = "unknown"


class AssetState(_Frozen):
    """An asset's row on the ledger, as the asking bank can read it.

    :ivar asset: fingerprint of the asset (hex)
    :ivar aliases: fingerprints of all documents of the asset, under all key epochs, its own included
    :ivar state: "free", "encumbered", "impaired" or "void"
    :ivar claims: live claims, in ledger order
    :ivar settled_ppb: share discharged
    :ivar diluted_ppb: share lost by facts (credit notes, payments, void)
    :ivar shortfall_ppb: what claims exceed the rest by
    :ivar via: share used by claims on each child asset
    :ivar links: links to parents
    """

    asset: Handle
    aliases: tuple[Handle, ...] = ()
    state: str = "free"
    claims: tuple[ClaimState, ...] = ()
    settled_ppb: Ppb = 0
    diluted_ppb: Ppb = 0
    shortfall_ppb: Ppb = 0
    via: dict[str, Ppb] = Field(default_factory=dict)
    links: tuple[LinkState, ...] = ()


class SourceState(StrEnum):
    """Whether a source answered."""

    ANSWERED = "answered"
    SILENT = "silent"
    STALE = "stale"


class LedgerView(_Frozen):
    """What the ledger said about assets and consents.

    :ivar state: whether it answered
    :ivar reason: why not
    :ivar as_of: ledger time of the read
    :ivar height: block height of the read
    :ivar channel: channel name
    :ivar assets: by asset fingerprint; parents and children of the receivables included
    """

    state: SourceState
    reason: str = ""
    as_of: Seconds = 0
    height: Annotated[int, Field(ge=0, strict=True)] = 0
    channel: str = ""
    assets: dict[str, AssetState] = Field(default_factory=dict)


class ConsentState(_Frozen):
    """A consent as the ledger has it.

    :ivar id: identifier chosen by the subject
    :ivar subject: ledger handle of the subject
    :ivar recipient: MSP id that may look
    :ivar purpose: purpose code
    :ivar scope: "assess" or "monitor"
    :ivar fields: kinds or leaves that may be released; "*" is everything
    :ivar issued: when it was signed
    :ivar expires: when it ends
    :ivar revoked_at: when it was withdrawn; 0 when it was not
    :ivar txid: transaction that recorded it
    """

    id: str
    subject: Handle
    recipient: str
    purpose: str
    scope: str
    fields: tuple[str, ...]
    issued: Seconds
    expires: Seconds
    revoked_at: Seconds = 0
    txid: str = ""


class SourceAnswer(_Frozen):
    """What an institution said to one batch of questions.

    A source that is down or late is ``silent`` with the reason; it never raises and never passes.

    :ivar source: "tax", "bank", "credit", "registry" or "bills"
    :ivar institution: the institution's name
    :ivar state: whether it answered
    :ivar reason: why not, for a person
    :ivar as_of: state of knowledge that the answers reflect (the oldest, where several calls were made)
    :ivar digest: SHA-256 (hex) over question and answer, as given by the institution
    :ivar answers: by the question's reference: a receivable's document fingerprint, or an identifier
        "scheme:value"
    """

    source: str
    institution: str = ""
    state: SourceState
    reason: str = ""
    as_of: Seconds = 0
    digest: str = ""
    answers: dict[str, dict[str, Any]] = Field(default_factory=dict)


class Evidence(_Frozen):
    """Everything that the rules see. ``None`` for a source says that it was not asked.

    :ivar version: form of this structure
    :ivar evaluated_at: time of evaluation
    :ivar subject: who asks for credit
    :ivar request: what was asked
    :ivar documents: bodies, in any order
    :ivar withheld: documents without a usable body
    :ivar ledger: assets and their claims; also vouches for ``consents``
    :ivar consents: the subject's consents
    :ivar tax: invoices by fingerprint and taxpayers by identifier
    :ivar bank: payments by receivable's fingerprint
    :ivar credit: reports by identifier
    :ivar registry: registrations by assignor's identifier; since version 2
    :ivar bills: bills by "package number|from|to"; since version 2
    :ivar desk: the asking bank's own figures; since version 2
    """

    version: int = EVIDENCE_VERSION
    evaluated_at: Seconds
    subject: SubjectInfo
    request: RequestInfo
    documents: tuple[EvidenceDocument, ...] = ()
    withheld: tuple[WithheldDocument, ...] = ()
    ledger: LedgerView | None = None
    consents: tuple[ConsentState, ...] = ()
    tax: SourceAnswer | None = None
    bank: SourceAnswer | None = None
    credit: SourceAnswer | None = None
    registry: SourceAnswer | None = None
    bills: SourceAnswer | None = None
    desk: DeskInfo | None = None

    def answer(self, source: str) -> SourceAnswer | None:
        """What an institution said; ``None`` when it was not asked.

        :param source: "tax", "bank", "credit", "registry" or "bills"
        """
        found: SourceAnswer | None = getattr(self, source)
        return found

    def to_json(self) -> dict[str, Any]:
        """The evidence as canonical JSON data (dict, list, str, int, bool, None)."""
        return self.model_dump(mode="json", exclude=_SINCE_VERSION_2 if self.version == 1 else None)

    def to_bytes(self) -> bytes:
        """Canonical bytes.

        :raises InvalidInputError: when an answer holds what has no canonical form, such as a float
        """
        return canonical_bytes(self.to_json())

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Evidence:
        """Reads what :meth:`to_json` wrote.

        :raises InvalidInputError: ``EVIDENCE_INVALID`` with the first mistakes when it is something else
        """
        try:
            evidence = Evidence.model_validate(data)
        except ValidationError as error:
            raise _invalid("; ".join(_first_mistakes(error))) from error
        if not OLDEST_EVIDENCE_VERSION <= evidence.version <= EVIDENCE_VERSION:
            raise _invalid(f"version {evidence.version} is not one up to {EVIDENCE_VERSION}")
        if evidence.version == 1 and any(name in data for name in _SINCE_VERSION_2):
            raise _invalid("version 1 has no registry, bills or desk")
        return evidence

    @staticmethod
    def from_bytes(data: bytes) -> Evidence:
        """Reads JSON bytes; same errors as :meth:`from_json`."""
        try:
            parsed = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise _invalid(f"no JSON: {error}") from error
        if not isinstance(parsed, dict):
            raise _invalid("not a JSON object")
        return Evidence.from_json(parsed)


def _first_mistakes(error: ValidationError, limit: int = 3) -> Iterator[str]:
    for item in error.errors(include_input=False, include_url=False)[:limit]:
        yield f"{'/'.join(str(part) for part in item['loc'])}: {item['msg']}"


def _invalid(text: str) -> InvalidInputError:
    return InvalidInputError(
        f"The evidence cannot be read: {text}.",
        reason="EVIDENCE_INVALID",
        remedy="Take the package as its issuer made it.",
    )
