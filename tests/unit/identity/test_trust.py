"""Trust folders: read back as written, and every mistake in one named."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consortium.errors import ConfigurationError
from consortium.identity.ca import CertificateAuthority
from consortium.identity.chain import ChainError
from consortium.identity.jws import public_jwks
from consortium.identity.signer import P256Signer
from consortium.identity.trust import FILE_NAME, Policy, TrustRoots, write_trust

CAS = {msp: CertificateAuthority.create("ca", msp) for msp in ("IndustryAMSP", "BankAMSP", "BankBMSP")}
KEY = P256Signer.generate()
POLICY = Policy(("IndustryAMSP",), (("BankAMSP", "BankBMSP"),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good trust folder."""
    write_trust(
        tmp_path,
        channel="chanrong",
        chaincode="chanrong",
        ledger="embedded",
        policy=POLICY,
        cas={msp: ca.cert_pem for msp, ca in CAS.items()},
        package_jwks={"BankAMSP": public_jwks({"k1": KEY})},
    )
    return tmp_path


def _change(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads((folder / FILE_NAME).read_text())
    change(content)
    (folder / FILE_NAME).write_text(json.dumps(content))


def test_what_was_written_is_read(folder: Path) -> None:
    trust = TrustRoots.load(folder)
    assert (trust.channel, trust.chaincode, trust.ledger) == ("chanrong", "chanrong", "embedded")
    assert trust.policy == POLICY
    assert trust.organisations["BankAMSP"].cas == (CAS["BankAMSP"].certificate,)
    assert trust.package_issuers["BankAMSP"]["keys"][0]["kid"] == "k1"


@pytest.mark.parametrize(
    ("signers", "enough"),
    [
        ({"IndustryAMSP", "BankAMSP"}, True),
        ({"IndustryAMSP", "BankBMSP"}, True),
        ({"IndustryAMSP"}, False),
        ({"BankAMSP", "BankBMSP"}, False),
        ({"IndustryAMSP", "IndustryBMSP"}, False),
        (set(), False),
    ],
)
def test_the_policy_needs_all_and_one_of_each(signers: set[str], enough: bool) -> None:
    assert POLICY.satisfied_by(signers) is enough
    assert str(POLICY) == "IndustryAMSP and one of BankAMSP, BankBMSP"


def test_an_organisation_judges_its_own_peers(folder: Path) -> None:
    organisation = TrustRoots.load(folder).organisations["BankAMSP"]
    now = dt.datetime.now(dt.UTC)
    peer = CAS["BankAMSP"].issue("peer0", ou="peer")
    assert organisation.check(peer.cert_pem, "peer", now) == peer.certificate
    with pytest.raises(ChainError) as caught:
        organisation.check(CAS["BankAMSP"].issue("x", ou="client").cert_pem, "peer", now)
    assert caught.value.reason == "CERTIFICATE_ROLE_NOT_ALLOWED"
    with pytest.raises(ChainError) as caught:
        organisation.check(peer.cert_pem, "admin", now)
    assert caught.value.reason == "CERTIFICATE_ROLE_NOT_ALLOWED"
    with pytest.raises(ChainError) as caught:
        organisation.check(CAS["BankBMSP"].issue("peer0", ou="peer").cert_pem, "peer", now)
    assert caught.value.reason == "CERTIFICATE_UNTRUSTED"


def test_a_listed_revocation_counts(folder: Path) -> None:
    peer = CAS["BankAMSP"].issue("peer0", ou="peer")
    (folder / "orgs/BankAMSP/crl.pem").write_bytes(CAS["BankAMSP"].revoke([peer.certificate]))
    _change(folder, lambda c: c["organisations"]["BankAMSP"].update(crl=["orgs/BankAMSP/crl.pem"]))
    organisation = TrustRoots.load(folder).organisations["BankAMSP"]
    with pytest.raises(ChainError) as caught:
        organisation.check(peer.cert_pem, "peer", dt.datetime.now(dt.UTC))
    assert caught.value.reason == "CERTIFICATE_REVOKED"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("channel"), "channel"),
        (lambda c: c.update(ledger="paper"), "ledger"),
        (lambda c: c.update(extra=1), "extra"),
        (lambda c: c.update(policy={}), "nobody's signature"),
        (lambda c: c.update(policy={"all_of": ["IndustryAMSP"], "any_of": [[]]}), "nobody's"),
        (lambda c: c.update(policy={"all_of": ["Nobody"]}), "unknown organisations Nobody"),
        (lambda c: c["organisations"]["BankAMSP"].update(ca=[]), "organisations.BankAMSP.ca"),
        (lambda c: c["organisations"]["BankAMSP"].update(ca=["none.pem"]), "none.pem"),
        (lambda c: c["organisations"]["BankAMSP"].update(ca=["../ca.pem"]), "outside of the trust folder"),
        (lambda c: c["organisations"]["BankAMSP"].update(ca=["/etc/hosts"]), "outside of the trust folder"),
        (lambda c: c["organisations"]["BankAMSP"].update(ca=["trust.json"]), "no PEM certificate"),
        (lambda c: c["organisations"]["BankAMSP"].update(crl=["trust.json"]), "no PEM revocation list"),
        (lambda c: c["package_issuers"]["BankAMSP"].update(jwks="trust.json"), "Key Set"),
    ],
)
def test_mistakes_are_named(folder: Path, change: Callable[[dict[str, Any]], None], words: str) -> None:
    _change(folder, change)
    with pytest.raises(ConfigurationError) as caught:
        TrustRoots.load(folder)
    assert words in str(caught.value)


def test_a_folder_without_the_file_and_a_file_without_json(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"trust\.json"):
        TrustRoots.load(tmp_path)
    (tmp_path / FILE_NAME).write_text("{")
    with pytest.raises(ConfigurationError):
        TrustRoots.load(tmp_path)


def test_a_huge_file_is_not_read(folder: Path) -> None:
    (folder / "orgs/BankAMSP/ca.pem").write_bytes(b"x" * (4 * 1024 * 1024 + 1))
    with pytest.raises(ConfigurationError, match="larger than"):
        TrustRoots.load(folder)
