"""A channel whose orderer takes less in one transaction than the gateway packs into one."""

from __future__ import annotations

from pathlib import Path

from consortium.wire.chanrong.documents.v1 import documents_pb2 as pb
from tests.integration.industry.papers import invoice
from tests.integration.industry.test_kill_points import registrations
from tests.integration.industry.world import SELLER, gateway_running, ledger_running, make_world

LIMIT_BYTES = 40_000
"""Of one transaction; endorsements alone are some 5,000."""


async def test_a_batch_that_no_orderer_takes_is_halved(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    async with ledger_running(world, absolute_max_bytes=LIMIT_BYTES), gateway_running(world):
        await world.register("seller", SELLER)
        answer = await world.push("seller", [invoice(f"L-{number}") for number in range(100)])
        found = await world.settled("seller", answer.push_id)
        assert {each.position.state for each in found} == {pb.LEDGER_STATE_REGISTERED}
        assert await registrations(world) == dict.fromkeys((each.fingerprint for each in answer.results), 1)
        async with world.network() as network:
            height = await network.height()
            sizes = [
                len(each.envelope)
                async for block in network.blocks(0, stop=height - 1)
                for each in block.transactions
                if each.function == "documents:register"
            ]
        assert len(sizes) > 2
        assert max(sizes) <= LIMIT_BYTES
