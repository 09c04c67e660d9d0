"""One channel: its contracts, its blocks and events, and what the query system chaincode knows of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from google.protobuf.message import DecodeError

from consortium.ledger.blocks import Block, BlockTransaction, FilteredBlock, block_from_bytes
from consortium.ledger.checkpoints import Checkpoint, Checkpointer
from consortium.ledger.contract import Contract
from consortium.ledger.errors import EvaluateError, UnreadableError
from consortium.ledger.events import (
    FILTERED,
    FULL,
    WITH_PRIVATE_DATA,
    BlockKind,
    BlockStream,
    ChaincodeEvent,
    EventStream,
    PrivateBlock,
    StreamRequest,
    T,
    start_or_height,
)
from consortium.ledger.stages import Session
from consortium.wire.fabric.common import ledger_pb2
from consortium.wire.fabric.peer import transaction_pb2

UNKNOWN_BLOCK = -1
"""Block number of a transaction that was looked up by its id: the answer does not say it."""


class Network:
    """One channel, seen by one identity."""

    def __init__(self, session: Session, channel: str) -> None:
        self.session = session
        self.channel = channel
        self._qscc = Contract(session, channel, "qscc")

    def contract(self, chaincode: str, name: str = "") -> Contract:
        """A chaincode on this channel.

        :param name: of one contract of several in the chaincode
        """
        return Contract(self.session, self.channel, chaincode, name)

    async def height(self) -> int:
        """Number of blocks that the asked peer has.

        :raises EvaluateError: nobody answered, or the channel is not there
        """
        answer = await self._query("GetChainInfo")
        try:
            return ledger_pb2.BlockchainInfo.FromString(answer).height
        except DecodeError as error:
            raise UnreadableError(f"not a chain info: {error}") from error

    async def block(self, number: int) -> Block | None:
        """One block by number; None when the asked peer has not got it (yet)."""
        return await self._find_block("GetBlockByNumber", str(number))

    async def block_of(self, txid: str) -> Block | None:
        """The first block that holds a transaction id; None when the asked peer knows none (yet)."""
        return await self._find_block("GetBlockByTxID", txid)

    async def transaction(self, txid: str) -> BlockTransaction | None:
        """The first transaction under an id, with the asked peer's verdict; None when it knows none (yet).

        Does not wait. Another member may have used the id: compare :attr:`BlockTransaction.digest`. The
        answer names no position, so ``block`` is :data:`UNKNOWN_BLOCK`; see :meth:`block_of`.
        """
        answer = await self._find("GetTransactionByID", txid)
        if answer is None:
            return None
        try:
            found = transaction_pb2.ProcessedTransaction.FromString(answer)
        except DecodeError as error:
            raise UnreadableError(f"not a transaction: {error}") from error
        return BlockTransaction(
            UNKNOWN_BLOCK, UNKNOWN_BLOCK, found.transactionEnvelope.SerializeToString(), found.validationCode
        )

    async def blocks(
        self, start: int | None = None, *, stop: int | None = None, checkpointer: Checkpointer | None = None
    ) -> AsyncGenerator[Block, None]:
        """Full blocks, in order, for ever or up to ``stop`` (included); goes on after a disconnect.

        :param start: first block; None: the next one to come
        :param checkpointer: when it holds a checkpoint, that block is first; the caller saves to it
        :raises StreamError: asking again would not help
        """
        async for block in self._stream(FULL, start, stop, checkpointer):
            yield block

    async def filtered_blocks(
        self, start: int | None = None, *, stop: int | None = None, checkpointer: Checkpointer | None = None
    ) -> AsyncGenerator[FilteredBlock, None]:
        """Blocks without contents, as :meth:`blocks`. Their verdicts may be another envelope's under the
        same id."""
        async for block in self._stream(FILTERED, start, stop, checkpointer):
            yield block

    async def blocks_with_private_data(
        self, start: int | None = None, *, stop: int | None = None, checkpointer: Checkpointer | None = None
    ) -> AsyncGenerator[PrivateBlock, None]:
        """Full blocks with the private writes that this identity may see, as :meth:`blocks`."""
        async for block in self._stream(WITH_PRIVATE_DATA, start, stop, checkpointer):
            yield block

    async def chaincode_events(
        self,
        chaincode: str,
        start: int | None = None,
        *,
        after_txid: str = "",
        checkpointer: Checkpointer | None = None,
    ) -> AsyncGenerator[ChaincodeEvent, None]:
        """Events of valid transactions, in order, for ever; goes on after a disconnect.

        :param start: first block; None: the next one to come
        :param after_txid: events up to and including this transaction are left out; its block is first
        :param checkpointer: when it holds a checkpoint, that is where it begins; the caller saves
            :attr:`ChaincodeEvent.checkpoint` to it
        :raises StreamError: asking again would not help
        """
        saved = await checkpointer.load() if checkpointer else None
        at = saved or Checkpoint(await start_or_height(start, self.height), after_txid)
        async with aclosing(EventStream(self.session, self.channel, chaincode, at=at).run()) as events:
            async for event in events:
                yield event

    def blocks_request(self, start: int, *, stop: int | None = None) -> StreamRequest[Block]:
        """Full blocks by a request that is signed elsewhere."""
        return self._block_request(FULL, start, stop)

    def filtered_blocks_request(self, start: int, *, stop: int | None = None) -> StreamRequest[FilteredBlock]:
        """Blocks without contents by a request that is signed elsewhere."""
        return self._block_request(FILTERED, start, stop)

    def blocks_with_private_data_request(
        self, start: int, *, stop: int | None = None
    ) -> StreamRequest[PrivateBlock]:
        """Blocks with private writes by a request that is signed elsewhere."""
        return self._block_request(WITH_PRIVATE_DATA, start, stop)

    def chaincode_events_request(
        self, chaincode: str, start: int, *, after_txid: str = ""
    ) -> StreamRequest[ChaincodeEvent]:
        """Events by a request that is signed elsewhere."""
        stream = EventStream(self.session, self.channel, chaincode, at=Checkpoint(start, after_txid))
        return StreamRequest(self.session, stream)

    def _block_request(self, kind: BlockKind[T], start: int, stop: int | None) -> StreamRequest[T]:
        stream = BlockStream(self.session, self.channel, kind, start=start, stop=stop)
        return StreamRequest(self.session, stream)

    async def _stream(
        self, kind: BlockKind[T], start: int | None, stop: int | None, checkpointer: Checkpointer | None
    ) -> AsyncGenerator[T, None]:
        saved = await checkpointer.load() if checkpointer else None
        first = saved.block if saved else await start_or_height(start, self.height)
        stream = BlockStream(self.session, self.channel, kind, start=first, stop=stop)
        async with aclosing(stream.run()) as blocks:
            async for block in blocks:
                yield block

    async def _find_block(self, function: str, argument: str) -> Block | None:
        answer = await self._find(function, argument)
        return None if answer is None else block_from_bytes(answer)

    async def _find(self, function: str, argument: str) -> bytes | None:
        try:
            return await self._query(function, argument)
        except EvaluateError as error:
            # Peers tell "not here" from other failures by these words only.
            if error.contract_message is not None and "no such " in error.contract_message:
                return None
            raise

    async def _query(self, function: str, *args: str) -> bytes:
        return await self._qscc.evaluate(function, self.channel.encode(), *(arg.encode() for arg in args))
