"""A signed read by two organisations, checked by somebody who reaches no ledger."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from chaincode.contracts import ChanrongContract
from consortium.contract.codec import encode
from consortium.identity.trust import Policy, TrustRoots, write_trust
from consortium.ledger.errors import EndorseError
from consortium.ledger.proofs import Expectation, ProofError, verify_signed_read
from tests.integration.ledger.conftest import BANK, INDUSTRY, Connect
from tests.support import embedded

CHALLENGE = "ab" * 32
FINGERPRINTS = ("11" * 32, "22" * 32)
REQUEST = encode({"challenge": CHALLENGE, "fps": list(FINGERPRINTS)})


@pytest.fixture
def trust(organisations: embedded.Network, tmp_path: Path) -> TrustRoots:
    write_trust(
        tmp_path / "trust",
        channel=embedded.CHANNEL,
        chaincode=embedded.CHAINCODE,
        ledger="embedded",
        policy=Policy((INDUSTRY,), ((BANK, "BankBMSP"),)),
        cas={msp: ca.cert_pem for msp, ca in organisations.authorities.items()},
        package_jwks={},
    )
    return TrustRoots.load(tmp_path / "trust")


async def test_a_signed_read(
    organisations: embedded.Network, connect: Connect, trust: TrustRoots, tmp_path: Path
) -> None:
    settings = organisations.settings(tmp_path / "ledger.db")
    async with embedded.running(settings, ChanrongContract()) as ledger:
        network = connect(ledger.target, identity=organisations.identities[BANK]).network(embedded.CHANNEL)
        contract = network.contract(embedded.CHAINCODE)
        height = await network.height()
        data = await contract.signed_read("attest", REQUEST, organisations=[INDUSTRY, BANK])
        alone = await contract.signed_read("attest", REQUEST, organisations=[BANK])
        with pytest.raises(EndorseError, match="NobodyMSP"):
            await contract.signed_read("attest", REQUEST, organisations=[INDUSTRY, "NobodyMSP"])
        assert await network.height() == height  # nothing was written

    expect = Expectation(
        CHALLENGE, FINGERPRINTS, at=int(time.time()), max_age_s=900, organisations=frozenset({BANK})
    )
    read = verify_signed_read(data, trust=trust, expect=expect)

    assert read.kind == "embedded"
    assert [item.msp_id for item in read.endorsers] == [INDUSTRY, BANK]
    assert all(item.embedded for item in read.endorsers)
    assert [(item["fp"], item["found"]) for item in read.answers] == [(fp, False) for fp in FINGERPRINTS]
    with pytest.raises(ProofError) as caught:
        verify_signed_read(alone, trust=trust, expect=expect)
    assert caught.value.check == "5.1"
    with pytest.raises(ProofError) as caught:
        verify_signed_read(data, trust=trust, expect=replace(expect, challenge="cd" * 32))
    assert caught.value.check == "3.5"
