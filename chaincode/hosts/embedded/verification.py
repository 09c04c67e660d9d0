"""Checks a whole database against itself: every block by its hash and signature, everything else by the blocks.

The steps:

1. blocks follow each other without a gap; each names its predecessor's hash and its own transactions' hash
2. the orderer of the configuration in force signed each block's header
3. every transaction is validated again by the configuration in force; its stored code, id and place must agree, and so
   must the block's codes and commit hash
4. state, history and private values are rebuilt from the transactions in a database of its own and compared row by row

What it cannot see: a chain that somebody with the orderer's key made anew from the first block. Whoever kept a block
hash, or gives the orderer's certificate that is expected, sees that too.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaincode.hosts.embedded.blocks import next_commit_hash
from chaincode.hosts.embedded.committer import (
    config_of,
    last_config,
    mark_used,
    store_updates,
    validate_state,
)
from chaincode.hosts.embedded.msp import IdentityError
from chaincode.hosts.embedded.mvcc import Updates
from chaincode.hosts.embedded.private import PrivateReplay
from chaincode.hosts.embedded.store import (
    BlockRow,
    Reader,
    StoreError,
    TransactionRow,
    Writer,
    block_of,
    open_reader,
    open_writer,
    place_of,
    position,
)
from chaincode.hosts.embedded.validator import Checked, Code, KnownSignatures, Validator
from chaincode.hosts.embedded.wire import WireError, data_hash, header_bytes, header_hash, parse
from consortium.wire.fabric.common.common_pb2 import (
    BlockHeader,
    BlockMetadata,
    BlockMetadataIndex,
    Metadata,
    SignatureHeader,
)
from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity

MAX_PROBLEMS = 100
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was found.

    :param height: number of blocks
    :param transactions: number of transactions in them
    :param problems: one line each, at most :data:`MAX_PROBLEMS` and a count of the others
    """

    ok: bool
    height: int
    transactions: int
    problems: tuple[str, ...]


def verify(database: Path, trusted_orderers: Collection[bytes] = ()) -> VerifyReport:
    """Checks a database; it may be in use, then as of one moment.

    :param trusted_orderers: certificates (PEM) of which each block's signer must be one; empty: as the chain says
    """
    check = _Verification(trusted_orderers)
    try:
        connection = open_reader(database)
    except StoreError as error:
        return VerifyReport(ok=False, height=0, transactions=0, problems=(str(error),))
    try:
        with Reader(connection).snapshot() as stored, tempfile.TemporaryDirectory() as folder:
            check.run(stored, Path(folder) / "rebuilt.db")
    except (sqlite3.Error, StoreError) as error:
        check.problem(f"the database cannot be read: {error}")
    finally:
        connection.close()
    return check.report()


