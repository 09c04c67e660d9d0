"""``attest``: what a signed read calls. Shapes and meaning: :mod:`consortium.contract.attest`.

It looks at nothing of the call but channel, transaction id, transaction time and its argument: any endorser
gives the same answer to anybody.
"""

from __future__ import annotations

from typing import Any

from chaincode.contracts.call import Call, Item
from chaincode.contracts.documents_state import Document, primary_of
from chaincode.contracts.operations import Reader
from chaincode.contracts.rows import Row
from chaincode.contracts.trade import Trade
from consortium.contract import attest as shapes


async def _attest(call: Call, request: Item) -> dict[str, Any]:
    trade = Trade(call)
    await trade.load(request["fps"], above=False)
    answers: list[dict[str, Any]] = []
    for fp in request["fps"]:
        document, home = trade.documents[fp], trade.resolve(fp)
        if document is None:
            answers.append({"fp": fp, "found": False})
        else:
            answers.append(_answer(call.now, fp, document, None if home is None else trade.rows[home]))
    return {
        "channel": call.context.stub.channel,
        "txid": call.txid,
        "time": call.now,
        "challenge": request["challenge"],
        "answers": answers,
    }


def _answer(now: int, fp: str, document: Document, row: Row | None) -> dict[str, Any]:
    primary = primary_of(document)
    _, first, tag = document["keys"][0]
    if first != fp:
        tag = next((key[2] for key in document["keys"] if key[1] == fp), "")
    found: dict[str, Any] = {
        "fp": fp,
        "found": True,
        "kind": document["kind"],
        "commitment": document["commitment"],
        "tag": tag,
        "state": document["state"],
        "grade": document["grade"],
        "first_tx": document["tx"],
        "seller": document.get("seller"),
        "owner": document["owner"],
        "asset": None,
        "claims": None,
    }
    if primary != fp:
        found["primary"] = primary
    if row is not None:
        found["asset"] = row.asset
        figures = row.figures(now)
        names = ("state", "free", "claimed", "settled", "diluted", "via_total", "unweighted", "shortfall")
        live = [
            {name: claim[name] for name in ("handle", "share", "state")}
            for _, claim in sorted(row.live(now).items())
        ]
        found["claims"] = {**{name: figures[name] for name in names}, "live": live}
    return found


ATTEST = Reader(request=shapes.REQUEST, answer=_attest)
