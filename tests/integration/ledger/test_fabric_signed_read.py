"""Signed reads of real peers, checked by somebody who reaches no ledger: genuine ones, and every forgery of the list.

The unit tests' tables of changes are applied to what a real network signed. A peer's own key signs what a peer
honestly answers to another question; a forger has the peers' signatures and nothing else.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509

from consortium.contract import encode, names
from consortium.identity.ca import Issued
from consortium.identity.trust import Policy, TrustedOrganisation, TrustRoots
from consortium.ledger import proofs
from consortium.ledger.proofs import Expectation, ProofError, verify_signed_read
from consortium.wire.fabric.ledger.rwset import rwset_pb2
from consortium.wire.fabric.ledger.rwset.kvrwset import kv_rwset_pb2
from consortium.wire.fabric.msp import identities_pb2
from consortium.wire.fabric.peer import proposal_pb2, proposal_response_pb2, transaction_pb2
from tests.conformance.contract.player import a_trade, player_on
from tests.integration.ledger.conftest import BANK, INDUSTRY
from tests.support.fabric import FabricWorld, requires_fabric
from tests.support.ledgers import BANK_B, LedgerUnderTest
from tests.unit.ledger.forge import Change, RealForge
from tests.unit.ledger.test_proofs import AFTER_SIGNING, BEFORE_SIGNING, change_answer, change_version
from tests.unit.ledger.test_proofs_endorsers import BAD_ENDORSERS, bad_endorsers
from tests.unit.ledger.world import DAY, World, refused

pytestmark = [requires_fabric, pytest.mark.asyncio(loop_scope="module")]
CHAINCODE = "chanrong"


@dataclass(frozen=True)
class Real:
    """A genuine read of two organisations' peers, what was asked, and the organisations as the verifier knows them."""

    data: bytes
    envelope: bytes
    expect: Expectation
    world: World

    def forged(self, *msps: str, **changes: Change) -> bytes:
        """The read made anew with a change; ``msps`` sign it instead of those who did."""
        forge = RealForge(self.envelope, [self.world.peer(msp) for msp in msps or (INDUSTRY, BANK)], changes)
        return forge.make()

    def verify(self, data: bytes, expect: Expectation | None = None, **trust: Any) -> proofs.VerifiedRead:
        return verify_signed_read(
            data, trust=replace(self.world.trust, **trust), expect=expect or self.expect
        )


def world_of(fabric: FabricWorld) -> World:
    """The network's organisations, with everybody's keys."""
    cas = {msp: fabric.authority(msp) for msp in fabric.msps}
    issued = {}
    for msp in fabric.msps:
        peer = fabric.peer_identity(msp)
        issued[msp] = Issued(peer.cert_pem, peer.signer.to_pem())  # type: ignore[attr-defined]
    trust = TrustRoots(
        channel=fabric.channel,
        chaincode=CHAINCODE,
        ledger="fabric",
        policy=Policy((INDUSTRY,), ((BANK, BANK_B),)),
        organisations={msp: TrustedOrganisation(msp, msp, (cas[msp].certificate,)) for msp in cas},
        package_issuers={},
    )
    return World(cas, issued, fabric.identity(BANK), trust, now=dt.datetime.now(dt.UTC))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(fabric: FabricWorld) -> AsyncIterator[Real]:
    """Two documents are registered, one of them is reserved; a third is asked for, too."""
    await fabric.deploy(CHAINCODE, contract="chaincode.contracts:ChanrongContract")
    async with player_on(LedgerUnderTest("fabric", fabric, CHAINCODE)) as player:
        trade = a_trade()
        await player.play(trade.opening(trade.document("I1"), trade.document("I2")), trade)
        fps = (trade.fp("I1"), trade.fp("nothing"), trade.fp("I2"))
        challenge = hashlib.sha256(os.urandom(24)).hexdigest()
        body = encode({"challenge": challenge, "fps": list(fps)})
        data = await player.contract(BANK).signed_read(names.ATTEST, body, organisations=[INDUSTRY, BANK])
    expect = Expectation(challenge, fps, at=int(time.time()), max_age_s=3600, organisations=frozenset({BANK}))
    envelope = proofs.unpack_signed_read(data)
    # Peers answer in the order in which they are done.
    yield Real(data, envelope, expect, world_of(fabric))


def order_of(real: Real) -> list[str]:
    """Who signed, in their order."""
    return [item.msp_id for item in real.verify(real.data).endorsers]


async def test_the_genuine_read(real: Real, fabric: FabricWorld) -> None:
    read = real.verify(real.data)

    assert (read.kind, read.channel, read.chaincode) == ("fabric", fabric.channel, CHAINCODE)
    assert {item.msp_id for item in read.endorsers} == {INDUSTRY, BANK}
    assert not any(item.embedded for item in read.endorsers)
    assert [item["found"] for item in read.answers] == [True, False, True]
    absent = [key for key, version in read.versions.items() if version is None]
    assert absent
    assert all(real.expect.fingerprints[1] in key for key in absent)
    assert read.chaincode_version
    assert real.verify(real.data, replace(real.expect, chaincode_version=read.chaincode_version)) == read


async def test_it_reads_the_definition_too(real: Real) -> None:
    forge = RealForge(real.envelope, [real.world.peer(INDUSTRY)], {})
    namespaces = [
        item.namespace for item in rwset_pb2.TxReadWriteSet.FromString(forge._action.results).ns_rwset
    ]

    assert namespaces == ["_lifecycle", CHAINCODE]


async def test_made_anew_it_is_the_same(real: Real) -> None:
    assert real.forged(*order_of(real)) == real.data


