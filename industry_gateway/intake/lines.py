"""NDJSON as it streams in: one document a line, one line in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

from consortium.errors import InvalidInputError
from industry_gateway.formats import MAX_DOCUMENT_BYTES
from industry_gateway.intake.reading import Source

MAX_BLANK_LINES = 100_000
"""Of one stream: each costs time and brings nothing."""

_BOM = b"\xef\xbb\xbf"


async def ndjson_sources(pieces: AsyncIterator[bytes], label: str = "line") -> AsyncIterator[Source]:
    """Documents of a stream of bytes, labelled by their line; blank lines are passed over.

    Of a line that is too long only so much is kept that the format refuses it.

    :raises InvalidInputError: more than ``MAX_BLANK_LINES`` lines are blank
    """
    rest = bytearray()
    number = blank = 0
    async for piece in pieces:
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            _keep(rest, piece[start:end])
            start = end + 1
            number += 1
            if (content := _line(rest, number)) is not None:
                yield Source(content, "json", f"{label} {number}")
            elif (blank := blank + 1) > MAX_BLANK_LINES:
                raise InvalidInputError(
                    f"More than {MAX_BLANK_LINES} lines are blank; the documents before were stored.",
                    reason="TOO_LARGE",
                    remedy="Leave blank lines out.",
                )
            rest.clear()
        _keep(rest, piece[start:])
    if (content := _line(rest, number + 1)) is not None:
        yield Source(content, "json", f"{label} {number + 1}")


def _keep(rest: bytearray, piece: bytes) -> None:
    room = MAX_DOCUMENT_BYTES + 1 - len(rest)
    if room > 0:
        rest += piece[:room]


def _line(rest: bytearray, number: int) -> bytes | None:
    content = bytes(rest).strip()
    if number == 1:
        content = content.removeprefix(_BOM).strip()
    return content or None
