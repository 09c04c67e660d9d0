"""What was pushed from this sandbox: so that a document can be named by its number, as people do.

An ERP keeps such a list itself; the command line plays the ERP, so the sandbox keeps it for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from chanrong.sandbox.layout import Layout
from consortium.errors import ConflictError, NotFoundError

FINGERPRINT_LENGTH: Final = 64
MIN_PREFIX: Final = 6
MAX_NAMED: Final = 5
HEX: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Pushed:
    """One document that was pushed."""

    fingerprint: str
    kind: str
    number: str
    party: str

    def __str__(self) -> str:
        return f"{self.kind.replace('_', ' ')} {self.number} of {self.party} ({self.fingerprint[:12]})"


def remember(layout: Layout, results: Iterable[Mapping[str, Any]], party: str) -> None:
    """Notes the documents of a push's results."""
    known = {each.fingerprint for each in pushed(layout)}
    lines = []
    for result in results:
        fingerprint = str(result.get("fingerprint") or "")
        if fingerprint and fingerprint not in known:
            known.add(fingerprint)
            lines.append(
                orjson.dumps(
                    {
                        "fingerprint": fingerprint,
                        "kind": result["kind"],
                        "number": result["number"],
                        "party": party,
                    }
                )
                + b"\n"
            )
    if lines:
        descriptor = os.open(layout.pushed, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(b"".join(lines))


def pushed(layout: Layout) -> Iterator[Pushed]:
    """Every document that was pushed from here, in that order."""
    try:
        content = layout.pushed.read_bytes()
    except FileNotFoundError:
        return
    for line in content.splitlines():
        try:
            yield Pushed(**orjson.loads(line))
        except (orjson.JSONDecodeError, TypeError):  # the last line of a push that was killed
            continue


def fingerprint_of(layout: Layout, text: str) -> str:
    """The fingerprint that a user means: the whole of it, its first characters, or a document's number.

    :raises NotFoundError: nothing of that name was pushed from here
    :raises ConflictError: several documents could be meant
    """
    if len(text) == FINGERPRINT_LENGTH and set(text) <= HEX:
        return text
    prefix = text.lower() if len(text) >= MIN_PREFIX and set(text.lower()) <= HEX else None
    found = {
        each.fingerprint: each
        for each in pushed(layout)
        if each.number == text or (prefix and each.fingerprint.startswith(prefix))
    }
    if not found:
        raise NotFoundError(
            f"No document {text!r} was pushed from this sandbox.",
            remedy=f"Give its number, its fingerprint ({FINGERPRINT_LENGTH} hexadecimal characters)"
            f" or the first {MIN_PREFIX} or more characters of that, as `chanrong push` shows them.",
        )
    if len(found) > 1:
        several = [str(each) for each in found.values()]
        more = f" and {len(several) - MAX_NAMED} more" if len(several) > MAX_NAMED else ""
        raise ConflictError(
            f"{text!r} can be {'; '.join(several[:MAX_NAMED])}{more}.",
            reason="AMBIGUOUS",
            remedy="Give the fingerprint of the one that you mean.",
        )
    return next(iter(found))
