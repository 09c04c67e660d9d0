"""What parties sign: canonical JSON statements, and their strict reading.

Every statement is an object with ``v`` 1 and its own ``type``, so that a signature given for one purpose is
none for another. Signatures are ECDSA P-256 over SHA-256 in DER; the contract looks the key up by party and
number. The bytes signed are exactly those that a builder here returns; :func:`read` refuses anything that
is not canonical.

Statements name what they change and from what (``previous`` commitment, key ``number``, ``claim``), so that a
signature shown again changes nothing a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from consortium.contract.codec import decode
from consortium.contract.names import MAX_CONSENT_FIELDS, MAX_KEY_NUMBER, SCOPES
from consortium.contract.schema import (
    CLAIM_ID,
    HEX32,
    IDENTIFIER,
    MSP_ID,
    SHARE,
    TIME,
    Check,
    SchemaError,
    array,
    base64_bytes,
    choice,
    integer,
    nullable,
    record,
    text,
)
from consortium.documents.canonical import canonical_bytes

CONSENT: Final = "chanrong.consent"
REVOCATION: Final = "chanrong.consent.revocation"
KEY_ROTATION: Final = "chanrong.key_rotation"
RESERVATION: Final = "chanrong.reservation"
TAKE_OVER: Final = "chanrong.take_over"
AMENDMENT: Final = "chanrong.amendment"
VOID: Final = "chanrong.void"
ALIAS: Final = "chanrong.alias"

_BODIES: Final[Mapping[str, Mapping[str, Check]]] = {
    CONSENT: {
        "id": IDENTIFIER,
        "subject": HEX32,
        "recipient": MSP_ID,
        "purpose": text(1, 128),
        "scope": choice(*SCOPES),
        "fields": array(text(1, 128), 1, MAX_CONSENT_FIELDS),
        "issued": TIME,
        "expires": TIME,
    },
    REVOCATION: {"id": IDENTIFIER, "subject": HEX32, "issued": TIME},
    KEY_ROTATION: {
        "party": HEX32,
        "number": integer(1, MAX_KEY_NUMBER),
        "spki": base64_bytes(59, 200),
        "issued": TIME,
    },
    RESERVATION: {
        "asset": HEX32,
        "claim": CLAIM_ID,
        "recipient": MSP_ID,
        "share": SHARE,
        "issued": TIME,
        "expires": TIME,
    },
    TAKE_OVER: {"fp": HEX32, "previous": HEX32, "commitment": HEX32, "owner": MSP_ID, "issued": TIME},
    AMENDMENT: {
        "fp": HEX32,
        "previous": HEX32,
        "commitment": HEX32,
        "reason": text(1, 256),
        "evidence": nullable(HEX32),
    },
    VOID: {"fp": HEX32, "reason": text(1, 256), "evidence": nullable(HEX32)},
    ALIAS: {"asset": HEX32, "alias": HEX32},
}
_CHECKS: Final[Mapping[str, Check]] = {
    name: record({"v": integer(1, 1), "type": choice(name), **body}) for name, body in _BODIES.items()
}


def read(kind: str, statement: bytes) -> dict[str, Any]:
    """The fields of a signed statement of the kind expected.

    :raises SchemaError: when it is another kind, a field is wrong, or the bytes are not canonical
    """
    try:
        fields = decode(statement)
    except ValueError as error:
        raise SchemaError("must be one JSON object") from error
    _CHECKS[kind](fields)
    if canonical_bytes(fields) != statement:
        raise SchemaError("must be canonical JSON (RFC 8785)")
    return fields


def statement_digest(statement: bytes) -> str:
    """SHA-256 (hex) of a statement: what holders agree to, and what records keep."""
    return sha256(statement).hexdigest()


def _build(kind: str, **fields: Any) -> bytes:
    whole = {"v": 1, "type": kind, **fields}
    _CHECKS[kind](whole)
    return canonical_bytes(whole)


def consent_statement(
    *,
    consent_id: str,
    subject: str,
    recipient: str,
    purpose: str,
    scope: str,
    fields: Sequence[str],
    issued: int,
    expires: int,
) -> bytes:
    """A consent, signed by its subject.

    :param consent_id: chosen by the subject's system, 8 to 64 characters, best random
    :param subject: handle of the party whose documents are looked at
    :param recipient: MSP id of the organisation that may look
    :param scope: ``assess`` or ``monitor``
    :param fields: what may be seen; the gateways give these words their meaning, the ledger keeps them
    :param expires: seconds since 1970 UTC; the consent is dead from this second on
    :raises SchemaError: when a value is out of its range
    """
    return _build(
        CONSENT,
        id=consent_id,
        subject=subject,
        recipient=recipient,
        purpose=purpose,
        scope=scope,
        fields=list(fields),
        issued=issued,
        expires=expires,
    )


def revocation_statement(*, consent_id: str, subject: str, issued: int) -> bytes:
    """The end of a consent, signed by its subject; final."""
    return _build(REVOCATION, id=consent_id, subject=subject, issued=issued)


def key_rotation_statement(*, party: str, number: int, spki: str, issued: int) -> bytes:
    """A party's new key, signed with its present one.

    :param number: the present key's number plus one
    :param spki: DER SubjectPublicKeyInfo in base64, P-256, uncompressed
    """
    return _build(KEY_ROTATION, party=party, number=number, spki=spki, issued=issued)


def reservation_statement(
    *, asset: str, claim: str, recipient: str, share: int, issued: int, expires: int
) -> bytes:
    """The seller's word that an organisation may reserve a share: instead of a consent.

    :param asset: the fingerprint that the reservation names
    :param claim: the claim's id, so that the statement serves one claim only
    :param share: the most that may be reserved under it, in billionths of face value
    :param expires: the statement is worth nothing from this second on
    """
    return _build(
        RESERVATION,
        asset=asset,
        claim=claim,
        recipient=recipient,
        share=share,
        issued=issued,
        expires=expires,
    )


def take_over_statement(*, fp: str, previous: str, commitment: str, owner: str, issued: int) -> bytes:
    """The seller takes over an asserted document.

    :param fp: the document's primary fingerprint
    :param previous: commitment on the ledger now
    :param commitment: commitment of the seller's own document
    :param owner: MSP id of the organisation that will own the registration
    """
    return _build(TAKE_OVER, fp=fp, previous=previous, commitment=commitment, owner=owner, issued=issued)


def amendment_statement(
    *, fp: str, previous: str, commitment: str, reason: str, evidence: str | None
) -> bytes:
    """A voluntary amendment. Its digest is what holders of claims agree to; the seller may sign it too.

    :param fp: the document's primary fingerprint
    """
    return _build(
        AMENDMENT, fp=fp, previous=previous, commitment=commitment, reason=reason, evidence=evidence
    )


def void_statement(*, fp: str, reason: str, evidence: str | None) -> bytes:
    """The seller declares a document void.

    :param fp: the document's primary fingerprint
    """
    return _build(VOID, fp=fp, reason=reason, evidence=evidence)


def alias_statement(*, asset: str, alias: str) -> bytes:
    """The seller says that two documents are evidence of one receivable; fingerprints as in the request."""
    return _build(ALIAS, asset=asset, alias=alias)
