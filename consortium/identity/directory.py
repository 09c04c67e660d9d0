"""Who a TLS certificate belongs to: the consortium's organisations, their TLS CAs and the roles they give.

A caller's organisation is the one whose TLS CA signed its certificate; what the certificate says about itself
only has to agree. In order:
1. the certificate is parsed, and is a client certificate of an end entity;
2. its signature is that of a CA listed for exactly one organisation;
3. its O, if any, names that organisation;
4. it has exactly one OU, a role that the directory allows that organisation;
5. it is valid now (checked at every call, also when 1-4 are remembered).
"""

from __future__ import annotations

import datetime as dt
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consortium.errors import ConfigurationError, UnauthenticatedError
from consortium.identity.chain import UNREADABLE, ChainError, parse_certificate

MAX_REMEMBERED = 1024
"""Certificates whose checks are remembered, least recently used forgotten first."""

ROLES = frozenset({"gateway", "adapter", "operator", "erp", "bank", "regulator"})
"""Roles of the consortium (RELIABILITY, Security), as they stand in a certificate's OU."""

_ASK_OPERATOR = "Ask the operator of your organisation for a certificate of the consortium."


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: organisation (MSP id), name within it (CN), role (OU)."""

    org: str
    name: str
    role: str


@dataclass(frozen=True)
class Organisation:
    """An organisation of the consortium as TLS knows it."""

    msp_id: str
    tls_cas: tuple[x509.Certificate, ...]
    roles: frozenset[str]
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    not_before: dt.datetime
    not_after: dt.datetime


class _OrganisationFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    tls_ca: tuple[str, ...] = Field(min_length=1)
    roles: frozenset[str] = Field(min_length=1)


class _DirectoryFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    organisations: dict[str, _OrganisationFile] = Field(min_length=1)


class OrgDirectory:
    """The organisations of the consortium.

    :param organisations: each MSP id once; no CA key may be listed for two organisations
    :param now: clock, for tests
    :raises ConfigurationError: organisations that cannot be told apart, or a CA that is none
    """

    def __init__(
        self,
        organisations: Iterable[Organisation],
        *,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        self._organisations = {organisation.msp_id: organisation for organisation in organisations}
        self._now = now
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        owners: dict[bytes, str] = {}
        for organisation in self._organisations.values():
            for ca in organisation.tls_cas:
                _check_ca(ca, organisation.msp_id)
                key = _spki(ca)
                if owners.setdefault(key, organisation.msp_id) != organisation.msp_id:
                    raise ConfigurationError(
                        f"{organisation.msp_id} and {owners[key]} list the same TLS CA key.",
                        remedy="Give each organisation a TLS CA of its own.",
                    )

    @classmethod
    def load(cls, path: Path) -> OrgDirectory:
        """Read a directory file (``example`` shows its form); paths in it are relative to the file.

        :raises ConfigurationError: everything that is wrong with the file, at once
        """
        try:
            content = _DirectoryFile.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ConfigurationError(
                f"The organisation directory {path} cannot be read: {error.strerror}.",
                remedy="Check the path.",
            ) from error
        except ValidationError as error:
            found = "; ".join(
                f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()
            )
            raise ConfigurationError(
                f"The organisation directory {path} is wrong: {found}.",
                remedy='It looks like {"organisations": {"BankAMSP": {"tls_ca": ["..."], "roles": [...]}}}.',
            ) from error
        problems: list[str] = []
        organisations: list[Organisation] = []
        for msp_id, entry in content.organisations.items():
            unknown = entry.roles - ROLES
            if unknown:
                problems.append(f"{msp_id}: unknown roles {sorted(unknown)}, known are {sorted(ROLES)}")
            cas: list[x509.Certificate] = []
            for name in entry.tls_ca:
                try:
                    cas += x509.load_pem_x509_certificates((path.parent / name).read_bytes())
                except (OSError, ValueError):
                    problems.append(f"{msp_id}: {path.parent / name} is not a readable PEM certificate")
            organisations.append(Organisation(msp_id, tuple(cas), entry.roles, entry.name))
        if problems:
            raise ConfigurationError(
                f"The organisation directory {path} is wrong: {'; '.join(problems)}.",
                remedy="Correct the entries named.",
            )
        return cls(organisations)

    @staticmethod
    def to_json(organisations: Mapping[str, tuple[list[str], Iterable[str]]]) -> bytes:
        """The directory file for MSP id -> (paths of TLS CA certificates, roles)."""
        content = {
            msp_id: {"tls_ca": paths, "roles": sorted(roles)}
            for msp_id, (paths, roles) in organisations.items()
        }
        return json.dumps({"organisations": content}, indent=2).encode("ascii") + b"\n"

    @property
    def organisations(self) -> Mapping[str, Organisation]:
        """MSP id -> organisation."""
        return self._organisations

    def roots(self, msp_id: str) -> bytes:
        """PEM of one organisation's TLS CAs: what a client trusts when it calls that organisation.

        :raises ConfigurationError: not an organisation of the directory
        """
        organisation = self._organisations.get(msp_id)
        if organisation is None:
            raise ConfigurationError(
                f"{msp_id} is not in the organisation directory.",
                remedy=f"Known are {', '.join(sorted(self._organisations))}.",
            )
        return b"".join(_pem(ca) for ca in organisation.tls_cas)

    def bundle(self) -> bytes:
        """PEM of all organisations' TLS CAs: what a server lets into its handshake."""
        return b"".join(self.roots(msp_id) for msp_id in self._organisations)

    def identify(self, certificate_pem: bytes) -> Caller:
        """The caller that a TLS certificate (one PEM) stands for.

        :raises UnauthenticatedError: reason CERTIFICATE_... says which check failed
        """
        known = self._known.get(certificate_pem)
        if known is None:
            known = self._check(certificate_pem)
            self._known[certificate_pem] = known
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(certificate_pem)
        now = self._now()
        if now < known.not_before:
            raise _refusal("CERTIFICATE_NOT_YET_VALID", "The TLS certificate is not valid yet.")
        if now > known.not_after:
            raise _refusal("CERTIFICATE_EXPIRED", "The TLS certificate has expired.")
        return known.caller

    def _check(self, certificate_pem: bytes) -> _Known:
        try:
            certificate = parse_certificate(certificate_pem)
        except ChainError as error:
            raise _refusal("CERTIFICATE_MALFORMED", "The TLS certificate cannot be read.") from error
        if not _is_client(certificate):
            raise _refusal("CERTIFICATE_WRONG_USE", "The TLS certificate is not a client's.")
        organisation = self._issuing_organisation(certificate)
        if organisation is None:
            raise _refusal(
                "CERTIFICATE_UNTRUSTED", "The TLS certificate is not signed by a CA of the consortium."
            )
        claimed = _values(certificate, NameOID.ORGANIZATION_NAME)
        if claimed and claimed != [organisation.msp_id]:
            raise _refusal(
                "CERTIFICATE_FOREIGN_ORGANISATION",
                f"The TLS certificate of {organisation.msp_id}'s CA names another organisation.",
            )
        names = _values(certificate, NameOID.COMMON_NAME)
        units = _values(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME)
        if len(names) != 1 or len(units) != 1 or units[0] not in organisation.roles:
            raise _refusal(
                "CERTIFICATE_ROLE_NOT_ALLOWED",
                f"The TLS certificate has no single name and role that {organisation.msp_id} may give.",
            )
        return _Known(
            Caller(organisation.msp_id, names[0], units[0]),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
        )

    def _issuing_organisation(self, certificate: x509.Certificate) -> Organisation | None:
        for organisation in self._organisations.values():
            for ca in organisation.tls_cas:
                if ca.subject != certificate.issuer:
                    continue
                try:
                    certificate.verify_directly_issued_by(ca)
                except (InvalidSignature, *UNREADABLE):
                    continue
                return organisation
        return None


def _check_ca(ca: x509.Certificate, msp_id: str) -> None:
    try:
        is_ca = ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        is_ca = False
    if not is_ca:
        raise ConfigurationError(
            f"A certificate listed as TLS CA of {msp_id} is no CA certificate.",
            remedy="List the certificate of the CA, not one that it issued.",
        )


def _is_client(certificate: x509.Certificate) -> bool:
    extensions = certificate.extensions
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
    except x509.ExtensionNotFound:
        pass
    try:
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.CLIENT_AUTH in purposes


def _values(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)]


def _refusal(reason: str, message: str) -> UnauthenticatedError:
    return UnauthenticatedError(message, reason=reason, remedy=_ASK_OPERATOR)


def _spki(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
