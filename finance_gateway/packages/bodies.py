"""Document bodies: from the industry gateways, and held against the ledger one by one.

1. Every gateway is asked under the consent. One that does not know the subject has none; one that does not answer ends
   the request, since a package must not look complete when it is not.
2. What a gateway says is bounded and has to be well-formed, or the gateway counts as not answering.
3. The ledger is asked for what it has under the fingerprints: signed answers, and the records.
4. Each body is parsed and its keys made again from its own content with the consortium's key. It fits where the ledger
   holds its commitment; or its content tag, where another gateway registered the same document first, with salts of its
   own. An alias has no tag, and fits nothing. Where several gateways have a document, one that fits is taken, by
   commitment before by tag.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from consortium.contract import names
from consortium.contract.documents import DocumentRecord
from consortium.documents import KINDS, Document, parse_canonical
from consortium.documents.commitment import SECRET_BYTES, seal
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.errors import ChanrongError, DeniedError, InvalidInputError, UnavailableError
from consortium.wire.chanrong.documents.v1 import documents_pb2
from crossverify.evidence import EvidenceDocument, WithheldDocument
from finance_gateway.checks import is_hex32
from finance_gateway.heavy import heavy
from finance_gateway.packages.answers import ReadAnswer, read_answer
from finance_gateway.packages.ledger_view import FPS_PER_READ, position_of
from finance_gateway.packages.ports import BodiesPort, LedgerPort
from finance_gateway.together import together

MAX_DOCUMENTS: Final = 10_000
"""Documents of one package; a bank that wants more asks for chosen receivables."""

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
"""All bodies of one package: what is signed holds them, findings and evidence besides, within 64 MiB."""

_NOT_HERE: Final = frozenset({"NOT_FOUND", "SUBJECT_UNKNOWN"})
_log = structlog.get_logger("chanrong.finance.packages")

Disclosed = documents_pb2.DisclosedDocument


@dataclass(frozen=True, slots=True)
class OnLedger:
    """What the ledger has under fingerprints.

    :ivar attested: answers of ``attest``, by the fingerprint asked
    :ivar reads: the signed reads that they come from
    :ivar records: by the fingerprint asked; one peer's word
    """

    attested: Mapping[str, Mapping[str, Any]]
    reads: Sequence[ReadAnswer]
    records: Mapping[str, DocumentRecord | None]


async def release(
    gateways: Sequence[BodiesPort], subject: str, consent_id: str, purpose: str, fingerprints: Sequence[str]
) -> dict[str, list[Disclosed]]:
    """Steps 1 and 2: what the gateways have, by fingerprint.

    :raises DeniedError: a gateway does not accept the consent
    :raises UnavailableError: INDUSTRY_GATEWAY_UNAVAILABLE, a gateway does not answer, or not sensibly
    :raises InvalidInputError: PACKAGE_TOO_LARGE
    """

    async def one(gateway: BodiesPort) -> list[Disclosed]:
        found: list[Disclosed] = []
        size = 0
        try:
            async for item in gateway.release(subject, consent_id, purpose, fingerprints):
                _well_formed(item)
                size += len(item.canonical_json)
                if len(found) >= MAX_DOCUMENTS or size > MAX_BODY_BYTES:
                    raise _too_large()
                found.append(item)
        except ChanrongError as error:
            if error.reason in _NOT_HERE:
                return []
            if isinstance(error, DeniedError) or error.reason == "PACKAGE_TOO_LARGE":
                raise
            raise UnavailableError(
                f"Industry gateway {gateway.name} did not release the documents: {error.message}",
                reason="INDUSTRY_GATEWAY_UNAVAILABLE",
                remedy="Repeat the request when it answers: a package without its documents would look whole.",
            ) from error
        return found

    merged: dict[str, list[Disclosed]] = {}
    for items in await together(one(gateway) for gateway in gateways):
        for item in items:
            merged.setdefault(item.fingerprint, []).append(item)
    if len(merged) > MAX_DOCUMENTS:
        raise _too_large()
    return merged


def _too_large() -> InvalidInputError:
    return InvalidInputError(
        f"The consent covers more than {MAX_DOCUMENTS} documents or {MAX_BODY_BYTES} bytes, the most in one package.",
        reason="PACKAGE_TOO_LARGE",
        remedy="Name the receivables that the package is about.",
    )


def _well_formed(item: Disclosed) -> None:
    """Step 2.

    :raises UnavailableError: no gateway that works says such a thing
    """
    good = (
        is_hex32(item.fingerprint)
        and kind_of(item) in KINDS
        and len(item.salt_secret) == (SECRET_BYTES if item.canonical_json else 0)
        and (not item.pushed_by or is_hex32(item.pushed_by))
    )
    if not good:
        raise UnavailableError("It sent a document that is not well-formed.")


def kind_of(item: Disclosed) -> str:
    """Name of a released document's kind; "" for a number that has none."""
    try:
        return documents_pb2.DocumentKind.Name(item.kind).removeprefix("DOCUMENT_KIND_").lower()
    except ValueError:
        return ""


