"""Identities, roles, chains and signatures, as Fabric's MSP judges them."""

from __future__ import annotations

import base64
import datetime as dt

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.x509 import CertificateBuilder, Name, NameAttribute, random_serial_number
from cryptography.x509.oid import NameOID

from chaincode.hosts.embedded.msp import (
    CACHED_IDENTITIES,
    IdentityError,
    MspManager,
    Signer,
    expiry_of,
    load_authority,
)
from consortium.identity.ca import CertificateAuthority
from consortium.identity.signer import P256_ORDER
from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity

MSP = "BankAMSP"


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    """The organisation's root."""
    return CertificateAuthority.create("ca", MSP)


@pytest.fixture
def manager(authority: CertificateAuthority) -> MspManager:
    """A channel with this organisation."""
    return MspManager([load_authority(MSP, [authority.cert_pem])])


def serialized(pem: bytes, msp: str = MSP) -> bytes:
    """As messages carry it."""
    return SerializedIdentity(mspid=msp, id_bytes=pem).SerializeToString()


def problem(manager: MspManager, pem: bytes) -> str:
    """Why it is not a valid member."""
    return manager.deserialize(serialized(pem)).problem


@pytest.mark.parametrize("role", ["client", "peer", "admin", "orderer"])
def test_roles(manager: MspManager, authority: CertificateAuthority, role: str) -> None:
    identity = manager.deserialize(serialized(authority.issue("x", ou=role).cert_pem))
    identity.validate()
    assert identity.roles == {role}


@pytest.mark.parametrize("units", [(), ("erp",), ("client", "admin")])
def test_one_role_exactly(
    manager: MspManager, authority: CertificateAuthority, units: tuple[str, ...]
) -> None:
    identity = manager.deserialize(serialized(authority.issue("x", ou=units).cert_pem))
    with pytest.raises(IdentityError, match="client, peer, orderer, or admin role"):
        identity.validate()


def test_strangers(manager: MspManager, authority: CertificateAuthority) -> None:
    """A certificate with an ECDSA signature is read together with its issuer's, so a twin's is not read at all."""
    twin = CertificateAuthority.create("ca", MSP)
    with pytest.raises(IdentityError, match="unknown authority"):
        manager.deserialize(serialized(twin.issue("x", ou="client").cert_pem))
    other = ed25519.Ed25519PrivateKey.generate()
    pem = make_certificate(other.public_key(), other, Name([]))
    assert "unknown authority" in problem(manager, pem)
    assert "authority" in problem(manager, authority.cert_pem)
    with pytest.raises(IdentityError, match="not defined"):
        manager.deserialize(serialized(authority.issue("x", ou="client").cert_pem, "OtherMSP"))


@pytest.mark.parametrize(
    "data", [b"", b"\xff", SerializedIdentity(mspid=MSP, id_bytes=b"x").SerializeToString()]
)
def test_garbage(manager: MspManager, data: bytes) -> None:
    with pytest.raises(IdentityError):
        manager.deserialize(data)


def test_a_certificate_that_is_wrong_inside(manager: MspManager, authority: CertificateAuthority) -> None:
    """Its outer form can be read, an extension cannot."""
    der = authority.issue("x", ou="client").certificate.public_bytes(serialization.Encoding.DER)
    constraints = bytes.fromhex("0603551d130101ff0402" + "3000")
    at = der.index(constraints)
    bent = der[: at + len(constraints) - 2] + b"\x70\x00" + der[at + len(constraints) :]
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(bent) + b"\n-----END CERTIFICATE-----\n"
    with pytest.raises(IdentityError):
        manager.deserialize(serialized(pem))


def test_intermediates(authority: CertificateAuthority) -> None:
    middle = authority.issue_ca("middle")
    leaf = middle.issue("x", ou="client").cert_pem
    both = MspManager([load_authority(MSP, [authority.cert_pem, middle.cert_pem])])
    assert problem(both, leaf) == ""
    joined = MspManager([load_authority(MSP, [authority.cert_pem + middle.cert_pem])])
    assert problem(joined, leaf) == ""
    for known in (authority.cert_pem, middle.cert_pem):
        with pytest.raises(IdentityError, match="unknown authority"):
            MspManager([load_authority(MSP, [known])]).deserialize(serialized(leaf))