class _Verification:
    def __init__(self, trusted_orderers: Collection[bytes]) -> None:
        self._trusted = {pem.strip() for pem in trusted_orderers}
        self._problems: list[str] = []
        self._more = 0
        self._height = 0
        self._transactions = 0
        self._validator: Validator | None = None
        self._last_config = 0
        self._commit_hash = b""
        self._has_metadata = False

    def problem(self, text: str) -> None:
        """Notes one."""
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(text)
        else:
            self._more += 1

    def report(self) -> VerifyReport:
        """What was found."""
        problems = self._problems + ([f"and {self._more} more"] if self._more else [])
        return VerifyReport(not problems, self._height, self._transactions, tuple(problems))

    def run(self, stored: Reader, rebuilt_file: Path) -> None:
        """All steps."""
        for (finding,) in stored.connection.execute("PRAGMA quick_check(10)"):
            if finding != "ok":
                self.problem(f"the database file is damaged: {finding}")
        self._height = stored.height()
        if not self._height:
            self.problem("there are no blocks")
            return
        connection = open_writer(rebuilt_file)
        connection.execute("PRAGMA synchronous=OFF")
        try:
            rebuilt = Writer(connection)
            private = PrivateReplay(stored)
            complete = self._replay(stored, rebuilt, private)
            self._strays(stored)
            for text in private.problems():
                self.problem(text)
            if complete:
                self._compare(stored, rebuilt)
        finally:
            connection.close()

    def _replay(self, stored: Reader, rebuilt: Writer, private: PrivateReplay) -> bool:
        """Steps 1 to 3, and the rebuilding of 4. False when blocks are missing, so that nothing can be compared."""
        previous = b""
        complete = True
        for number in range(self._height):
            row = stored.block(number)
            if row is None:
                self.problem(f"block {number} is missing")
                complete = False
                continue
            transactions = stored.transactions(number)
            self._transactions += len(transactions)
            previous = self._check_header(row, transactions, previous if complete else None)
            checked = self._check_transactions(row, transactions, rebuilt, private)
            self._check_metadata(row, checked)
        return complete

    def _check_header(
        self, row: BlockRow, transactions: list[TransactionRow], previous: bytes | None
    ) -> bytes:
        """Step 1; the block's hash."""
        header = BlockHeader(number=row.number, previous_hash=row.previous_hash, data_hash=row.data_hash)
        computed = header_hash(header)
        if computed != row.hash:
            self.problem(f"block {row.number}: the stored hash is not its header's")
        if previous is not None and previous != row.previous_hash:
            self.problem(f"block {row.number}: does not follow block {row.number - 1}, it names another hash")
        if row.data_hash != data_hash(item.envelope for item in transactions):
            self.problem(f"block {row.number}: its transactions are not those that were ordered")
        places = [place_of(item.position) for item in transactions]
        if places != list(range(row.transactions)):
            self.problem(f"block {row.number}: has {len(places)} transactions instead of {row.transactions}")
        return computed

    def _check_transactions(
        self, row: BlockRow, transactions: list[TransactionRow], rebuilt: Writer, private: PrivateReplay
    ) -> list[Checked]:
        """Step 3 for the transactions; applies what they write."""
        if self._validator is None:
            try:
                self._validator = Validator(config_of(transactions[0].envelope if transactions else b""))
            except (WireError, ValueError) as error:
                self.problem(f"block {row.number}: no configuration: {error}")
                return []
        validator = self._validator
        checked = [validator.check(item.envelope) for item in transactions]
        mark_used(rebuilt, checked)
        updates = validate_state(
            rebuilt,
            validator,
            KnownSignatures(),
            checked,
            private={},
            number=row.number,
            has_metadata=self._has_metadata,
        )
        self._has_metadata = self._has_metadata or bool(updates.metadata_changed)
        for item, found in zip(transactions, checked, strict=True):
            name = f"transaction {row.number}/{place_of(item.position)} ({found.txid or item.txid})"
            if found.txid != item.txid:
                self.problem(f"{name}: stored under the id {item.txid}")
            if found.code != item.code:
                self.problem(f"{name}: stored as {_code(item.code)}, but it is {_code(found.code)}")
            if found.code == Code.VALID and found.config is not None:
                self._validator = Validator(found.config)
                self._last_config = row.number
        self._rebuild(row, checked, updates, rebuilt, private)
        return checked

    @staticmethod
    def _rebuild(
        row: BlockRow, checked: list[Checked], updates: Updates, rebuilt: Writer, private: PrivateReplay
    ) -> None:
        for place, item in enumerate(checked):
            if item.code == Code.VALID and item.has_private:
                private.apply(item, position(row.number, place), updates.state)
        with rebuilt.transaction_scope():
            rebuilt.add_block(
                row,
                [
                    TransactionRow(position(row.number, place), item.txid, item.code, b"")
                    for place, item in enumerate(checked)
                ],
            )
            store_updates(rebuilt, updates)

    def _check_metadata(self, row: BlockRow, checked: list[Checked]) -> None:
        """Step 2, and step 3 for the block's codes and commit hash."""
        if self._validator is None:
            return
        codes = bytes(item.code for item in checked)
        self._commit_hash = next_commit_hash(self._commit_hash, row.data_hash, codes)
        try:
            slots = parse(BlockMetadata, row.metadata, "BlockMetadata").metadata
            stored_codes = slots[BlockMetadataIndex.TRANSACTIONS_FILTER]
            stored_hash = parse(Metadata, slots[BlockMetadataIndex.COMMIT_HASH], "Metadata").value
            newest = last_config(row.metadata)
            self._check_signature(row, parse(Metadata, slots[BlockMetadataIndex.SIGNATURES], "Metadata"))
        except (WireError, IndexError) as error:
            self.problem(f"block {row.number}: its metadata cannot be read: {error}")
            return
        if stored_codes != codes:
            self.problem(f"block {row.number}: its validation codes are not those of its transactions")
        elif stored_hash != self._commit_hash:
            self.problem(f"block {row.number}: its commit hash does not follow from its codes")
        if newest != self._last_config:
            self.problem(
                f"block {row.number}: names {newest} as its newest configuration, not {self._last_config}"
            )

    def _check_signature(self, row: BlockRow, signatures: Metadata) -> None:
        validator = self._validator
        if validator is None or len(signatures.signatures) != 1:
            self.problem(f"block {row.number}: is not signed by the orderer")
            return
        signature = signatures.signatures[0]
        signer = parse(SignatureHeader, signature.signature_header, "SignatureHeader").creator
        header = BlockHeader(number=row.number, previous_hash=row.previous_hash, data_hash=row.data_hash)
        message = signatures.value + signature.signature_header + header_bytes(header)
        try:
            if signer != validator.config.orderer:
                raise IdentityError("another identity")
            identity = validator.msp.deserialize(signer)
            identity.validate()
            identity.verify(message, signature.signature)
        except IdentityError as error:
            self.problem(f"block {row.number}: the orderer's signature is wrong: {error}")
        if self._trusted and parse(SerializedIdentity, signer, "").id_bytes.strip() not in self._trusted:
            self.problem(f"block {row.number}: signed by another orderer than expected")

    def _strays(self, stored: Reader) -> None:
        """Rows that no block accounts for."""
        rows = stored.connection.execute(
            "SELECT position, txid FROM transactions WHERE (position >> 20) NOT IN (SELECT number FROM blocks)"
        )
        for at, txid in rows:
            self.problem(f"transaction {block_of(at)}/{place_of(at)} ({txid}): its block is missing")

    def _compare(self, stored: Reader, rebuilt: Reader) -> None:
        """Step 4."""
        left, right = stored.connection, rebuilt.connection
        state = "SELECT key, position, value, metadata FROM state ORDER BY key"
        for (key,), had, wanted in _differences(left.execute(state), right.execute(state), 1):
            name = f"state of {_key_name(key)}"
            if wanted is None:
                self.problem(f"{name}: no transaction wrote it")
            elif had is None:
                self.problem(f"{name}: is missing; {_where(wanted[0])} wrote it")
            elif had[0] != wanted[0]:
                self.problem(f"{name}: stored as of {_where(had[0])}, but {_where(wanted[0])} wrote it")
            else:
                what = "value" if had[1] != wanted[1] else "metadata"
                self.problem(f"{name}: its {what} is not what {_where(wanted[0])} wrote")
        history = "SELECT key, position FROM history ORDER BY key, position"
        for (key, at), had, _ in _differences(left.execute(history), right.execute(history), 2):
            name = f"history of {_key_name(key)} at {_where(at)}"
            self.problem(f"{name}: " + ("is missing" if had is None else "there is no such write"))


