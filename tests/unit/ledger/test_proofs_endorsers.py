"""Who signed a read, who had to, and when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from consortium.identity.ca import CertificateAuthority, Issued
from consortium.identity.msp import Identity, make_identity
from consortium.identity.signer import Ed25519Signer, P256Signer, load_signer
from consortium.identity.trust import Policy, TrustedOrganisation
from consortium.ledger.proofs import Expectation
from tests.unit.ledger.forge import (
    FINGERPRINTS,
    TIME,
    Change,
)
from tests.unit.ledger.world import (
    DAY,
    EXPECT,
    NOW,
    World,
    read_of,
    refused,
    verify,
)

# Endorsers ----------------------------------------------------------------------------------------------------


def odd_version(world: World) -> bytes:
    """A certificate of version 107, as DER."""
    der = world.issued["BankAMSP"].certificate.public_bytes(serialization.Encoding.DER)
    return der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x6a", 1)


def bad_endorsers(world: World) -> dict[str, tuple[str, str, Identity]]:
    """What is wrong with the second endorser, by name: check, reason, identity."""
    now = world.now
    stranger = CertificateAuthority.create("ca.BankAMSP", "BankAMSP", not_before=now - DAY)
    intermediate = world.cas["BankAMSP"].issue_ca("below")
    bank = "BankAMSP"
    make = world.other
    same_name: dict[str, Any] = {"ou": "peer", "not_before": now - DAY, "not_after": now + DAY}
    self_signed = Issued(stranger.cert_pem, stranger.issue("x").key_pem)
    return {
        "no organisation": ("4.1", "ENDORSER_UNKNOWN", make("NobodyMSP", ca=bank)),
        "another organisation's CA": ("4.2", "ENDORSER_CHAIN", make(bank, ca="BankBMSP")),
        "a CA of the same name": (
            "4.2",
            "ENDORSER_CHAIN",
            make_identity(bank, stranger.issue("x", **same_name)),
        ),
        "an unknown intermediate": (
            "4.2",
            "ENDORSER_CHAIN",
            make_identity(bank, intermediate.issue("x", **same_name)),
        ),
        "a CA's own certificate": ("4.2", "ENDORSER_CHAIN", make_identity(bank, self_signed)),
        "no certificate": ("4.2", "ENDORSER_CHAIN", Identity(bank, b"nothing", P256Signer.generate())),
        "an odd version": (
            "4.2",
            "ENDORSER_CHAIN",
            Identity(bank, odd_version(world), P256Signer.generate()),
        ),
        "expired": ("4.3", "ENDORSER_VALIDITY", make(bank, not_before=now - 2 * DAY, not_after=now - DAY)),
        "not yet valid": (
            "4.3",
            "ENDORSER_VALIDITY",
            make(bank, not_before=now + DAY, not_after=now + 2 * DAY),
        ),
        "a client": ("4.5", "ENDORSER_ROLE", make(bank, ou="client")),
        "an admin and peer": ("4.5", "ENDORSER_ROLE", make(bank, ou=["peer", "admin"])),
        "no role": ("4.5", "ENDORSER_ROLE", make(bank, ou=())),
        "another's key": (
            "4.6",
            "ENDORSER_SIGNATURE",
            Identity(bank, world.issued[bank].cert_pem, P256Signer.generate()),
        ),
    }


BAD_ENDORSERS = (
    "no organisation",
    "another organisation's CA",
    "a CA of the same name",
    "an unknown intermediate",
    "a CA's own certificate",
    "no certificate",
    "an odd version",
    "expired",
    "not yet valid",
    "a client",
    "an admin and peer",
    "no role",
    "another's key",
)


@pytest.mark.parametrize("name", BAD_ENDORSERS)
def test_an_endorser_who_is_none(world: World, name: str) -> None:
    check, reason, identity = bad_endorsers(world)[name]

    refused(check, reason, lambda: verify(world, read_of(world, [world.peer("IndustryAMSP"), identity])))
    # nor does a bad one pass beside enough good ones
    enough = [world.peer("IndustryAMSP"), world.peer("BankBMSP"), identity]
    refused(check, reason, lambda: verify(world, read_of(world, enough)))


def ed25519_peer(world: World, folder: Path) -> Identity:
    """A peer with an Ed25519 key, as channels with capability V3_0 have them."""
    world.cas["BankAMSP"].save(folder)
    ca_key = load_signer(folder / "ca.key")
    assert isinstance(ca_key, P256Signer)
    signer = Ed25519Signer.generate()
    units = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "peer")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([*units, x509.NameAttribute(NameOID.COMMON_NAME, "peer1")]))
        .issuer_name(world.cas["BankAMSP"].certificate.subject)
        .public_key(signer.key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .sign(ca_key.key, hashes.SHA256())
    )
    return Identity("BankAMSP", certificate.public_bytes(serialization.Encoding.PEM), signer)


def test_an_endorser_with_an_ed25519_key(world: World, tmp_path: Path) -> None:
    endorsers = [world.peer("IndustryAMSP"), ed25519_peer(world, tmp_path)]

    assert verify(world, read_of(world, endorsers)).endorsers[1].name == "peer1"

    def break_signature(items: list[Any]) -> None:
        items[1].signature = bytes(64)

    refused(
        "4.6",
        "ENDORSER_SIGNATURE",
        lambda: verify(world, read_of(world, endorsers, endorsements=break_signature)),
    )


def test_a_revoked_endorser(world: World) -> None:
    bank = world.trust.organisations["BankAMSP"]
    crl = x509.load_pem_x509_crl(
        world.cas["BankAMSP"].revoke([world.issued["BankAMSP"].certificate], at=NOW + DAY)
    )
    organisations = {**world.trust.organisations, "BankAMSP": replace(bank, crls=(crl,))}

    refused("4.4", "ENDORSER_REVOKED", lambda: verify(world, read_of(world), organisations=organisations))


def test_an_endorser_with_a_renamed_role(world: World) -> None:
    bank = replace(world.trust.organisations["BankAMSP"], node_ou={"peer": "node"})
    organisations = {**world.trust.organisations, "BankAMSP": bank}
    renamed = [world.peer("IndustryAMSP"), world.other("BankAMSP", ou="node")]

    assert (
        verify(world, read_of(world, renamed), organisations=organisations).endorsers[1].msp_id == "BankAMSP"
    )
    refused("4.5", "ENDORSER_ROLE", lambda: verify(world, read_of(world), organisations=organisations))


@pytest.mark.parametrize(
    "change",
    [lambda data: data + b"\x0a\x08BankBMSP", lambda data: data + b"\xfa\x01\x01x", lambda _: b"\xff"],
)
def test_an_endorser_written_twice_over(world: World, change: Change) -> None:
    def rewrite(items: list[Any]) -> None:
        items[1].endorser = change(items[1].endorser)

    refused("1.2", "MALFORMED", lambda: verify(world, read_of(world, endorsements=rewrite)))


# Policy and freshness ------------------------------------------------------------------------------------------


def test_who_must_have_signed(world: World) -> None:
    banks = [world.peer("BankAMSP"), world.peer("BankBMSP")]
    industry = world.peer("IndustryAMSP")

    refused("5.1", "POLICY", lambda: verify(world, read_of(world, banks)))
    refused("5.1", "POLICY", lambda: verify(world, read_of(world), policy=Policy((), ())))
    assert len(verify(world, read_of(world, [industry, banks[1]])).endorsers) == 2
    mine = replace(EXPECT, organisations=frozenset({"BankAMSP"}))
    refused("5.2", "ORGANISATIONS", lambda: verify(world, read_of(world, [industry, banks[1]]), mine))


@pytest.mark.parametrize(
    ("expect", "check", "reason"),
    [
        (replace(EXPECT, challenge="f" * 64), "3.5", "CHALLENGE"),
        (replace(EXPECT, fingerprints=FINGERPRINTS[:2]), "3.6", "ARGUMENTS"),
        (replace(EXPECT, function="documents:get"), "2.8", "FUNCTION"),
        (replace(EXPECT, at=TIME + 901), "6.2", "STALE"),
        (replace(EXPECT, at=TIME - 301), "6.3", "FUTURE"),
        (replace(EXPECT, at=TIME - 301, max_age_s=None), "6.3", "FUTURE"),
    ],
)
def test_a_genuine_read_that_was_not_asked_for_now(
    world: World, expect: Expectation, check: str, reason: str
) -> None:
    refused(check, reason, lambda: verify(world, read_of(world), expect))


@pytest.mark.parametrize("at", [TIME + 900, TIME - 300])
def test_the_ends_of_freshness(world: World, at: int) -> None:
    assert verify(world, read_of(world), replace(EXPECT, at=at)).time == TIME


def test_another_trust_folder(world: World) -> None:
    refused("2.7", "CHANNEL", lambda: verify(world, read_of(world), channel="other"))
    refused("1.3", "CHAINCODE", lambda: verify(world, read_of(world), chaincode="other"))
    nobody: dict[str, TrustedOrganisation] = {}
    refused("4.1", "ENDORSER_UNKNOWN", lambda: verify(world, read_of(world), organisations=nobody))
