"""Every function of the contract and every refusal, on either ledger."""

from __future__ import annotations

import pytest

from chaincode.contracts.router import FUNCTIONS as RUN
from consortium.contract import names, reasons
from tests.conformance.contract.calls import REFUSED_CALLS
from tests.conformance.contract.player import Player, a_trade
from tests.conformance.contract.scenes import SCENES
from tests.conformance.contract.script import Read, Trade, Write

CALLABLE = {name for name in vars(names).values() if isinstance(name, str) and name in RUN}


@pytest.mark.parametrize("scene", SCENES)
async def test_a_scene(scene: str, player: Player) -> None:
    trade = a_trade()
    await player.play(SCENES[scene](trade), trade)
    await player.events_told()
    await player.runs_the_same_in_memory()


def test_no_function_and_no_reason_is_missing() -> None:
    trade = Trade("0" * 10, 1_767_571_200)
    acts = [act for scene in SCENES.values() for step in scene(trade) for act in step]
    assert {act.function for act in acts} == set(RUN) == CALLABLE
    said = {str(act.expected.get("reason", "")) for act in acts if isinstance(act, Write)}
    said |= {each.reason for each in REFUSED_CALLS}
    assert said - {""} == set(reasons.REMEDIES)
    assert any(isinstance(act, Read) and act.later_s for act in acts)
