"""``qscc``: what the chain holds."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from chaincode.hosts.embedded.wire import header_hash
from consortium.identity.msp import make_identity
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.common.ledger_pb2 import BlockchainInfo
from consortium.wire.fabric.peer.transaction_pb2 import ProcessedTransaction
from tests.support.embedded import (
    Code,
    RawClient,
    action_of,
    bend_transaction,
    details_of,
    drop_one,
    refusal,
    transaction_of,
)
from tests.support.ledgers import BANK, INDUSTRY, Keys, LedgerUnderTest

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def query(client: RawClient, function: str, *args: str) -> bytes:
    """One query."""
    return await client.evaluate(function, client.ledger, *args, chaincode="qscc")


async def processed(client: RawClient, txid: str) -> ProcessedTransaction:
    """A transaction by its id."""
    return ProcessedTransaction.FromString(await query(client, "GetTransactionByID", txid))


async def test_every_way_to_a_block(client: RawClient, k: Keys) -> None:
    done = await client.submit("put", k("queried"), "1")
    info = BlockchainInfo.FromString(await query(client, "GetChainInfo"))
    assert info.height > done.block
    newest = common_pb2.Block.FromString(await query(client, "GetBlockByNumber", str(info.height - 1)))
    assert header_hash(newest.header) == info.currentBlockHash
    assert newest.header.previous_hash == info.previousBlockHash
    data = await query(client, "GetBlockByNumber", str(done.block))
    block = common_pb2.Block.FromString(data)
    assert block.header.number == done.block
    assert await query(client, "GetBlockByTxID", done.txid) == data
    args = (b"GetBlockByHash", client.ledger.encode(), header_hash(block.header))
    assert await client.evaluate_signed(*client.proposal("x", args=args, chaincode="qscc")) == data
    found = await processed(client, done.txid)
    assert found.validationCode == Code.VALID
    assert found.transactionEnvelope.SerializeToString() in block.data.data
    latest = common_pb2.Block.FromString(await query(client, "GetBlockByNumber", str(2**64 - 1)))
    assert latest.header.number >= done.block


async def test_every_member_is_answered_alike(client: RawClient, bank: RawClient, k: Keys) -> None:
    done = await client.submit("put", k("a"), "1")
    await bank.status(done.txid)
    first, second = await asyncio.gather(*(processed(asker, done.txid) for asker in (client, bank)))
    assert first == second


async def test_invalid_transactions_are_there(client: RawClient, k: Keys) -> None:
    txid, envelope = await client.endorse("put", k("a"), "1")
    await client.order_all((txid, bend_transaction(envelope, drop_one)))
    assert (await processed(client, txid)).validationCode == Code.ENDORSEMENT_POLICY_FAILURE


async def test_a_duplicate_keeps_the_first(client: RawClient, k: Keys) -> None:
    txid, envelope = await client.endorse("put", k("a"), "1")
    await client.order_all((txid, envelope))
    await client.order(txid, client.sign(envelope))
    await client.submit("put", k("after"), "1")
    assert (await processed(client, txid)).validationCode == Code.VALID


CASES: list[tuple[str, tuple[str, ...], str]] = [
    (
        "GetTransactionByID",
        ("ab" * 32,),
        f"Failed to get transaction with id {'ab' * 32}, error no such transaction ID",
    ),
    (
        "GetBlockByTxID",
        ("ab" * 32,),
        f"Failed to get block for txID {'ab' * 32}, error no such transaction ID",
    ),
    (
        "GetBlockByNumber",
        ("999999",),
        "Failed to get block number 999999, error no such block number [999999] in index",
    ),
    (
        "GetBlockByNumber",
        ("-1",),
        'Failed to parse block number with error strconv.ParseUint: parsing "-1": ',
    ),
    ("GetBlockByNumber", ("²",), "Failed to parse block number with error strconv.ParseUint: parsing "),
    (
        "GetBlockByNumber",
        (str(2**64),),
        "Failed to parse block number with error strconv.ParseUint: parsing ",
    ),
    ("GetBlockByNumber", (str(2**63),), f"Failed to get block number {2**63}, error no such block number"),
    ("GetBlockByHash", ("x",), "Failed to get block hash x, error no such block hash"),
    ("GetBlockByNumber", (), "missing 3rd argument for GetBlockByNumber"),
    ("GetEverything", ("x",), "GetEverything"),
]


@pytest.mark.parametrize(("function", "args", "text"), CASES)
async def test_refused(client: RawClient, function: str, args: tuple[str, ...], text: str) -> None:
    error = await refusal(query(client, function, *args))
    assert error.code() == grpc.StatusCode.UNKNOWN
    [(_, msp, message)] = details_of(error)
    assert msp == INDUSTRY
    assert message.startswith("chaincode response 500, ")
    assert text in message


async def test_arguments(client: RawClient) -> None:
    error = await refusal(client.evaluate("GetChainInfo", chaincode="qscc"))
    assert details_of(error)[0][2] == "chaincode response 500, Incorrect number of arguments, 1"
    error = await refusal(client.evaluate("GetChainInfo", "nowhere", chaincode="qscc"))
    assert details_of(error)[0][2] == "chaincode response 500, Invalid chain ID, nowhere"


async def test_who_may_not_read(ledger: LedgerUnderTest) -> None:
    stranger = make_identity(BANK, ledger.authority(BANK).issue("x", ou="erp"))
    async with ledger.raw(BANK, stranger) as client:
        error = await refusal(query(client, "GetChainInfo"))
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    async with ledger.raw(BANK, ledger.peer_identity(BANK)) as client:
        assert BlockchainInfo.FromString(await query(client, "GetChainInfo")).height


async def test_endorsed_by_who_is_named(client: RawClient, k: Keys) -> None:
    """So several organisations can say the same of a committed transaction; nobody is chosen for it."""
    done = await client.submit("put", k("a"), "1")
    call = ("GetTransactionByID", client.ledger, done.txid)
    error = await refusal(client.endorse(*call, chaincode="qscc"))
    assert (error.code(), error.details()) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "no combination of peers can be derived which satisfy the endorsement policy: No metadata was found for"
        f" chaincode qscc in channel {client.ledger}",
    )
    _, envelope = await client.endorse(*call, chaincode="qscc", organisations=[INDUSTRY])
    action = action_of(envelope)
    assert (action.chaincode_id.name, action.results) == ("qscc", b"")
    found = ProcessedTransaction.FromString(action.response.payload)
    assert found == await processed(client, done.txid)
    assert len(transaction_of(envelope).action.endorsements) == 1
