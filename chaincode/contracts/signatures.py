"""Parties' signatures: ECDSA P-256 over SHA-256 in DER, checked with the numbered keys on the ledger.

Which key counts: acts (consents, take-overs, rotations, ...) need the party's present key. Origin signatures stand on
documents that arrive late, so a key that was replaced not longer than ``names.KEY_GRACE_S`` ago is taken as well.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from chaincode.contracts import records
from chaincode.contracts.call import Call, RefusedError, require
from chaincode.contracts.keys import party_key
from consortium.contract import reasons
from consortium.contract.names import KEY_GRACE_S
from consortium.contract.schema import SchemaError
from consortium.contract.statements import read, statement_digest

_PREHASHED: Final = ec.ECDSA(Prehashed(SHA256()))


def public_key(spki: str) -> ec.EllipticCurvePublicKey:
    """A P-256 public key from base64 DER SubjectPublicKeyInfo.

    :raises RefusedError: KEY_INVALID for another curve or algorithm, or another encoding of the same key
    """
    try:
        der = b64decode(spki, validate=True)
        key = load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RefusedError(reasons.KEY_INVALID, "spki is no public key") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RefusedError(reasons.KEY_INVALID, "spki must be a key on curve P-256")
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != der:
        raise RefusedError(reasons.KEY_INVALID, "spki must be plain DER with an uncompressed point")
    return key


def party_of(call: Call, party: str) -> records.Record | None:
    """A party's record. Its key must have been read before (:func:`keys.party_key`)."""
    data = call.state.known(party_key(party))
    return None if data is None else records.load(records.PARTY, data)


def verify_digest(
    call: Call,
    party: str,
    number: int,
    digest: str,
    signature: str,
    *,
    late: bool = False,
    suspended_too: bool = False,
) -> None:
    """Checks a party's signature over a SHA-256 digest.

    :param late: take a key that was replaced lately
    :param suspended_too: take a suspended party's signature (revocations protect, so they always count)
    :raises RefusedError: UNKNOWN_PARTY, PARTY_SUSPENDED, UNKNOWN_KEY, KEY_REPLACED or SIGNATURE_INVALID
    """
    record = party_of(call, party)
    if record is None:
        raise RefusedError(reasons.UNKNOWN_PARTY, f"party {party} is not registered")
    require(
        suspended_too or record["state"] == "active", reasons.PARTY_SUSPENDED, f"party {party} is suspended"
    )
    keys = record["keys"]
    require(number <= len(keys), reasons.UNKNOWN_KEY, f"party {party} has no key {number}")
    entry = keys[number - 1]
    until = entry["until"]
    if until is not None and not (late and call.now <= until + KEY_GRACE_S):
        raise RefusedError(reasons.KEY_REPLACED, f"key {number} of party {party} was replaced at {until}")
    verifier = call.verifiers.get(entry["spki"])
    if verifier is None:
        verifier = call.verifiers[entry["spki"]] = public_key(entry["spki"])
    try:
        verifier.verify(b64decode(signature), bytes.fromhex(digest), _PREHASHED)
    except InvalidSignature as error:
        raise RefusedError(
            reasons.SIGNATURE_INVALID, f"the signature is not that of key {number} of party {party}"
        ) from error


def verify_built(call: Call, signed: Mapping[str, Any], party: str | None, statement: bytes) -> str:
    """Checks a :class:`consortium.contract.common.PartySignature` over a statement that both sides build.

    :param party: who must have signed
    :returns: the statement's digest
    :raises RefusedError: as :func:`verify_digest`, and NOT_ENTITLED for another party
    """
    require(signed["party"] == party, reasons.NOT_ENTITLED, "the signature must be the seller's")
    digest = statement_digest(statement)
    verify_digest(call, signed["party"], signed["key"], digest, signed["signature"])
    return digest


def read_statement(kind: str, statement: str) -> tuple[dict[str, Any], str]:
    """Fields and digest of a statement sent in base64.

    :raises RefusedError: STATEMENT_INVALID
    """
    data = b64decode(statement)
    try:
        return read(kind, data), statement_digest(data)
    except SchemaError as error:
        raise RefusedError(reasons.STATEMENT_INVALID, error.at("statement")) from error
