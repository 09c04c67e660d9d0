"""NDJSON as it streams in: one document a line, one line in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

from industry_gateway.formats import MAX_DOCUMENT_BYTES
from industry_gateway.intake.push import Source

_BOM = b"\xef\xbb\xbf"


async def ndjson_sources(pieces: AsyncIterator[bytes], label: str = "line") -> AsyncIterator[Source]:
    """Documents of a stream of bytes, labelled by their line; blank lines are passed over.

    Of a line that is too long only so much is kept that the format refuses it.
    """
    rest = bytearray()
    number = 0
    async for piece in pieces:
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            _keep(rest, piece[start:end])
            start = end + 1
            number += 1
            if (content := _line(rest, number)) is not None:
                yield Source(content, "json", f"{label} {number}")
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
