"""Signed reads of the contract by all organisations, checked by somebody who reaches no ledger."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from consortium.contract import encode, names
from consortium.identity.trust import Policy, TrustRoots, write_trust
from consortium.ledger.errors import EndorseError
from consortium.ledger.proofs import Expectation, ProofError, VerifiedRead, verify_signed_read
from tests.conformance.contract.player import Player, a_trade
from tests.conformance.contract.script import FACE, HALF, Trade
from tests.support.ledgers import BANK, BANK_B, INDUSTRY, LedgerUnderTest

MAX_READ = names.MAX_READ_ITEMS


@pytest.fixture
def trust(ledger: LedgerUnderTest, tmp_path: Path) -> TrustRoots:
    """The trust folder of somebody who asks for the industry organisation and one bank."""
    write_trust(
        tmp_path / "trust",
        channel=ledger.channel,
        chaincode=ledger.chaincode,
        ledger=ledger.kind,
        policy=Policy((INDUSTRY,), ((BANK, BANK_B),)),
        cas={msp: ledger.authority(msp).cert_pem for msp in ledger.msps},
        package_jwks={},
    )
    return TrustRoots.load(tmp_path / "trust")


def expecting(fps: list[str], *organisations: str) -> Expectation:
    """What a verifier asks for, with a challenge of its own."""
    challenge = hashlib.sha256(os.urandom(24)).hexdigest()
    return Expectation(
        challenge, tuple(fps), at=int(time.time()), max_age_s=600, organisations=frozenset(organisations)
    )


async def signed(player: Player, asking: str, expect: Expectation, *organisations: str) -> bytes:
    """A signed read, asked for by a member."""
    body = encode({"challenge": expect.challenge, "fps": list(expect.fingerprints)})
    return await player.contract(asking).signed_read(names.ATTEST, body, organisations=organisations)


def version_of(read: VerifiedRead, kind: str, fp: str) -> tuple[int, int] | None:
    """Where a document or its claims were last written."""
    found = read.versions[f"\x00{kind}\x00{fp}\x00"]
    return None if found is None else (found.block, found.transaction)


async def test_three_organisations_sign_what_they_see(player: Player, trust: TrustRoots) -> None:
    trade = a_trade()
    await player.play(trade.opening(trade.document("I1"), trade.document("I2")), trade)
    await player.play([[trade.reserve(BANK, "I1", "a", HALF)]], trade)
    reserved = next(each for each in player.played.values() if each.function == names.ENCUMBRANCES_RESERVE)
    registered = next(each for each in player.played.values() if each.function == names.DOCUMENTS_REGISTER)
    height = await player.networks[INDUSTRY].height()
    fps = [trade.fp("I1"), trade.fp("nothing"), trade.fp("I2")]
    expect = expecting(fps, *player.ledger.msps)
    data = await signed(player, BANK_B, expect, *player.ledger.msps)
    assert await player.networks[INDUSTRY].height() == height  # nothing is written

    read = verify_signed_read(data, trust=trust, expect=replace(expect, at=int(time.time())))
    assert read.kind == player.ledger.kind
    assert sorted(each.msp_id for each in read.endorsers) == sorted(player.ledger.msps)
    assert {each.embedded for each in read.endorsers} == {not player.ledger.is_fabric}
    first, nothing, second = read.answers
    assert first["claims"]["live"] == [
        {"handle": trade.handle(BANK, "a"), "share": HALF, "state": "reserved"}
    ]
    assert (first["claims"]["free"], first["first_tx"]) == (FACE - HALF, registered.txid)
    assert nothing == {"fp": fps[1], "found": False}
    assert (second["claims"]["free"], second["owner"]) == (FACE, INDUSTRY)
    # An absent key carries no version, a claims row is written at registration and again by each claim.
    assert version_of(read, "doc", fps[1]) is None
    at = version_of(read, "doc", fps[0])
    assert at is not None
    assert at[0] == registered.block
    claimed = version_of(read, "claims", fps[0])
    assert claimed is not None
    assert claimed[0] == reserved.block
    assert version_of(read, "claims", fps[2]) == version_of(read, "doc", fps[2])


async def test_who_signed_is_who_was_asked(player: Player, trust: TrustRoots) -> None:
    trade = a_trade()
    expect = expecting([trade.fp("I1")], BANK)
    for organisations, check in (((BANK,), "5.1"), ((INDUSTRY, BANK_B), "5.2"), ((BANK, BANK_B), "5.1")):
        data = await signed(player, BANK, expect, *organisations)
        with pytest.raises(ProofError) as caught:
            verify_signed_read(data, trust=trust, expect=replace(expect, at=int(time.time())))
        assert caught.value.check == check, organisations
    data = await signed(player, BANK, expect, INDUSTRY, BANK)
    for wrong, check in (
        (replace(expect, challenge="cd" * 32), "3.5"),
        (replace(expect, fingerprints=(trade.fp("I2"),)), "3.6"),
        (replace(expect, at=expect.at + 601 + 60), "6.2"),
        (replace(expect, function="documents:get"), "2.8"),
        (replace(expect, chaincode_version="another"), "1.3"),
    ):
        with pytest.raises(ProofError) as caught:
            verify_signed_read(data, trust=trust, expect=wrong)
        assert caught.value.check == check, wrong
    with pytest.raises(ProofError) as caught:
        verify_signed_read(data, trust=replace(trust, channel="another"), expect=expect)
    assert caught.value.check == "2.7"
    with pytest.raises(EndorseError):
        await signed(player, BANK, expect, INDUSTRY, "NobodyMSP")


async def test_a_writing_function_proves_nothing(player: Player, trust: TrustRoots) -> None:
    trade = a_trade()
    expect = expecting([trade.fp("I1")])
    body = encode({"op": os.urandom(16).hex(), "items": [trade.document("I1")]})
    data = await player.contract(INDUSTRY).signed_read(
        names.DOCUMENTS_REGISTER, body, organisations=[INDUSTRY, BANK]
    )
    with pytest.raises(ProofError) as caught:
        verify_signed_read(data, trust=trust, expect=replace(expect, function=names.DOCUMENTS_REGISTER))
    assert caught.value.check == "1.5"


async def test_a_thousand_fingerprints(player: Player, trust: TrustRoots) -> None:
    trade = a_trade()
    names_ = [f"D{number}" for number in range(MAX_READ)]
    items = [trade.document(name) for name in names_[: MAX_READ // 2]]
    body = encode({"op": os.urandom(16).hex(), "items": items})
    await player.contract(INDUSTRY).submit(names.DOCUMENTS_REGISTER, body)
    await player.caught_up(await player.networks[INDUSTRY].height() - 1)
    expect = expecting([trade.fp(name) for name in names_], *player.ledger.msps)
    data = await signed(player, BANK, expect, *player.ledger.msps)
    read = verify_signed_read(data, trust=trust, expect=replace(expect, at=int(time.time())))
    assert [each["found"] for each in read.answers] == [True] * (MAX_READ // 2) + [False] * (MAX_READ // 2)


async def test_attest_says_the_same_to_anybody(player: Player) -> None:
    """Whoever asks and whatever it sends to endorsers only: the signed answer differs in id and time alone."""
    trade: Trade = a_trade()
    await player.play(trade.opening(trade.document("I1")), trade)
    body = encode({"challenge": "ab" * 32, "fps": [trade.fp("I1")]})
    answers = []
    for msp, transient in ((INDUSTRY, {}), (BANK, trade.opened(["a"])), (BANK_B, {"x": b"y"})):
        proposal = player.propose(msp, names.ATTEST, body, transient=transient)
        prepared = await proposal.endorse()
        answers.append(prepared.result.replace(proposal.txid.encode(), b"txid"))
    times = {answer.rpartition(b'"time":')[2].partition(b",")[0] for answer in answers}
    assert len({answer.replace(time, b"T") for answer in answers for time in times if time in answer}) == 1
