"""Full batches: more keys than a peer takes in one message, read and written in one transaction."""

from __future__ import annotations

import os

from consortium.contract import decode, encode, names, read_results
from tests.conformance.contract.player import Played, Player, a_trade
from tests.conformance.contract.script import DAY, FACE, Trade, Write
from tests.support.ledgers import BANK, INDUSTRY


async def done(
    player: Player, msp: str, function: str, items: list[object], trade: Trade, *claims: str
) -> Played:
    """A call endorsed by every organisation and committed, all of whose items did what they should."""
    body = encode({"op": os.urandom(16).hex(), "items": items})
    transient = trade.opened(claims)
    prepared = await player.propose(msp, function, body, transient=transient).endorse()
    assert {each["status"] for each in read_results(prepared.result)} <= {"registered", "done"}
    played = await player.commit(msp, function, prepared, transient)
    player.played[played.txid] = played
    await player.caught_up(played.block)
    return played


async def test_a_thousand_documents_in_one_transaction(player: Player) -> None:
    """Each with two keys and a link: over 5,000 keys are read or written, and a peer takes 1,000 at once."""
    trade = a_trade()
    await player.play(trade.opening(trade.order("PO1")), trade)
    most = names.MAX_REGISTER_ITEMS
    items = [
        trade.document(
            f"D{number}",
            keys=[trade.key(f"D{number}"), trade.key(f"D{number}", epoch=2)],
            links=[trade.link("PO1", FACE // most)],
        )
        for number in range(most)
    ]
    played = await done(player, INDUSTRY, names.DOCUMENTS_REGISTER, list(items), trade)
    fps = [trade.fp(f"D{number}", 2) for number in range(most)]
    contract = player.contract(BANK)
    found = decode(await contract.evaluate(names.DOCUMENTS_GET, encode({"fps": fps})))["documents"]
    assert [each["fp"] for each in found] == [item["keys"][0]["fp"] for item in items]
    assert {each["first_tx"] for each in found} == {played.txid}
    rows = decode(await contract.evaluate(names.ENCUMBRANCES_GET, encode({"assets": fps})))["rows"]
    assert {(row["free"], row["state"]) for row in rows} == {(FACE, "free")}
    (view,) = decode(await contract.evaluate(names.ASSETS_GET, encode({"assets": [trade.fp("PO1")]})))[
        "assets"
    ]
    assert [edge["fp"] for edge in view["children"]] == sorted(item["keys"][0]["fp"] for item in items)

    # All that one call may claim, of as many invoices, all drawing on one order.
    wanted = names.MAX_CLAIM_ITEMS
    claims = [f"claim {number}" for number in range(wanted)]
    writes: list[Write] = [
        trade.reserve(BANK, f"D{number}", claim, FACE, expires=trade.now + DAY)
        for number, claim in enumerate(claims)
    ]
    await done(player, BANK, names.ENCUMBRANCES_RESERVE, [each.item for each in writes], trade, *claims)
    (row,) = decode(await contract.evaluate(names.ENCUMBRANCES_GET, encode({"assets": [trade.fp("PO1")]})))[
        "rows"
    ]
    assert row["via_total"] == wanted * (FACE // most)
    await player.runs_the_same_in_memory()
