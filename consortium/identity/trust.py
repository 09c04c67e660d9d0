"""What somebody who trusts no gateway trusts instead: a folder with the organisations' CA certificates and a policy.

```
trust/trust.json
  {"channel": "chanrong", "chaincode": "chanrong", "ledger": "embedded" | "fabric",
   "policy": {"all_of": ["IndustryAMSP"], "any_of": [["BankAMSP", "BankBMSP"]]},
   "organisations": {"IndustryAMSP": {"name": "...", "ca": ["orgs/IndustryAMSP/ca.pem"], "intermediates": [],
                                      "crl": [], "node_ou": {"peer": "peer"}}},
   "package_issuers": {"BankAMSP": {"jwks": "orgs/BankAMSP/package-jwks.json"}}}
```
It is the verifier's own: made once with the consortium, kept by the bank, changed by nobody who sends packages.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consortium.errors import ConfigurationError
from consortium.identity.chain import ChainError, has_role, parse_certificate, verify_chain
from consortium.identity.files import write_file
from consortium.identity.jws import load_jwks

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Largest file of a trust folder; a revocation list of 100,000 entries fits."""

FILE_NAME = "trust.json"


@dataclass(frozen=True)
class Policy:
    """Whose signatures a signed read needs: all of one list, and one of each further list."""

    all_of: tuple[str, ...]
    any_of: tuple[tuple[str, ...], ...] = ()

    def satisfied_by(self, signers: Collection[str]) -> bool:
        """Whether these organisations (MSP ids) are enough."""
        return all(org in signers for org in self.all_of) and all(
            any(org in signers for org in choice) for choice in self.any_of
        )

    def __str__(self) -> str:
        parts = [*self.all_of, *("one of " + ", ".join(choice) for choice in self.any_of)]
        return " and ".join(parts)


@dataclass(frozen=True)
class TrustedOrganisation:
    """An organisation's CAs, and how its certificates say what role they have."""

    msp_id: str
    name: str
    cas: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...] = ()
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    node_ou: Mapping[str, str] = field(default_factory=lambda: {"peer": "peer"})

    def check(
        self, certificate: bytes | x509.Certificate, role: str, at_time: dt.datetime
    ) -> x509.Certificate:
        """Check that a certificate is this organisation's, has the role, and was good at the time.

        :param role: such as "peer"; what that is in a certificate is the folder's word (``node_ou``)
        :returns: the parsed certificate
        :raises ChainError: CERTIFICATE_... or CRL_INVALID
        """
        parsed = parse_certificate(certificate)
        verify_chain(parsed, self.cas, at_time, self.crls, intermediates=self.intermediates)
        unit = self.node_ou.get(role)
        if unit is None or not has_role(parsed, unit):
            raise ChainError(
                f"The certificate of {self.msp_id} is not a {role}'s.",
                reason="CERTIFICATE_ROLE_NOT_ALLOWED",
                remedy=f"Only a {role} of the organisation may sign this.",
            )
        return parsed


@dataclass(frozen=True)
class TrustRoots:
    """A trust folder, read and checked."""

    channel: str
    chaincode: str
    ledger: Literal["embedded", "fabric"]
    policy: Policy
    organisations: Mapping[str, TrustedOrganisation]
    package_issuers: Mapping[str, Mapping[str, Any]]

    @classmethod
    def load(cls, folder: Path) -> TrustRoots:
        """Read a trust folder.

        :raises ConfigurationError: everything that is wrong with it, at once
        """
        return _Loader(folder).load()


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _PolicyFile(_Strict):
    all_of: tuple[str, ...] = ()
    any_of: tuple[tuple[str, ...], ...] = ()


class _OrganisationFile(_Strict):
    name: str = ""
    ca: tuple[str, ...] = Field(min_length=1)
    intermediates: tuple[str, ...] = ()
    crl: tuple[str, ...] = ()
    node_ou: dict[str, str] = {"peer": "peer"}


class _IssuerFile(_Strict):
    jwks: str


class _TrustFile(_Strict):
    channel: str = Field(min_length=1)
    chaincode: str = Field(min_length=1)
    ledger: Literal["embedded", "fabric"]
    policy: _PolicyFile
    organisations: dict[str, _OrganisationFile] = Field(min_length=1)
    package_issuers: dict[str, _IssuerFile] = {}


