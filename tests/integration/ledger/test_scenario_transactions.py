"""The official clients' scenarios of transactions, endorsing organisations, signing elsewhere and errors."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from consortium.identity.ca import CertificateAuthority
from consortium.identity.msp import load_identity, make_identity
from consortium.identity.signer import Ed25519Signer, P256Signer
from consortium.ledger.blocks import BlockTransaction
from consortium.ledger.connection import Deadlines, OfflineIdentity
from consortium.ledger.contract import Contract
from consortium.ledger.errors import (
    CommitError,
    CommitStatusError,
    EndorseError,
    EvaluateError,
    NotSignedError,
    SubmitError,
)
from consortium.ledger.gateway import Gateway
from consortium.ledger.network import Network
from consortium.ledger.stages import Commit, PreparedTransaction
from tests.integration.ledger.conftest import BANK, INDUSTRY
from tests.support import softhsm
from tests.support.client_world import OPEN
from tests.support.ledgers import BANK_B, Keys, LedgerUnderTest

pytestmark = pytest.mark.asyncio(loop_scope="module")
MESSAGE = "ALL_YOUR_ERROR_ARE_BELONG_TO_US"


@pytest.fixture
def contract(industry: Network) -> Contract:
    """The contract, called by the industry organisation."""
    return industry.contract(OPEN)


def endorsers(prepared: PreparedTransaction) -> list[str]:
    """Who endorsed."""
    found = BlockTransaction(0, 0, prepared.envelope, 0).call
    assert found is not None
    return sorted(found.endorsers)


async def test_evaluate_and_submit_with_result(contract: Contract, k: Keys) -> None:
    assert await contract.submit("put", k().encode(), b"ledger") == b"ledger"
    assert await contract.evaluate("get", k().encode()) == b"ledger"
    assert await contract.evaluate("put", k("never").encode(), b"conga") == b"conga"
    with pytest.raises(EvaluateError, match="NOT_FOUND"):
        await contract.evaluate("get", k("never").encode())


async def test_transient_data(contract: Contract) -> None:
    transient = {"key1": b"value1", "key2": b"value2"}

    answer = json.loads(await contract.evaluate("whoami", transient=transient))

    assert answer[4] == {"key1": "value1", "key2": "value2"}


async def test_a_contract_by_its_name_in_the_chaincode(industry: Network, k: Keys) -> None:
    named = industry.contract(OPEN, "trade")

    with pytest.raises(EvaluateError) as caught:
        await named.evaluate("get", k().encode())
    assert (caught.value.contract_reason, caught.value.contract_message) == ("UNKNOWN_FUNCTION", "trade:get")


async def test_evaluate_with_error_response(contract: Contract, either: LedgerUnderTest) -> None:
    with pytest.raises(EvaluateError) as caught:
        await contract.evaluate("fail", b"500", MESSAGE.encode())

    assert (caught.value.code, caught.value.reason) == ("UNKNOWN", "CONTRACT_REFUSED")
    assert (
        f"evaluate call to endorser returned error: chaincode response 500, {MESSAGE}" in caught.value.message
    )
    assert caught.value.txid
    assert caught.value.details_list == (
        (either.address(INDUSTRY), INDUSTRY, f"chaincode response 500, {MESSAGE}"),
    )


async def test_submit_with_error_response(contract: Contract, either: LedgerUnderTest) -> None:
    with pytest.raises(EndorseError) as caught:
        await contract.submit("fail", b"500", MESSAGE.encode())

    assert (caught.value.code, caught.value.reason) == ("ABORTED", "CONTRACT_REFUSED")
    assert "failed to endorse transaction, see attached details for more info" in caught.value.message
    assert caught.value.contract_message == MESSAGE
    assert caught.value.details_list == (
        (either.address(INDUSTRY), INDUSTRY, f"chaincode response 500, {MESSAGE}"),
    )


async def test_incorrect_transaction_name(contract: Contract, either: LedgerUnderTest) -> None:
    with pytest.raises(EndorseError) as caught:
        await contract.submit("nonexistent")

    assert caught.value.code == "ABORTED"
    assert [(item.address, item.msp_id) for item in caught.value.details_list] == [
        (either.address(INDUSTRY), INDUSTRY)
    ]
    assert "nonexistent" in caught.value.details_list[0].message


@pytest.mark.parametrize("organisations", [(INDUSTRY,), (BANK,), (BANK_B,), (INDUSTRY, BANK_B)], ids="+".join)
async def test_the_organisations_named_endorse(
    contract: Contract, organisations: Sequence[str], k: Keys
) -> None:
    prepared = await contract.endorse("put", k().encode(), b"1", organisations=organisations)
    status = await (await prepared.submit()).status()

    assert endorsers(prepared) == sorted(organisations)
    assert (status.ok, prepared.result) == (True, b"1")


@pytest.mark.parametrize("organisation", [INDUSTRY, BANK])
async def test_the_organisation_named_evaluates(
    contract: Contract, either: LedgerUnderTest, organisation: str
) -> None:
    with pytest.raises(EvaluateError) as caught:
        await contract.evaluate("fail", b"400", b"HERE: it was", organisations=[organisation])

    assert [item.msp_id for item in caught.value.details_list] == [organisation]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def elsewhere(either: LedgerUnderTest) -> AsyncIterator[Gateway]:
    """A client without a key."""
    identity = OfflineIdentity(INDUSTRY, either.identity(INDUSTRY).cert_pem)
    async with Gateway([either.endpoint(INDUSTRY)], identity) as gateway:
        yield gateway


async def test_without_a_signature_nothing_goes_out(
    elsewhere: Gateway, either: LedgerUnderTest, k: Keys
) -> None:
    contract = elsewhere.network(either.channel).contract(OPEN)

    for call in (contract.evaluate("whoami"), contract.submit("put", k().encode(), b"1")):
        with pytest.raises(NotSignedError):
            await call


async def test_every_stage_is_signed_elsewhere(elsewhere: Gateway, either: LedgerUnderTest, k: Keys) -> None:
    sign = either.identity(INDUSTRY).sign
    contract = elsewhere.network(either.channel).contract(OPEN)

    question = contract.propose("put", k().encode(), b"conga")
    assert await question.with_signature(sign(question.signing_bytes)).evaluate() == b"conga"
    proposal = contract.propose("put", k().encode(), b"conga")
    signed = elsewhere.resume_proposal(proposal.with_signature(sign(proposal.signing_bytes)).to_bytes())
    transaction = elsewhere.resume_transaction((await signed.endorse()).to_bytes())
    commit = await transaction.with_signature(sign(transaction.signing_bytes)).submit()
    commit = elsewhere.resume_commit(commit.with_signature(sign(commit.signing_bytes)).to_bytes())
    status = await commit.status()

    assert (status.ok, status.txid, transaction.result) == (True, proposal.txid, b"conga")


async def test_wrong_signatures_are_refused_at_every_stage(
    elsewhere: Gateway, either: LedgerUnderTest, k: Keys
) -> None:
    sign, wrong = either.identity(INDUSTRY).sign, either.identity(BANK).sign
    contract = elsewhere.network(either.channel).contract(OPEN)
    proposal = contract.propose("put", k().encode(), b"1")
    forged = proposal.with_signature(wrong(proposal.signing_bytes))
    transaction = await proposal.with_signature(sign(proposal.signing_bytes)).endorse()
    commit = Commit.of(proposal.session, either.channel, proposal.txid)

    with pytest.raises(EvaluateError) as evaluating:
        await forged.evaluate()
    with pytest.raises(EndorseError) as endorsing:
        await forged.endorse()
    with pytest.raises(SubmitError) as submitting:
        await transaction.with_signature(wrong(transaction.signing_bytes)).submit()
    with pytest.raises(CommitStatusError) as asking:
        await commit.with_signature(wrong(commit.signing_bytes)).status()

    assert {evaluating.value.reason, endorsing.value.reason} == {"IDENTITY_REFUSED"}
    assert (submitting.value.reason, submitting.value.outcome_unknown) == ("LEDGER_DENIED", False)
    assert asking.value.reason == "LEDGER_DENIED"


async def test_an_ed25519_identity(either: LedgerUnderTest, k: Keys) -> None:
    issued = either.authority(INDUSTRY).issue("ed25519", ou="client", key=Ed25519Signer.generate())
    identity = make_identity(INDUSTRY, issued)

    async with Gateway([either.endpoint(INDUSTRY)], identity) as gateway:
        network = gateway.network(either.channel)
        assert await network.contract(OPEN).submit("put", k().encode(), b"1") == b"1"
        assert await network.height() > 0


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> P256Signer:
    """A key in a token; SoftHSM looks for its configuration once per process."""
    if why := softhsm.missing():
        pytest.skip(why)
    ca = CertificateAuthority.create("ca", INDUSTRY)
    _, signer, environment = softhsm.make_token(tmp_path_factory.mktemp("token"), ca)
    os.environ.update(environment)
    return signer


@pytest.mark.parametrize("organisations", [(INDUSTRY,), (BANK,), (BANK_B,), (INDUSTRY, BANK_B)], ids="+".join)
async def test_an_identity_in_a_token(
    either: LedgerUnderTest, token: P256Signer, organisations: Sequence[str], k: Keys, tmp_path: Path
) -> None:
    softhsm.write_msp(tmp_path, softhsm.library(), either.authority(INDUSTRY), token)
    identity = load_identity(tmp_path, INDUSTRY)

    async with Gateway([either.endpoint(INDUSTRY)], identity) as gateway:
        contract = gateway.network(either.channel).contract(OPEN)
        assert await contract.submit("put", k().encode(), b"1", organisations=organisations) == b"1"
        assert await contract.evaluate("whoami", organisations=organisations[:1])


async def test_deadlines_of_each_stage(either: LedgerUnderTest, k: Keys) -> None:
    short = Deadlines(evaluate_s=0.3, endorse_s=0.3, submit_s=10, commit_status_s=0.3)
    async with either.gateway(INDUSTRY, deadlines=short) as gateway:
        contract = gateway.network(either.channel).contract(OPEN)
        prepared = await contract.endorse("put", k().encode(), b"1", deadline=10)  # never submitted
        with pytest.raises(EvaluateError) as evaluating:
            await contract.evaluate("slow", b"2")
        with pytest.raises(EndorseError) as endorsing:
            await contract.endorse("slow", b"2")
        with pytest.raises(CommitStatusError) as asking:
            await Commit.of(prepared.session, either.channel, prepared.txid).status()

    found = [evaluating.value, endorsing.value, asking.value]
    assert [error.reason for error in found] == ["LEDGER_TIMEOUT"] * 3
    assert [error.outcome_unknown for error in found] == [False, False, True]


async def test_an_invalid_transaction_says_its_code(contract: Contract, k: Keys) -> None:
    prepared = [await contract.endorse("update", k().encode(), value) for value in (b"1", b"2")]
    first, second = [
        await commit.status() for commit in await asyncio.gather(*(item.submit() for item in prepared))
    ]

    assert sorted([first.code_name, second.code_name]) == ["MVCC_READ_CONFLICT", "VALID"]
    with pytest.raises(CommitError) as caught:
        (second if first.ok else first).raise_if_invalid()
    assert (caught.value.code_name, caught.value.reason) == ("MVCC_READ_CONFLICT", "TRANSACTION_CONFLICT")
