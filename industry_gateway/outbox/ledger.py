"""The ledger port over Fabric's Gateway protocol: the same for the embedded ledger and for real peers.

Errors are translated here: what the contract refused is :class:`ContractRefusedError`, "nothing was done" is
:class:`UnavailableError`, "may have been done" is :class:`OutcomeUnknownError`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

from consortium.contract.codec import ContractRefusedError
from consortium.errors import OutcomeUnknownError, UnavailableError
from consortium.ledger.blocks import BlockTransaction
from consortium.ledger.errors import LedgerError
from consortium.ledger.gateway import Gateway
from industry_gateway.outbox.port import (
    CONTRACT_FAILED,
    LedgerBlock,
    LedgerTransaction,
    Prepared,
    TooLargeError,
)


class FabricLedger:
    """One chaincode on one channel, asked through gateway peers.

    :param organisations: MSP ids whose peers must endorse what is written; empty leaves it to the policy
    """

    def __init__(
        self, gateway: Gateway, channel: str, chaincode: str, *, organisations: Sequence[str] = ()
    ) -> None:
        self._gateway = gateway
        self._network = gateway.network(channel)
        self._contract = self._network.contract(chaincode)
        self._chaincode = chaincode
        self._organisations = tuple(organisations)

    async def prepare(self, function: str, payload: bytes) -> Prepared:
        """Endorses and signs a call."""
        try:
            endorsed = await self._contract.endorse(function, payload, organisations=self._organisations)
        except LedgerError as error:
            raise _translated(error) from error
        signed = endorsed.signed()
        return Prepared(
            txid=signed.txid,
            envelope=signed.to_bytes(),
            digest=signed.envelope_digest,
            result=endorsed.result,
        )

    async def submit(self, envelope: bytes) -> None:
        """Hands an envelope to the orderer."""
        try:
            await self._contract.resume_transaction(envelope).submit()
        except LedgerError as error:
            if error.outcome_unknown:
                raise OutcomeUnknownError(error.message, remedy=error.remedy) from error
            raise _translated(error) from error

    async def evaluate(self, function: str, payload: bytes) -> bytes:
        """Asks the contract without writing."""
        try:
            return await self._contract.evaluate(function, payload)
        except LedgerError as error:
            raise _translated(error) from error

    async def knows(self, txid: str) -> bool:
        """Whether a committed block holds this id."""
        try:
            return await self._network.transaction(txid) is not None
        except LedgerError as error:
            raise _translated(error) from error

    async def height(self) -> int:
        """Number of blocks that the asked peer has."""
        try:
            return await self._network.height()
        except LedgerError as error:
            raise _translated(error) from error

    async def blocks(self, start: int) -> AsyncIterator[LedgerBlock]:
        """Blocks from a number on, without end."""
        try:
            async with aclosing(self._network.blocks(start)) as blocks:
                async for block in blocks:
                    yield LedgerBlock(
                        block.number, tuple(self._transaction(each) for each in block.transactions)
                    )
        except LedgerError as error:
            raise _translated(error) from error

    def _transaction(self, transaction: BlockTransaction) -> LedgerTransaction:
        call = transaction.call if transaction.ok else None
        ours = call is not None and call.chaincode == self._chaincode
        return LedgerTransaction(
            txid=transaction.txid,
            code=transaction.code,
            digest=transaction.digest,
            creator=transaction.creator_msp,
            function=call.function if ours and call is not None else "",
            result=call.event.payload if ours and call is not None and call.event is not None else b"",
        )


def _translated(error: LedgerError) -> ContractRefusedError | TooLargeError | UnavailableError:
    if error.reason == "CONTRACT_REFUSED":
        # Without a reason of its own the contract did not refuse, it failed.
        return ContractRefusedError(
            error.contract_message or error.message,
            reason=error.contract_reason or CONTRACT_FAILED,
            remedy=error.remedy,
        )
    if error.reason == "MESSAGE_TOO_LARGE":
        return TooLargeError(error.message, remedy=error.remedy)
    # A ledger that refuses for its own reasons (a policy, an expired certificate) is one that does not work
    # now.
    return UnavailableError(error.message, reason=error.reason, remedy=error.remedy)
