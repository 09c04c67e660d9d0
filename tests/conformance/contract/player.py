"""Plays scenes on a ledger and holds what came of it against the contract run in memory.

1. The writes of a step are grouped into transactions. Every one is endorsed by **all** organisations, so that their
   chaincode servers agree on answer, event, reads and writes to the byte, whatever the policy asks for.
2. The transactions of a step are submitted at once and must be valid: they touch different keys.
3. Reads are asked twice: of one peer, and signed by all organisations, which are compared by the peer that collects.
4. Afterwards the ledger's own events and blocks are read. Each transaction is run again in memory, in the blocks'
   order: answer, event, the keys read and all writes must be the same bytes.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field

from chaincode.contracts import ChanrongContract
from consortium.contract import decode, encode, read_results
from consortium.ledger.blocks import BlockTransaction
from consortium.ledger.contract import Contract
from consortium.ledger.messages import NONCE_BYTES, build_proposal
from consortium.ledger.network import Network
from consortium.ledger.stages import PreparedTransaction, Proposal
from tests.conformance.contract.script import Read, Step, Trade, Write, unlike
from tests.support.ledgers import INDUSTRY, LedgerUnderTest
from tests.support.memory_stub import MemoryLedger

PATIENCE_S = 30.0
NANOS = 1_000_000_000


@dataclass(frozen=True)
class Played:
    """A committed transaction of a scene."""

    txid: str
    msp: str
    function: str
    answer: bytes
    transient: Mapping[str, bytes]
    block: int


@dataclass
class Player:
    """The consortium's members, each at its own peer."""

    ledger: LedgerUnderTest
    networks: dict[str, Network]
    start: int
    played: dict[str, Played] = field(default_factory=dict)

    def contract(self, msp: str) -> Contract:
        """The contract, as a member calls it."""
        return self.networks[msp].contract(self.ledger.chaincode)

    def propose(
        self,
        msp: str,
        function: str,
        *args: bytes,
        transient: Mapping[str, bytes] | None = None,
        later_s: int = 0,
        organisations: Sequence[str] | None = None,
    ) -> Proposal:
        """A proposal at a time of one's own choice, for all organisations unless told otherwise."""
        contract = self.contract(msp)
        data, _ = build_proposal(
            channel=contract.channel,
            chaincode=contract.chaincode,
            function=function,
            args=args,
            creator=contract.session.identity.serialized(),
            nonce=os.urandom(NONCE_BYTES),
            at_ns=time.time_ns() + later_s * NANOS,
            transient=transient,
        )
        return Proposal(
            contract.session, data, tuple(self.ledger.msps if organisations is None else organisations)
        )

    async def play(self, steps: Sequence[Step], trade: Trade) -> None:
        """Plays a scene step by step."""
        for step in steps:
            groups: dict[tuple[str, str, int, str], list[Write]] = defaultdict(list)
            for each in step:
                if isinstance(each, Write):
                    groups[each.msp, each.function, each.later_s, each.apart].append(each)
            reads = [each for each in step if isinstance(each, Read)]
            await asyncio.gather(*(self.read(each) for each in reads))
            done = await asyncio.gather(*(self.write(writes, trade) for writes in groups.values()))
            self.played.update((each.txid, each) for each in done)
            await self.caught_up(max((each.block for each in done), default=0))

    async def write(self, writes: Sequence[Write], trade: Trade) -> Played:
        """One transaction: its results are as expected, and it is valid."""
        first = writes[0]
        request = {"op": os.urandom(16).hex(), "items": [each.item for each in writes]}
        transient = trade.opened([claim for each in writes for claim in each.opens])
        proposal = self.propose(
            first.msp, first.function, encode(request), transient=transient, later_s=first.later_s
        )
        prepared = await proposal.endorse()
        results = read_results(prepared.result)
        assert len(results) == len(writes)
        for number, (each, result) in enumerate(zip(writes, results, strict=True)):
            where = f"{first.function} item {number}"
            problem = unlike(result, each.expected, where)
            assert not problem, problem
            if result["status"] == "refused":
                assert result["message"], where
        changed = [entry for each in writes for entry in each.changed]
        if changed:
            problem = unlike(decode(prepared.result)["changed"], changed, f"{first.function} changed")
            assert not problem, problem
        return await self.commit(first.msp, first.function, prepared, transient)

    async def commit(
        self, msp: str, function: str, prepared: PreparedTransaction, transient: Mapping[str, bytes]
    ) -> Played:
        """Submits a transaction, which must be valid."""
        commit = await prepared.submit()
        status = (await commit.status()).raise_if_invalid()
        return Played(prepared.txid, msp, function, prepared.result, transient, status.block)

    async def read(self, read: Read) -> None:
        """A read by one peer and by all organisations."""
        body = encode(dict(read.request))
        alone = self.propose(INDUSTRY, read.function, body, later_s=read.later_s, organisations=())
        together = self.propose(INDUSTRY, read.function, body, later_s=read.later_s)
        answer = await alone.evaluate()
        prepared = await together.endorse()
        for found in (answer, prepared.result):
            problem = unlike(decode(found), dict(read.expect), read.function)
            assert not problem, problem

    async def caught_up(self, block: int) -> None:
        """Waits until every organisation's peer has a block, so that the next endorsements agree."""
        async with asyncio.timeout(PATIENCE_S):
            for network in self.networks.values():
                while await network.height() <= block:
                    await asyncio.sleep(0.005)

    async def events_told(self) -> None:
        """Every transaction has told one event: the function, and what it answered."""
        waiting = dict(self.played)
        stream = self.networks[INDUSTRY].chaincode_events(self.ledger.chaincode, self.start)
        async with asyncio.timeout(PATIENCE_S), aclosing(stream) as events:
            async for event in events:
                played = waiting.pop(event.txid, None)
                if played is not None:
                    assert event.block == played.block
                    assert event.name == played.function.partition(":")[0]
                    told = {"fn": played.function, **decode(played.answer)}
                    assert event.payload == encode(told)
                if not waiting:
                    return

    async def transactions(self) -> AsyncIterator[BlockTransaction]:
        """The transactions that were played, in the blocks' order."""
        last = max(each.block for each in self.played.values())
        async with aclosing(self.networks[INDUSTRY].blocks(self.start, stop=last)) as blocks:
            async for block in blocks:
                for each in block.transactions:
                    if each.txid in self.played:
                        yield each

    async def runs_the_same_in_memory(self) -> None:
        """Each transaction, run again by the memory ledger, has the same answer, event, reads and writes."""
        memory = MemoryLedger(ChanrongContract(), channel=self.ledger.channel)
        seen = 0
        async for transaction in self.transactions():
            seen += 1
            played, call = self.played[transaction.txid], transaction.call
            assert call is not None
            response, stub = await memory.invoke(
                transaction.creator_msp,
                call.function,
                call.args[0],
                now=transaction.timestamp,
                transient=played.transient,
                txid=transaction.txid,
            )
            assert (response.status, response.payload) == (call.status, call.payload)
            assert sorted(call.endorsers) == sorted(self.ledger.msps)
            assert call.event is not None
            assert stub.event == (call.event.name, call.event.payload)
            (found,) = (each for each in transaction.read_writes if each.namespace == self.ledger.chaincode)
            assert {key for key, _ in found.reads} == {key for question in stub.reads for key in question}
            assert found.writes == tuple(sorted(stub.writes.items()))
            assert (found.ranges, found.collections, found.metadata_writes) == ((), (), ())
        assert seen == len(self.played)


@asynccontextmanager
async def player_on(ledger: LedgerUnderTest) -> AsyncIterator[Player]:
    """The members of a ledger, connected."""
    async with AsyncExitStack() as stack:
        networks = {
            msp: (await stack.enter_async_context(ledger.gateway(msp))).network(ledger.channel)
            for msp in ledger.msps
        }
        heights = [await network.height() for network in networks.values()]
        yield Player(ledger, networks, min(heights))


def a_trade() -> Trade:
    """Names that nobody else on the channel has, now."""
    return Trade(os.urandom(5).hex(), int(time.time()))
