"""Blocks as the contract makes them, by hand."""

from __future__ import annotations

import secrets
from typing import Any

import orjson

from consortium.ledger.blocks import Block, decode_block
from consortium.ledger.messages import NONCE_BYTES, build_proposal
from tests.support.ledger_fakes import endorse, make_block
from tests.support.package_forge import consortium

CHAINCODE = "chanrong"


def envelope(
    function: str,
    items: list[Any],
    results: list[Any],
    *,
    by: str = "IndustryAMSP",
    chaincode: str = CHAINCODE,
    event: bytes | None = None,
    op: str = "o" * 32,
    request: bytes = b"",
    **more: Any,
) -> bytes:
    """A transaction as the contract makes it."""
    proposal, parts = build_proposal(
        channel="c",
        chaincode=chaincode,
        function=function,
        args=(request or orjson.dumps({"op": op, "items": items}),),
        creator=consortium().client(by).serialized(),
        nonce=secrets.token_bytes(NONCE_BYTES),
        at_ns=1,
    )
    answer = {"txid": parts.txid, "results": results, **more}
    said = orjson.dumps({"fn": function, **answer}) if event is None else event
    made = endorse(proposal, [], orjson.dumps(answer), event=("e", said) if said else None)
    return made.SerializeToString()


def block_of(number: int, *envelopes: bytes) -> Block:
    """A block of valid transactions."""
    return decode_block(make_block(number, envelopes))
