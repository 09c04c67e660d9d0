"""What the caller's certificate says, for contracts that decide by it.

The peer has checked the certificate against the organisation's authorities; here it is only read. Attributes are those
that Fabric CA writes: an extension 1.2.3.4.5.6.7.8.1 that holds JSON, ``{"attrs": {"name": "value"}}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from cryptography import x509

from chaincode.state import Creator

ATTRIBUTES_OID: Final = x509.ObjectIdentifier("1.2.3.4.5.6.7.8.1")

MAX_KNOWN: Final = 256
"""Certificates kept read: reading one costs as much as a small transaction."""


class CallerError(Exception):
    """The certificate, or what Fabric CA wrote into it, cannot be read."""


def attributes(creator: Creator) -> Mapping[str, str]:
    """Fabric CA's attributes of the caller; empty when its certificate has none.

    ``hf.EnrollmentID``, ``hf.Type`` and ``hf.Affiliation`` are there by default.

    :raises CallerError: no X.509 certificate, or attributes that are none
    """
    return _attributes(creator.certificate)


def organisational_units(creator: Creator) -> tuple[str, ...]:
    """The subject's OUs; ``client``, ``peer``, ``admin`` or ``orderer`` is among them where NodeOUs are in use.

    :raises CallerError: no X.509 certificate
    """
    subject = _certificate(creator.certificate).subject
    found = subject.get_attributes_for_oid(x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
    return tuple(str(each.value) for each in found)


def common_name(creator: Creator) -> str:
    """The subject's common name; empty when there is none.

    :raises CallerError: no X.509 certificate
    """
    found = _certificate(creator.certificate).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


@lru_cache(MAX_KNOWN)
def _certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise CallerError(f"the caller's certificate cannot be read: {error}") from error


@lru_cache(MAX_KNOWN)
def _attributes(pem: bytes) -> Mapping[str, str]:
    try:
        extensions = _certificate(pem).extensions
        value = extensions.get_extension_for_oid(ATTRIBUTES_OID).value
    except x509.ExtensionNotFound:
        return MappingProxyType({})
    except ValueError as error:
        raise CallerError(f"the certificate's extensions cannot be read: {error}") from error
    try:
        said = json.loads(value.public_bytes())["attrs"]
        found = {str(name): str(text) for name, text in said.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CallerError(f"the certificate's attributes are not Fabric CA's: {error}") from error
    return MappingProxyType(found)
