"""Organisations that sign reads, a folder that trusts them, and the verifier's question."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from consortium.identity.ca import CertificateAuthority, Issued
from consortium.identity.msp import Identity, make_identity
from consortium.identity.trust import Policy, TrustedOrganisation, TrustRoots
from consortium.ledger.proofs import Expectation, ProofError, VerifiedRead, verify_signed_read
from tests.unit.ledger.forge import CHAINCODE, CHALLENGE, CHANNEL, FINGERPRINTS, TIME, Forge

NOW = dt.datetime.fromtimestamp(TIME, dt.UTC)
DAY = dt.timedelta(days=1)
MSPS = ("IndustryAMSP", "BankAMSP", "BankBMSP")


@dataclass(frozen=True)
class World:
    """Organisations, their CAs and peers, and a folder that trusts them."""

    cas: dict[str, CertificateAuthority]
    issued: dict[str, Issued]
    client: Identity
    trust: TrustRoots
    now: dt.datetime = NOW

    def peer(self, msp_id: str) -> Identity:
        return make_identity(msp_id, self.issued[msp_id])

    def other(self, msp_id: str, *, ca: str | None = None, **options: Any) -> Identity:
        """Another certificate of an organisation's CA."""
        merged: dict[str, Any] = {
            "ou": "peer",
            "not_before": self.now - DAY,
            "not_after": self.now + DAY,
        } | options
        return make_identity(msp_id, self.cas[ca or msp_id].issue("other", **merged))


def make_world() -> World:
    """Makes all keys and certificates."""
    days: dict[str, Any] = {"not_before": NOW - 100 * DAY, "not_after": NOW + 100 * DAY}
    cas = {msp: CertificateAuthority.create(f"ca.{msp}", msp, **days) for msp in MSPS}
    issued = {msp: cas[msp].issue(f"peer0.{msp}", ou="peer", **days) for msp in MSPS}
    trust = TrustRoots(
        channel=CHANNEL,
        chaincode=CHAINCODE,
        ledger="fabric",
        policy=Policy(("IndustryAMSP",), (("BankAMSP", "BankBMSP"),)),
        organisations={msp: TrustedOrganisation(msp, msp, (cas[msp].certificate,)) for msp in MSPS},
        package_issuers={},
    )
    client = make_identity("BankAMSP", cas["BankAMSP"].issue("gateway", ou="client", **days))
    return World(cas, issued, client, trust)


EXPECT = Expectation(CHALLENGE, FINGERPRINTS, at=TIME + 60, max_age_s=900)


def read_of(world: World, endorsers: Any = None, **changes: Any) -> bytes:
    if endorsers is None:
        endorsers = [world.peer("IndustryAMSP"), world.peer("BankAMSP")]
    return Forge(world.client, endorsers, changes).make()


def verify(world: World, data: bytes, expect: Expectation = EXPECT, **trust: Any) -> VerifiedRead:
    return verify_signed_read(data, trust=replace(world.trust, **trust), expect=expect)


def refused(check: str, reason: str, call: Callable[[], object]) -> None:
    with pytest.raises(ProofError) as caught:
        call()
    assert (caught.value.check, caught.value.reason) == (check, reason), str(caught.value)
