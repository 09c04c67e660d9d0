"""The embedded ledger's tables in SQLite, and every statement that touches them.

One writer (the committer's thread), any number of readers. A block with all its effects is one SQLite
transaction with ``synchronous=FULL``: after the commit returned it survives the process and the machine,
before it nothing of it is there. Readers see the state as of one commit for as long as their transaction
lasts (write-ahead log).

Statements carry many rows each. The driver releases the interpreter's lock once per row that it steps over,
and with another thread computing each of these hand-overs can cost milliseconds.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

FORMAT = "chanrong-embedded-1"
PAGE_BYTES = 8192
CACHE_KIB = 24 * 1024
READ_CACHE_KIB = 4 * 1024
WAL_PAGES = 4096
"""Pages of the write-ahead log before they are moved into the database: 32 MB. Fewer cost a third of the throughput
under load and double the longest waits, as every third block then rewrites the same pages of the trees."""

BUSY_MS = 10_000
TX_BITS = 20
"""A transaction's position is ``block << TX_BITS | place``."""

RANGE_CHUNK = 64
RANGE_CHUNK_MORE = 1024
LOOKUP_CHUNKS = (512, 64, 8, 1)
INSERT_CHUNKS = (256, 32, 4, 1)

SCHEMA = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE blocks(number INTEGER PRIMARY KEY, hash BLOB NOT NULL, previous_hash BLOB NOT NULL,
    data_hash BLOB NOT NULL, metadata BLOB NOT NULL, transactions INTEGER NOT NULL);
CREATE UNIQUE INDEX blocks_by_hash ON blocks(hash);
CREATE TABLE transactions(position INTEGER PRIMARY KEY, txid TEXT NOT NULL, code INTEGER NOT NULL,
    envelope BLOB NOT NULL);
CREATE INDEX transactions_by_id ON transactions(txid);
CREATE TABLE state(key BLOB PRIMARY KEY, position INTEGER NOT NULL, value BLOB NOT NULL, metadata BLOB)
    WITHOUT ROWID;
CREATE INDEX state_with_metadata ON state(key) WHERE metadata IS NOT NULL;
CREATE TABLE history(key BLOB NOT NULL, position INTEGER NOT NULL, PRIMARY KEY(key, position)) WITHOUT ROWID;
CREATE TABLE private_writes(position INTEGER NOT NULL, namespace TEXT NOT NULL, collection TEXT NOT NULL,
    rwset BLOB NOT NULL, PRIMARY KEY(position, namespace, collection)) WITHOUT ROWID;
CREATE TABLE transient(txid TEXT PRIMARY KEY, height INTEGER NOT NULL, rwset BLOB NOT NULL) WITHOUT ROWID;
"""


class StoreError(Exception):
    """The database is not one of this ledger, or cannot be opened."""


class DatabaseLock:
    """Keeps a second process from writing to the same database: two committers would fork the chain."""

    def __init__(self, database: Path) -> None:
        """Takes the lock; it ends with the process.

        :raises StoreError: when another process has it
        :raises OSError: when the folder cannot be written
        """
        self._file = database.with_name(database.name + ".lock").open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise StoreError(f"{database} is in use by another process") from error

    def release(self) -> None:
        """Gives it back."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of the state.

    :param position: of the transaction that last wrote it, see :data:`TX_BITS`
    """

    position: int
    value: bytes
    metadata: bytes | None


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A block's header and metadata, without its transactions."""

    number: int
    hash: bytes
    previous_hash: bytes
    data_hash: bytes
    metadata: bytes
    transactions: int


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """One transaction as it stands in a block."""

    position: int
    txid: str
    code: int
    envelope: bytes


def position(block: int, place: int) -> int:
    """Block and place in one number, in order of commit."""
    return block << TX_BITS | place


def block_of(at: int) -> int:
    """The block of a position."""
    return at >> TX_BITS


def place_of(at: int) -> int:
    """The place in its block of a position."""
    return at & (1 << TX_BITS) - 1


def full_key(namespace: str, key: str | bytes) -> bytes:
    """A key as stored: namespace, NUL, key. Orders by code points within a namespace, as Fabric does."""
    return namespace.encode() + b"\x00" + (key.encode() if isinstance(key, str) else key)


def hashed_namespace(namespace: str, collection: str) -> str:
    """Where a collection's hashed keys and values stand."""
    return f"{namespace}$$h{collection}"


def private_namespace(namespace: str, collection: str) -> str:
    """Where a collection's private keys and values stand."""
    return f"{namespace}$$p{collection}"


