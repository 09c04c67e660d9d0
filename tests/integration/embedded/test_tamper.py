"""Whatever is altered, deleted or moved in the database, ``verify`` names it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_asyncio

from chaincode.hosts.embedded.store import full_key, hashed_namespace, position, private_namespace
from chaincode.hosts.embedded.verification import MAX_PROBLEMS, verify
from consortium.wire.fabric.common import common_pb2
from tests.support.embedded import Network, bend_transaction, drop_one, running

Change = Callable[[sqlite3.Connection], None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def original(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a bit of everything: blocks 1 to 9."""
    database = tmp_path_factory.mktemp("tamper") / "ledger.db"
    settings = network.settings(database, collections=[{"name": "shared"}])
    async with running(settings) as ledger, network.client(ledger) as client:
        await client.submit("put", "a", "1")  # 1
        await client.submit("update", "a", "2")  # 2
        await client.submit("put", "b", "1")  # 3
        await client.submit("put_private", "shared", "p", transient={"value": b"private"})  # 4
        await client.submit("set_metadata", "b", "note", b"hello".hex())  # 5
        txid, envelope = await client.endorse("put", "c", "1")
        await client.submit("many", "m", "60", "20")  # 6
        bent = bend_transaction(envelope, drop_one)
        await client.order(txid, client.sign(bent))  # 7: invalid
        await client.status(txid)
        await client.submit("put_private", "shared", "q", transient={"value": b"to be purged"})  # 8
        await client.submit("purge_private", "shared", "q")  # 9
    assert verify(database).problems == ()
    return database


