"""Each rule of the path check has a certificate that breaks exactly that rule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from consortium.identity.ca import CertificateAuthority
from consortium.identity.chain import ChainError, has_role, organisational_units, verify_chain
from consortium.identity.signer import P256Signer

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
START, END = NOW - 30 * DAY, NOW + 30 * DAY

ROOT = CertificateAuthority.create("root", "BankAMSP", not_before=START)
LEAF = ROOT.issue("peer0", ou="peer", not_before=START, not_after=END).certificate


def _crl(text: bytes) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl(text)


def _reason(
    certificate: x509.Certificate | bytes,
    cas: Sequence[x509.Certificate] = (ROOT.certificate,),
    at: dt.datetime = NOW,
    crls: Sequence[x509.CertificateRevocationList] = (),
    intermediates: Sequence[x509.Certificate] = (),
) -> str:
    with pytest.raises(ChainError) as caught:
        verify_chain(certificate, cas, at, crls, intermediates=intermediates)
    return caught.value.reason


def _self_made(
    issuer: CertificateAuthority,
    subject: str = "x",
    *,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A certificate with extensions that ``issue`` would never give."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(END)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer._signer.key, hashes.SHA256()), key


@pytest.mark.parametrize("encoding", [serialization.Encoding.PEM, serialization.Encoding.DER])
def test_a_leaf_of_a_root_is_good_in_either_encoding(encoding: serialization.Encoding) -> None:
    path = verify_chain(LEAF.public_bytes(encoding), [ROOT.certificate], NOW)
    assert path == (LEAF, ROOT.certificate)


def test_intermediates_lead_to_the_root() -> None:
    middle = ROOT.issue_ca("middle", path_length=1)
    lower = middle.issue_ca("lower", path_length=0)
    leaf = lower.issue("peer0", ou="peer").certificate
    now = dt.datetime.now(dt.UTC)
    path = verify_chain(leaf, [ROOT.certificate], now, intermediates=[lower.certificate, middle.certificate])
    assert [certificate.subject for certificate in path[1:]] == [
        lower.certificate.subject,
        middle.certificate.subject,
        ROOT.certificate.subject,
    ]
    assert _reason(leaf, at=now, intermediates=[middle.certificate]) == "CERTIFICATE_UNTRUSTED"


def test_an_intermediate_may_be_the_trusted_end_itself() -> None:
    middle = ROOT.issue_ca("middle")
    leaf = middle.issue("peer0", ou="peer").certificate
    assert verify_chain(leaf, [middle.certificate], dt.datetime.now(dt.UTC))[-1] == middle.certificate


@pytest.mark.parametrize(
    "content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nx\n", b"\x30\x03"]
)
def test_1_what_cannot_be_read(content: bytes) -> None:
    assert _reason(content) == "CERTIFICATE_MALFORMED"


def test_1_a_ca_signs_no_messages() -> None:
    assert _reason(ROOT.certificate) == "CERTIFICATE_WRONG_USE"


def test_1_a_key_that_may_not_sign() -> None:
    usage = x509.KeyUsage(False, False, True, False, False, False, False, False, False)
    leaf, _ = _self_made(ROOT, extensions=[(usage, True)])
    assert _reason(leaf) == "CERTIFICATE_WRONG_USE"


def test_1_an_unknown_critical_extension() -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    assert _reason(_self_made(ROOT, extensions=[(odd, True)])[0]) == "CERTIFICATE_WRONG_USE"
    fine, _ = _self_made(ROOT, extensions=[(odd, False)])
    assert verify_chain(fine, [ROOT.certificate], NOW)[0] == fine


def test_2_validity_is_judged_at_the_time_given_ends_included() -> None:
    assert _reason(LEAF, at=START - dt.timedelta(seconds=1)) == "CERTIFICATE_NOT_YET_VALID"
    assert _reason(LEAF, at=END + dt.timedelta(seconds=1)) == "CERTIFICATE_EXPIRED"
    for moment in (START, END):
        assert verify_chain(LEAF, [ROOT.certificate], moment)


def test_3_another_ca_of_the_same_name() -> None:
    impostor = CertificateAuthority.create("root", "BankAMSP", not_before=START)
    assert _reason(LEAF, cas=[impostor.certificate]) == "CERTIFICATE_UNTRUSTED"
    assert verify_chain(LEAF, [impostor.certificate, ROOT.certificate], NOW)[-1] == ROOT.certificate


def test_3_no_ca_at_all() -> None:
    assert _reason(LEAF, cas=[]) == "CERTIFICATE_UNTRUSTED"


def test_3_a_leaf_that_issues_is_no_ca() -> None:
    leaf = ROOT.issue("peer0", ou="peer", not_before=START)
    forged = CertificateAuthority(leaf.certificate, P256Signer.from_pem(leaf.key_pem)).issue(
        "peer1", ou="peer", not_before=START
    )
    assert _reason(forged.certificate, intermediates=[leaf.certificate]) == "CERTIFICATE_UNTRUSTED"


def test_3_a_ca_whose_key_usage_does_not_sign_certificates() -> None:
    usage = x509.KeyUsage(True, False, False, False, False, False, True, False, False)
    ca, key = _self_made(
        ROOT, "middle", extensions=[(x509.BasicConstraints(True, None), True), (usage, True)]
    )
    leaf, _ = _self_made(CertificateAuthority(ca, P256Signer(key)))
    assert _reason(leaf, intermediates=[ca]) == "CERTIFICATE_UNTRUSTED"


def test_3_a_path_longer_than_allowed() -> None:
    middle = ROOT.issue_ca("middle", path_length=0)
    lower = middle.issue_ca("lower", path_length=0)
    leaf = lower.issue("peer0", ou="peer").certificate
    now = dt.datetime.now(dt.UTC)
    intermediates = [middle.certificate, lower.certificate]
    assert _reason(leaf, at=now, intermediates=intermediates) == "CERTIFICATE_UNTRUSTED"


def test_3_a_ca_that_was_not_valid_then() -> None:
    young = CertificateAuthority.create("young", "BankAMSP", not_before=NOW)
    leaf = young.issue("peer0", ou="peer", not_before=START, not_after=END).certificate
    assert _reason(leaf, cas=[young.certificate], at=NOW - DAY) == "CERTIFICATE_NOT_YET_VALID"


def test_3_a_circle_of_cas_ends() -> None:
    circle = [CertificateAuthority.create("same", "BankAMSP").certificate for _ in range(200)]
    leaf = CertificateAuthority.create("same", "BankAMSP").issue("x", ou="peer").certificate
    assert _reason(leaf, at=dt.datetime.now(dt.UTC), intermediates=circle) == "CERTIFICATE_UNTRUSTED"


def test_4_a_revoked_certificate_counts_whatever_the_date() -> None:
    crl = _crl(ROOT.revoke([LEAF], at=NOW + DAY))
    assert _reason(LEAF, crls=[crl]) == "CERTIFICATE_REVOKED"
    stolen = _crl(ROOT.revoke([LEAF], at=NOW + DAY, reason=x509.ReasonFlags.key_compromise))
    assert _reason(LEAF, crls=[stolen]) == "CERTIFICATE_REVOKED"


def test_4_a_superseded_certificate_was_good_before() -> None:
    crl = _crl(ROOT.revoke([LEAF], at=NOW, reason=x509.ReasonFlags.superseded))
    assert verify_chain(LEAF, [ROOT.certificate], NOW - DAY, [crl])
    assert _reason(LEAF, at=NOW, crls=[crl]) == "CERTIFICATE_REVOKED"


def test_4_lists_of_others_do_not_count() -> None:
    impostor = CertificateAuthority.create("root", "BankAMSP", not_before=START)
    other = CertificateAuthority.create("another", "BankAMSP", not_before=START)
    crls = [_crl(ca.revoke([LEAF])) for ca in (impostor, other)]
    assert verify_chain(LEAF, [ROOT.certificate], NOW, crls)


def test_4_a_list_that_names_another_certificate() -> None:
    sibling = ROOT.issue("peer1", ou="peer").certificate
    assert verify_chain(LEAF, [ROOT.certificate], NOW, [_crl(ROOT.revoke([sibling]))])


def test_4_a_revoked_intermediate() -> None:
    middle = ROOT.issue_ca("middle")
    leaf = middle.issue("peer0", ou="peer").certificate
    crl = _crl(ROOT.revoke([middle.certificate]))
    now = dt.datetime.now(dt.UTC)
    assert _reason(leaf, at=now, crls=[crl], intermediates=[middle.certificate]) == "CERTIFICATE_REVOKED"


def test_4_a_partial_list_is_refused_and_not_taken_for_a_whole_one() -> None:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ROOT.certificate.subject)
        .last_update(NOW)
        .next_update(NOW + DAY)
        .add_extension(x509.DeltaCRLIndicator(1), critical=True)
    )
    crl = builder.sign(ROOT._signer.key, hashes.SHA256())
    assert _reason(LEAF, crls=[crl]) == "CRL_INVALID"


@given(st.data())
def test_any_changed_byte_is_a_chain_error_and_nothing_else(data: st.DataObject) -> None:
    der = LEAF.public_bytes(serialization.Encoding.DER)
    position = data.draw(st.integers(0, len(der) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != der[position]))
    changed = der[:position] + bytes([value]) + der[position + 1 :]
    with pytest.raises(ChainError):
        verify_chain(changed, [ROOT.certificate], NOW)
    with pytest.raises(ChainError):
        verify_chain(changed[: data.draw(st.integers(0, len(der) - 1))], [ROOT.certificate], NOW)


def test_1_a_version_that_there_is_not() -> None:
    der = LEAF.public_bytes(serialization.Encoding.DER)
    version = bytes.fromhex("a003020102")
    assert der.count(version) == 1
    assert _reason(der.replace(version, bytes.fromhex("a003020109"))) == "CERTIFICATE_MALFORMED"


def test_roles_are_whole_units() -> None:
    both = ROOT.issue("x", ou=("peer", "bank")).certificate
    assert organisational_units(both) == ["peer", "bank"]
    assert has_role(both, "peer")
    assert not has_role(both, "pee")
    assert not has_role(ROOT.certificate, "peer")
