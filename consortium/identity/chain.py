"""Whether a certificate was good at a given time: a pure check against CA certificates and revocation lists.

Made for proofs that are read years later and offline, so the time is an argument. The rules, in order:
1. the certificate is readable, no CA's, may sign (key usage), and has no critical extension unknown here;
2. it was valid at the time;
3. a path leads over intermediates to a trusted root: each signature good, each issuer a CA that may sign
   certificates, was valid at the time, and not deeper than its path length allows;
4. no revocation list of an issuer on that path names the certificate below it. A list counts when its issuer signed
   it; an entry counts whatever its date, because whoever has a stolen key can date signatures back; only an entry
   whose reason speaks of no theft (superseded, ceased, changed affiliation) counts from its date on.
A list that is old is used as it is: how fresh it has to be is for whoever keeps the trust folder.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtensionOID, NameOID

from consortium.errors import DeniedError

MAX_DEPTH = 5
"""Certificates on a path; Fabric's MSPs have two or three."""

MAX_ATTEMPTS = 64
"""Issuers tried in all, so that a folder of look-alikes costs little."""

_KNOWN_CRITICAL = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)

_WITHOUT_THEFT = frozenset(
    {
        x509.ReasonFlags.superseded,
        x509.ReasonFlags.cessation_of_operation,
        x509.ReasonFlags.affiliation_changed,
    }
)


UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises, sooner or later, over a certificate that is none."""


class ChainError(DeniedError):
    """A certificate that does not prove what it should; reason CERTIFICATE_... says which rule it breaks."""

    reason = "CERTIFICATE_UNTRUSTED"


def verify_chain(
    certificate: x509.Certificate | bytes,
    cas: Iterable[x509.Certificate],
    at_time: dt.datetime,
    crls: Sequence[x509.CertificateRevocationList] = (),
    *,
    intermediates: Iterable[x509.Certificate] = (),
) -> tuple[x509.Certificate, ...]:
    """Check a certificate by the rules of this module.

    :param certificate: parsed, or PEM, or DER
    :param cas: trusted CA certificates; each is an end of the path, self-signed or not
    :param at_time: the moment it has to have been good at, with its time zone
    :returns: the path, the certificate first
    :raises ChainError: CERTIFICATE_MALFORMED, _WRONG_USE, _NOT_YET_VALID, _EXPIRED, _UNTRUSTED, _REVOKED, or
        CRL_INVALID
    """
    leaf = parse_certificate(certificate)
    _check_leaf(leaf)  # 1
    _check_validity(leaf, at_time, "The certificate")  # 2
    search = _Search(tuple(cas), tuple(intermediates), at_time)
    path = search.path_from(leaf)  # 3
    if path is None:
        raise search.failure or ChainError(
            "The certificate is not signed by a trusted CA.",
            remedy="Check that the trust folder holds its organisation's CA certificates.",
        )
    for below, issuer in pairwise(path):  # 4
        _check_revocation(below, issuer, crls, at_time)
    return path


def parse_certificate(certificate: x509.Certificate | bytes) -> x509.Certificate:
    """A certificate from PEM or DER.

    :raises ChainError: CERTIFICATE_MALFORMED
    """
    try:
        if isinstance(certificate, x509.Certificate):
            parsed = certificate
        elif certificate.lstrip().startswith(b"-----BEGIN"):
            parsed = x509.load_pem_x509_certificate(certificate)
        else:
            parsed = x509.load_der_x509_certificate(certificate)
        # The library reads these when they are first asked for, and then raises.
        _ = parsed.subject, parsed.issuer, parsed.extensions, parsed.serial_number
        _ = parsed.not_valid_before_utc, parsed.not_valid_after_utc, parsed.public_key()
        _ = parsed.signature_hash_algorithm
    except UNREADABLE as error:
        raise ChainError(
            "The certificate cannot be read.", reason="CERTIFICATE_MALFORMED", remedy="It has to be X.509."
        ) from error
    return parsed


def has_role(certificate: x509.Certificate, unit: str) -> bool:
    """Whether a certificate has a NodeOU role: exactly this organisational unit is among its units."""
    return unit in organisational_units(certificate)


def organisational_units(certificate: x509.Certificate) -> list[str]:
    """The OU values of a certificate's subject."""
    found = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return [str(attribute.value) for attribute in found]


def _check_leaf(leaf: x509.Certificate) -> None:
    usage = _key_usage(leaf)
    if _path_length(leaf) is not None or (usage is not None and not usage.digital_signature):
        raise ChainError(
            "The certificate is not one that signs messages.",
            reason="CERTIFICATE_WRONG_USE",
            remedy="Sign with an identity's own certificate.",
        )


