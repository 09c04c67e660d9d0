"""Members of the channel: whose certificate is whose, in which role, and whether a signature is theirs.

Follows Fabric's MSP: the chain must end at one of the organisation's authorities, an expired certificate is
still somebody's (expiry is checked where a request comes in, not where a block is validated), revocation
lists count, roles come from organisational units, and an ECDSA signature must have the lower of its two S
values.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity

EMBEDDED_UNIT = "chanrong-embedded"
"""Organisational unit that marks the node's own certificates beside their role."""

ROLES = ("client", "peer", "admin", "orderer")
CACHED_IDENTITIES = 1024
MAX_CHAIN = 6
_GROUP_ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
UNKNOWN_AUTHORITY = "the supplied identity is not valid: x509: certificate signed by unknown authority"
_PREHASHED = ec.ECDSA(Prehashed(hashes.SHA256()))


class IdentityError(Exception):
    """A certificate is not a member's, or a signature not that certificate's."""


@dataclass(frozen=True, slots=True)
class Authority:
    """What the channel knows of one organisation."""

    msp_id: str
    authorities: tuple[x509.Certificate, ...]
    crls: tuple[x509.CertificateRevocationList, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """One certificate, looked at once.

    :param roles: of :data:`ROLES`, from the organisational units; a valid member has one
    :param problem: why it is not a valid member; empty when it is
    :param not_after: end of validity, seconds since 1970 UTC
    """

    msp_id: str
    certificate: bytes
    public_key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
    roles: frozenset[str]
    not_after: float
    problem: str

    def validate(self) -> None:
        """:raises IdentityError: when this is not a valid member"""
        if self.problem:
            raise IdentityError(self.problem)

    def verify(self, message: bytes, signature: bytes, digest: bytes | None = None) -> None:
        """Checks a signature.

        :param digest: SHA-256 of the message, when it is known already
        :raises IdentityError: when the signature is not this identity's over the message
        """
        if isinstance(self.public_key, ed25519.Ed25519PublicKey):
            try:
                self.public_key.verify(signature, message)
            except InvalidSignature as error:
                raise IdentityError("The signature is invalid") from error
            return
        try:
            _, s = decode_dss_signature(signature)
        except ValueError as error:
            raise IdentityError("could not determine the validity of the signature: it is not DER") from error
        if s > _GROUP_ORDERS[self.public_key.curve.name] // 2:
            raise IdentityError("Invalid S. Must be smaller than half the order")
        try:
            self.public_key.verify(signature, digest or hashlib.sha256(message).digest(), _PREHASHED)
        except InvalidSignature as error:
            raise IdentityError("The signature is invalid") from error


class MspManager:
    """Everything that may be asked about identities of one channel."""

    def __init__(self, organisations: Sequence[Authority]) -> None:
        self._organisations = {organisation.msp_id: organisation for organisation in organisations}
        self._cache: OrderedDict[bytes, Identity] = OrderedDict()
        self._lock = threading.Lock()  # peers ask in the event loop, the committer in its thread

    def deserialize(self, serialized: bytes) -> Identity:
        """The identity in ``msp.SerializedIdentity`` bytes; it may still be invalid.

        :raises IdentityError: when it is malformed or of no organisation of the channel
        """
        with self._lock:
            cached = self._cache.get(serialized)
            if cached is not None:
                self._cache.move_to_end(serialized)
                return cached
        identity = self._load(serialized)
        with self._lock:
            self._cache[serialized] = identity
            if len(self._cache) > CACHED_IDENTITIES:
                self._cache.popitem(last=False)
        return identity

    def _load(self, serialized: bytes) -> Identity:
        message = SerializedIdentity()
        try:
            message.ParseFromString(serialized)
            certificate = x509.load_pem_x509_certificate(message.id_bytes)
            return self._identify(message, certificate)
        except IdentityError:
            raise
        # Certificates are parsed bit by bit, and a stranger's may be wrong in any of them.
        except Exception as error:
            raise IdentityError(f"could not deserialize the identity: {error}") from error

    def _identify(self, message: SerializedIdentity, certificate: x509.Certificate) -> Identity:
        organisation = self._organisations.get(message.mspid)
        if organisation is None:
            raise IdentityError(f"MSP {message.mspid} is not defined on channel")
        key = certificate.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            if key.curve.name not in _GROUP_ORDERS:
                raise IdentityError(f"curve {key.curve.name} is not supported")
        elif not isinstance(key, ed25519.Ed25519PublicKey):
            raise IdentityError(f"{type(key).__name__} is not supported")
        issuer = _chain(certificate, organisation.authorities, MAX_CHAIN)
        if issuer is None and _signed_with_ecdsa(certificate):
            # A peer looks for the issuer of such a certificate when it reads it: its signature is put into low-S form.
            raise IdentityError(UNKNOWN_AUTHORITY)
        roles = _roles(certificate)
        return Identity(
            msp_id=message.mspid,
            certificate=message.id_bytes,
            public_key=key,
            roles=frozenset(roles),
            not_after=certificate.not_valid_after_utc.timestamp(),
            problem=_problem(certificate, roles, organisation, issuer),
        )


def expiry_of(serialized: bytes) -> float | None:
    """End of validity of whatever certificate is in an identity, seconds since 1970 UTC; None when there is none."""
    try:
        certificate = x509.load_pem_x509_certificate(SerializedIdentity.FromString(serialized).id_bytes)
        return certificate.not_valid_after_utc.timestamp()
    # As above: a stranger's bytes.
    except Exception:  # noqa: BLE001
        return None


def load_authority(msp_id: str, ca_pems: Sequence[bytes], crl_pems: Sequence[bytes] = ()) -> Authority:
    """An organisation from PEM texts; one text may hold several certificates."""
    authorities = [certificate for pem in ca_pems for certificate in x509.load_pem_x509_certificates(pem)]
    crls = tuple(x509.load_pem_x509_crl(pem) for pem in crl_pems)
    return Authority(msp_id=msp_id, authorities=tuple(authorities), crls=crls)


def _units(certificate: x509.Certificate) -> list[str]:
    found = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return [str(entry.value) for entry in found]


def _roles(certificate: x509.Certificate) -> list[str]:
    return [unit for unit in _units(certificate) if unit in ROLES]


def _problem(
    certificate: x509.Certificate,
    roles: list[str],
    organisation: Authority,
    issuer: x509.Certificate | None,
) -> str:
    if _is_authority(certificate):
        return "a certificate authority's certificate cannot be used as an identity"
    if issuer is None:
        return UNKNOWN_AUTHORITY
    for crl in organisation.crls:
        if (
            crl.issuer == issuer.subject
            and crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
            and crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # a CA's key can sign
        ):
            return "The certificate has been revoked"
    if len(roles) != 1:
        found = "does not have an OU that resolves to" if not roles else "must have exactly one of"
        return f"the identity {found} client, peer, orderer, or admin role. MSP: [{organisation.msp_id}]"
    return ""


def _signed_with_ecdsa(certificate: x509.Certificate) -> bool:
    return certificate.signature_algorithm_oid.dotted_string.startswith("1.2.840.10045.4.")


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _chain(
    certificate: x509.Certificate, authorities: Sequence[x509.Certificate], depth: int
) -> x509.Certificate | None:
    """The direct issuer, when the chain ends at a self-signed authority of the organisation.

    Validity in time is looked at as Fabric does: one second after the leaf's begin, so that old blocks stay
    valid.
    """
    if depth == 0:
        return None
    at = certificate.not_valid_before_utc + timedelta(seconds=1)
    for authority in authorities:
        if authority.subject != certificate.issuer or not _is_authority(authority):
            continue
        if not authority.not_valid_before_utc <= at <= authority.not_valid_after_utc:
            continue
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        if authority.issuer == authority.subject or _chain(authority, authorities, depth - 1) is not None:
            return authority
    return None


class Signer:
    """A node's own identity: signs with P-256 in low-S form, or with Ed25519."""

    def __init__(self, msp_id: str, certificate_pem: bytes, key_pem: bytes) -> None:
        key = load_pem_private_key(key_pem, password=None)
        if not isinstance(key, (ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)):
            raise IdentityError(f"{msp_id}: the peer's key is {type(key).__name__}, not P-256 or Ed25519")
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        if EMBEDDED_UNIT not in _units(certificate):
            raise IdentityError(
                f"{msp_id}: the certificate lacks the organisational unit {EMBEDDED_UNIT}: whoever verifies a"
                " signature must see that one operator holds all keys. Issue one with OU=peer and"
                f" OU={EMBEDDED_UNIT}, never use a real peer's."
            )
        if certificate.public_key() != key.public_key():
            raise IdentityError(f"{msp_id}: the peer's key does not belong to its certificate")
        self._key = key
        self.msp_id = msp_id
        pem = certificate.public_bytes(Encoding.PEM)
        self.serialized = SerializedIdentity(mspid=msp_id, id_bytes=pem).SerializeToString()

    def sign(self, message: bytes, digest: bytes | None = None) -> bytes:
        """A signature over the message; ``digest`` is its SHA-256, when that is known already."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        signature = self._key.sign(digest or hashlib.sha256(message).digest(), _PREHASHED)
        order = _GROUP_ORDERS[self._key.curve.name]
        r, s = decode_dss_signature(signature)
        return signature if s <= order // 2 else encode_dss_signature(r, order - s)
