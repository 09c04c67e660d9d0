"""What the outbox needs of a ledger: six calls. ``ledger.py`` gives them over Fabric's Gateway protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from consortium.contract.codec import ContractRefusedError
from consortium.errors import ChanrongError

__all__ = [
    "CONTRACT_FAILED",
    "ContractRefusedError",
    "LedgerBlock",
    "LedgerPort",
    "LedgerTransaction",
    "Prepared",
    "TooLargeError",
]

CONTRACT_FAILED = "CONTRACT_FAILED"
"""Reason of a :class:`ContractRefusedError` where the contract did not refuse but failed: a defect of its
own.
"""


class TooLargeError(ChanrongError):
    """The call is larger than the ledger takes in one message."""

    reason = "TOO_LARGE"


@dataclass(frozen=True, slots=True)
class Prepared:
    """An endorsed and signed transaction that has not been sent.

    :param txid: its transaction id
    :param envelope: the bytes to persist and to submit
    :param digest: SHA-256 (hex) of the envelope as a block will hold it
    :param result: what the contract answered; it counts once the envelope is valid in a block
    """

    txid: str
    envelope: bytes
    digest: str
    result: bytes


@dataclass(frozen=True, slots=True)
class LedgerTransaction:
    """A transaction as a block holds it.

    :param code: Fabric's validation code, 0 when it took effect
    :param digest: SHA-256 (hex) of the envelope as it stands in the block
    :param creator: MSP id of the organisation that signed it
    :param function: what the contract was asked, such as ``documents:register``
    :param result: payload of its event: canonical JSON with ``results``; empty when it has none
    """

    txid: str
    code: int
    digest: str
    creator: str
    function: str
    result: bytes


@dataclass(frozen=True, slots=True)
class LedgerBlock:
    """A block: its number and its transactions in order."""

    number: int
    transactions: tuple[LedgerTransaction, ...]


class LedgerPort(Protocol):
    """A ledger with the Chanrong contract on one channel, asked with the gateway's own identity.

    Every call raises :class:`~consortium.errors.UnavailableError` when nothing was done and the same call may
    be repeated, and :class:`~consortium.errors.OutcomeUnknownError` when that is not known.
    """

    async def prepare(self, function: str, payload: bytes) -> Prepared:
        """Endorses and signs a call.

        :raises ContractRefusedError: when the contract refuses the call as a whole
        :raises TooLargeError: when the call does not fit into one message
        """
        ...

    async def submit(self, envelope: bytes) -> None:
        """Hands an envelope to the orderer. Its return means accepted, not committed.

        :raises TooLargeError: when no orderer ever takes an envelope of this size
        """
        ...

    async def evaluate(self, function: str, payload: bytes) -> bytes:
        """Asks the contract without writing.

        :raises ContractRefusedError: when the contract refuses the question
        """
        ...

    async def knows(self, txid: str) -> bool:
        """Whether a committed block holds this id; ``False`` does not mean never."""
        ...

    async def height(self) -> int:
        """Number of blocks that the asked peer has."""
        ...

    def blocks(self, start: int) -> AsyncIterator[LedgerBlock]:
        """Blocks from number ``start`` on, waiting for new ones without end."""
        ...
