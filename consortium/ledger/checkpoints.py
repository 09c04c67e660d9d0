"""Where a reader of events stands, kept so that it goes on there after a restart.

Save the checkpoint after an event's effect is stored, never before: then an event may come twice and never
gets lost. A reader that keeps its effects in a database stores its checkpoint in the same transaction
(:class:`PositionStore`), so that it does not even come twice.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from consortium.errors import ConfigurationError

TransactionT_contra = TypeVar("TransactionT_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The next thing to read: block ``block``, and in it what comes after transaction ``txid`` (empty: all
    of it)."""

    block: int
    txid: str = ""

    @classmethod
    def after_block(cls, number: int) -> Checkpoint:
        """Everything up to a block is done."""
        return cls(number + 1)


class Checkpointer(Protocol):
    """Keeps one reader's checkpoint."""

    async def load(self) -> Checkpoint | None:
        """The last one saved; None when there is none."""
        ...

    async def save(self, checkpoint: Checkpoint) -> None:
        """Durable when it returns."""
        ...


class PositionStore(Protocol[TransactionT_contra]):
    """Keeps checkpoints by name inside a database; a transaction of the caller's makes them durable with
    its effects.

    :param TransactionT_contra: what the database's transactions are, for example an ``AsyncSession``
    """

    async def load(self, transaction: TransactionT_contra, name: str) -> Checkpoint | None:
        """The last one saved under a name."""
        ...

    async def save(self, transaction: TransactionT_contra, name: str, checkpoint: Checkpoint) -> None:
        """Becomes durable when the transaction commits."""
        ...


class MemoryCheckpointer:
    """For as long as the process lives."""

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        self._checkpoint = checkpoint

    async def load(self) -> Checkpoint | None:
        """The last one saved."""
        return self._checkpoint

    async def save(self, checkpoint: Checkpoint) -> None:
        """Remembers it."""
        self._checkpoint = checkpoint


class FileCheckpointer:
    """In a file of its own, replaced whole: a crash leaves the old one or the new one, never half of one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def load(self) -> Checkpoint | None:
        """The last one saved; None when the file is not there.

        :raises ConfigurationError: when the file holds something else
        """
        return await asyncio.to_thread(self._read)

    async def save(self, checkpoint: Checkpoint) -> None:
        """Written, synchronised and renamed into place when it returns."""
        await asyncio.to_thread(self._write, checkpoint)

    def _read(self) -> Checkpoint | None:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            state = json.loads(text)
            block, txid = state["blockNumber"], state["transactionId"]
            if type(block) is not int or block < 0 or not isinstance(txid, str):
                raise ValueError("wrong types")
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{self._path} is not a checkpoint: {error}",
                remedy="Remove it to read from the start, or restore it.",
            ) from error
        return Checkpoint(block, txid)

    def _write(self, checkpoint: Checkpoint) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        data = json.dumps({"blockNumber": checkpoint.block, "transactionId": checkpoint.txid})
        handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
