"""What only several organisations with their own peers show: they disagree, too few of them agree, one is behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from consortium.contract import decode, encode, names, read_results
from consortium.ledger.contract import Contract
from consortium.ledger.errors import CommitError, EndorseError
from tests.integration.fabric_faults.faulty import DIFFERS, FAILS, REFUSES
from tests.integration.fabric_faults.world import BANK, CHAINCODE, MEMBERS, A, B, Faults, fault_of
from tests.support.contract_world import document, fp
from tests.support.fabric import requires_fabric

pytestmark = [requires_fabric, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

SERVER_BANK, PEER_BANK, ORDERER = f"chaincode-bank-a-{CHAINCODE}", "peer-bank-a", "orderer"


@pytest_asyncio.fixture(loop_scope="session")
async def contract(faults: Faults) -> AsyncIterator[Contract]:
    """The contract, as the industry organisation calls it."""
    async with faults.fabric.gateway(A) as gateway:
        yield gateway.network(faults.fabric.channel).contract(CHAINCODE)


def name() -> str:
    """A document's name."""
    return os.urandom(6).hex()


def registering(*documents: str) -> bytes:
    """A request that names documents."""
    return encode({"op": os.urandom(16).hex(), "items": [document(each) for each in documents]})


def asking(*documents: str) -> bytes:
    """An attest request."""
    return encode({"challenge": os.urandom(32).hex(), "fps": [fp(each) for each in documents]})


async def known(contract: Contract, *documents: str) -> list[bool]:
    """Which of these are on the ledger."""
    answer = await contract.evaluate(names.DOCUMENTS_GET, encode({"fps": [fp(each) for each in documents]}))
    return [each is not None for each in decode(answer)["documents"]]


@pytest.mark.parametrize("fault", [DIFFERS, REFUSES, FAILS])
async def test_one_of_them_answers_otherwise(faults: Faults, contract: Contract, fault: str) -> None:
    """The error names who it is, and is no refusal by the contract; without that organisation it goes on."""
    fault_of(faults.fabric, SERVER_BANK).write_text(fault)
    first, second = name(), name()
    with pytest.raises(EndorseError) as caught:
        await contract.endorse(names.DOCUMENTS_REGISTER, registering(first), organisations=MEMBERS)
    assert (caught.value.reason, caught.value.retryable) == ("ENDORSEMENT_MISMATCH", True), caught.value
    if fault != DIFFERS:
        assert {detail.msp_id for detail in caught.value.details_list} == {BANK}
    assert await known(contract, first) == [False]
    await contract.submit(names.DOCUMENTS_REGISTER, registering(second), organisations=(A, B))
    faults.acknowledged.add(fp(second))
    assert await known(contract, first, second) == [False, True]


async def test_too_few_of_them_agree(faults: Faults, contract: Contract) -> None:
    """The orderer takes it, every peer finds it invalid, and its operation may be asked for again."""
    paper = name()
    body = registering(paper)
    prepared = await contract.endorse(names.DOCUMENTS_REGISTER, body, organisations=(B, BANK))
    status = await (await prepared.submit()).status()
    assert status.code_name == "ENDORSEMENT_POLICY_FAILURE"
    with pytest.raises(CommitError) as caught:
        status.raise_if_invalid()
    assert (caught.value.reason, caught.value.retryable) == ("TRANSACTION_INVALID", False)
    assert await known(contract, paper) == [False]
    answer = await contract.submit(names.DOCUMENTS_REGISTER, body, organisations=(A, BANK))
    faults.acknowledged.add(fp(paper))
    assert "replayed" not in decode(answer)
    assert [each["status"] for each in read_results(answer)] == ["registered"]


async def test_one_of_them_is_behind(faults: Faults, contract: Contract) -> None:
    """It still endorses what it sees: a read by both is refused until it has the blocks, alone it says what was."""
    paper = name()
    await faults.fabric.kill(PEER_BANK)
    await contract.submit(names.DOCUMENTS_REGISTER, registering(paper), organisations=(A, B))
    faults.acknowledged.add(fp(paper))
    await faults.fabric.kill(ORDERER)
    await faults.fabric.start(PEER_BANK)  # nobody gives it blocks
    both = (A, BANK)
    with pytest.raises(EndorseError) as caught:
        await _until_found(contract, paper, both)
    assert caught.value.reason == "ENDORSEMENT_MISMATCH"
    alone = await contract.evaluate(names.ATTEST, asking(paper), organisations=(BANK,))
    assert [each["found"] for each in decode(alone)["answers"]] == [False]

    await faults.fabric.start(ORDERER)
    await faults.fabric.ready(CHAINCODE)
    prepared = await contract.endorse(names.ATTEST, asking(paper), organisations=both)
    assert [each["found"] for each in decode(prepared.result)["answers"]] == [True]
    await faults.oracle()


async def _until_found(contract: Contract, paper: str, organisations: tuple[str, ...]) -> None:
    """Asks until discovery knows the organisation's peer again; then what the peers say is raised."""
    async with asyncio.timeout(40):
        while True:
            try:
                await contract.endorse(names.ATTEST, asking(paper), organisations=organisations)
            except EndorseError as error:
                if error.reason not in ("ENDORSERS_NOT_FOUND", "LEDGER_UNAVAILABLE"):
                    raise
                await asyncio.sleep(0.2)
