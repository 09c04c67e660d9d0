"""What only consensus shows, at protocol level: an organisation that answers otherwise, one that is not there.

The network is this module's own, as parts of it are stopped. The same with the true contract and through our client
and gateways: ``tests/integration/fabric_faults``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity
from consortium.wire.fabric.peer import transaction_pb2
from tests.support.embedded import (
    MISMATCH,
    NOT_ENOUGH,
    Code,
    RawClient,
    bend_transaction,
    details_of,
    refusal,
    transaction_of,
)
from tests.support.fabric import FabricWorld, fabric_world, requires_fabric
from tests.support.ledgers import BANK, BANK_B, INDUSTRY, Keys, LedgerUnderTest, until

pytestmark = [requires_fabric, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
C = grpc.StatusCode
COLLECT = NOT_ENOUGH
FIRST = "failed to endorse transaction, see attached details for more info"
ALL_TRIED = "failed to evaluate transaction, see attached details for more info"
ODD = "odd"
"""The chaincode whose server at the second bank writes something else than the others'."""

EXECUTION_TIMEOUT = "2s"
TRIES = 6
SERVER, PEER = f"chaincode-bank-b-{ODD}", "peer-bank-b"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FabricWorld]:
    """A network to be hurt."""
    environment = {"CORE_CHAINCODE_EXECUTETIMEOUT": EXECUTION_TIMEOUT}
    async with fabric_world(tmp_path_factory.mktemp("own"), peer_env=environment) as started:
        odd = {BANK_B: "tests.support.odd_kv:OddKvContract"}
        await started.deploy(ODD, contract="tests.support.kv_contract:KvContract", per_org_contract=odd)
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ledger(world: FabricWorld) -> LedgerUnderTest:
    """That network, where calls are for the odd chaincode."""
    return LedgerUnderTest("fabric", world, ODD)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(ledger: LedgerUnderTest) -> AsyncIterator[RawClient]:
    """The industry organisation."""
    async with ledger.raw(INDUSTRY) as connected:
        yield connected


@pytest_asyncio.fixture(loop_scope="module")
async def bank_b(ledger: LedgerUnderTest) -> AsyncIterator[RawClient]:
    """The odd organisation."""
    async with ledger.raw(BANK_B) as connected:
        yield connected


def endorsers(envelope: common_pb2.Envelope) -> set[str]:
    """Who endorsed."""
    found = transaction_of(envelope).action.endorsements
    return {SerializedIdentity.FromString(item.endorser).mspid for item in found}


class TestDisagreement:
    """One organisation's chaincode does something else."""

    async def test_named_together(self, client: RawClient, k: Keys) -> None:
        """Who answered second is told that it does not match."""
        error = await refusal(client.endorse("put", k("a"), "1", organisations=[INDUSTRY, BANK_B], tries=1))
        assert (error.code(), error.details()) == (C.ABORTED, COLLECT)
        [(_, msp, text)] = details_of(error)
        assert msp in (INDUSTRY, BANK_B)
        assert text == MISMATCH

    async def test_the_gateway_finds_those_who_agree(self, client: RawClient, k: Keys) -> None:
        """It asks either bank first, and the other one when the first does not match."""
        found = await asyncio.gather(*(client.endorse("put", k(str(n)), "1") for n in range(TRIES)))
        assert [endorsers(envelope) for _, envelope in found] == [{INDUSTRY, BANK}] * TRIES
        assert [code for code, _ in await client.order_all(*found)] == [Code.VALID] * TRIES
        assert await client.evaluate("get", k("0")) == b"1"

    async def test_the_odd_ones_own_gateway_does_not(self, bank_b: RawClient, k: Keys) -> None:
        """Its own peer comes first, and nobody matches that."""
        error = await refusal(bank_b.endorse("put", k("a"), "1", tries=1))
        assert (error.code(), error.details()) == (C.ABORTED, COLLECT)
        assert {text for _, _, text in details_of(error)} == {MISMATCH}

    async def test_signatures_over_different_results(self, client: RawClient, k: Keys) -> None:
        """Put together by a client: every peer finds it invalid, also the odd one, and the state stays the same."""
        txid, signed = client.proposal("put", k("a"), "1")
        usual = await client.endorse_signed(txid, signed, [INDUSTRY])
        odd = await client.endorse_signed(txid, signed, [BANK_B])

        def join(action: transaction_pb2.ChaincodeActionPayload) -> None:
            action.action.endorsements.extend(transaction_of(odd).action.endorsements)

        bent = bend_transaction(usual, join)
        assert endorsers(bent) == {INDUSTRY, BANK_B}
        [(code, _)] = await client.order_all((txid, bent))
        assert code == Code.ENDORSEMENT_POLICY_FAILURE
        for msp in (INDUSTRY, BANK, BANK_B):
            error = await refusal(client.evaluate("get", k("a"), organisations=[msp]))
            assert "NOT_FOUND" in (error.details() or "")

    async def test_the_odd_one_alone(self, client: RawClient, bank_b: RawClient, k: Keys) -> None:
        done = await bank_b.submit("put", k("a"), "1", organisations=[BANK_B])
        assert (done.code, done.result) == (Code.ENDORSEMENT_POLICY_FAILURE, b"1, or not")
        assert (await client.status(done.txid))[0] == done.code


