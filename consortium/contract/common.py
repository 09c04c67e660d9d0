"""Shapes that several contracts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NotRequired, TypedDict

from consortium.contract.names import BASES, MAX_EPOCH, MAX_KEY_NUMBER
from consortium.contract.schema import (
    HEX32,
    OPERATION_ID,
    WEIGHT,
    Check,
    base64_bytes,
    choice,
    integer,
    nullable,
    record,
)

Basis = Literal["gross", "quantity", "unknown"]


class DocumentKey(TypedDict):
    """One key of a document.

    The first key of each epoch in a list is the document's own identity in that epoch. Further keys of the
    same epoch are aliases: numbers of other documents of the same receivable, such as the 数电票 of a
    commercial invoice.
    """

    epoch: int
    fp: str
    tag: str


class Link(TypedDict):
    """An edge from a document to one that it draws on.

    ``of_child``: which part of the child comes from the parent; ``of_parent``: which part of the parent the
    child draws. Both in billionths, both **rounded down** (three thirds then fit into one whole).
    ``of_parent`` null: not known yet. Such a link lets parent and child not both be claimed; other children
    of the parent go free of it.
    """

    parent: str
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
DOCUMENT_KEY: Final = record({"epoch": integer(0, MAX_EPOCH), "fp": HEX32, "tag": HEX32})
LINK: Final = record(
    {"parent": HEX32, "of_child": WEIGHT, "of_parent": nullable(WEIGHT), "basis": choice(*BASES)}
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
        _OP(value.get("op"), "op")
    except ValueError as error:
        return str(error)
    items = value.get("items")
    if type(items) is not list or not 1 <= len(items) <= most:
        return f"items: must be a list of 1 to {most}"
    return None


_OP: Final[Check] = OPERATION_ID
