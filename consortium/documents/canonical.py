"""Canonical bytes: the only place that makes bytes which are hashed or signed.

RFC 8785 (JSON Canonicalization Scheme), of which we use strings, integers, booleans, null, arrays and
objects. There are no floats: decimals are texts without exponent and needless zeros, dates are ISO 8601.
Fields that are absent (``None``, empty lists) are left out of documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import orjson
import rfc8785

from consortium.documents.base import Document, Part
from consortium.documents.money import decimal_text
from consortium.errors import InvalidInputError

MAX_DEPTH: Final = 64
"""Levels of nesting; what is deeper is no record of ours."""

_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_LAST_BEFORE_SURROGATES = "\ud7ff"


def canonical_bytes(value: object) -> bytes:
    """RFC 8785 bytes of plain JSON values: str, int (within 2**53), bool, None, list, tuple, dict.

    ``orjson.Fragment`` stands for canonical bytes that were made before, such as a document's: who has thousands of
    them need not take them apart again. It is put in as it is.

    :raises InvalidInputError: ``NOT_CANONICAL`` for anything else, floats above all
    """
    if not _check(value, MAX_DEPTH):
        # RFC 8785 sorts by UTF-16 code units, orjson by code points: they differ from U+E000 on only.
        return _dump(value, rfc8785.dumps)
    return _dump(value, _fast_dump)


def _fast_dump(value: Any) -> bytes:
    return orjson.dumps(value, option=_OPTIONS)


def _dump(value: Any, dump: Any) -> bytes:
    try:
        return bytes(dump(value))
    except (TypeError, ValueError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise InvalidInputError(
            f"The value has no canonical form: {error}.", reason="NOT_CANONICAL"
        ) from error


def _check(value: object, depth: int) -> bool:
    """Refuse what has no canonical form; False where keys need the slow sort."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None or kind is orjson.Fragment:
        return True
    if depth == 0:
        raise InvalidInputError(
            f"The value is nested more than {MAX_DEPTH} levels deep.", reason="NOT_CANONICAL"
        )
    if kind is list or kind is tuple:
        # A list, not a generator: every element has to be looked at.
        return all([_check(each, depth - 1) for each in value])  # type: ignore[attr-defined]  # noqa: C419
    if kind is dict:
        simple = True
        for key, each in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                raise InvalidInputError("Keys of canonical objects are texts.", reason="NOT_CANONICAL")
            if not key.isascii() and max(key) > _LAST_BEFORE_SURROGATES:
                simple = False
            if not _check(each, depth - 1):
                simple = False
        return simple
    raise InvalidInputError(f"A {kind.__name__} has no canonical form.", reason="NOT_CANONICAL")


def plain(part: Part) -> dict[str, Any]:
    """A document or a part of one as plain JSON values, absent fields left out."""
    found: dict[str, Any] = {}
    for name, value in part.__dict__.items():
        if value is None:
            continue
        kind = type(value)
        if kind is str or kind is bool or kind is int:
            found[name] = value
        elif kind is Decimal:
            # Numbers were trimmed when they came in, so this is their text; only tiny ones get an exponent.
            text = str(value)
            found[name] = decimal_text(value) if "E" in text else text
        elif kind is tuple:
            if value:
                found[name] = [plain(each) for each in value]
        elif kind is date:
            found[name] = value.isoformat()
        else:
            found[name] = plain(value)
    return found


def leaf_values(document: Document) -> dict[str, Any]:
    """A document as named leaves: one per header field, one per line (``lines/1`` is the first)."""
    values = plain(document)
    lines = values.pop("lines", ())
    for number, line in enumerate(lines, 1):
        values[f"lines/{number}"] = line
    return values


def leaf_bytes(document: Document) -> tuple[list[tuple[str, bytes]], list[bytes]]:
    """Canonical bytes of every header field (sorted by name) and of every line (in order)."""
    values = plain(document)
    lines = values.pop("lines", ())
    dumps = orjson.dumps
    header = [(name, dumps(values[name], option=_OPTIONS)) for name in sorted(values)]
    return header, [dumps(line, option=_OPTIONS) for line in lines]


def assemble(header: list[tuple[str, bytes]], lines: list[bytes]) -> bytes:
    """The whole document's canonical bytes from those of its leaves."""
    members = [b'"%b":%b' % (name.encode("ascii"), value) for name, value in header]
    if lines:
        members.append(b'"lines":[%b]' % b",".join(lines))
        members.sort()
    return b"{%b}" % b",".join(members)


def document_bytes(document: Document) -> bytes:
    """RFC 8785 bytes of a document: what is stored, hashed, signed and sent."""
    return orjson.dumps(plain(document), option=_OPTIONS)


def parse_json(data: bytes) -> Mapping[str, Any]:
    """Read canonical bytes back into plain values.

    :raises InvalidInputError: ``NOT_JSON`` when they are no JSON object
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"This is no JSON: {error}.", reason="NOT_JSON") from error
    if not isinstance(value, dict):
        raise InvalidInputError("This is no JSON object.", reason="NOT_JSON")
    return value
