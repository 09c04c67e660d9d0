"""UBL 2.1 XML: one document of one of the types that ``consortium.documents.ubl`` reads."""

from __future__ import annotations

from dataclasses import dataclass

from consortium.documents.ubl import read_ubl
from industry_gateway.formats.base import ParsedItem, head, item

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class UblFormat:
    """UBL 2.1 XML."""

    name: str = "ubl"
    media_types: frozenset[str] = frozenset({"application/xml", "text/xml", "application/ubl+xml"})

    def recognises(self, content: bytes) -> bool:
        """XML begins with ``<``, or is UTF-16."""
        return head(content).startswith(b"<") or content.startswith(_UTF16)

    def parse(self, content: bytes, label: str) -> list[ParsedItem]:
        """Read the one document."""
        return [item(0, label, read_ubl(content))]
