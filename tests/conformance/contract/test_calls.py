"""Calls that are refused as a whole, and operations that are asked for again."""

from __future__ import annotations

import asyncio
import os

import pytest

from consortium.contract import decode, encode, names, reasons
from consortium.ledger.errors import CommitError, EndorseError, EvaluateError
from tests.conformance.contract.calls import OP, REFUSED_CALLS
from tests.conformance.contract.player import Player, a_trade
from tests.support.ledgers import BANK, INDUSTRY


async def test_calls_are_refused_as_a_whole(player: Player) -> None:
    """By Evaluate and by Endorse, with reason and text; nothing is on the ledger afterwards."""
    trade = a_trade()
    used = encode({"op": OP + trade.prefix, "items": [trade.document("I1")]})
    await player.contract(INDUSTRY).submit(names.DOCUMENTS_REGISTER, used)
    height = await player.networks[INDUSTRY].height()
    await player.caught_up(height - 1)

    for case in REFUSED_CALLS:
        args = tuple(each.replace(OP.encode(), OP.encode() + trade.prefix.encode()) for each in case.args)
        proposals = [
            player.propose(INDUSTRY, case.function, *args, later_s=case.off_s, organisations=())
            for _ in range(2)
        ]
        with pytest.raises(EvaluateError) as evaluated:
            await proposals[0].evaluate()
        with pytest.raises(EndorseError) as endorsed:
            await proposals[1].endorse()
        for error in (evaluated.value, endorsed.value):
            reason = "CLOCK_OFF" if case.off_s else "CONTRACT_REFUSED"
            assert (error.reason, error.contract_reason) == (reason, case.reason), (case.title, error)
            assert case.says in (error.contract_message or ""), case.title
            assert not error.retryable
    assert await player.networks[INDUSTRY].height() == height


async def test_an_operation_asked_again_answers_what_it_answered(player: Player) -> None:
    trade = a_trade()
    op = os.urandom(16).hex()
    items = [trade.document("I1"), trade.document("I1"), trade.document("I2"), {"kind": "nothing"}]
    body = encode({"op": op, "items": items})
    contract = player.contract(INDUSTRY)
    first = decode(await contract.submit(names.DOCUMENTS_REGISTER, body))
    assert [each["status"] for each in first["results"]] == [
        "registered",
        "already",
        "registered",
        "refused",
    ]
    await player.caught_up(await player.networks[INDUSTRY].height() - 1)

    again = decode(await contract.submit(names.DOCUMENTS_REGISTER, body))
    assert again == {**first, "replayed": True}
    with pytest.raises(EndorseError) as caught:
        await contract.submit(names.DOCUMENTS_REGISTER, encode({"op": op, "items": items[:1]}))
    assert caught.value.contract_reason == reasons.OPERATION_ID_REUSED
    with pytest.raises(EndorseError) as caught:  # the same bytes for another function
        await contract.submit(names.DOCUMENTS_VOID, body)
    assert caught.value.contract_reason == reasons.OPERATION_ID_REUSED
    # Ids are each organisation's own: this is the bank's first use of it.
    other = decode(await player.contract(BANK).submit(names.DOCUMENTS_REGISTER, body))
    assert "replayed" not in other
    assert [each["status"] for each in other["results"]] == ["already", "already", "already", "refused"]


async def test_one_operation_twice_at_once_takes_effect_once(player: Player) -> None:
    """Two envelopes under one operation id, as a gateway sends them that lost sight of the first."""
    trade = a_trade()
    body = encode({"op": os.urandom(16).hex(), "items": [trade.document("I1")]})
    contract = player.contract(INDUSTRY)
    prepared = [await contract.endorse(names.DOCUMENTS_REGISTER, body) for _ in range(2)]
    commits = [await each.submit() for each in prepared]
    verdicts = await asyncio.gather(*(each.status() for each in commits))
    assert sorted(each.code_name for each in verdicts) == ["MVCC_READ_CONFLICT", "VALID"]
    (won,) = (each for each in verdicts if each.ok)
    await player.caught_up(won.block)
    again = decode(await contract.submit(names.DOCUMENTS_REGISTER, body))
    assert (again["replayed"], again["txid"]) == (True, won.txid)


async def test_a_lost_transaction_tells_no_event(player: Player) -> None:
    """An event stream gives valid transactions only, in order, each once."""
    trade = a_trade()
    contract = player.contract(INDUSTRY)
    body = [encode({"op": os.urandom(16).hex(), "items": [trade.document("I1")]}) for _ in range(2)]
    prepared = [await contract.endorse(names.DOCUMENTS_REGISTER, each) for each in body]
    first = await (await prepared[0].submit()).status()
    with pytest.raises(CommitError):
        (await (await prepared[1].submit()).status()).raise_if_invalid()
    last = encode({"op": os.urandom(16).hex(), "items": [trade.document("I2")]})
    end = await (await (await contract.endorse(names.DOCUMENTS_REGISTER, last)).submit()).status()
    told: list[str] = []
    async with asyncio.timeout(30):
        async for event in player.networks[BANK].chaincode_events(player.ledger.chaincode, player.start):
            if event.txid in {first.txid, prepared[1].txid, end.txid}:
                told.append(event.txid)
            if event.txid == end.txid:
                break
    assert told == [first.txid, end.txid]
