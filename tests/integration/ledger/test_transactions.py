"""Queries and transactions through the whole client and a real ledger."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from chaincode.hosts.embedded.server import EmbeddedLedger
from consortium.ledger.connection import OfflineIdentity
from consortium.ledger.errors import CommitError, EndorseError, EvaluateError, LedgerError, SubmitError
from consortium.ledger.follower import CommitFollower
from consortium.ledger.network import Network
from consortium.ledger.stages import Status
from tests.integration.ledger.conftest import BANK, INDUSTRY, Connect
from tests.support import embedded
from tests.support.embedded import CHAINCODE, CHANNEL

DEAD = "127.0.0.1:1"


async def test_submit_then_evaluate(network: Network) -> None:
    contract = network.contract(CHAINCODE)

    assert await contract.submit("put", b"a", b"1") == b"1"
    assert await contract.evaluate("get", b"a") == b"1"
    assert await contract.evaluate("get", b"a", organisations=[BANK]) == b"1"
    whoami = json.loads(await contract.evaluate("whoami", transient={"secret": b"s"}))
    assert (whoami[0], whoami[1], whoami[4]) == (INDUSTRY, CHANNEL, {"secret": "s"})


async def test_each_stage_goes_on_in_another_client(ledger: EmbeddedLedger, connect: Connect) -> None:
    async with connect(ledger.target) as first:
        proposal = first.network(CHANNEL).contract(CHAINCODE).propose("put", b"a", b"1")
        saved = proposal.signed().to_bytes()
    async with connect(ledger.target) as second:
        saved = (await second.resume_proposal(saved).endorse()).signed().to_bytes()
    async with connect(ledger.target) as third:
        prepared = third.resume_transaction(saved)
        digest = prepared.envelope_digest
        saved = (await prepared.submit()).signed().to_bytes()
    async with connect(ledger.target) as fourth:
        status = await fourth.resume_commit(saved).status()
        found = await fourth.network(CHANNEL).transaction(proposal.txid)

    assert status.ok
    assert status.txid == prepared.txid == proposal.txid
    assert prepared.result == b"1"
    assert found is not None
    assert (found.digest, found.code, found.function, found.args) == (digest, 0, "put", (b"a", b"1"))


async def test_offline_signing(
    ledger: EmbeddedLedger, connect: Connect, organisations: embedded.Network
) -> None:
    signer = organisations.identities[BANK]
    offline = OfflineIdentity(BANK, signer.cert_pem)
    contract = connect(ledger.target, identity=offline).network(CHANNEL).contract(CHAINCODE)
    proposal = contract.propose("put", b"a", b"1")

    prepared = await proposal.with_signature(signer.sign(proposal.signing_bytes)).endorse()
    commit = await prepared.with_signature(signer.sign(prepared.signing_bytes)).submit()
    status = await commit.with_signature(signer.sign(commit.signing_bytes)).status()

    assert status.ok


async def test_the_same_envelope_again_takes_effect_once(network: Network) -> None:
    async with CommitFollower(network) as follower:
        prepared = (await network.contract(CHAINCODE).endorse("update", b"a", b"1")).signed()
        for _ in range(3):
            commit = await prepared.submit()
        status = await commit.status()
        verdict = await follower.wait(prepared.txid, prepared.envelope_digest)
        height = await network.height()

    codes = [
        transaction.code_name
        async for block in network.blocks(0, stop=height - 1)
        for transaction in block.transactions
        if transaction.txid == prepared.txid
    ]
    assert status == verdict
    assert status.ok
    assert codes[0] == "VALID"
    assert set(codes[1:]) <= {"DUPLICATE_TXID"}
    # a follower that comes later sees only duplicates, and finds the first
    async with CommitFollower(network) as late:
        await prepared.submit()
        assert await late.wait(prepared.txid, prepared.envelope_digest) == status


async def test_a_used_id_is_not_endorsed_again(network: Network) -> None:
    contract = network.contract(CHAINCODE)
    proposal = contract.propose("put", b"a", b"1").signed()
    await (await (await proposal.endorse()).submit()).status()

    with pytest.raises(EndorseError, match="duplicate transaction found"):
        await proposal.endorse()


async def test_a_conflict_is_said_and_the_second_try_succeeds(network: Network) -> None:
    contract = network.contract(CHAINCODE)
    await contract.submit("put", b"a", b"0")
    first, second = [(await contract.endorse("update", b"a", value)).signed() for value in (b"1", b"2")]
    async with CommitFollower(network) as follower:
        statuses = []
        for prepared in (first, second):
            await prepared.submit()
            statuses.append(await follower.wait(prepared.txid, prepared.envelope_digest))

    assert [status.code_name for status in statuses] == ["VALID", "MVCC_READ_CONFLICT"]
    with pytest.raises(CommitError) as caught:
        statuses[1].raise_if_invalid()
    assert (caught.value.reason, caught.value.retryable) == ("TRANSACTION_CONFLICT", True)
    assert await contract.submit("update", b"a", b"2") == b"1"


async def test_the_contracts_refusal(network: Network) -> None:
    contract = network.contract(CHAINCODE)

    with pytest.raises(EndorseError) as endorsing:
        await contract.submit("fail", b"400", b"NOT_ALLOWED: because")
    with pytest.raises(EvaluateError) as evaluating:
        await contract.evaluate("fail", b"400", b"NOT_ALLOWED: because")

    for error in (endorsing.value, evaluating.value):
        assert (error.reason, error.contract_reason, error.contract_message) == (
            "CONTRACT_REFUSED",
            "NOT_ALLOWED",
            "because",
        )
        assert error.txid
    assert endorsing.value.code == "ABORTED"
    detail = endorsing.value.details_list[0]
    assert (detail.msp_id, detail.message) == (INDUSTRY, "chaincode response 400, NOT_ALLOWED: because")
    assert detail.address == "peer0.industryamsp:7051"


async def test_what_the_ledger_refuses(
    ledger: EmbeddedLedger, network: Network, connect: Connect, organisations: embedded.Network
) -> None:
    stranger = embedded.make_network(Path(organisations.root) / "stranger", [INDUSTRY]).identities[INDUSTRY]
    outside = connect(ledger.target, identity=stranger).network(CHANNEL)
    elsewhere = connect(ledger.target).network("nowhere").contract(CHAINCODE)

    for call in (
        network.contract("nothing").submit("put", b"a", b"1"),
        network.contract(CHAINCODE).submit("put", b"a", b"1", organisations=["NobodyMSP"]),
        elsewhere.submit("put", b"a", b"1"),
        elsewhere.evaluate("get", b"a"),
        outside.contract(CHAINCODE).submit("put", b"a", b"1"),
        outside.contract(CHAINCODE).evaluate("get", b"a"),
        outside.height(),
    ):
        with pytest.raises(LedgerError) as caught:
            await call
        assert isinstance(caught.value, EndorseError | EvaluateError)
        assert caught.value.contract_reason is None
        assert not caught.value.outcome_unknown


async def test_an_envelope_over_the_limit_is_refused_for_certain(network: Network) -> None:
    prepared = await network.contract(CHAINCODE).endorse("put", b"a", b"x" * (11 * 1024 * 1024))

    with pytest.raises(SubmitError) as caught:
        await prepared.submit()
    assert not caught.value.outcome_unknown
    assert await network.transaction(prepared.txid) is None


async def test_a_wrong_server_certificate_is_not_trusted(
    ledger: EmbeddedLedger, connect: Connect, organisations: embedded.Network, tmp_path: Path
) -> None:
    other = embedded.make_network(tmp_path / "other", [INDUSTRY])
    organisations_tls, organisations.tls_ca = organisations.tls_ca, other.tls_ca
    try:
        contract = connect(ledger.target).network(CHANNEL).contract(CHAINCODE)
    finally:
        organisations.tls_ca = organisations_tls

    with pytest.raises(EvaluateError) as caught:
        await contract.evaluate("get", b"a")
    assert caught.value.reason == "LEDGER_UNAVAILABLE"


async def test_a_dead_first_endpoint(ledger: EmbeddedLedger, connect: Connect) -> None:
    network = connect(DEAD, ledger.target).network(CHANNEL)
    async with CommitFollower(network) as follower:
        assert await network.contract(CHAINCODE).submit("put", b"a", b"1", verdicts=follower) == b"1"
    assert await network.contract(CHAINCODE).submit("put", b"a", b"2") == b"2"
    assert await network.contract(CHAINCODE).evaluate("get", b"a") == b"2"


async def test_many_at_once_share_one_follower(network: Network) -> None:
    contract = network.contract(CHAINCODE)

    async def put(number: int, follower: CommitFollower) -> Status:
        prepared = (await contract.endorse("put", f"k{number}".encode(), b"v" * 100)).signed()
        commit = await prepared.submit()
        return await follower.wait(commit.txid, commit.envelope_digest)

    async with CommitFollower(network) as follower:
        statuses = await asyncio.gather(*(put(number, follower) for number in range(100)))

    assert all(status.ok for status in statuses)


async def test_private_data(network: Network) -> None:
    contract = network.contract(CHAINCODE)
    start = await network.height()

    await contract.submit("put_private", b"shared", b"k", transient={"value": b"secret"})

    assert await contract.evaluate("get_private", b"shared", b"k") == b"secret"
    blocks = [item async for item in network.blocks_with_private_data(start, stop=start)]
    assert b"secret" not in blocks[0].block.transactions[0].envelope
    assert b"secret" in blocks[0].private[0].SerializeToString()
