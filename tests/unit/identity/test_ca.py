"""Certificates as cryptogen makes them, and MSP folders."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
import ssl
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from consortium.errors import ConfigurationError
from consortium.identity.ca import CertificateAuthority
from consortium.identity.msp import load_identity, make_identity, write_msp, write_org_msp
from consortium.identity.signer import is_low_s, verify_signature
from consortium.wire.fabric.msp import identities_pb2

CA = CertificateAuthority.create("ca.bank-a", "BankAMSP")


def _usage(certificate: x509.Certificate) -> set[str]:
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    names = ("digital_signature", "key_encipherment", "key_cert_sign", "crl_sign", "content_commitment")
    return {name for name in names if getattr(usage, name)}


def _key_id(certificate: x509.Certificate) -> bytes:
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def test_a_ca_has_cryptogens_usages() -> None:
    certificate = CA.certificate
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.ca
    assert _usage(certificate) == {"digital_signature", "key_encipherment", "key_cert_sign", "crl_sign"}
    certificate.verify_directly_issued_by(certificate)


def test_a_signing_certificate_has_its_role_and_points_to_its_ca() -> None:
    issued = CA.issue("peer0", ou="peer").certificate
    issued.verify_directly_issued_by(CA.certificate)
    assert _usage(issued) == {"digital_signature"}
    subject = {attribute.oid: attribute.value for attribute in issued.subject}
    assert subject == {
        NameOID.ORGANIZATION_NAME: "BankAMSP",
        NameOID.ORGANIZATIONAL_UNIT_NAME: "peer",
        NameOID.COMMON_NAME: "peer0",
    }
    authority = issued.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == _key_id(CA.certificate)


def test_a_tls_certificate_names_its_hosts_and_serves_both_ways() -> None:
    issued = CA.issue("bank-a", ou="gateway", sans=["localhost", "127.0.0.1", "::1"]).certificate
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert set(names.get_values_for_type(x509.IPAddress)) == {
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    }
    purposes = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH} == set(purposes)
    assert _usage(issued) == {"digital_signature", "key_encipherment"}


def test_every_certificate_is_low_s_with_a_serial_of_its_own() -> None:
    issued = [CA.issue("x", ou="client", key=None).certificate for _ in range(20)]
    assert all(is_low_s(certificate.signature) for certificate in issued)
    assert len({certificate.serial_number for certificate in issued}) == len(issued)


def test_a_given_key_and_validity_are_used() -> None:
    first = CA.issue("x", ou="client")
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    end = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    second = CA.issue("x", ou="client", key=first.signer, not_before=start, not_after=end)
    assert second.key_pem == first.key_pem
    assert (second.certificate.not_valid_before_utc, second.certificate.not_valid_after_utc) == (start, end)


def test_a_ca_survives_its_folder_and_keeps_its_key_to_itself(tmp_path: Path) -> None:
    CA.save(tmp_path)
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600
    loaded = CertificateAuthority.load(tmp_path)
    loaded.issue("x", ou="client").certificate.verify_directly_issued_by(CA.certificate)
    CertificateAuthority.create("other", "BankAMSP").save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "ca.key", tmp_path / "ca.key")
    with pytest.raises(ConfigurationError, match="not the key"):
        CertificateAuthority.load(tmp_path)
    with pytest.raises(ConfigurationError):
        CertificateAuthority.load(tmp_path / "none")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program to judge our certificates")
def test_openssl_accepts_path_and_purposes(tmp_path: Path) -> None:
    CA.save(tmp_path)
    issued = CA.issue("bank-a", ou="gateway", sans=["localhost"])
    issued.save(tmp_path / "cert.pem", tmp_path / "key.pem")
    for purpose in ("sslserver", "sslclient"):
        command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", "ca.pem", "cert.pem"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    ssl.create_default_context().load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")


def test_an_msp_folder_holds_what_fabric_looks_for(tmp_path: Path) -> None:
    tls_ca = CertificateAuthority.create("tlsca.bank-a", "BankAMSP")
    issued = CA.issue("peer0", ou="peer")
    write_msp(tmp_path / "msp", CA, tls_ca, issued)
    found = {
        str(path.relative_to(tmp_path / "msp")) for path in (tmp_path / "msp").rglob("*") if path.is_file()
    }
    assert found == {
        "cacerts/ca.pem",
        "tlscacerts/tlsca.pem",
        "signcerts/cert.pem",
        "keystore/priv_sk",
        "config.yaml",
    }
    assert stat.S_IMODE((tmp_path / "msp/keystore/priv_sk").stat().st_mode) == 0o600
    identity = load_identity(tmp_path / "msp", "BankAMSP")
    serialized = identities_pb2.SerializedIdentity.FromString(identity.serialized())
    assert (serialized.mspid, serialized.id_bytes) == ("BankAMSP", issued.cert_pem)
    assert identity.serialized() == make_identity("BankAMSP", issued).serialized()
    assert verify_signature(issued.signer.spki, b"m", identity.sign(b"m"))


def test_node_ous_name_the_ca_and_the_units(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="no YAML parser to read config.yaml with")
    write_org_msp(tmp_path, CA, CA)
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())["NodeOUs"]
    assert config["Enable"] is True
    for role in ("Client", "Peer", "Admin", "Orderer"):
        entry = config[f"{role}OUIdentifier"]
        assert entry == {"Certificate": "cacerts/ca.pem", "OrganizationalUnitIdentifier": role.lower()}
        assert (tmp_path / entry["Certificate"]).is_file()
    assert not (tmp_path / "keystore").exists()


def test_broken_msp_folders_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "msp"
    with pytest.raises(ConfigurationError, match="0 files"):
        load_identity(folder, "BankAMSP")
    write_msp(folder, CA, CA, CA.issue("peer0", ou="peer"))
    CA.issue("other", ou="peer").save(tmp_path / "cert", folder / "keystore" / "priv_sk")
    with pytest.raises(ConfigurationError, match="not the key"):
        load_identity(folder, "BankAMSP")
    (folder / "keystore" / "second_sk").write_bytes(b"x")
    with pytest.raises(ConfigurationError, match="2 files"):
        load_identity(folder, "BankAMSP")
    (folder / "signcerts" / "cert.pem").write_bytes(b"no certificate")
    with pytest.raises(ConfigurationError, match="not a readable certificate"):
        load_identity(folder, "BankAMSP")