async def ask_ledger(ledger: LedgerPort, fingerprints: Sequence[str]) -> OnLedger:
    """Step 3."""
    ordered = sorted(fingerprints)
    chunks = [ordered[start : start + FPS_PER_READ] for start in range(0, len(ordered), FPS_PER_READ)]

    async def attest(chunk: list[str]) -> ReadAnswer:
        read = await ledger.signed_read(names.ATTEST, {"challenge": secrets.token_hex(32), "fps": chunk})
        return await heavy(read_answer, read)

    async def get(chunk: list[str]) -> list[DocumentRecord | None]:
        answer = await ledger.read(names.DOCUMENTS_GET, {"fps": chunk})
        return list(answer["documents"])

    attested: dict[str, Mapping[str, Any]] = {}
    records: dict[str, DocumentRecord | None] = {}
    reads: list[ReadAnswer] = []
    for chunk in chunks:
        read, found = await asyncio.gather(attest(chunk), get(chunk))
        reads.append(read)
        attested |= {answer["fp"]: answer for answer in read.answer["answers"]}
        records |= dict(zip(chunk, found, strict=True))
    return OnLedger(attested, reads, records)


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of the bodies; all by the ledger's primary fingerprint, sorted by it.

    :ivar documents: those that fit
    :ivar assets: of all of them that the ledger knows, withheld ones too
    :ivar bodies: their canonical bytes
    :ivar withheld: those that cannot be used, with the reason
    """

    documents: Sequence[EvidenceDocument]
    assets: Collection[str]
    bodies: Mapping[str, bytes]
    withheld: Sequence[WithheldDocument]


@dataclass(frozen=True, slots=True)
class _Fitting:
    document: EvidenceDocument
    body: bytes

    @property
    def rank(self) -> str:
        """ "commitment" comes before "tag"."""
        return self.document.matched_by


class BodyChecker:
    """Step 4.

    :param keys: the consortium's
    """

    def __init__(self, keys: ConsortiumKeys) -> None:
        self._keys = keys

    def check(self, disclosed: Mapping[str, Sequence[Disclosed]], ledger: OnLedger) -> Checked:
        """Holds bodies against what the ledger has."""
        versions = {key: version for read in ledger.reads for key, version in read.versions.items()}
        found: dict[str, _Fitting] = {}
        withheld: dict[str, WithheldDocument] = {}
        for fingerprint, items in disclosed.items():
            answer = ledger.attested[fingerprint]
            primary = answer.get("primary", fingerprint)
            record = ledger.records[fingerprint]
            position = position_of(versions, primary)
            fitting = [
                made for item in items if (made := self._fit(item, answer, record, position)) is not None
            ]
            if fitting:
                best = min(fitting, key=lambda made: made.rank)
                if primary not in found or best.rank < found[primary].rank:
                    found[primary] = best
            else:
                withheld[primary] = WithheldDocument(
                    fingerprint=primary, kind=kind_of(items[0]), reason=_why_withheld(items, answer)
                )
        answers = ledger.attested.values()
        return Checked(
            assets={answer["asset"] for answer in answers if answer.get("asset") and answer.get("claims")},
            documents=[found[fp].document for fp in sorted(found)],
            bodies={fp: made.body for fp, made in found.items()},
            withheld=[withheld[fp] for fp in sorted(set(withheld) - set(found))],
        )

    def _fit(
        self,
        item: Disclosed,
        answer: Mapping[str, Any],
        record: DocumentRecord | None,
        position: tuple[int, int],
    ) -> _Fitting | None:
        if not item.canonical_json or not answer["found"] or record is None:
            return None
        document = _parsed(item)
        if document is None or document.kind != answer["kind"]:
            return None
        key = next((each for each in self._keys.keys_of(document) if each.fp == item.fingerprint), None)
        if key is None or key.alias:
            return None
        sealed = seal(document, item.salt_secret)
        by_commitment = sealed.commitment == answer["commitment"]
        if not by_commitment and not _fits_by_tag(key.tag, answer):
            _log.warning("body_does_not_fit_ledger", fingerprint=item.fingerprint, gateway=item.registered_by)
            return None
        signed = answer["grade"] == "signed" and record["origin"] is not None
        made = EvidenceDocument(
            fingerprint=answer.get("primary", item.fingerprint),
            document=document,
            commitment=sealed.commitment,
            matched_by="commitment" if by_commitment else "tag",
            salt=item.salt_secret.hex(),
            block=position[0],
            tx_index=position[1],
            txid=answer["first_tx"],
            registered_at=record["time"],
            registered_by=answer["owner"],
            pushed_by=item.pushed_by,
            signed_by=record["origin"]["party"] if signed and record["origin"] else "",
            seller=answer["seller"] or "",
            buyer=record["buyer"] or "",
            state=answer["state"],
        )
        return _Fitting(made, sealed.body)


def _parsed(item: Disclosed) -> Document | None:
    try:
        return parse_canonical(kind_of(item), item.canonical_json)
    except ChanrongError:
        return None


def _fits_by_tag(tag: str, answer: Mapping[str, Any]) -> bool:
    """An amended document's tag is that of its new content, which the first body is not."""
    return bool(tag) and answer["state"] != "amended" and answer["tag"] == tag


def _why_withheld(items: Iterable[Disclosed], answer: Mapping[str, Any]) -> str:
    if not any(item.canonical_json for item in items):
        return "CONSENT_FIELDS"
    return "COMMITMENT_MISMATCH" if answer["found"] else "NOT_REGISTERED"