def _check_validity(certificate: x509.Certificate, at_time: dt.datetime, what: str) -> None:
    if at_time < certificate.not_valid_before_utc:
        raise ChainError(
            f"{what} was not valid yet at {at_time.isoformat()}.",
            reason="CERTIFICATE_NOT_YET_VALID",
            remedy="Check the time of what it signed.",
        )
    if at_time > certificate.not_valid_after_utc:
        raise ChainError(
            f"{what} had expired at {at_time.isoformat()}.",
            reason="CERTIFICATE_EXPIRED",
            remedy="Ask for it to be signed again with a valid certificate.",
        )


class _Search:
    """Depth-first search for a path; remembers why the most promising one failed."""

    def __init__(
        self,
        cas: tuple[x509.Certificate, ...],
        intermediates: tuple[x509.Certificate, ...],
        at_time: dt.datetime,
    ) -> None:
        self._cas = cas
        self._intermediates = intermediates
        self._at_time = at_time
        self._attempts = MAX_ATTEMPTS
        self.failure: ChainError | None = None

    def path_from(
        self, certificate: x509.Certificate, below: tuple[x509.Certificate, ...] = ()
    ) -> tuple[x509.Certificate, ...] | None:
        path = (*below, certificate)
        for issuer in self._cas:
            if self._issued(certificate, issuer, len(path) - 1):
                return (*path, issuer)
        if len(path) >= MAX_DEPTH - 1:
            return None
        for issuer in self._intermediates:
            if issuer not in path and self._issued(certificate, issuer, len(path) - 1):
                found = self.path_from(issuer, path)
                if found is not None:
                    return found
        return None

    def _issued(self, certificate: x509.Certificate, issuer: x509.Certificate, cas_below: int) -> bool:
        if issuer.subject != certificate.issuer or self._attempts <= 0:
            return False
        self._attempts -= 1
        if isinstance(certificate.signature_hash_algorithm, hashes.SHA1 | hashes.MD5):
            return False
        try:
            certificate.verify_directly_issued_by(issuer)
            length, usage = _path_length(issuer), _key_usage(issuer)
            _check_validity(issuer, self._at_time, "The CA's certificate")
        except (InvalidSignature, *UNREADABLE):
            return False
        except ChainError as error:
            self.failure = error
            return False
        return length is not None and length >= cas_below and (usage is None or usage.key_cert_sign)


def _path_length(certificate: x509.Certificate) -> int | None:
    """How many CAs may stand below this one; None when it is no CA."""
    try:
        constraints = _extensions(certificate).get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return None
    if not constraints.ca:
        return None
    return MAX_DEPTH if constraints.path_length is None else constraints.path_length


def _key_usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return _extensions(certificate).get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _extensions(certificate: x509.Certificate) -> x509.Extensions:
    try:
        extensions = certificate.extensions
    except UNREADABLE as error:
        raise ChainError(
            "The certificate's extensions cannot be read.",
            reason="CERTIFICATE_MALFORMED",
            remedy="It has to follow RFC 5280.",
        ) from error
    unknown = [
        each.oid.dotted_string for each in extensions if each.critical and each.oid not in _KNOWN_CRITICAL
    ]
    if unknown:
        raise ChainError(
            f"The certificate has critical extensions that are not understood: {', '.join(unknown)}.",
            reason="CERTIFICATE_WRONG_USE",
            remedy="Issue it without them.",
        )
    return extensions


def _check_revocation(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    crls: Sequence[x509.CertificateRevocationList],
    at_time: dt.datetime,
) -> None:
    for crl in crls:
        if crl.issuer != issuer.subject or not _signed_by(crl, issuer):
            continue
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        if entry is not None and _counts(entry, at_time):
            raise ChainError(
                "The certificate was revoked by its issuer.",
                reason="CERTIFICATE_REVOKED",
                remedy="Ask for it to be signed again by an identity that is not revoked.",
            )


def _signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    usage = _key_usage(issuer)
    try:
        good = crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
        critical = [extension for extension in crl.extensions if extension.critical]
    except UNREADABLE:
        return False
    # Another CA of the same name may have signed it: not this one's list.
    if not good or (usage is not None and not usage.crl_sign):
        return False
    if critical:
        # A delta or partial list would have to be read together with others.
        raise ChainError(
            "A revocation list is of a kind that is not understood.",
            reason="CRL_INVALID",
            remedy="Put complete lists into the trust folder.",
        )
    return True


def _counts(entry: x509.RevokedCertificate, at_time: dt.datetime) -> bool:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return True
    return reason not in _WITHOUT_THEFT or entry.revocation_date_utc <= at_time
