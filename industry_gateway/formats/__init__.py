"""Formats in which documents come in. Adding one is a module, a line in :data:`FORMATS` and a test file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consortium.documents.problems import Problem, shorten
from industry_gateway.formats.base import MAX_DOCUMENT_BYTES, MAX_ITEMS, Format, ParsedItem
from industry_gateway.formats.json import JsonFormat, NdjsonReader, iter_ndjson
from industry_gateway.formats.ubl import UblFormat

FORMATS: Final[Mapping[str, Format]] = {each.name: each for each in (UblFormat(), JsonFormat())}
"""Name -> format, in the order in which they are tried on bytes that do not say what they are."""


def recognise(content: bytes) -> str | None:
    """The name of the format that bytes look like; None when no format knows them."""
    return next((name for name, each in FORMATS.items() if each.recognises(content)), None)


def format_of_media_type(media_type: str) -> str | None:
    """The name of the format of a media type; parameters such as ``; charset=utf-8`` do not count."""
    bare = media_type.partition(";")[0].strip().lower()
    return next((name for name, each in FORMATS.items() if bare in each.media_types), None)


def parse(content: bytes, *, format: str | None = None, label: str = "") -> list[ParsedItem]:  # noqa: A002
    """Read the documents in some bytes.

    :param format: name of the format; recognised from the bytes when None or empty
    :param label: where the bytes came from, such as a file name; repeated in the items
    :returns: one item per document, at least one; never an exception for what is in the bytes
    """
    if not content.strip():
        problem = Problem("", "", "", "EMPTY", "There are no bytes.", "Send at least one document.")
        return [ParsedItem(0, label, None, (problem,))]
    name = format or recognise(content)
    found = FORMATS.get(name) if name else None
    if found is None:
        message = f"There is no format {shorten(format)!r}." if format else "No format knows these bytes."
        remedy = "Use one of: " + ", ".join(FORMATS) + "."
        return [ParsedItem(0, label, None, (Problem("", "", "", "FORMAT_UNKNOWN", message, remedy),))]
    return found.parse(content, label)


__all__ = [
    "FORMATS",
    "MAX_DOCUMENT_BYTES",
    "MAX_ITEMS",
    "Format",
    "NdjsonReader",
    "ParsedItem",
    "format_of_media_type",
    "iter_ndjson",
    "parse",
    "recognise",
]
