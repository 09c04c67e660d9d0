"""Signatures: what we make Fabric takes, what others make we judge rightly."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from consortium.errors import ConfigurationError
from consortium.identity.signer import (
    P256_ORDER,
    Ed25519Signer,
    P256Signer,
    Signer,
    is_low_s,
    load_signer,
    low_s,
    verify_ed25519,
    verify_p256,
    verify_signature,
)

P256 = P256Signer.generate()
ED = Ed25519Signer.generate()


def _high_s(signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, P256_ORDER - s)


@given(st.binary(max_size=300))
def test_our_signatures_are_low_s_and_verify(message: bytes) -> None:
    signature = P256.sign(message)
    assert is_low_s(signature)
    assert verify_p256(P256.spki, message, signature, require_low_s=True)
    assert not verify_p256(P256.spki, message + b"x", signature)


@given(st.binary(max_size=300))
def test_high_s_is_the_same_signature_unless_low_is_asked_for(message: bytes) -> None:
    signature = _high_s(P256.sign(message))
    assert not is_low_s(signature)
    assert verify_p256(P256.spki, message, signature)
    assert not verify_p256(P256.spki, message, signature, require_low_s=True)
    assert not verify_signature(P256.spki, message, signature)
    assert verify_p256(P256.spki, message, low_s(signature), require_low_s=True)


def test_ed25519_signs_and_verifies() -> None:
    signature = ED.sign(b"message")
    assert len(signature) == 64
    assert verify_ed25519(ED.spki, b"message", signature)
    assert verify_signature(ED.spki, b"message", signature)
    assert not verify_ed25519(ED.spki, b"another", signature)


def test_a_key_of_the_other_kind_verifies_nothing() -> None:
    assert not verify_p256(ED.spki, b"m", ED.sign(b"m"))
    assert not verify_ed25519(P256.spki, b"m", P256.sign(b"m"))
    other_curve = ec.generate_private_key(ec.SECP384R1())
    spki = other_curve.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert not verify_p256(spki, b"m", other_curve.sign(b"m", ec.ECDSA(hashes.SHA256())))


@pytest.mark.parametrize("signature", [b"", b"\x30\x00", b"\x00" * 70, b"\x30\x06\x02\x01\x00\x02\x01\x01"])
def test_malformed_signatures_are_false_and_raise_nothing(signature: bytes) -> None:
    assert not verify_p256(P256.spki, b"m", signature)
    assert not verify_p256(P256.spki, b"m", signature, require_low_s=True)
    assert not verify_ed25519(ED.spki, b"m", signature)


@pytest.mark.parametrize("spki", [b"", b"no key", P256.spki[:-1]], ids=["empty", "text", "cut"])
def test_malformed_keys_are_false_and_raise_nothing(spki: bytes) -> None:
    assert not verify_p256(spki, b"m", P256.sign(b"m"))
    assert not verify_signature(spki, b"m", P256.sign(b"m"))


@pytest.mark.parametrize("signer", [P256, ED])
def test_keys_survive_their_files(tmp_path: Path, signer: P256Signer | Ed25519Signer) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(signer.to_pem())
    loaded = load_signer(path)
    assert isinstance(loaded, Signer)
    assert loaded.spki == signer.spki
    assert verify_signature(signer.spki, b"m", loaded.sign(b"m"))


def test_the_older_key_format_is_read_too() -> None:
    pem = P256.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    assert P256Signer.from_pem(pem).spki == P256.spki


def test_keys_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    pem = rsa_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ConfigurationError):
        P256Signer.from_pem(pem)
    with pytest.raises(ConfigurationError):
        P256Signer(ec.generate_private_key(ec.SECP384R1()))
    with pytest.raises(ConfigurationError):
        Ed25519Signer.from_pem(P256.to_pem())
    with pytest.raises(ConfigurationError):
        P256Signer.from_pem(b"not a key")
    encrypted = P256.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"pw"),
    )
    with pytest.raises(ConfigurationError):
        P256Signer.from_pem(encrypted)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_signer(tmp_path / "none.pem")
