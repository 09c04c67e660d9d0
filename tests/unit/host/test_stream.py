"""A stream without a network: whatever a peer sends, each transaction is answered once and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chaincode.hosts.peer import ChaincodeSettings
from chaincode.hosts.peer.frames import Kind
from chaincode.hosts.peer.stream import PeerStream, StreamError
from chaincode.state import Context, Response
from consortium.wire.fabric.peer.chaincode_shim_pb2 import ChaincodeMessage
from tests.support.scripted_peer import FABRIC_31, transaction

ENDS = (Kind.COMPLETED, Kind.ERROR)
CALLS = {Kind.INIT, Kind.TRANSACTION}
TXIDS = ("a", "b", "c", "d")


class Asks:
    """A contract that asks as often as it is told."""

    async def invoke(self, context: Context) -> Response:
        """Asks, then answers."""
        for number in range(int(context.function)):
            await context.state.get(str(number))
        return Response(200)


class Line:
    """The other end of a stream."""

    def __init__(self, **options: Any) -> None:
        self.incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.sent: list[ChaincodeMessage] = []
        made = ChaincodeSettings(package_id="kv:1", **options)
        self.stream = PeerStream(made, Asks(), self.incoming.get, self._write)

    def send(self, kind: int, txid: str = "", payload: bytes = b"") -> None:
        """A message from the peer."""
        message = ChaincodeMessage(type=kind, txid=txid, channel_id="c", payload=payload)  # type: ignore[arg-type]
        self.incoming.put_nowait(message.SerializeToString())

    def call(self, txid: str, questions: int) -> None:
        """A transaction."""
        self.incoming.put_nowait(transaction(str(questions), txid=txid, channel="c").SerializeToString())

    def shake_hands(self) -> None:
        """REGISTERED and READY."""
        self.send(Kind.REGISTERED)
        self.send(Kind.READY, payload=FABRIC_31.SerializeToString())

    async def settle(self) -> None:
        """Lets everything happen that can."""
        for _ in range(30):
            await asyncio.sleep(0)

    async def _write(self, data: bytes) -> None:
        await asyncio.sleep(0)
        self.sent.append(ChaincodeMessage.FromString(data))


STEPS = st.lists(
    st.tuples(st.just("call"), st.sampled_from(TXIDS), st.integers(0, 2))
    | st.tuples(st.just("answer"), st.sampled_from(TXIDS), st.sampled_from([Kind.RESPONSE, Kind.ERROR]))
    | st.tuples(st.just("noise"), st.sampled_from(TXIDS), st.sampled_from(sorted(set(range(31)) - CALLS)))
    | st.tuples(st.just("settle"), st.just(""), st.just(0)),
    max_size=40,
)


@settings(deadline=None)
@given(steps=STEPS, running=st.integers(1, 3), waiting=st.integers(0, 3), stopped=st.booleans())
async def test_each_transaction_is_answered_once(
    steps: list[tuple[str, str, int]], running: int, waiting: int, stopped: bool
) -> None:
    line = Line(max_transactions=running, max_waiting=waiting)
    serving = asyncio.create_task(line.stream.serve())
    line.shake_hands()
    calls: Counter[str] = Counter()
    for what, txid, number in steps:
        if what == "call":
            line.call(txid, number)
            calls[txid] += 1
        elif what == "settle":
            await line.settle()
        else:
            line.send(number, txid)
    await line.settle()
    if stopped:
        await line.stream.stop(0)
    else:
        async with asyncio.timeout(10):
            while line.stream._active or line.stream.waiting:  # answer all that is asked, until nothing is
                for txid in TXIDS:
                    line.send(Kind.RESPONSE, txid)
                await line.settle()
        line.incoming.put_nowait(None)
    async with asyncio.timeout(10):
        await serving
    await line.settle()
    ended = Counter(message.txid for message in line.sent if message.type in ENDS)
    # One that is proposed again while it runs takes the first one's answer with it: the peer gave that up.
    assert all(1 <= ended[txid] <= number for txid, number in calls.items() if number)
    assert set(ended) <= set(calls)
    stream = line.stream
    assert (stream._active, stream._running_bytes, stream._waiting_bytes) == (0, 0, 0)
    assert not stream.waiting


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=10), st.booleans())
async def test_any_bytes_end_the_stream_or_are_passed_over(messages: list[bytes], ready: bool) -> None:
    line = Line()
    if ready:
        line.shake_hands()
    for data in messages:
        line.incoming.put_nowait(data)
    line.incoming.put_nowait(None)
    async with asyncio.timeout(10):
        with contextlib.suppress(StreamError):
            await line.stream.serve()
    assert line.sent[0].type == Kind.REGISTER
    assert line.stream._active == 0


async def test_a_task_that_is_cancelled_before_it_began_leaves_nothing_behind() -> None:
    line = Line()
    serving = asyncio.create_task(line.stream.serve())
    line.shake_hands()
    await line.settle()
    line.call("a", 1)
    line.call("a", 1)  # read at once with the first, whose task has not begun
    await line.settle()
    assert [message.type for message in line.sent[1:]] == [Kind.ERROR]
    assert line.stream._active == 0
    line.call("a", 0)
    await line.settle()
    assert line.sent[-1].type == Kind.COMPLETED
    line.incoming.put_nowait(None)
    await serving
