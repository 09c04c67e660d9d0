"""Bytes of requests and responses, and the two ways in which a call fails.

Requests are sent as :func:`encode` makes them: the operation record holds their SHA-256, so that the same
operation id with other bytes is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import orjson

from consortium.contract.reasons import BAD_REQUEST, CALL_REASONS, REMEDIES
from consortium.errors import ChanrongError


class ContractRefusedError(ChanrongError):
    """The contract refused a whole call. ``reason`` is one of
    :data:`consortium.contract.reasons.CALL_REASONS`."""

    reason = BAD_REQUEST


def encode(value: Any) -> bytes:
    """Canonical JSON (RFC 8785) of strings, integers, booleans, nulls, lists and objects with ASCII names."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def decode(data: bytes) -> dict[str, Any]:
    """A JSON object.

    :raises ValueError: when the bytes are no JSON object
    """
    value = orjson.loads(data)
    if type(value) is not dict:
        raise ValueError("not a JSON object")
    return value


def refusal(message: str) -> ContractRefusedError | None:
    """The refusal in a failed call's status message (``REASON: text``); None when the contract did not
    write it."""
    reason, separator, text = message.partition(": ")
    if not separator or reason not in CALL_REASONS:
        return None
    return ContractRefusedError(text, reason=reason, remedy=REMEDIES[reason])


def read_results(payload: bytes) -> list[dict[str, Any]]:
    """The results of a writing call, from its response or its event, in the order of the request's items.

    The contract leaves out what can be told from the rest: a result without ``txid`` happened in the
    response's own transaction (``txid`` of the whole), and a registered document without ``asset`` opened
    an asset under its own fingerprint if its kind does so (``asset: null`` is written out). Here ``txid``
    is put back.
    """
    whole = decode(payload)
    txid = whole["txid"]
    return [{"txid": txid, **cast(Mapping[str, Any], result)} for result in whole["results"]]
