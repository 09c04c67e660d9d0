"""Signing keys and the checking of signatures: ECDSA on P-256 over SHA-256 (DER, low S) and Ed25519.

Fabric accepts only the lower of the two equivalent S values of an ECDSA signature, so every signature made
here has it.
A signer is anything with ``sign``; keys may live elsewhere (PKCS#11) behind the same protocol.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from consortium.errors import ConfigurationError

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order n of the P-256 group (FIPS 186-5); a signature is low-S when s <= n // 2."""

MAX_CACHED_KEYS = 4096
"""Public keys kept parsed; parsing costs more than half of what a check costs."""

_SHA256 = ec.ECDSA(hashes.SHA256())


@runtime_checkable
class Signer(Protocol):
    """A private key, wherever it is."""

    @property
    def spki(self) -> bytes:
        """Public key as DER SubjectPublicKeyInfo."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Signature over the message itself (hashing is the signer's business)."""
        ...


class P256Signer:
    """ECDSA P-256 over SHA-256 with a key in memory; signatures are low-S DER."""

    algorithm = "ES256"

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        if not isinstance(key.curve, ec.SECP256R1):
            raise ConfigurationError(
                f"The key is on curve {key.curve.name}, not on P-256.", remedy="Make a P-256 key."
            )
        self._key = key
        self._spki = _spki(key.public_key())

    @classmethod
    def generate(cls) -> P256Signer:
        """A new random key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> P256Signer:
        """Read an unencrypted PEM private key (PKCS#8 or SEC 1).

        :raises ConfigurationError: not such a key
        """
        key = _load_private(pem)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ConfigurationError(
                "The private key is not an elliptic-curve key.", remedy="Give a P-256 key."
            )
        return cls(key)

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        """The private key itself, for certificates and JWS."""
        return self._key

    @property
    def spki(self) -> bytes:
        """Public key as DER SubjectPublicKeyInfo."""
        return self._spki

    def to_pem(self) -> bytes:
        """Private key as unencrypted PKCS#8 PEM."""
        return _private_pem(self._key)

    def sign(self, message: bytes) -> bytes:
        """Low-S DER signature over SHA-256 of the message."""
        return low_s(self._key.sign(message, _SHA256))


class Ed25519Signer:
    """Ed25519 (RFC 8032) with a key in memory; on Fabric it needs channel capability V3_0."""

    algorithm = "EdDSA"

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key
        self._spki = _spki(key.public_key())

    @classmethod
    def generate(cls) -> Ed25519Signer:
        """A new random key."""
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes) -> Ed25519Signer:
        """Read an unencrypted PKCS#8 PEM private key.

        :raises ConfigurationError: not such a key
        """
        key = _load_private(pem)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise ConfigurationError("The private key is not an Ed25519 key.", remedy="Give an Ed25519 key.")
        return cls(key)

    @property
    def key(self) -> ed25519.Ed25519PrivateKey:
        """The private key itself."""
        return self._key

    @property
    def spki(self) -> bytes:
        """Public key as DER SubjectPublicKeyInfo."""
        return self._spki

    def to_pem(self) -> bytes:
        """Private key as unencrypted PKCS#8 PEM."""
        return _private_pem(self._key)

    def sign(self, message: bytes) -> bytes:
        """Signature of 64 bytes over the message."""
        return self._key.sign(message)


def load_signer(path: Path) -> P256Signer | Ed25519Signer:
    """Read a PEM private key file, whichever of the two algorithms it is for.

    :raises ConfigurationError: the file cannot be read or holds no such key
    """
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"The private key {path} cannot be read: {error.strerror}.", remedy="Check the path and its mode."
        ) from error
    return signer_from_pem(pem)


def signer_from_pem(pem: bytes) -> P256Signer | Ed25519Signer:
    """An unencrypted PEM private key, whichever of the two algorithms it is for.

    :raises ConfigurationError: no such key
    """
    key = _load_private(pem)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Ed25519Signer(key)
    return P256Signer.from_pem(pem)


def low_s(signature: bytes) -> bytes:
    """The same DER signature with the lower S."""
    r, s = decode_dss_signature(signature)
    if s <= P256_ORDER // 2:
        return signature
    return encode_dss_signature(r, P256_ORDER - s)


def is_low_s(signature: bytes) -> bool:
    """Whether a DER signature is well formed with the lower S, as Fabric asks for."""
    try:
        r, s = decode_dss_signature(signature)
    except ValueError:
        return False
    return 0 < r < P256_ORDER and 0 < s <= P256_ORDER // 2


def verify_p256(spki: bytes, message: bytes, signature: bytes, *, require_low_s: bool = False) -> bool:
    """Whether the DER signature over SHA-256 of the message is good under a P-256 key.

    :param spki: DER SubjectPublicKeyInfo; anything but a P-256 key gives False
    :param require_low_s: also refuse the higher S, as Fabric does; parties' own tools may make either
    """
    key = _p256_public(spki)
    if key is None or (require_low_s and not is_low_s(signature)):
        return False
    try:
        key.verify(signature, message, _SHA256)
    except InvalidSignature:
        return False
    return True


def verify_ed25519(spki: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature of 64 bytes is good under an Ed25519 key; False for any other key."""
    key = _public(spki)
    if not isinstance(key, ed25519.Ed25519PublicKey):
        return False
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def verify_signature(spki: bytes, message: bytes, signature: bytes) -> bool:
    """Check as Fabric does: by the key's own type, ECDSA only with the lower S."""
    if is_ed25519(spki):
        return verify_ed25519(spki, message, signature)
    return verify_p256(spki, message, signature, require_low_s=True)


def is_ed25519(spki: bytes) -> bool:
    """Whether a public key is an Ed25519 key."""
    return isinstance(_public(spki), ed25519.Ed25519PublicKey)


def spki_to_base64(spki: bytes) -> str:
    """Public key as it stands in requests and on the ledger: base64 of the DER."""
    return base64.b64encode(spki).decode("ascii")


def _spki(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _private_pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_private(pem: bytes) -> object:
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            "The private key is not an unencrypted PEM key.", remedy="Give a PKCS#8 PEM file."
        ) from error


@lru_cache(maxsize=MAX_CACHED_KEYS)
def _public(spki: bytes) -> object:
    try:
        return serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        return None


def _p256_public(spki: bytes) -> ec.EllipticCurvePublicKey | None:
    key = _public(spki)
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    return None
