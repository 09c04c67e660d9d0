"""Working on a package of thousands of documents at once: half a million small values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from consortium.documents.canonical import canonical_bytes
from consortium.errors import InvalidInputError
from crossverify.memory import few_collections

__all__ = ["bytes_of", "few_collections", "same_bytes"]


def same_bytes(value: Mapping[str, Any], canonical: bytes) -> bool:
    """Whether a value's bytes are these, which are known to be canonical.

    Sorting by code points, as orjson does, gives canonical bytes of all but rare keys, in a fraction of the time; only
    what differs so is looked at again.
    """
    if orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER) == canonical:
        return True
    try:
        return canonical_bytes(value) == canonical
    except InvalidInputError:  # fragments among rare keys
        return canonical_bytes(orjson.loads(orjson.dumps(value))) == canonical


def bytes_of(value: Mapping[str, Any]) -> bytes:
    """Canonical bytes of a value with fragments."""
    try:
        return canonical_bytes(value)
    except (
        InvalidInputError
    ):  # keys that need the slow sort, which takes no fragments; or no canonical form at all
        return canonical_bytes(orjson.loads(orjson.dumps(value)))
