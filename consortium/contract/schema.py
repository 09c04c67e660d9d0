"""Strict checks of JSON values: small functions that accept a value or say which field is wrong and why.

Hand-written on purpose: every endorsing peer must word a refusal in the same way, and a library's wording
changes with its version. A check is called with a value and raises :class:`SchemaError`; the caller
puts the path in front.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from consortium.contract.names import FACE_VALUE_PPB

Check = Callable[[object], None]

MAX_TIME_S: Final = 32503680000
"""Year 3000: later times are mistakes of unit."""

_HEX: Final = re.compile(r"[0-9a-f]+", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9._:@/+-]+", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Written out: what ``str.isprintable`` says changes with Python's Unicode tables, and peers may differ in version."""
_MSP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


class SchemaError(ValueError):
    """A value is not what the shape asks for.

    :ivar path: where, from the value that was checked: ``.links[2].parent``
    :ivar problem: what is wrong
    """

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem, path)
        self.problem = problem
        self.path = path

    def __str__(self) -> str:
        return self.at("value")

    def at(self, name: str) -> str:
        """What is wrong and where, the value that was checked being called ``name``."""
        return f"{name}{self.path}: {self.problem}"

    def within(self, step: str) -> SchemaError:
        """The same, seen from one level up."""
        return SchemaError(self.problem, step + self.path)


def integer(low: int, high: int) -> Check:
    """An integer from ``low`` to ``high``; no bool, no float."""

    def check(value: object) -> None:
        if type(value) is not int:
            raise SchemaError("must be an integer")
        if not low <= value <= high:
            raise SchemaError(f"must be from {low} to {high}")

    return check


def hexadecimal(characters: int) -> Check:
    """Lower-case hexadecimal text of exactly this length."""
    match = _HEX.fullmatch

    def check(value: object) -> None:
        if type(value) is not str or len(value) != characters or match(value) is None:
            raise SchemaError(f"must be {characters} lower-case hexadecimal characters")

    return check


def token(low: int, high: int, pattern: re.Pattern[str] = _TOKEN) -> Check:
    """An identifier: ASCII letters, digits and ``._:@/+-``, with a length in characters."""

    def check(value: object) -> None:
        if type(value) is not str or not low <= len(value) <= high or pattern.fullmatch(value) is None:
            raise SchemaError(f"must be {low} to {high} characters of {pattern.pattern}")

    return check


def text(low: int, high: int) -> Check:
    """Free text of a length in characters, without control characters."""

    def check(value: object) -> None:
        if type(value) is not str or not low <= len(value) <= high or _CONTROL.search(value):
            raise SchemaError(f"must be {low} to {high} characters, none of them a control character")

    return check


def base64_bytes(low: int, high: int) -> Check:
    """Standard base64 with padding, of this many decoded bytes."""
    longest = (high + 2) // 3 * 4

    def check(value: object) -> None:
        size = -1
        if type(value) is str and len(value) <= longest:
            with suppress(ValueError):
                size = len(b64decode(value, validate=True))
        if not low <= size <= high:
            raise SchemaError(f"must be {low} to {high} bytes in base64")

    return check


def choice(*values: str) -> Check:
    """One of these words."""
    known = frozenset(values)

    def check(value: object) -> None:
        if type(value) is not str or value not in known:
            raise SchemaError(f"must be one of {', '.join(values)}")

    return check


def boolean(value: object) -> None:
    """True or false."""
    if type(value) is not bool:
        raise SchemaError("must be true or false")


def nullable(inner: Check) -> Check:
    """Null, or what the inner check accepts."""

    def check(value: object) -> None:
        if value is not None:
            inner(value)

    return check


def either_empty(inner: Check) -> Check:
    """Empty text, or what the inner check accepts."""

    def check(value: object) -> None:
        if value != "":
            inner(value)

    return check


def array(inner: Check, low: int, high: int) -> Check:
    """A list of ``low`` to ``high`` values."""

    def check(value: object) -> None:
        if type(value) is not list or not low <= len(value) <= high:
            raise SchemaError(f"must be a list of {low} to {high}")
        for index, element in enumerate(value):
            try:
                inner(element)
            except SchemaError as error:
                raise error.within(f"[{index}]") from error

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with exactly these fields; the optional ones may be left out."""
    extra = dict(optional or {})
    checks = tuple(required.items())
    known = frozenset(required) | frozenset(extra)

    def check(value: object) -> None:
        if type(value) is not dict:
            raise SchemaError("must be an object")
        name = ""
        try:
            for name, inner in checks:
                inner(value[name])
            if len(value) == len(checks):
                return
            for name in sorted(value):
                if name not in known:
                    raise SchemaError(f"unknown field {name[:40]!r}")
                if name in extra:
                    extra[name](value[name])
        except KeyError as error:
            raise SchemaError("is missing", f".{name}") from error
        except SchemaError as error:
            if name not in known:
                raise
            raise error.within(f".{name}") from error

    return check


HEX32: Final = hexadecimal(64)
"""A hash, fingerprint or handle: 32 bytes."""
CLAIM_ID: Final = hexadecimal(16)
OPERATION_ID: Final = token(16, 64)
IDENTIFIER: Final = token(8, 64)
"""An id that a caller chooses for a consent or package."""
MSP_ID: Final = token(1, 64, _MSP)
SHARE: Final = integer(1, FACE_VALUE_PPB)
WEIGHT: Final = integer(0, FACE_VALUE_PPB)
TIME: Final = integer(0, MAX_TIME_S)
"""Seconds since 1970 UTC."""
