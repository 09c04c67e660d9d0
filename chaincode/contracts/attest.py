"""``attest``: what a signed read calls. Shapes and meaning: :mod:`consortium.contract.attest`.

It looks at nothing of the call but channel, transaction id, transaction time and its argument: any endorser
gives the same answer to anybody.
"""

from __future__ import annotations

from typing import Any, Final

from chaincode.contracts.call import Call, Item
from chaincode.contracts.documents_state import Document
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
    _, primary, tag = document["keys"][0]
    if primary != fp:
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
        found["claims"] = _UNTOUCHED if row.untouched else _claims(row, now)
    return found


def _claims(row: Row, now: int) -> dict[str, Any]:
    figures = row.figures(now)
    live = [
        {name: claim[name] for name in ("handle", "share", "state")}
        for _, claim in sorted(row.live(now).items())
    ]
    return {**{name: figures[name] for name in _FIGURES}, "live": live}


_FIGURES: Final = ("state", "free", "claimed", "settled", "diluted", "via_total", "unweighted", "shortfall")
_UNTOUCHED: Final = _claims(Row(""), 0)
"""Of most assets, and a signed read asks a thousand of them."""


ATTEST = Reader(request=shapes.REQUEST, answer=_attest)
