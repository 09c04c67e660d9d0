"""What a format is: something that turns bytes into documents, or into what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from consortium.documents import Document, Problem

MAX_DOCUMENT_BYTES: Final = 10 * 1024 * 1024
"""Bytes of one document in any format; more is refused before it is parsed."""
MAX_ITEMS: Final = 100_000
"""Documents of one push; what follows is refused as one problem."""


@dataclass(slots=True)
class ParsedItem:
    """One document of a push: either the document, or why it cannot be read."""

    index: int
    """Position in the push, from zero."""
    label: str
    """Where it came from: file name, and row or position in it."""
    document: Document | None
    """The document, when it could be read."""
    problems: tuple[Problem, ...] = ()
    """Everything that is wrong with it; empty when there is a document."""


class Format(Protocol):
    """One foreign or own format."""

    @property
    def name(self) -> str:
        """Stable name, as in ``--format``."""

    @property
    def media_types(self) -> frozenset[str]:
        """Media types under which it travels, lower case."""

    def recognises(self, content: bytes) -> bool:
        """Whether the first bytes look like this format; cheap, and never an error."""

    def parse(self, content: bytes, label: str) -> list[ParsedItem]:
        """Read all documents. What cannot be read is an item with problems, never an exception."""


def item(index: int, label: str, made: Document | tuple[Problem, ...]) -> ParsedItem:
    """One item from a reader's answer."""
    if isinstance(made, Document):
        return ParsedItem(index, label, made)
    return ParsedItem(index, label, None, made)


def head(content: bytes) -> bytes:
    """The first bytes that say something: without byte-order mark and blanks."""
    return content[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
