"""Writers that meet at the same keys: one of them wins, and nobody ever gets more than there is."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from typing import Any

from consortium.contract import decode, encode, names, reasons
from consortium.ledger.stages import Status
from tests.conformance.contract.player import Player, a_trade
from tests.conformance.contract.script import FACE, HALF, Json, Trade, Write
from tests.support.ledgers import BANK, BANK_B, INDUSTRY

WRITERS = 50
SHARES = 4
"""How many of the writers' claims fit on one receivable."""


async def opened(player: Player, *documents: Json) -> Trade:
    """A trade with these documents."""
    trade = a_trade()
    await player.play(trade.opening(*documents or (trade.document("I1"),)), trade)
    return trade


def request(*writes: Write) -> bytes:
    """A writing call."""
    return encode({"op": os.urandom(16).hex(), "items": [each.item for each in writes]})


async def in_turn(player: Player, trade: Trade, *batches: tuple[Write, ...]) -> list[Status]:
    """Calls that are all endorsed before the first of them is submitted; their verdicts."""
    prepared = [
        await player.propose(
            writes[0].msp,
            writes[0].function,
            request(*writes),
            transient=trade.opened([claim for each in writes for claim in each.opens]),
        ).endorse()
        for writes in batches
    ]
    commits = [await each.submit() for each in prepared]
    return list(await asyncio.gather(*(each.status() for each in commits)))


async def test_of_two_batches_with_a_document_in_common_one_is_lost_whole(player: Player) -> None:
    trade = await opened(player)
    shared = trade.register(trade.document("shared"))
    own, other = trade.register(trade.document("own")), trade.register(trade.document("other"), msp=BANK)
    theirs = trade.register(shared.item, msp=BANK)
    first, second = await in_turn(player, trade, (own, shared), (other, theirs))
    assert (first.code_name, second.code_name) == ("VALID", "MVCC_READ_CONFLICT")
    await player.caught_up(second.block)
    fps = [trade.fp(name) for name in ("own", "shared", "other")]
    answer = await player.contract(BANK_B).evaluate(names.DOCUMENTS_GET, encode({"fps": fps}))
    assert [each and each["owner"] for each in decode(answer)["documents"]] == [INDUSTRY, INDUSTRY, None]
    # Asked again, it knows what is there and registers the rest.
    results = decode(await player.contract(BANK).submit(names.DOCUMENTS_REGISTER, request(other, theirs)))
    said = [(each["status"], each.get("txid")) for each in results["results"]]
    assert said == [("registered", None), ("already", first.txid)]


async def test_reading_what_another_writes_is_a_conflict_too(player: Player) -> None:
    """A reservation read a consent that is revoked before it: it must not count."""
    trade = await opened(player)
    revoked, reserved = await in_turn(player, trade, (trade.revoke(BANK),), (trade.reserve(BANK, "I1", "a"),))
    assert (revoked.code_name, reserved.code_name) == ("VALID", "MVCC_READ_CONFLICT")
    await player.caught_up(reserved.block)
    again = trade.reserve(BANK, "I1", "a", FACE, reasons.CONSENT_REVOKED)
    await player.write([again], trade)


async def test_claims_on_an_invoice_and_on_its_order_conflict(player: Player) -> None:
    """They write one row, the order's, though they name two assets."""
    trade = a_trade()
    invoices = [trade.document(name, links=[trade.link("PO1", HALF)]) for name in ("I1", "I2")]
    await player.play(trade.opening(trade.order("PO1"), *invoices), trade)
    verdicts = await in_turn(
        player, trade, (trade.reserve(BANK, "I1", "a"),), (trade.reserve(BANK_B, "PO1", "b", HALF + 1),)
    )
    assert [each.code_name for each in verdicts] == ["VALID", "MVCC_READ_CONFLICT"]
    await player.caught_up(verdicts[-1].block)
    over = trade.reserve(BANK_B, "PO1", "b", HALF + 1, {"reason": reasons.OVER_FACE_VALUE, "free": HALF})
    await player.write([over], trade)


async def test_different_documents_of_one_trade_do_not_conflict(player: Player) -> None:
    """Registering never writes a parent, a party or a counter: so batches of one trade go side by side."""
    trade = await opened(player)
    half = [trade.link("PO1", HALF)]
    verdicts = await in_turn(
        player,
        trade,
        (trade.register(trade.order("PO1")),),
        (trade.register(trade.document("X1", links=half)),),
        (trade.register(trade.document("X2", links=half), msp=BANK),),
    )
    assert [each.code_name for each in verdicts] == ["VALID"] * 3


async def reserve_until_told(player: Player, trade: Trade, bank: str, claim: str) -> tuple[Json, int]:
    """One of many who want a share of the same receivable: tries again while it loses; its result and its losses."""
    write = trade.reserve(bank, "I1", claim, FACE // SHARES)
    lost = 0
    while True:
        prepared = await player.contract(bank).endorse(
            write.function, request(write), transient=trade.opened([claim])
        )
        verdict = await (await prepared.submit()).status()
        if verdict.ok:
            (result,) = decode(prepared.result)["results"]
            return result, lost
        assert verdict.code_name == "MVCC_READ_CONFLICT"
        lost += 1
        await asyncio.sleep(random.uniform(0, 0.1))


async def test_fifty_writers_at_two_banks_never_claim_more_than_there_is(player: Player) -> None:
    trade = await opened(player)
    tries = [(bank, f"claim {bank} {number}") for bank in (BANK, BANK_B) for number in range(WRITERS // 2)]
    done = await asyncio.gather(*(reserve_until_told(player, trade, *each) for each in tries))
    assert Counter(result["status"] for result, _ in done) == {"done": SHARES, "refused": WRITERS - SHARES}
    for result, _ in done:
        if result["status"] == "refused":
            assert (result["reason"], result["free"]) == (reasons.OVER_FACE_VALUE, 0)
    assert sum(lost for _, lost in done) >= SHARES - 1  # they did meet
    rows = await player.contract(INDUSTRY).evaluate(
        names.ENCUMBRANCES_GET, encode({"assets": [trade.fp("I1")]})
    )
    (row,) = decode(rows)["rows"]
    won = {
        trade.claim_id(claim) for (_, claim), (result, _) in zip(tries, done, strict=True) if is_done(result)
    }
    assert {claim["claim"] for claim in row["claims"]} == won
    assert (row["claimed"], row["free"], len(won)) == (FACE, 0, SHARES)


def is_done(result: dict[str, Any]) -> bool:
    """Whether a claim was made."""
    return bool(result["status"] == "done")