def _differences(
    left: Iterable[Row], right: Iterable[Row], width: int
) -> Iterator[tuple[Row, Row | None, Row | None]]:
    """Rows that are on one side only, or differ behind their key, from two streams in order of their key.

    :param width: columns of the key
    :returns: key, what stands behind it on the left and on the right
    """
    lefts, rights = iter(left), iter(right)
    one, two = next(lefts, None), next(rights, None)
    while one is not None or two is not None:
        if two is None or (one is not None and one[:width] < two[:width]):
            assert one is not None
            yield one[:width], one[width:], None
            one = next(lefts, None)
        elif one is None or two[:width] < one[:width]:
            yield two[:width], None, two[width:]
            two = next(rights, None)
        else:
            if one != two:
                yield one[:width], one[width:], two[width:]
            one, two = next(lefts, None), next(rights, None)


def _code(number: int) -> str:
    return Code.Name(number) if number in Code.values() else str(number)  # type: ignore[arg-type]


def _where(at: int) -> str:
    return f"transaction {block_of(at)}/{place_of(at)}"


def _key_name(key: bytes) -> str:
    namespace, _, rest = key.partition(b"\x00")
    name = namespace.decode("utf-8", "replace")
    shown = rest.hex() if b"$$h" in namespace else repr(rest.decode("utf-8", "replace"))
    return f"{name} {shown}"
