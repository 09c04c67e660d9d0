"""What contracts read from certificates."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chaincode.caller import ATTRIBUTES_OID, CallerError, attributes, common_name, organisational_units
from chaincode.state import Creator
from chaincode.testing import caller_of
from consortium.identity.ca import CertificateAuthority


def carrying(value: bytes) -> Creator:
    """A caller whose certificate has this in place of attributes."""
    key = ec.generate_private_key(ec.SECP256R1())
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    end = start + dt.timedelta(days=9999)
    name = x509.Name([])
    builder = x509.CertificateBuilder(
        name,
        name,
        key.public_key(),
        7,
        start,
        end,
        [x509.Extension(ATTRIBUTES_OID, False, x509.UnrecognizedExtension(ATTRIBUTES_OID, value))],
    )
    made = builder.sign(key, hashes.SHA256())
    return Creator("M", made.public_bytes(serialization.Encoding.PEM))


def test_attributes_as_fabric_ca_writes_them() -> None:
    said = {"hf.Affiliation": "trade.desk", "hf.EnrollmentID": "anna", "hf.Type": "client", "limit": "9"}
    caller = caller_of("BankAMSP", "anna", attributes=said)
    assert dict(attributes(caller)) == said
    assert (common_name(caller), organisational_units(caller)) == ("anna", ("client",))


def test_a_certificate_without_attributes_has_none() -> None:
    issued = CertificateAuthority.create("ca", "BankA").issue("anna", ou=["client", "desk"])
    caller = Creator("BankAMSP", issued.cert_pem)
    assert dict(attributes(caller)) == {}
    assert (common_name(caller), organisational_units(caller)) == ("anna", ("client", "desk"))
    assert common_name(carrying(b"{}")) == ""


def test_attributes_cannot_be_changed_for_the_next_call() -> None:
    caller = caller_of("M", attributes={"role": "clerk"})
    with pytest.raises(TypeError):
        attributes(caller)["role"] = "auditor"  # type: ignore[index]
    assert attributes(caller)["role"] == "clerk"


def test_numbers_are_told_as_text() -> None:
    assert dict(attributes(carrying(b'{"attrs": {"limit": 9}}'))) == {"limit": "9"}


@pytest.mark.parametrize(
    "value", [b"", b"no json", b"[]", b"{}", b'{"attrs": 1}', b'{"attrs": null}', b"\xff"]
)
def test_attributes_that_are_none_are_told(value: bytes) -> None:
    with pytest.raises(CallerError, match="not Fabric CA's"):
        attributes(carrying(value))


@pytest.mark.parametrize(
    "pem", [b"", b"PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_told(pem: bytes) -> None:
    for read in (attributes, common_name, organisational_units):
        with pytest.raises(CallerError, match="certificate cannot be read"):
            read(Creator("M", pem))