class _Loader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._problems: list[str] = []

    def load(self) -> TrustRoots:
        content = self._content()
        organisations = {
            msp_id: TrustedOrganisation(
                msp_id,
                entry.name,
                self._certificates(entry.ca),
                self._certificates(entry.intermediates),
                self._crls(entry.crl),
                entry.node_ou,
            )
            for msp_id, entry in content.organisations.items()
        }
        issuers = {msp_id: self._jwks(entry.jwks) for msp_id, entry in content.package_issuers.items()}
        policy = Policy(content.policy.all_of, content.policy.any_of)
        self._check_policy(policy, organisations)
        if self._problems:
            raise self._error()
        return TrustRoots(content.channel, content.chaincode, content.ledger, policy, organisations, issuers)

    def _content(self) -> _TrustFile:
        try:
            return _TrustFile.model_validate_json(self._read(FILE_NAME))
        except ValidationError as error:
            self._problems += [
                f"{FILE_NAME}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
            ]
            raise self._error() from error

    def _check_policy(self, policy: Policy, organisations: Mapping[str, TrustedOrganisation]) -> None:
        named = {*policy.all_of, *(org for choice in policy.any_of for org in choice)}
        unknown = sorted(named - organisations.keys())
        if unknown:
            self._problems.append(f"policy: unknown organisations {', '.join(unknown)}")
        if not named or not all(policy.any_of):
            self._problems.append("policy: it asks for nobody's signature, or for one of nobody's")

    def _certificates(self, names: tuple[str, ...]) -> tuple[x509.Certificate, ...]:
        found: list[x509.Certificate] = []
        for name in names:
            try:
                found += x509.load_pem_x509_certificates(self._read(name))
            except ValueError:
                self._problems.append(f"{name}: no PEM certificate")
        return tuple(found)

    def _crls(self, names: tuple[str, ...]) -> tuple[x509.CertificateRevocationList, ...]:
        found: list[x509.CertificateRevocationList] = []
        for name in names:
            try:
                found.append(x509.load_pem_x509_crl(self._read(name)))
            except ValueError:
                self._problems.append(f"{name}: no PEM revocation list")
        return tuple(found)

    def _jwks(self, name: str) -> Mapping[str, Any]:
        content = self._read(name)
        try:
            return load_jwks(content, name)
        except ConfigurationError as error:
            self._problems.append(error.message)
            return {}

    def _read(self, name: str) -> bytes:
        path = self._folder / name
        # A folder that is copied has to mean the same elsewhere.
        if Path(name).is_absolute() or ".." in Path(name).parts:
            self._problems.append(f"{name}: outside of the trust folder")
            raise self._error()
        try:
            with path.open("rb") as handle:
                content = handle.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            self._problems.append(f"{name}: {error.strerror}")
            raise self._error() from error
        if len(content) > MAX_FILE_BYTES:
            self._problems.append(f"{name}: larger than {MAX_FILE_BYTES} bytes")
            raise self._error()
        return content

    def _error(self) -> ConfigurationError:
        return ConfigurationError(
            f"The trust folder {self._folder} cannot be used: {'; '.join(self._problems)}.",
            remedy="Correct what is named, or get the folder again from whoever runs the consortium.",
        )


def write_trust(
    folder: Path,
    *,
    channel: str,
    chaincode: str,
    ledger: Literal["embedded", "fabric"],
    policy: Policy,
    cas: Mapping[str, bytes],
    package_jwks: Mapping[str, Mapping[str, Any]],
) -> None:
    """Write a trust folder.

    :param cas: MSP id -> PEM of its MSP CA certificates
    :param package_jwks: MSP id of a bank -> public keys of its packages
    """
    for msp_id, pem in cas.items():
        write_file(folder / "orgs" / msp_id / "ca.pem", pem)
    for msp_id, jwks in package_jwks.items():
        write_file(folder / "orgs" / msp_id / "package-jwks.json", json.dumps(jwks, indent=2).encode("ascii"))
    content = {
        "channel": channel,
        "chaincode": chaincode,
        "ledger": ledger,
        "policy": {"all_of": policy.all_of, "any_of": policy.any_of},
        "organisations": {
            msp_id: {"name": msp_id, "ca": [f"orgs/{msp_id}/ca.pem"], "crl": [], "node_ou": {"peer": "peer"}}
            for msp_id in cas
        },
        "package_issuers": {msp_id: {"jwks": f"orgs/{msp_id}/package-jwks.json"} for msp_id in package_jwks},
    }
    write_file(folder / FILE_NAME, json.dumps(content, indent=2).encode("ascii") + b"\n")
