"""The committer against a model: random transactions, endorsed on any state, committed in any batches."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chaincode.hosts.embedded.store import full_key
from chaincode.hosts.embedded.verification import verify
from consortium.wire.fabric.common import common_pb2
from tests.support.embedded import Code, Network
from tests.support.embedded_engine import Engine, engine

KEYS = ("a", "b", "c", "d")
Version = tuple[int, int] | None


@dataclass
class Model:
    """What a ledger must do, in a few lines: values with versions, and what each transaction saw."""

    values: dict[str, tuple[str, Version]] = field(default_factory=dict)

    def version(self, key: str) -> Version:
        """Version of a key; None when it is not there."""
        return self.values[key][1] if key in self.values else None

    def reads(self, call: Sequence[str]) -> tuple[dict[str, Version], list[tuple[str, Version]] | None]:
        """What a call depends on: keys, and the range from "a" to "c" with what stands in it."""
        if call[0] == "update":
            return {call[1]: self.version(call[1])}, None
        if call[0] == "count":
            return {}, self.between("a", "c")
        return {}, None

    def between(self, start: str, end: str) -> list[tuple[str, Version]]:
        """Keys of a range with versions."""
        return [(key, self.values[key][1]) for key in sorted(self.values) if start <= key < end]

    def apply(self, call: Sequence[str], version: Version) -> None:
        """What a valid call does."""
        if call[0] in ("put", "update"):
            self.values[call[1]] = (call[2], version)
        elif call[0] == "delete":
            self.values.pop(call[1], None)
        elif call[0] == "count":
            self.values[call[3]] = (str(len(self.between("a", "c"))), version)


key = st.sampled_from(KEYS)
value = st.text("xyz", min_size=1, max_size=2)
call = st.one_of(
    st.tuples(st.just("put"), key, value),
    st.tuples(st.just("update"), key, value),
    st.tuples(st.just("delete"), key),
    st.tuples(st.just("count"), st.just("a"), st.just("c"), st.sampled_from(("d", "n"))),
)
# Each step endorses some calls; then some of what was endorsed, in any order and again, makes a block.
step = st.tuples(st.lists(call, max_size=4), st.lists(st.integers(0, 9), min_size=1, max_size=5))


@example(steps=[([("delete", "a"), ("update", "a", "x")], [0, 1])])
@given(steps=st.lists(step, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_codes_and_state(network: Network, steps: list[tuple[list[tuple[str, ...]], list[int]]]) -> None:
    asyncio.run(play(network, steps))


async def play(network: Network, steps: list[tuple[list[tuple[str, ...]], list[int]]]) -> None:
    """Plays steps on the ledger and on the model."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "ledger.db"
        async with engine(network, database) as ledger:
            model = Model()
            endorsed: list[tuple[common_pb2.Envelope, tuple[str, ...], object]] = []
            used: set[int] = set()
            for calls, picks in steps:
                for made in calls:
                    _, envelope = await ledger.prepare(*made)
                    endorsed.append((envelope, made, model.reads(made)))
                if not endorsed:
                    continue
                chosen = [pick % len(endorsed) for pick in picks]
                block = ledger.commit(*(endorsed[index][0] for index in chosen))
                expected = []
                touched: set[str] = set()
                for place, index in enumerate(chosen):
                    expected.append(judge(model, endorsed[index], touched, used=index in used))
                    used.add(index)
                    if expected[-1] == Code.VALID:
                        made = endorsed[index][1]
                        model.apply(made, (block.number, place))
                        touched.add(made[3] if made[0] == "count" else made[1])
                assert [code for _, code in block.outcomes] == expected
            compare(ledger, model)
        report = verify(database)
        assert report.problems == ()


def judge(
    model: Model,
    item: tuple[common_pb2.Envelope, tuple[str, ...], object],
    touched: set[str],
    *,
    used: bool,
) -> int:
    """The code that a transaction must get.

    :param touched: keys that valid transactions of the same block wrote; reading one is a conflict as such, also
        when a key was deleted that was not there
    """
    _, made, seen = item
    if used:
        return Code.DUPLICATE_TXID
    if made[0] == "update" and made[1] in touched:
        return Code.MVCC_READ_CONFLICT
    if model.reads(made) == seen:
        return Code.VALID
    return Code.PHANTOM_READ_CONFLICT if made[0] == "count" else Code.MVCC_READ_CONFLICT


def compare(ledger: Engine, model: Model) -> None:
    """Same values."""
    for name in (*KEYS, "n"):
        expected = model.values[name][0].encode() if name in model.values else None
        assert ledger.get(name) == expected


@pytest.mark.parametrize("keys", [1, 255, 256, 257, 1100])
async def test_any_number_of_keys_at_once(network: Network, tmp_path: Path, keys: int) -> None:
    """Around the sizes in which statements are cut."""
    async with engine(network, tmp_path / "ledger.db") as ledger:
        _, envelope = await ledger.prepare("many", "k", str(keys), "20")
        assert ledger.commit(envelope).outcomes[0][1] == Code.VALID
        assert ledger.get(f"k{keys - 1:06d}") == f"k{keys - 1:06d}".ljust(20, "x").encode()
        assert ledger.get(f"k{keys:06d}") is None
        _, again = await ledger.prepare("many", "k", str(keys + 1), "20")
        assert ledger.commit(again).outcomes[0][1] == Code.VALID
    assert verify(tmp_path / "ledger.db").problems == ()


async def test_a_thousand_transactions_in_a_block(network: Network, tmp_path: Path) -> None:
    async with engine(network, tmp_path / "ledger.db") as ledger:
        envelopes = [(await ledger.prepare("put", f"k{number}", "x"))[1] for number in range(200)]
        block = ledger.commit(*envelopes)
        assert {code for _, code in block.outcomes} == {Code.VALID}
    assert verify(tmp_path / "ledger.db").transactions == 201


async def test_a_range_left_early_holds_no_old_state(network: Network, tmp_path: Path) -> None:
    """A contract may stop reading a range; the next transaction on the same connection sees what is new."""
    async with engine(network, tmp_path / "ledger.db") as ledger:
        ledger.commit((await ledger.prepare("many", "k", "300", "10"))[1])
        with ledger.reader.snapshot():
            rows = ledger.reader.range(full_key("kv", "k"), full_key("kv", "l"))
            assert next(rows)[0] == full_key("kv", "k000000")
        ledger.commit((await ledger.prepare("put", "fresh", "1"))[1])
        with ledger.reader.snapshot():
            assert ledger.get("fresh") == b"1"
        assert next(rows)[0] == full_key("kv", "k000001")  # it was there all the time
