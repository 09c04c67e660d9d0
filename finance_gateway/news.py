"""What a block says that matters to a bank. Pure: blocks in, news out.

- the bank's own operations that took effect
- documents of somebody's packages: amended, voided, taken over, named by a new document, joined by another document of
  the same receivable, or presented again with other content
- assets: diluted, claimed by somebody else, linked anew, impaired
- consents that were revoked

A transaction that cannot be read is counted and left out: one odd record must not stop a bank's news.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import structlog

from consortium.contract import names
from consortium.ledger.blocks import Block, BlockTransaction

_UNREADABLE: Final = (ValueError, KeyError, TypeError, AttributeError)
_CLAIMING: Final = frozenset({names.ENCUMBRANCES_RESERVE, names.ENCUMBRANCES_FINANCE})
_CHANGED: Final = {
    names.DOCUMENTS_AMEND: "a document was amended",
    names.DOCUMENTS_VOID: "a document was declared void",
    names.DOCUMENTS_TAKE_OVER: "the seller took a document over",
}
_log = structlog.get_logger("chanrong.finance.follower")


@dataclass(frozen=True, slots=True)
class OwnOperation:
    """An operation of this bank's organisation that took effect: id, request bytes, the contract's answer."""

    op: str
    request: bytes
    answer: dict[str, Any]


@dataclass(slots=True)
class News:
    """What one block says.

    :ivar operations: this organisation's, in the block's order
    :ivar things: fingerprint of a document or asset -> what happened to it
    :ivar consents: id -> what happened to it
    :ivar impaired: asset -> the contract's account: state, shortfall, handles of those who hold claims
    :ivar unreadable: transactions that could not be read
    """

    operations: list[OwnOperation] = field(default_factory=list)
    things: dict[str, str] = field(default_factory=dict)
    consents: dict[str, str] = field(default_factory=dict)
    impaired: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    unreadable: int = 0


def read_block(block: Block, msp_id: str, chaincode: str) -> News:
    """The news of a block.

    :param msp_id: the bank's organisation: its own claims are no news to it
    """
    news = News()
    for transaction in block.transactions:
        call = transaction.call if transaction.ok else None
        if call is None or call.chaincode != chaincode:
            continue
        try:
            _read(transaction, transaction.creator_msp == msp_id, news)
        except _UNREADABLE as error:
            news.unreadable += 1
            _log.error(
                "transaction_unreadable",
                block=block.number,
                txid=transaction.txid,
                function=transaction.function,
                kind=type(error).__name__,
            )
    return news


def _read(transaction: BlockTransaction, own: bool, news: News) -> None:
    event = transaction.event
    if own and transaction.args:
        _own_operation(transaction, news)
    if event is None:
        return  # nothing was written, as by a repeated operation
    said = orjson.loads(event.payload)
    function, results = said["fn"], said["results"]
    if function == names.DOCUMENTS_REGISTER:
        _registered(orjson.loads(transaction.args[0])["items"], results, news)
    else:
        for result in results:
            if result["status"] not in {"refused", "already"}:
                _changed(function, result, own, news)
    for change in said.get("changed", ()):
        news.impaired[change["asset"]] = change
        news.things[change["asset"]] = _impaired_reason(change)


def _own_operation(transaction: BlockTransaction, news: News) -> None:
    request = orjson.loads(transaction.args[0])
    answer = orjson.loads(transaction.payload)
    if isinstance(request.get("op"), str) and isinstance(answer.get("results"), list):
        news.operations.append(OwnOperation(request["op"], transaction.args[0], answer))


def _registered(items: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]], news: News) -> None:
    for item, result in zip(items, results, strict=True):
        status = result["status"]
        if status == "conflict":
            news.things[result["fp"]] = "a document of it was presented again, with other content"
        elif status == "registered":
            kind = str(item["kind"]).replace("_", " ")
            for link in item["links"]:
                news.things.setdefault(link["parent"], f"a {kind} that refers to it was registered")
            if result.get("grouped"):
                news.things[result["asset"]] = "another document of the same receivable was registered"


def _changed(function: str, result: Mapping[str, Any], own: bool, news: News) -> None:
    if function == names.CONSENTS_REVOKE:
        news.consents[result["id"]] = f"consent {result['id']} was revoked"
    elif function in _CHANGED:
        news.things[result["fp"]] = _CHANGED[function]
    elif function == names.ENCUMBRANCES_FACT:
        news.things[result["asset"]] = (
            "a fact took away from the receivable (credit note, payment or reversal)"
        )
    elif function in _CLAIMING:
        if not own:
            news.things[result["asset"]] = "another financier claimed a share of the receivable"
    elif function in {names.ASSETS_ALIAS, names.ASSETS_LINK} and result.get("asset"):
        news.things.setdefault(result["asset"], "documents of the trade were linked anew")


def _impaired_reason(change: Mapping[str, Any]) -> str:
    percent = change["shortfall"] / (names.FACE_VALUE_PPB // 100)
    return f"the receivable is {change['state']}: claims exceed what is left by {percent:.2f} % of its face value"
