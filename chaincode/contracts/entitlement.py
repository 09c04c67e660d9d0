"""Who may state facts about a document or an asset without a signature of its seller.

The contract knows no list of organisations; what one may do follows from records. About a document may speak:

1. who vouches for its seller, or 2. for its buyer, since before the document was registered: a handle that somebody
   registers afterwards gives no power over what is there already;
3. who registered it, if it carries a party's signature, or nobody else vouched for its seller by then: an asserted
   document of somebody else's client gives no power over that client's receivables.

About an asset may speak who may about the document that opened it. A document that merely shares the asset, as anybody
can register one under an alias, gives none.
"""

from __future__ import annotations

from collections.abc import Iterable

from chaincode.contracts import documents_state
from chaincode.contracts.call import Call, require
from chaincode.contracts.documents_state import Document
from chaincode.contracts.keys import party_key
from chaincode.contracts.rows import Row
from chaincode.contracts.signatures import party_of
from chaincode.contracts.trade import Trade
from consortium.contract import reasons


async def prepare(call: Call, trade: Trade, fps: Iterable[str]) -> None:
    """Reads what :func:`entitled` and :func:`require_entitled` look at, for loaded documents and their assets."""
    wanted = list(dict.fromkeys(fps))
    assets = [asset for fp in wanted if (asset := trade.resolve(fp)) is not None]
    found = await documents_state.fetch(call, [fp for fp in assets if fp not in trade.documents])
    trade.documents.update(found)
    documents = [document for fp in [*wanted, *assets] if (document := trade.documents[fp]) is not None]
    parties = [document.get(role) for document in documents for role in ("seller", "buyer")]
    await call.state.get_many([party_key(party) for party in parties if party is not None])


def _vouching(call: Call, party: str | None, document: Document) -> str | None:
    """Who vouched for a party when the document was registered."""
    record = None if party is None else party_of(call, party)
    if record is None or record["time"] > document["time"]:
        return None
    return str(record["vouched_by"])


def entitled(call: Call, document: Document) -> bool:
    """Whether the caller may speak about a document."""
    seller = _vouching(call, document.get("seller"), document)
    if call.msp in (seller, _vouching(call, document.get("buyer"), document)):  # 1, 2
        return True
    return document["owner"] == call.msp and (document["grade"] == "signed" or seller is None)  # 3


def entitled_to_asset(call: Call, trade: Trade, row: Row) -> bool:
    """Whether the caller may speak about an asset."""
    return entitled(call, documents_state.known(trade.documents, row.asset))


def require_entitled(allowed: bool) -> None:
    """Refuses who may not speak.

    :raises RefusedError: NOT_ENTITLED
    """
    require(
        allowed,
        reasons.NOT_ENTITLED,
        "the caller vouches for neither seller nor buyer, and did not register the document as its own client's",
    )