def open_writer(path: Path) -> sqlite3.Connection:
    """The connection of the committer; makes the database when it is not there.

    :raises StoreError: when the file is not a database of this ledger
    """
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if empty:
            connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        if empty:
            connection.execute("BEGIN IMMEDIATE")
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES('format', ?)", (FORMAT.encode(),))
            connection.execute("COMMIT")
        _check_format(connection, path)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads.

    :raises StoreError: when the file is not a database of this ledger
    """
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        connection.execute("PRAGMA query_only=ON")
        connection.execute(f"PRAGMA cache_size=-{READ_CACHE_KIB}")
        _check_format(connection, path)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error
    return connection


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    row = connection.execute("SELECT value FROM meta WHERE name='format'").fetchone()
    if row is None or bytes(row[0]) != FORMAT.encode():
        raise StoreError(f"{path}: not a database of the embedded ledger")


def _chunks(items: Sequence[T], sizes: Sequence[int]) -> Iterator[Sequence[T]]:
    """Cuts into few different sizes, so that each size's statement is prepared once."""
    at = 0
    for size in sizes:
        while len(items) - at >= size:
            yield items[at : at + size]
            at += size


class Reader:
    """Queries over one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    @contextmanager
    def snapshot(self) -> Iterator[Reader]:
        """What is read within sees one commit's state."""
        self.connection.execute("BEGIN")
        try:
            yield self
        finally:
            self.connection.execute("ROLLBACK")

    def height(self) -> int:
        """Number of blocks."""
        row = self.connection.execute("SELECT max(number) FROM blocks").fetchone()
        return 0 if row[0] is None else int(row[0]) + 1

    def entries(self, keys: Iterable[bytes]) -> dict[bytes, Entry]:
        """State of those of the keys (see :func:`full_key`) that are there."""
        found: dict[bytes, Entry] = {}
        for chunk in _chunks(list(keys), LOOKUP_CHUNKS):
            marks = ",".join("?" * len(chunk))
            statement = f"SELECT key, position, value, metadata FROM state WHERE key IN ({marks})"  # noqa: S608
            for key, at, value, metadata in self.connection.execute(statement, chunk):
                found[key] = Entry(at, value, metadata)
        return found

    def positions(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        """Positions of those of the keys that are there."""
        found: dict[bytes, int] = {}
        for chunk in _chunks(list(keys), LOOKUP_CHUNKS):
            marks = ",".join("?" * len(chunk))
            statement = f"SELECT key, position FROM state WHERE key IN ({marks})"  # noqa: S608
            found.update(self.connection.execute(statement, chunk))
        return found

    def range(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, int, bytes]]:
        """Key, position and value from ``start`` to before ``end``, in order.

        Read in pieces that are complete: a statement left half-read would hold its snapshot beyond the end of the
        transaction, and whoever uses the connection next would see old state.
        """
        size = RANGE_CHUNK
        while True:
            rows = self.connection.execute(
                "SELECT key, position, value FROM state WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
                (start, end, size),
            ).fetchall()
            yield from rows
            if len(rows) < size:
                return
            start = rows[-1][0] + b"\x00"
            size = RANGE_CHUNK_MORE

    def history(self, key: bytes) -> list[int]:
        """Positions of the writes of a key, newest first."""
        rows = self.connection.execute(
            "SELECT position FROM history WHERE key=? ORDER BY position DESC", (key,)
        )
        return [row[0] for row in rows]

    def block(self, number: int) -> BlockRow | None:
        """A block's header and metadata."""
        row = self.connection.execute("SELECT * FROM blocks WHERE number=?", (number,)).fetchone()
        return None if row is None else BlockRow(*row)

    def number_of(self, header_hash: bytes) -> int | None:
        """The block with this header hash."""
        row = self.connection.execute("SELECT number FROM blocks WHERE hash=?", (header_hash,)).fetchone()
        return None if row is None else int(row[0])

    def transactions(self, number: int) -> list[TransactionRow]:
        """A block's transactions, in order."""
        rows = self.connection.execute(
            "SELECT position, txid, code, envelope FROM transactions WHERE position >= ? AND position < ?"
            " ORDER BY position",
            (position(number, 0), position(number + 1, 0)),
        )
        return [TransactionRow(*row) for row in rows]

    def transaction(self, txid: str) -> TransactionRow | None:
        """The first transaction with this id."""
        row = self.connection.execute(
            "SELECT position, txid, code, envelope FROM transactions WHERE txid=? ORDER BY position LIMIT 1",
            (txid,),
        ).fetchone()
        return None if row is None else TransactionRow(*row)

    def transaction_at(self, at: int) -> TransactionRow | None:
        """The transaction at a position."""
        row = self.connection.execute(
            "SELECT position, txid, code, envelope FROM transactions WHERE position=?", (at,)
        ).fetchone()
        return None if row is None else TransactionRow(*row)

    def outcome(self, txid: str) -> tuple[int, int] | None:
        """Validation code and block of the first transaction with this id."""
        row = self.connection.execute(
            "SELECT code, position FROM transactions WHERE txid=? ORDER BY position LIMIT 1", (txid,)
        ).fetchone()
        return None if row is None else (int(row[0]), block_of(row[1]))

    def known(self, txids: Sequence[str]) -> set[str]:
        """Those of the ids that were used before."""
        found: set[str] = set()
        for chunk in _chunks(list(txids), LOOKUP_CHUNKS):
            marks = ",".join("?" * len(chunk))
            rows = self.connection.execute(f"SELECT txid FROM transactions WHERE txid IN ({marks})", chunk)  # noqa: S608
            found.update(row[0] for row in rows)
        return found

    def private_writes(self, number: int) -> list[tuple[int, str, str, bytes]]:
        """A block's private parts: position, namespace, collection, serialized ``KVRWSet``."""
        return self.connection.execute(
            "SELECT * FROM private_writes WHERE position >= ? AND position < ?",
            (position(number, 0), position(number + 1, 0)),
        ).fetchall()

    def private_parts(self, namespace: str, collection: str, up_to: int) -> list[tuple[int, bytes]]:
        """A collection's private parts: position and serialized ``KVRWSet``."""
        return self.connection.execute(
            "SELECT position, rwset FROM private_writes WHERE namespace=? AND collection=? AND position <= ?",
            (namespace, collection, up_to),
        ).fetchall()

    def transient(self, txid: str) -> bytes | None:
        """The private part of a transaction that is endorsed and not committed yet."""
        row = self.connection.execute("SELECT rwset FROM transient WHERE txid=?", (txid,)).fetchone()
        return None if row is None else bytes(row[0])


