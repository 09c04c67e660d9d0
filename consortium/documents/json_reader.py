"""Reads documents written as JSON, exactly: numbers keep all their digits, nothing is guessed, nothing is dropped.

One document is one object that carries ``kind``. Numbers may be JSON numbers or texts. Unknown and repeated fields are
refused, as are NaN and Infinity, which are no JSON.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

from consortium.documents.base import Document
from consortium.documents.kinds import KINDS
from consortium.documents.problems import Problem, shorten
from consortium.documents.validation import REPEATED, validate

MAX_JSON_BYTES: Final = 10 * 1024 * 1024
"""Bytes of one document, or of one array of documents."""


class JsonRefusedError(Exception):
    """The bytes are not JSON; holds the problem."""

    def __init__(self, problem: Problem, *, trailing: bool = False) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.trailing = trailing
        """One whole value was read, and more came after it, as in NDJSON."""


def _not_finite(text: str) -> Decimal:
    """NaN and Infinity go on as what they are, so that the check of the field names its path."""
    return Decimal(text)


def _number(text: str) -> Decimal | int:
    """An integer; one with thousands of digits stays a decimal, to be refused by its field."""
    return int(text) if len(text) < 64 else Decimal(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, value in pairs:
            if name in seen:
                found[name + REPEATED] = value
            seen.add(name)
    return found


_DECODER = json.JSONDecoder(
    parse_float=Decimal, parse_int=_number, parse_constant=_not_finite, object_pairs_hook=_object
)


_NUMBERS: Final = (re.compile(rb'":-?[0-9]'), re.compile(rb"\[-?[0-9]"), re.compile(rb",-?[0-9]"))
"""Where a number may stand in compact JSON, as a member and in a list: three searches that begin with a fixed byte
take a fifth of the time of one that does not."""
_FRACTION: Final = re.compile(rb"[:,\[]-?[0-9]+[.eE]")
"""What may be a number that a float would round; in a text it does no harm."""


def _compact(content: bytes) -> Any:
    """The value of a compact JSON object or list without fractions, three times as fast; None where the slow way has to
    look.

    Written again it has to give the same bytes: so nothing was repeated, rounded or read in another way.
    """
    if content[:1] not in (b"{", b"["):
        return None
    if any(each.search(content) for each in _NUMBERS) and _FRACTION.search(content) is not None:
        return None
    try:
        value = orjson.loads(content)
        return value if orjson.dumps(value) == content else None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


def load_json(content: bytes) -> Any:
    """Decode JSON without losing anything.

    :raises JsonRefusedError: ``TOO_LARGE``, ``ENCODING``, ``JSON_MALFORMED`` or ``JSON_TOO_DEEP``
    """
    if len(content) > MAX_JSON_BYTES:
        size = f"A document, or an array of them, has at most {MAX_JSON_BYTES} bytes."
        raise JsonRefusedError(
            Problem(
                "", "", str(len(content)), "TOO_LARGE", size, "Send many documents as NDJSON, one a line."
            )
        )
    if (value := _compact(content)) is not None:
        return value
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"This is not UTF-8 (byte {error.start})."
        raise JsonRefusedError(Problem("", "", "", "ENCODING", message, "Write JSON in UTF-8.")) from error
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        message = f"This is no JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        problem = Problem(
            "", "", shorten(text[error.pos : error.pos + 20]), "JSON_MALFORMED", message, "Mend it."
        )
        raise JsonRefusedError(problem, trailing=error.msg == "Extra data") from error
    except RecursionError as error:
        message = "The JSON is nested too deep."
        raise JsonRefusedError(
            Problem("", "", "", "JSON_TOO_DEEP", message, "Send plain documents.")
        ) from error


def document_from(value: object) -> Document | tuple[Problem, ...]:
    """Make a document of one decoded JSON value."""
    if not isinstance(value, Mapping):
        message = "A document is a JSON object."
        return (
            Problem("", "", shorten(value), "OBJECT_EXPECTED", message, "Write it as {...} with its kind."),
        )
    kind = value.get("kind")
    if kind is None:
        remedy = "Add one of: " + ", ".join(KINDS) + "."
        return (Problem("/kind", "kind", "", "FIELD_MISSING", "A required field is missing.", remedy),)
    model = KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        near = difflib.get_close_matches(str(kind), KINDS, 1)
        remedy = f"Did you mean {near[0]!r}?" if near else "Write one of: " + ", ".join(KINDS) + "."
        return (Problem("/kind", "kind", shorten(kind), "KIND_UNKNOWN", "There is no such kind.", remedy),)
    return validate(model, value)


def read_json(content: bytes) -> Document | tuple[Problem, ...]:
    """Read one document."""
    try:
        return document_from(load_json(content))
    except JsonRefusedError as refused:
        return (refused.problem,)
