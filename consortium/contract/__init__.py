"""What the contract and its callers agree on: names, shapes, reasons, statements. No I/O.

A call has two arguments: the function's name (``names``) and one JSON object (``codec.encode``). Success is
status 200 with canonical JSON; a refusal of the whole call is status 400 with the message ``REASON: text``
and writes nothing.

Every writing function takes ``{"op", "items"}``. ``op`` is the caller's operation id (16 to 64 characters),
kept per organisation with the request's SHA-256 and its results: the same bytes again answer the stored
results with ``replayed: true``; other bytes under the same id are refused. A stored refusal stays: a new
attempt is a new operation. The answer is ``{"txid", "results"}`` with one result per item in order (read it
with ``codec.read_results``); a bad item has ``status: "refused"`` with ``reason`` and ``message`` and never
touches its neighbours. Items are worked off in order and see what those before them did. The transaction's
event has the contract's name (``names.EVENT_...``) and the same payload with ``fn``; ``changed`` in it
lists assets whose shortfall grew.

Submodules, one per contract: ``documents``, ``assets``, ``encumbrances``, ``parties``, ``consents``,
``packages``, ``attest``. What a hostile member can and cannot do is in ``chaincode.contracts``.
"""

from __future__ import annotations

from consortium.contract.claims import claim_handle, latest_expiry, opening_key
from consortium.contract.codec import ContractRefusedError, decode, encode, read_results, refusal
from consortium.contract.names import FACE_VALUE_PPB

__all__ = [
    "FACE_VALUE_PPB",
    "ContractRefusedError",
    "claim_handle",
    "decode",
    "encode",
    "latest_expiry",
    "opening_key",
    "read_results",
    "refusal",
]