class Writer(Reader):
    """The committer's statements. The caller begins and commits."""

    @contextmanager
    def transaction_scope(self) -> Iterator[None]:
        """Everything within, or nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            raise

    def add_block(self, row: BlockRow, transactions: Sequence[TransactionRow]) -> None:
        """Stores a block."""
        self.connection.execute(
            "INSERT INTO blocks VALUES(?,?,?,?,?,?)",
            (row.number, row.hash, row.previous_hash, row.data_hash, row.metadata, row.transactions),
        )
        self._insert(
            "INSERT INTO transactions VALUES",
            [(entry.position, entry.txid, entry.code, entry.envelope) for entry in transactions],
        )

    def put_state(self, rows: Sequence[tuple[bytes, int, bytes, bytes | None]]) -> None:
        """Stores keys: key, position, value, metadata."""
        self._insert("INSERT OR REPLACE INTO state VALUES", rows)

    def delete_state(self, keys: Sequence[bytes]) -> None:
        """Removes keys."""
        for chunk in _chunks(keys, LOOKUP_CHUNKS):
            marks = ",".join("?" * len(chunk))
            self.connection.execute(f"DELETE FROM state WHERE key IN ({marks})", chunk)  # noqa: S608

    def add_history(self, rows: Sequence[tuple[bytes, int]]) -> None:
        """Stores which transactions wrote which keys."""
        self._insert("INSERT INTO history VALUES", rows)

    def add_private_writes(self, rows: Sequence[tuple[int, str, str, bytes]]) -> None:
        """Stores private parts: position, namespace, collection, serialized ``KVRWSet``."""
        self._insert("INSERT OR REPLACE INTO private_writes VALUES", rows)

    def add_transient(self, txid: str, height: int, rwset: bytes) -> None:
        """Keeps a private part until its transaction is committed."""
        self.connection.execute("INSERT OR REPLACE INTO transient VALUES(?,?,?)", (txid, height, rwset))

    def drop_transient(self, txids: Sequence[str], below: int) -> None:
        """Forgets the private parts of these transactions, and all that were endorsed below a height."""
        for chunk in _chunks(txids, LOOKUP_CHUNKS):
            marks = ",".join("?" * len(chunk))
            self.connection.execute(f"DELETE FROM transient WHERE txid IN ({marks})", chunk)  # noqa: S608
        self.connection.execute("DELETE FROM transient WHERE height < ?", (below,))

    def _insert(self, head: str, rows: Sequence[tuple[object, ...]]) -> None:
        for chunk in _chunks(rows, INSERT_CHUNKS):
            row = f"({','.join('?' * len(chunk[0]))})"
            values = [value for entry in chunk for value in entry]
            self.connection.execute(f"{head} {','.join([row] * len(chunk))}", values)