@pytest.fixture
def database(original: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    return Path(shutil.copy(original, tmp_path / "ledger.db"))


def sql(statement: str, *values: object) -> Change:
    """One statement."""

    def change(connection: sqlite3.Connection) -> None:
        assert connection.execute(statement, values).rowcount > 0, "changed nothing"

    return change


def edit_envelope(block: int, edit: Callable[[common_pb2.Envelope], common_pb2.Envelope]) -> Change:
    """Replaces the first envelope of a block."""

    def change(connection: sqlite3.Connection) -> None:
        at = position(block, 0)
        row = connection.execute("SELECT envelope FROM transactions WHERE position=?", (at,)).fetchone()
        edited = edit(common_pb2.Envelope.FromString(row[0])).SerializeToString()
        assert edited != row[0]
        connection.execute("UPDATE transactions SET envelope=? WHERE position=?", (edited, at))

    return change


def flip_byte(envelope: common_pb2.Envelope) -> common_pb2.Envelope:
    """One bit of the signature."""
    signature = bytearray(envelope.signature)
    signature[-1] ^= 1
    return common_pb2.Envelope(payload=envelope.payload, signature=bytes(signature))


def edit_metadata(block: int, slot: int, data: bytes) -> Change:
    """Replaces one part of a block's metadata."""

    def change(connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT metadata FROM blocks WHERE number=?", (block,)).fetchone()
        metadata = common_pb2.BlockMetadata.FromString(row[0])
        metadata.metadata[slot] = data
        connection.execute(
            "UPDATE blocks SET metadata=? WHERE number=?", (metadata.SerializeToString(), block)
        )

    return change


def swap_blocks(connection: sqlite3.Connection) -> None:
    """Blocks 1 and 3 change places, transactions and all."""
    for before, after in ((1, 1000), (3, 1), (1000, 3)):
        connection.execute("UPDATE blocks SET number=? WHERE number=?", (after, before))
        connection.execute(
            "UPDATE transactions SET position=? WHERE position=?", (position(after, 0), position(before, 0))
        )


def swap_signatures(connection: sqlite3.Connection) -> None:
    """Block 3 gets the metadata of block 1."""
    connection.execute(
        "UPDATE blocks SET metadata=(SELECT metadata FROM blocks WHERE number=1) WHERE number=3"
    )


KV_A, KV_B = full_key("kv", "a"), full_key("kv", "b")
PRIVATE = full_key(private_namespace("kv", "shared"), "p")
HASHED = full_key(hashed_namespace("kv", "shared"), b"\x00")[:-1]
CASES: dict[str, tuple[Change, str]] = {
    "state value": (sql("UPDATE state SET value=? WHERE key=?", b"9", KV_A), "state of kv 'a': its value"),
    "state position": (
        sql("UPDATE state SET position=? WHERE key=?", position(1, 0), KV_A),
        "state of kv 'a': stored as of transaction 1/0, but transaction 2/0 wrote it",
    ),
    "state metadata": (sql("UPDATE state SET metadata=NULL WHERE key=?", KV_B), "'b': its metadata"),
    "state deleted": (
        sql("DELETE FROM state WHERE key=?", KV_A),
        "'a': is missing; transaction 2/0 wrote it",
    ),
    "state added": (
        sql("INSERT INTO state VALUES(?,?,?,NULL)", full_key("kv", "z"), position(2, 0), b"x"),
        "'z': no transaction wrote it",
    ),
    "hashed value": (
        sql("UPDATE state SET value=? WHERE substr(key,1,?)=?", b"9" * 32, len(HASHED), HASHED),
        "state of kv$$hshared",
    ),
    "private value": (sql("UPDATE state SET value=? WHERE key=?", b"9", PRIVATE), "state of kv$$pshared 'p'"),
    "private part": (
        sql("UPDATE private_writes SET rwset=x'' WHERE position=?", position(4, 0)),
        "private part kv/shared of transaction 4/0",
    ),
    "private part deleted": (
        sql("DELETE FROM private_writes WHERE position=?", position(4, 0)),
        "private part kv/shared of transaction 4/0: is missing",
    ),
    "private part added": (
        sql("INSERT INTO private_writes VALUES(?,'kv','shared',x'')", position(1, 0)),
        "transaction 1/0 has none",
    ),
    "history deleted": (
        sql("DELETE FROM history WHERE key=? AND position=?", KV_A, position(1, 0)),
        "history of kv 'a' at transaction 1/0: is missing",
    ),
    "history added": (
        sql("INSERT INTO history VALUES(?,?)", KV_B, position(1, 0)),
        "history of kv 'b' at transaction 1/0: there is no such write",
    ),
    "code": (
        sql("UPDATE transactions SET code=0 WHERE position=?", position(7, 0)),
        "stored as VALID, but it is ENDORSEMENT_POLICY_FAILURE",
    ),
    "codes of the block": (
        edit_metadata(7, common_pb2.TRANSACTIONS_FILTER, b"\x00"),
        "block 7: its validation codes",
    ),
    "commit hash": (edit_metadata(2, common_pb2.COMMIT_HASH, b""), "block 2: its commit hash"),
    "newest configuration": (
        edit_metadata(
            2,
            common_pb2.LAST_CONFIG,
            common_pb2.Metadata(value=common_pb2.LastConfig(index=1).SerializeToString()).SerializeToString(),
        ),
        "block 2: names 1 as its newest configuration",
    ),
    "signature gone": (edit_metadata(2, common_pb2.SIGNATURES, b""), "block 2: is not signed"),
    "signature of another block": (swap_signatures, "block 3: the orderer's signature is wrong"),
    "metadata unreadable": (
        sql("UPDATE blocks SET metadata=x'ffff' WHERE number=2"),
        "block 2: its metadata cannot be read",
    ),
    "transaction id": (
        sql("UPDATE transactions SET txid='ab' WHERE position=?", position(3, 0)),
        "stored under the id ab",
    ),
    "envelope": (edit_envelope(3, flip_byte), "block 3: its transactions are not those that were ordered"),
    "envelope deleted": (
        sql("DELETE FROM transactions WHERE position=?", position(3, 0)),
        "block 3: has 0 transactions instead of 1",
    ),
    "envelope added": (
        sql(
            "INSERT INTO transactions SELECT ?, txid, code, envelope FROM transactions WHERE position=?",
            position(3, 1),
            position(3, 0),
        ),
        "block 3: its transactions are not those that were ordered",
    ),
    "block deleted": (sql("DELETE FROM blocks WHERE number=3"), "block 3 is missing"),
    "block hash": (sql("UPDATE blocks SET hash=? WHERE number=3", b"9" * 32), "block 3: the stored hash"),
    "previous hash": (
        sql("UPDATE blocks SET previous_hash=? WHERE number=3", b"9" * 32),
        "block 3: does not follow block 2",
    ),
    "data hash": (
        sql("UPDATE blocks SET data_hash=? WHERE number=3", b"9" * 32),
        "block 3: its transactions are not those that were ordered",
    ),
    "blocks swapped": (swap_blocks, "block 1: does not follow block 0"),
    "first block deleted": (sql("DELETE FROM blocks WHERE number=0"), "block 0 is missing"),
    "transaction without block": (
        sql("INSERT INTO transactions VALUES(?,'stray',0,x'')", position(50, 0)),
        "transaction 50/0 (stray): its block is missing",
    ),
    "definition": (
        sql("UPDATE state SET value=x'0802' WHERE substr(key,1,10)=?", b"_lifecycle"),
        "state of _lifecycle",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_named(database: Path, case: str) -> None:
    change, expected = CASES[case]
    connection = sqlite3.connect(database)
    change(connection)
    connection.commit()
    connection.close()
    report = verify(database)
    assert not report.ok
    assert any(expected in problem for problem in report.problems), report.problems


def test_untouched(database: Path) -> None:
    report = verify(database)
    assert (report.ok, report.height, report.transactions) == (True, 10, 10)


def test_a_newest_block_cut_off_shows_in_the_state(database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("DELETE FROM transactions WHERE position >= ?", (position(6, 0),))
    connection.execute("DELETE FROM blocks WHERE number >= 6")
    connection.commit()
    connection.close()
    assert any("no transaction wrote it" in problem for problem in verify(database).problems)


def test_expected_orderer(database: Path, network: Network) -> None:
    assert verify(database, [network.peers["IndustryAMSP"].cert_pem]).ok
    report = verify(database, [network.peers["BankAMSP"].cert_pem])
    assert "block 0: signed by another orderer than expected" in report.problems


def test_damaged_file(database: Path) -> None:
    data = bytearray(database.read_bytes())
    for at in range(8192, len(data), 8192):
        data[at : at + 64] = b"\xff" * 64
    database.write_bytes(data)
    assert not verify(database).ok


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be read as one" * 50])
def test_no_database(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other.db"
    file.write_bytes(content)
    assert not verify(file).ok
    assert file.read_bytes() == content


def test_no_file(tmp_path: Path) -> None:
    assert not verify(tmp_path / "nothing.db").ok
    assert not (tmp_path / "nothing.db").exists()


def test_problems_are_counted_not_listed_without_end(database: Path) -> None:
    connection = sqlite3.connect(database)
    for number in range(MAX_PROBLEMS + 20):
        connection.execute("INSERT INTO history VALUES(?,?)", (full_key("kv", f"x{number}"), position(1, 0)))
    connection.commit()
    connection.close()
    report = verify(database)
    assert len(report.problems) == MAX_PROBLEMS + 1
    assert report.problems[-1] == "and 20 more"


async def test_while_it_runs(network: Network, tmp_path: Path) -> None:
    database = tmp_path / "ledger.db"
    async with running(network.settings(database)) as ledger, network.client(ledger) as client:
        stop = asyncio.Event()

        async def write() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                await client.submit("update", f"k{number % 7}", str(number))

        writer = asyncio.create_task(write())
        try:
            for _ in range(10):
                report = await asyncio.to_thread(verify, database)
                assert report.problems == ()
        finally:
            stop.set()
            await writer