async def test_too_slow(client: RawClient, ledger: LedgerUnderTest) -> None:
    """Evaluate tries the peers one after the other, Endorse gives up with the first: as the embedded ledger says."""
    evaluated, endorsed, named = await asyncio.gather(
        refusal(client.evaluate("slow", "30")),
        refusal(client.endorse("slow", "30")),
        refusal(client.endorse("slow", "30", organisations=[INDUSTRY, BANK])),
    )
    assert (evaluated.code(), evaluated.details()) == (C.ABORTED, ALL_TRIED)
    assert (endorsed.code(), endorsed.details()) == (C.ABORTED, FIRST)
    assert (named.code(), named.details()) == (C.ABORTED, COLLECT)
    askeds = (list(ledger.msps), [INDUSTRY], [INDUSTRY, BANK])
    for error, asked in zip((evaluated, endorsed, named), askeds, strict=True):
        assert sorted(detail[1] for detail in details_of(error)) == sorted(asked)
        for _, _, text in details_of(error):
            assert text.startswith("error in simulation: failed to execute transaction ")
            assert text.endswith("timeout expired while executing transaction")


async def test_a_chaincode_server_that_is_down(
    world: FabricWorld, client: RawClient, bank_b: RawClient, k: Keys
) -> None:
    """Queries of that organisation are answered by another's peer; who names it is told."""
    await world.kill(SERVER)
    try:
        assert (await client.submit("put", k("a"), "1")).code == Code.VALID
        await until(lambda: answers(bank_b, k("a"), b"1"))
        error = await refusal(client.endorse("put", k("a"), "2", organisations=[INDUSTRY, BANK_B], tries=1))
        assert (error.code(), error.details()) == (C.ABORTED, COLLECT)
        assert [detail[1] for detail in details_of(error)] == [BANK_B]
        assert "error in simulation: " in details_of(error)[0][2]
    finally:
        await world.start(SERVER)
    await until(lambda: answers(bank_b, k("a"), b"1", BANK_B))


async def test_a_peer_that_is_down_catches_up(
    world: FabricWorld, ledger: LedgerUnderTest, client: RawClient, k: Keys
) -> None:
    """The others go on without it; it commits the same with the same codes when it is back."""
    loser = await client.endorse("update", k("a"), "2")
    await world.kill(PEER)
    try:
        valid = await client.submit("update", k("a"), "1")
        [(code, block)] = await client.order_all(loser)
        assert (valid.code, code) == (Code.VALID, Code.MVCC_READ_CONFLICT)
        error = await refusal(client.endorse("get", k("a"), organisations=[INDUSTRY, BANK_B], tries=1))
        assert error.code() in (C.ABORTED, C.UNAVAILABLE)
    finally:
        await world.start(PEER)
    async with ledger.raw(BANK_B) as returned:
        await until(lambda: answers(returned, k("a"), b"1", BANK_B))
        assert await returned.status(valid.txid) == (Code.VALID, valid.block)
        assert await returned.status(loser[0]) == (Code.MVCC_READ_CONFLICT, block)


async def answers(client: RawClient, key: str, value: bytes, *organisations: str) -> bool:
    """Whether a query is answered with this value."""
    try:
        return await client.evaluate("get", key, organisations=organisations) == value
    except grpc.aio.AioRpcError:
        return False
