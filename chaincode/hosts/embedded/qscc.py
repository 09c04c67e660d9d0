"""The query system chaincode: what the chain holds, by number, hash or transaction id."""

from __future__ import annotations

from collections.abc import Sequence

from chaincode.hosts.embedded.blocks import load_block
from chaincode.hosts.embedded.store import Reader, block_of
from chaincode.state import Response
from consortium.wire.fabric.common.common_pb2 import Envelope
from consortium.wire.fabric.common.ledger_pb2 import BlockchainInfo
from consortium.wire.fabric.peer.transaction_pb2 import ProcessedTransaction

NAME = "qscc"
VERSION = "syscc"
FUNCTIONS = ("GetChainInfo", "GetBlockByNumber", "GetBlockByHash", "GetTransactionByID", "GetBlockByTxID")
MAX_UINT64 = 2**64 - 1


def invoke(reader: Reader, channel: str, args: Sequence[bytes], *, allowed: bool) -> Response:
    """Answers one query. ``allowed``: whether the asker may read the channel."""
    if len(args) < 2:
        return _error(f"Incorrect number of arguments, {len(args)}")
    name, asked = (arg.decode("utf-8", "replace") for arg in args[:2])
    if name != "GetChainInfo" and len(args) < 3:
        return _error(f"missing 3rd argument for {name}")
    if asked != channel:
        return _error(f"Invalid chain ID, {asked}")
    if not allowed:
        return _error(f"access denied for [{name}][{asked}]: [the identity may not read the channel]")
    if name == "GetChainInfo":
        return Response(200, _chain_info(reader))
    if name == "GetTransactionByID":
        return _transaction(reader, args[2].decode("utf-8", "replace"))
    if name in FUNCTIONS:
        return _block(reader, name, args[2])
    return _error(f"Requested function {name} not found.")


def called_by(chaincode: str) -> Response:
    """What a chaincode that calls it is told."""
    return _error(
        "Rejecting invoke of QSCC from another chaincode because of potential for deadlocks, original invocation for"
        f" '{chaincode}'"
    )


def _error(message: str) -> Response:
    return Response(500, message=message)


def _chain_info(reader: Reader) -> bytes:
    height = reader.height()
    newest = reader.block(height - 1)
    if newest is None:
        return BlockchainInfo().SerializeToString()
    return BlockchainInfo(
        height=height, currentBlockHash=newest.hash, previousBlockHash=newest.previous_hash
    ).SerializeToString()


def _transaction(reader: Reader, txid: str) -> Response:
    row = reader.transaction(txid)
    if row is None:
        return _error(
            f"Failed to get transaction with id {txid}, error no such transaction ID [{txid}] in index"
        )
    processed = ProcessedTransaction(
        transactionEnvelope=Envelope.FromString(row.envelope), validationCode=row.code
    )
    return Response(200, processed.SerializeToString())


def _block(reader: Reader, name: str, key: bytes) -> Response:
    number: int | None
    if name == "GetBlockByNumber":
        text = key.decode("utf-8", "replace")
        if not (text.isascii() and text.isdigit()) or int(text) > MAX_UINT64:
            return _error(
                f'Failed to parse block number with error strconv.ParseUint: parsing "{text}": invalid syntax'
            )
        number = int(text)
        missing = f"Failed to get block number {number}, error no such block number [{number}] in index"
        if number == MAX_UINT64:
            number = reader.height() - 1  # Fabric's name for the newest block
    elif name == "GetBlockByHash":
        number = reader.number_of(key)
        asked = key.decode("utf-8", "replace")
        missing = f"Failed to get block hash {asked}, error no such block hash [{key.hex()}] in index"
    else:
        txid = key.decode("utf-8", "replace")
        row = reader.transaction(txid)
        number = None if row is None else block_of(row.position)
        missing = f"Failed to get block for txID {txid}, error no such transaction ID [{txid}] in index"
    block = None if number is None or number >= 2**63 else load_block(reader, number)
    return _error(missing) if block is None else Response(200, block)
