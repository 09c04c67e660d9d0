"""Reads JSON files of records: one object, an array, or one object per line (NDJSON), without reading ahead.

Numbers with a decimal point are exact decimals, never floats. A line that is no JSON costs only itself; in an
array nothing can be told of what follows a syntax error, so reading ends there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from crossverify.adapters.records import LoadProblem

MAX_RECORD_BYTES: Final = 10 * 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_BLANKS = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_MEND = "Correct it and load the file again; what was taken stays."

Record = tuple[str, dict[str, Any]]
"""Where a record stands (":12" is line 12, "[3]" the fourth of an array, "" the only one), and the record."""


class _BadJsonError(ValueError):
    """A construct that JSON allows and we do not."""


def is_json(content: bytes) -> bool:
    """Whether a file looks like JSON: an object or an array."""
    return content.removeprefix(_BOM).lstrip()[:1] in (b"{", b"[")


def read_records(content: bytes) -> Iterator[Record | LoadProblem]:
    """Records of a file in order; what cannot be read becomes a problem."""
    content = content.removeprefix(_BOM)
    start = content.lstrip()[:1]
    if start == b"[":
        yield from _array(content)
    elif start == b"{" and not _is_by_line(content):
        yield _single("", content)
    elif start:
        yield from _lines(content)
    else:
        yield LoadProblem("", "The file is empty.", "Load a file with at least one record.")


def _is_by_line(content: bytes) -> bool:
    """Whether the first line that is not blank is an object by itself, with more to come."""
    first, _, rest = content.lstrip().partition(b"\n")
    if not rest.strip():
        return False
    return not isinstance(_single("", first), LoadProblem) or not isinstance(
        _single("", rest.lstrip().partition(b"\n")[0]), LoadProblem
    )


def _lines(content: bytes) -> Iterator[Record | LoadProblem]:
    start, number = 0, 0
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        number += 1
        line = content[start:end].strip()
        if line:
            yield _single(f":{number}", line)
        start = end + 1


def _array(content: bytes) -> Iterator[Record | LoadProblem]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        yield LoadProblem("", f"The file is not UTF-8 (byte {error.start}).", "Save it as UTF-8.")
        return
    decoder = _decoder()
    position, index = _skip(text, text.index("[") + 1), 0
    if text[position : position + 1] == "]":
        yield LoadProblem("", "The array is empty.", "Load a file with at least one record.")
        return
    while True:
        path = f"[{index}]"
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            yield LoadProblem(path, f"This is no JSON: {_said(error)}.", _MEND)
            return
        yield _record(path, value, text[position:end])
        position, index = _skip(text, end), index + 1
        mark = text[position : position + 1]
        if mark == "]":
            if text[position + 1 :].strip():
                yield LoadProblem("", "Something follows the array.", "Put one array into a file.")
            return
        if mark != ",":
            yield LoadProblem(path, "No comma follows the record.", _MEND)
            return
        position = _skip(text, position + 1)


def _single(path: str, data: bytes) -> Record | LoadProblem:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return LoadProblem(path, f"This is not UTF-8 (byte {error.start}).", "Save the file as UTF-8.")
    if len(data) > MAX_RECORD_BYTES:
        return _too_long(path)
    try:
        value = _decoder().decode(text)
    except (ValueError, RecursionError) as error:
        return LoadProblem(path, f"This is no JSON: {_said(error)}.", _MEND)
    return _record(path, value, text)


def _record(path: str, value: Any, text: str) -> Record | LoadProblem:
    if len(text) > MAX_RECORD_BYTES:
        return _too_long(path)
    if _SURROGATE.search(text) and not _is_unicode(value):
        return LoadProblem(path, "A text has half of a surrogate pair, which is no character.", _MEND)
    if not isinstance(value, dict):
        return LoadProblem(path, "This is no JSON object.", _MEND)
    return path, value


def _is_unicode(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _too_long(path: str) -> LoadProblem:
    return LoadProblem(path, f"The record is longer than {MAX_RECORD_BYTES} bytes.", "Split the record.")


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(
        parse_float=Decimal, parse_int=_integer, parse_constant=_no_constant, object_pairs_hook=_no_repeats
    )


def _integer(text: str) -> int:
    if len(text) > 40:
        raise _BadJsonError(f"a number of {len(text)} digits")
    return int(text)


def _no_constant(text: str) -> Any:
    raise _BadJsonError(f"{text} is no number")


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _BadJsonError("a field is there twice")
    return found


def _skip(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def _said(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (character {error.pos})"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