def test_the_end_of_whatever_certificate() -> None:
    issued = CertificateAuthority.create("anybody", "Anybody").issue("x", ou="client")
    expected = issued.certificate.not_valid_after_utc.timestamp()
    assert expiry_of(serialized(issued.cert_pem, "NobodyMSP")) == expected
    assert expiry_of(serialized(b"x")) is None
    assert expiry_of(b"\xff") is None


def test_expired_is_still_somebodys(manager: MspManager, authority: CertificateAuthority) -> None:
    """Old blocks must stay valid; requests are refused elsewhere."""
    now = dt.datetime.now(dt.UTC)
    issued = authority.issue(
        "x", ou="client", not_before=now - dt.timedelta(minutes=2), not_after=now - dt.timedelta(minutes=1)
    )
    identity = manager.deserialize(serialized(issued.cert_pem))
    identity.validate()
    assert identity.not_after < now.timestamp()


def test_revoked(authority: CertificateAuthority) -> None:
    good, bad = authority.issue("x", ou="client"), authority.issue("y", ou="client")
    crl = authority.revoke([bad.certificate])
    manager = MspManager([load_authority(MSP, [authority.cert_pem], [crl])])
    assert problem(manager, good.cert_pem) == ""
    assert problem(manager, bad.cert_pem) == "The certificate has been revoked"
    forged = CertificateAuthority.create("ca", MSP).revoke([good.certificate])
    manager = MspManager([load_authority(MSP, [authority.cert_pem], [forged])])
    assert problem(manager, good.cert_pem) == ""


def test_signatures(manager: MspManager, authority: CertificateAuthority) -> None:
    issued = authority.issue("x", ou="client")
    identity = manager.deserialize(serialized(issued.cert_pem))
    signature = issued.signer.sign(b"message")
    identity.verify(b"message", signature)
    r, s = decode_dss_signature(signature)
    for bad in (b"", b"x", signature[:-1], signature + b"\x00", encode_dss_signature(r, P256_ORDER - s)):
        with pytest.raises(IdentityError):
            identity.verify(b"message", bad)
    with pytest.raises(IdentityError):
        identity.verify(b"other", signature)


def make_certificate(public: object, authority_key: object, issuer: Name) -> bytes:
    """A certificate with any kind of key."""
    now = dt.datetime.now(dt.UTC)
    builder = (
        CertificateBuilder()
        .subject_name(
            Name(
                [
                    NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "peer"),
                    NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "chanrong-embedded"),
                ]
            )
        )
        .issuer_name(issuer)
        .public_key(public)  # type: ignore[arg-type]
        .serial_number(random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )
    algorithm = None if isinstance(authority_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(authority_key, algorithm).public_bytes(serialization.Encoding.PEM)  # type: ignore[arg-type]


def test_kinds_of_keys(manager: MspManager) -> None:
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP521R1())):
        pem = make_certificate(key.public_key(), key, Name([]))
        with pytest.raises(IdentityError, match="not supported"):
            manager.deserialize(serialized(pem))


@pytest.mark.parametrize("kind", ["p256", "p384", "ed25519"])
def test_a_nodes_own_signatures(manager: MspManager, authority: CertificateAuthority, kind: str) -> None:
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        key = ec.generate_private_key(ec.SECP256R1() if kind == "p256" else ec.SECP384R1())
    pem = make_certificate(key.public_key(), authority._signer.key, authority.certificate.subject)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signer = Signer(MSP, pem, private)
    identity = manager.deserialize(signer.serialized)
    for number in range(20):
        message = b"%d" % number
        identity.verify(message, signer.sign(message))
    with pytest.raises(IdentityError):
        identity.verify(b"other", signer.sign(b"message"))


def test_the_cache_is_bounded_and_right(manager: MspManager, authority: CertificateAuthority) -> None:
    pem = authority.issue("x", ou="client").cert_pem
    first = manager.deserialize(serialized(pem))
    assert manager.deserialize(serialized(pem)) is first
    assert len(manager._cache) <= CACHED_IDENTITIES
