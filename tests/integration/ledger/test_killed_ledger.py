"""The ledger is killed while transactions are under way: each of them takes effect exactly once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from consortium.ledger.connection import Deadlines, Endpoint
from consortium.ledger.contract import Contract
from consortium.ledger.errors import LedgerError
from consortium.ledger.follower import CommitFollower
from consortium.ledger.gateway import Gateway
from consortium.ledger.stages import Status
from tests.support import embedded
from tests.support.embedded import CHAINCODE, CHANNEL
from tests.support.embedded_process import start_process

TRANSACTIONS = 60
DEADLINES = Deadlines(5, 5, 2, 5)


async def carry_through(contract: Contract, saved: bytes, follower: CommitFollower) -> Status:
    """What an outbox does: the same bytes, until there is a verdict about them."""
    prepared = contract.resume_transaction(saved)
    while True:
        try:
            await prepared.submit()
            return await follower.wait(prepared.txid, prepared.envelope_digest, 2)
        except LedgerError as error:
            if not error.outcome_unknown and error.reason != "LEDGER_UNAVAILABLE":
                raise
            await asyncio.sleep(0.02)


async def test_every_transaction_takes_effect_exactly_once(tmp_path: Path) -> None:
    organisations = embedded.make_network(tmp_path)
    ledger = await start_process(organisations)
    endpoint = Endpoint(ledger.target, organisations.tls_ca)
    gateway = Gateway([endpoint], organisations.identities["IndustryAMSP"], deadlines=DEADLINES)
    try:
        network = gateway.network(CHANNEL)
        contract = network.contract(CHAINCODE)
        prepared = [
            (await contract.endorse("event", f"e{number}".encode(), b"x")).signed()
            for number in range(TRANSACTIONS)
        ]
        async with CommitFollower(network) as follower:
            work = [
                asyncio.ensure_future(carry_through(contract, item.to_bytes(), follower)) for item in prepared
            ]
            # some are done, some are not
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            await ledger.kill()
            ledger = await start_process(organisations, listen=ledger.target)
            statuses = await asyncio.gather(*work)
        height = await network.height()
        valid = [
            item.txid
            async for block in network.blocks(0, stop=height - 1)
            for item in block.transactions
            if item.ok and item.event
        ]
    finally:
        await gateway.close()
        await ledger.kill()

    assert all(status.ok for status in statuses)
    assert sorted(valid) == sorted(item.txid for item in prepared)
