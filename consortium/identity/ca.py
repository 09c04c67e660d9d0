"""A certificate authority in a folder: what a sandbox, a test or a small consortium issues with.

Certificates are made as Fabric's own ``cryptogen`` makes them (key usages, key identifiers, attributes), on
P-256, and signed with the lower S: Fabric rewrites certificates with the higher one, and then their bytes
differ from place to place.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from consortium.errors import ConfigurationError
from consortium.identity.files import write_file
from consortium.identity.signer import Ed25519Signer, P256Signer, is_low_s, load_signer, signer_from_pem

CA_DAYS = 3650
"""Validity of a CA that says nothing else, days."""

LEAF_DAYS = 365
"""Validity of an issued certificate that says nothing else, days."""

BACKDATE = dt.timedelta(minutes=5)
"""Certificates start this much earlier, as clocks differ; cryptogen does the same."""

CRL_DAYS = 30
"""Until when a revocation list says that its successor comes, days."""

Usage = Literal["tls", "signing"]


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its private key, both PEM."""

    cert_pem: bytes
    key_pem: bytes

    @property
    def certificate(self) -> x509.Certificate:
        """The parsed certificate."""
        return x509.load_pem_x509_certificate(self.cert_pem)

    @property
    def signer(self) -> P256Signer | Ed25519Signer:
        """Signer with the private key."""
        return signer_from_pem(self.key_pem)

    def save(self, cert: Path, key: Path) -> None:
        """Write both files, the key with mode 0600."""
        write_file(cert, self.cert_pem)
        write_file(key, self.key_pem, private=True)


class CertificateAuthority:
    """A self-signed root and its key."""

    def __init__(self, certificate: x509.Certificate, signer: P256Signer) -> None:
        self._certificate = certificate
        self._signer = signer

    @classmethod
    def create(
        cls,
        common_name: str,
        organisation: str,
        *,
        days: int = CA_DAYS,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
    ) -> CertificateAuthority:
        """Make a root: CN and O as given, path length unlimited, key usages as cryptogen's."""
        signer = P256Signer.generate()
        start, end = _validity(days, not_before, not_after)
        name = _name(common_name, organisation, ())
        public = signer.key.public_key()
        builder = (
            _builder(name, name, public, start, end)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(ca=True, tls=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        return cls(_sign(builder, signer), signer)

    @classmethod
    def at(cls, folder: Path, common_name: str, organisation: str) -> CertificateAuthority:
        """The authority of a folder, made and kept there when there is none."""
        if (folder / "ca.pem").exists():
            return cls.load(folder)
        made = cls.create(common_name, organisation)
        made.save(folder)
        return made

    @classmethod
    def load(cls, folder: Path) -> CertificateAuthority:
        """Read ``ca.pem`` and ``ca.key`` of a folder.

        :raises ConfigurationError: unreadable, or the two do not belong together
        """
        try:
            certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{folder / 'ca.pem'} is not a readable certificate.", remedy="Check the path."
            ) from error
        signer = load_signer(folder / "ca.key")
        if not isinstance(signer, P256Signer) or signer.key.public_key() != certificate.public_key():
            raise ConfigurationError(
                f"{folder / 'ca.key'} is not the key of {folder / 'ca.pem'}.",
                remedy="Restore both from one backup.",
            )
        return cls(certificate, signer)

    def save(self, folder: Path) -> None:
        """Write ``ca.pem`` and ``ca.key`` (mode 0600) to a folder."""
        write_file(folder / "ca.key", self._signer.to_pem(), private=True)
        write_file(folder / "ca.pem", self.cert_pem)

    @property
    def certificate(self) -> x509.Certificate:
        """The root certificate."""
        return self._certificate

    @property
    def cert_pem(self) -> bytes:
        """The root certificate as PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def organisation(self) -> str:
        """The O of the root, which every issued certificate carries too."""
        return _attribute(self._certificate.subject, NameOID.ORGANIZATION_NAME)

    def issue(
        self,
        common_name: str,
        *,
        ou: str | Sequence[str] = (),
        sans: Sequence[str] = (),
        usage: Usage | None = None,
        key: P256Signer | Ed25519Signer | None = None,
        days: int = LEAF_DAYS,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
        organisation: str | None = None,
    ) -> Issued:
        """Issue a leaf certificate, with a new key unless one is given.

        :param ou: organisational unit(s): the role within the organisation
        :param sans: host names and IP addresses; having any makes it a TLS certificate
        :param usage: "tls" (server and client) or "signing" (MSP identity); default by ``sans``
        :param organisation: O; the CA's own unless a test wants another
        """
        signer = key or P256Signer.generate()
        tls = (usage or ("tls" if sans else "signing")) == "tls"
        start, end = _validity(days, not_before, not_after)
        units = (ou,) if isinstance(ou, str) else tuple(ou)
        subject = _name(common_name, organisation or self.organisation, units)
        public = signer.key.public_key()
        builder = (
            _builder(subject, self._certificate.subject, public, start, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False, tls=tls), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(self._authority_key_identifier(), critical=False)
        )
        if tls:
            purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if sans:
            names = x509.SubjectAlternativeName([_general_name(san) for san in sans])
            builder = builder.add_extension(names, critical=False)
        certificate = _sign(builder, self._signer)
        return Issued(certificate.public_bytes(serialization.Encoding.PEM), signer.to_pem())

    def issue_ca(
        self, common_name: str, *, path_length: int | None = 0, days: int = CA_DAYS
    ) -> CertificateAuthority:
        """Issue an intermediate CA with a key of its own."""
        signer = P256Signer.generate()
        start, end = _validity(days, None, None)
        public = signer.key.public_key()
        name = _name(common_name, self.organisation, ())
        builder = (
            _builder(name, self._certificate.subject, public, start, end)
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(_key_usage(ca=True, tls=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(self._authority_key_identifier(), critical=False)
        )
        return CertificateAuthority(_sign(builder, self._signer), signer)

    def revoke(
        self,
        certificates: Sequence[x509.Certificate],
        *,
        at: dt.datetime | None = None,
        reason: x509.ReasonFlags | None = None,
    ) -> bytes:
        """A revocation list (PEM) that names these certificates."""
        moment = at or dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(moment)
            .next_update(moment + dt.timedelta(days=CRL_DAYS))
            .add_extension(self._authority_key_identifier(), critical=False)
        )
        for certificate in certificates:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            entry = entry.revocation_date(moment)
            if reason is not None:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        crl = builder.sign(self._signer.key, hashes.SHA256())
        return crl.public_bytes(serialization.Encoding.PEM)

    def _authority_key_identifier(self) -> x509.AuthorityKeyIdentifier:
        extension = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(extension.value)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey,
    start: dt.datetime,
    end: dt.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _sign(builder: x509.CertificateBuilder, signer: P256Signer) -> x509.Certificate:
    # Each try has an S of its own, low in half of the cases.
    while True:
        certificate = builder.sign(signer.key, hashes.SHA256())
        if is_low_s(certificate.signature):
            return certificate


def _validity(
    days: int, not_before: dt.datetime | None, not_after: dt.datetime | None
) -> tuple[dt.datetime, dt.datetime]:
    start = not_before or dt.datetime.now(dt.UTC) - BACKDATE
    return start, not_after or start + dt.timedelta(days=days)


def _name(common_name: str, organisation: str, units: Sequence[str]) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            *(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in units),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _key_usage(*, ca: bool, tls: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=ca or tls,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(oid)
    return str(values[0].value) if values else ""
