"""Whether all peers of a channel hold the same, unbroken chain.

For each block up to the height that every peer has:
1. its envelopes are those that its header names, and it follows on the block before: recomputed from each peer's bytes;
2. every peer has the same header;
3. every peer came to the same verdicts. They are outside the hash chain: each is its peer's own word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from consortium.errors import ChanrongError, UnavailableError
from consortium.ledger.blocks import Block
from consortium.ledger.gateway import Gateway

BLOCK_TIMEOUT_S = 30.0
MAX_PROBLEMS = 1_000


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What the peers hold.

    :param heights: number of blocks, by the peers' organisations
    :param height: blocks compared
    :param transactions: in those blocks
    """

    heights: Mapping[str, int]
    height: int
    transactions: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Nothing differs and nothing is broken."""
        return not self.problems


async def audit(gateways: Mapping[str, Gateway], channel: str) -> AuditReport:
    """Reads every peer's chain side by side.

    :param gateways: by organisation; each speaks to that organisation's own peer alone
    :raises UnavailableError: a peer does not answer
    """
    heights = {msp: await _height(gateway, channel, msp) for msp, gateway in gateways.items()}
    common = min(heights.values())
    problems: list[str] = []
    transactions = 0
    streams = {msp: gateway.network(channel).blocks(0, stop=common - 1) for msp, gateway in gateways.items()}
    before: dict[str, Block] = {}
    try:
        for number in range(common):
            blocks = {}
            for msp, stream in streams.items():
                try:
                    async with asyncio.timeout(BLOCK_TIMEOUT_S):
                        blocks[msp] = await anext(stream)
                except (TimeoutError, StopAsyncIteration):
                    raise UnavailableError(f"The peer of {msp} does not hand out block {number}.") from None
            transactions += max(len(block.transactions) for block in blocks.values())
            problems += _compare(number, blocks, before)
            before = blocks
            if len(problems) > MAX_PROBLEMS:
                break
    finally:
        for stream in streams.values():
            async with aclosing(stream):
                pass
    return AuditReport(heights, common, transactions, tuple(problems[:MAX_PROBLEMS]))


async def _height(gateway: Gateway, channel: str, msp: str) -> int:
    try:
        return await gateway.network(channel).height()
    except ChanrongError as silent:
        raise UnavailableError(
            f"The peer of {msp} does not answer: {silent.message}",
            remedy="`chanrong status` shows what runs, `chanrong up` starts what does not.",
        ) from silent


def _compare(number: int, blocks: Mapping[str, Block], before: Mapping[str, Block]) -> list[str]:
    problems = [
        f"block {number}: {msp}'s peer has a block that does not fit its own hashes"
        for msp, block in blocks.items()
        if block.number != number or not block.intact(before.get(msp))
    ]
    first, *others = blocks
    for msp in others:
        if blocks[msp].header_hash != blocks[first].header_hash:
            problems.append(f"block {number}: {msp}'s peer has another block than {first}'s")
            continue
        codes = [[transaction.code for transaction in blocks[each].transactions] for each in (first, msp)]
        problems += [
            f"block {number}, transaction {index}: {first}'s peer says {mine}, {msp}'s says {theirs}"
            for index, (mine, theirs) in enumerate(zip(*codes, strict=False))
            if mine != theirs
        ]
    return problems
