"""Shapes that several contracts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NotRequired, TypedDict

from consortium.contract.names import BASES, DOCUMENT_KINDS, MAX_EPOCH, MAX_KEY_NUMBER
from consortium.contract.schema import (
    HEX32,
    OPERATION_ID,
    WEIGHT,
    SchemaError,
    base64_bytes,
    choice,
    either_empty,
    integer,
    nullable,
    record,
)

Basis = Literal["gross", "quantity", "unknown"]


class DocumentKey(TypedDict):
    """One key of a document, as ``consortium.documents.fingerprint.ConsortiumKeys.keys_of`` makes them.

    ``tag`` empty: an alias, the key of another document of the same receivable, such as the 数电票 that a
    commercial invoice names. Every other key is the document's own identity, under an epoch and a way of
    writing its parties. The first one is the primary key and is no alias.
    """

    epoch: int
    fp: str
    tag: str


class Link(TypedDict):
    """An edge from a document to one that it draws on.

    ``of_child``: which part of the child comes from the parent; ``of_parent``: which part of the parent the
    child draws. Both in billionths, both **rounded down** (three thirds then fit into one whole).
    ``of_parent`` null: not known yet. Such a link lets parent and child not both be claimed; other children
    of the parent go free of it. The links that count sum to at most 1,000,000,000 of the child.
    """

    parent: str
    kind: str
    """The parent's kind. Links to kinds that open no asset are kept as evidence and never count."""
    of_child: int
    of_parent: int | None
    basis: Basis


class PartySignature(TypedDict):
    """A party's signature over a statement that both sides can build, or over ``statement`` where it is
    sent."""

    party: str
    key: int
    signature: str
    """ECDSA P-256 over SHA-256, DER, in base64."""


class ItemResult(TypedDict):
    """What every result has. ``reason`` and ``message`` where it was refused or conflicts."""

    status: str
    txid: NotRequired[str]
    reason: NotRequired[str]
    message: NotRequired[str]


class ImpairedAsset(TypedDict):
    """An asset whose shortfall grew: who holds claims on it or on what draws on it has to know."""

    asset: str
    state: str
    shortfall: int
    handles: list[str]


class Written(TypedDict):
    """Response of every writing call; the event has the same and ``fn``. Read results with
    ``codec.read_results``."""

    txid: str
    results: list[dict[str, Any]]
    changed: NotRequired[list[ImpairedAsset]]
    replayed: NotRequired[bool]


SIGNATURE_B64: Final = base64_bytes(8, 80)
DOCUMENT_KEY: Final = record({"epoch": integer(0, MAX_EPOCH), "fp": HEX32, "tag": either_empty(HEX32)})
LINK: Final = record(
    {
        "parent": HEX32,
        "kind": choice(*DOCUMENT_KINDS),
        "of_child": WEIGHT,
        "of_parent": nullable(WEIGHT),
        "basis": choice(*BASES),
    }
)
KEY_NUMBER: Final = integer(1, MAX_KEY_NUMBER)
PARTY_SIGNATURE: Final = record({"party": HEX32, "key": KEY_NUMBER, "signature": SIGNATURE_B64})


def envelope(value: Mapping[str, Any], most: int) -> str | None:
    """What is wrong with a writing request's envelope ``{"op", "items"}``; None when nothing is.

    Items are checked one by one afterwards, as a bad one never fails its neighbours.
    """
    unknown = sorted(name for name in value if name not in {"op", "items"})
    if unknown:
        return f"unknown field {unknown[0][:40]!r}"
    try:
        OPERATION_ID(value.get("op"))
    except SchemaError as error:
        return error.at("op")
    items = value.get("items")
    if type(items) is not list or not 1 <= len(items) <= most:
        return f"items: must be a list of 1 to {most}"
    return None
