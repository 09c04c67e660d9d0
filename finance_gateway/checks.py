"""Checks of what callers send, for use cases that share them."""

from __future__ import annotations

import re
from typing import Final

from consortium.errors import InvalidInputError

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def is_hex32(text: str) -> bool:
    """Whether a text is 32 bytes in lower-case hexadecimal: a fingerprint, a handle."""
    return _FINGERPRINT.fullmatch(text) is not None


def check_fingerprint(text: str) -> None:
    """Refuses what is no fingerprint.

    :raises InvalidInputError: 64 lower-case hexadecimal characters are asked for
    """
    if not is_hex32(text):
        raise InvalidInputError(
            f"{text[:80]!r} is no fingerprint.", remedy="It has 64 lower-case hexadecimal characters."
        )


def check_length(name: str, text: str, longest: int) -> None:
    """Refuses a text that is too long to be stored.

    :raises InvalidInputError: it has more than ``longest`` characters, or one that no text may have
    """
    if len(text) > longest or "\x00" in text:
        raise InvalidInputError(f"{name} has more than {longest} characters, or one that is not allowed.")
