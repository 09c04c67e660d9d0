"""MSP identities and folders, laid out as Fabric's ``cryptogen`` lays them out.

```
<folder>/cacerts/ca.pem  tlscacerts/tlsca.pem  signcerts/cert.pem  keystore/priv_sk  config.yaml
```
An organisation's own folder (for the channel configuration) has the CA certificates and ``config.yaml`` only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from consortium.errors import ConfigurationError
from consortium.identity.ca import CertificateAuthority, Issued
from consortium.identity.files import write_file
from consortium.identity.signer import Signer, load_signer
from consortium.wire.fabric.msp import identities_pb2

NODE_OUS = ("client", "peer", "admin", "orderer")
"""Roles of Fabric's NodeOUs; each is the name of its organisational unit, as cryptogen has it."""

TOKEN_KEY_FILE = "key.toml"  # noqa: S105 - a name, no secret
"""In a keystore: says in which PKCS#11 token the key is."""

_CA_FILE = "cacerts/ca.pem"


@dataclass(frozen=True)
class Identity:
    """Who signs on the ledger: an MSP id, a certificate and its key."""

    msp_id: str
    cert_pem: bytes
    signer: Signer

    def serialized(self) -> bytes:
        """The identity as Fabric carries it (``msp.SerializedIdentity``); the same bytes at every call."""
        return self._serialized

    @cached_property
    def _serialized(self) -> bytes:
        message = identities_pb2.SerializedIdentity(mspid=self.msp_id, id_bytes=self.cert_pem)
        return message.SerializeToString(deterministic=True)

    @cached_property
    def certificate(self) -> x509.Certificate:
        """The parsed certificate."""
        return x509.load_pem_x509_certificate(self.cert_pem)

    def sign(self, message: bytes) -> bytes:
        """Signature of the identity's key over a message."""
        return self.signer.sign(message)


def load_identity(msp_folder: Path, msp_id: str) -> Identity:
    """Read an identity from an MSP folder: the one file of ``signcerts`` and the one of ``keystore``, which may name a
    key in a PKCS#11 token (:mod:`consortium.identity.pkcs11`).

    :raises ConfigurationError: a folder is empty, ambiguous or unreadable, or the key is another's
    """
    cert_file = _only_file(msp_folder / "signcerts")
    try:
        cert_pem = cert_file.read_bytes()
        certificate = x509.load_pem_x509_certificate(cert_pem)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{cert_file} is not a readable certificate.", remedy="Check the MSP folder."
        ) from error
    key_file = _only_file(msp_folder / "keystore", beside={"pin"})
    if key_file.name == TOKEN_KEY_FILE:
        from consortium.identity.pkcs11 import open_key  # an extra, needed by nobody else

        return Identity(msp_id, cert_pem, open_key(key_file, _spki(certificate)))
    signer = load_signer(key_file)
    if signer.spki != _spki(certificate):
        raise ConfigurationError(
            f"{key_file} is not the key of {cert_file}.", remedy="Put the matching pair into the MSP folder."
        )
    return Identity(msp_id, cert_pem, signer)


def make_identity(msp_id: str, issued: Issued) -> Identity:
    """The identity of a freshly issued certificate."""
    return Identity(msp_id, issued.cert_pem, issued.signer)


def write_org_msp(folder: Path, ca: CertificateAuthority, tls_ca: CertificateAuthority) -> None:
    """Write an organisation's own MSP folder: CA certificates and NodeOUs, no identity."""
    write_file(folder / _CA_FILE, ca.cert_pem)
    write_file(folder / "tlscacerts" / "tlsca.pem", tls_ca.cert_pem)
    write_file(folder / "config.yaml", node_ou_config().encode("ascii"))


def write_msp(folder: Path, ca: CertificateAuthority, tls_ca: CertificateAuthority, issued: Issued) -> None:
    """Write the MSP folder of one identity; the key has mode 0600."""
    write_org_msp(folder, ca, tls_ca)
    issued.save(folder / "signcerts" / "cert.pem", folder / "keystore" / "priv_sk")


def node_ou_config() -> str:
    """``config.yaml`` that turns NodeOUs on: the role of a certificate is its organisational unit."""
    lines = ["NodeOUs:", "  Enable: true"]
    for role in NODE_OUS:
        lines += [
            f"  {role.capitalize()}OUIdentifier:",
            f"    Certificate: {_CA_FILE}",
            f"    OrganizationalUnitIdentifier: {role}",
        ]
    return "\n".join(lines) + "\n"


def _only_file(folder: Path, beside: Collection[str] = ()) -> Path:
    """The one file of a folder, not counting those that may stand beside it."""
    there = folder.glob("*") if folder.is_dir() else ()
    files = sorted(path for path in there if path.is_file() and path.name not in beside)
    if len(files) != 1:
        raise ConfigurationError(
            f"{folder} holds {len(files)} files, it must hold exactly one.", remedy="Check the MSP folder."
        )
    return files[0]


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