@pytest.mark.parametrize(("check", "reason", "point", "change"), BEFORE_SIGNING)
async def test_a_genuine_read_of_something_else(
    real: Real, check: str, reason: str, point: str, change: Change
) -> None:
    refused(check, reason, lambda: real.verify(real.forged(**{point: change})))


def other_answer(endorsed: transaction_pb2.ChaincodeActionPayload) -> None:
    """Another first transaction of a document."""
    response, action = opened(endorsed)
    answer = json.loads(action.response.payload)
    answer["answers"][0]["first_tx"] = "0" * 64
    action.response.payload = encode(answer)
    closed(endorsed, response, action)


def other_version(endorsed: transaction_pb2.ChaincodeActionPayload) -> None:
    """Another position of a key: a stale read shown as a fresh one."""
    response, action = opened(endorsed)
    results = rwset_pb2.TxReadWriteSet.FromString(action.results)
    public = kv_rwset_pb2.KVRWSet.FromString(results.ns_rwset[1].rwset)
    next(item for item in public.reads if item.HasField("version")).version.block_num += 1
    results.ns_rwset[1].rwset = public.SerializeToString()
    action.results = results.SerializeToString()
    closed(endorsed, response, action)


def opened(
    endorsed: transaction_pb2.ChaincodeActionPayload,
) -> tuple[proposal_response_pb2.ProposalResponsePayload, proposal_pb2.ChaincodeAction]:
    response = proposal_response_pb2.ProposalResponsePayload.FromString(
        endorsed.action.proposal_response_payload
    )
    return response, proposal_pb2.ChaincodeAction.FromString(response.extension)


def closed(
    endorsed: transaction_pb2.ChaincodeActionPayload,
    response: proposal_response_pb2.ProposalResponsePayload,
    action: proposal_pb2.ChaincodeAction,
) -> None:
    response.extension = action.SerializeToString()
    endorsed.action.proposal_response_payload = response.SerializeToString()


HERE: list[tuple[str, str, str, Change]] = [
    *(item for item in AFTER_SIGNING if item[3] not in (change_answer, change_version)),
    ("4.6", "ENDORSER_SIGNATURE", "endorsed", other_answer),
    ("4.6", "ENDORSER_SIGNATURE", "endorsed", other_version),
]


@pytest.mark.parametrize(("check", "reason", "point", "change"), HERE)
async def test_a_genuine_read_changed(
    real: Real, check: str, reason: str, point: str, change: Change
) -> None:
    refused(check, reason, lambda: real.verify(real.forged(*order_of(real), **{point: change})))


@pytest.mark.parametrize("name", BAD_ENDORSERS)
async def test_an_endorser_who_is_none(real: Real, name: str) -> None:
    check, reason, identity = bad_endorsers(real.world)[name]

    def add(items: list[proposal_response_pb2.Endorsement]) -> None:
        """Beside enough good ones: it signs what they signed."""
        payload = RealForge(real.envelope, [identity], {})._endorsed.action.proposal_response_payload
        signature = identity.sign(payload + identity.serialized())
        items.append(proposal_response_pb2.Endorsement(endorser=identity.serialized(), signature=signature))

    def instead(items: list[proposal_response_pb2.Endorsement]) -> None:
        add(items)
        items[:] = [item for item in items if msp_of(item) != BANK] + items[-1:]

    for change in (add, instead):
        refused(check, reason, lambda: real.verify(real.forged(*order_of(real), endorsements=change)))  # noqa: B023


def msp_of(item: proposal_response_pb2.Endorsement) -> str:
    return identities_pb2.SerializedIdentity.FromString(item.endorser).mspid


async def test_a_revoked_peer(real: Real) -> None:
    bank = real.world.trust.organisations[BANK]
    revoked = real.world.cas[BANK].revoke([real.world.issued[BANK].certificate], at=real.world.now + DAY)
    organisations = {
        **real.world.trust.organisations,
        BANK: replace(bank, crls=(x509.load_pem_x509_crl(revoked),)),
    }

    refused("4.4", "ENDORSER_REVOKED", lambda: real.verify(real.data, organisations=organisations))


async def test_who_must_have_signed(real: Real) -> None:
    mine = replace(real.expect, organisations=frozenset({BANK_B}))
    embedded = [real.world.other(BANK, ou=["peer", "chanrong-embedded"]), real.world.peer(INDUSTRY)]
    marked = RealForge(real.envelope, embedded, {"answer": lambda answer: answer | {"more": 1}}).make()

    refused("5.1", "POLICY", lambda: real.verify(real.data, policy=Policy((INDUSTRY, BANK_B))))
    refused("5.1", "POLICY", lambda: real.verify(real.data, policy=Policy((), ())))
    refused("5.2", "ORGANISATIONS", lambda: real.verify(real.data, mine))
    refused("5.3", "LEDGER_KIND", lambda: real.verify(marked))


async def test_when_it_was_asked(real: Real) -> None:
    time_ = real.verify(real.data).time

    refused("6.2", "STALE", lambda: real.verify(real.data, replace(real.expect, at=time_ + 3601)))
    refused("6.3", "FUTURE", lambda: real.verify(real.data, replace(real.expect, at=time_ - 301)))
    refused("3.5", "CHALLENGE", lambda: real.verify(real.data, replace(real.expect, challenge="f" * 64)))


async def test_every_byte_counts(real: Real) -> None:
    draw = random.Random(7)
    for at in [*range(60), *draw.sample(range(60, len(real.envelope)), 300)]:
        changed = bytearray(real.envelope)
        changed[at] ^= 1 << draw.randrange(8)
        with pytest.raises(ProofError):
            real.verify(proofs.pack_signed_read(bytes(changed)))
