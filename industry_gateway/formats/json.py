"""Canonical JSON: one document, an array of documents, or one document a line (NDJSON)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from consortium.documents import Problem
from consortium.documents.json_reader import JsonRefusedError, document_from, load_json, read_json
from industry_gateway.formats.base import MAX_DOCUMENT_BYTES, MAX_ITEMS, ParsedItem, head, item


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """JSON and NDJSON."""

    name: str = "json"
    media_types: frozenset[str] = frozenset({"application/json", "application/x-ndjson", "application/jsonl"})

    def recognises(self, content: bytes) -> bool:
        """JSON documents begin with ``{`` or ``[``."""
        return head(content).startswith((b"{", b"["))

    def parse(self, content: bytes, label: str) -> list[ParsedItem]:
        """Read one document, an array, or one document a line, whichever it is."""
        if len(content) > MAX_DOCUMENT_BYTES and not head(content).startswith(b"["):
            return list(iter_ndjson([content], label))
        try:
            value = load_json(content)
        except JsonRefusedError as refused:
            if refused.trailing:
                return list(iter_ndjson([content], label))
            return [ParsedItem(0, label, None, (refused.problem,))]
        if not isinstance(value, list):
            return [item(0, label, document_from(value))]
        found = [item(at, f"{label}[{at}]", document_from(each)) for at, each in enumerate(value[:MAX_ITEMS])]
        if len(value) > MAX_ITEMS:
            found.append(_too_many(MAX_ITEMS, f"{label}[{MAX_ITEMS}]"))
        if not value:
            found.append(_empty(label))
        return found


@dataclass(slots=True)
class NdjsonReader:
    """Reads NDJSON piece by piece: memory holds one line, not the file."""

    label: str
    """Name of the source; items are labelled ``label:line``."""
    _rest: bytearray = field(default_factory=bytearray)
    _line: int = 0
    _index: int = 0
    _skipping: bool = False

    def feed(self, chunk: bytes) -> Iterator[ParsedItem]:
        """Take the next bytes; gives the items of the lines that they complete."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._rest += chunk[start:end]
            start = end + 1
            yield from self._complete()
        self._rest += chunk[start:]
        if len(self._rest) > MAX_DOCUMENT_BYTES and not self._skipping:
            self._skipping = True
            yield self._too_long()
        if self._skipping:
            self._rest.clear()

    def finish(self) -> Iterator[ParsedItem]:
        """The end of the source: the last line may have no line break."""
        if self._rest or self._skipping:
            yield from self._complete()
        if self._index == 0:
            yield _empty(self.label)

    def _complete(self) -> Iterator[ParsedItem]:
        content, skipped = bytes(self._rest), self._skipping
        self._rest.clear()
        self._skipping = False
        if skipped:
            self._line += 1
            return
        if len(content) > MAX_DOCUMENT_BYTES:
            yield self._too_long()
            self._line += 1
            return
        self._line += 1
        if not content.removeprefix(b"\xef\xbb\xbf").strip():
            return
        if self._index == MAX_ITEMS:
            yield _too_many(self._index, f"{self.label}:{self._line}")
        if self._index < MAX_ITEMS:
            yield item(self._index, f"{self.label}:{self._line}", read_json(content))
        self._index += 1

    def _too_long(self) -> ParsedItem:
        problem = Problem(
            "",
            "",
            "",
            "TOO_LARGE",
            f"A document has at most {MAX_DOCUMENT_BYTES} bytes.",
            "Split the document.",
        )
        made = ParsedItem(self._index, f"{self.label}:{self._line + 1}", None, (problem,))
        self._index += 1
        return made


def iter_ndjson(chunks: Iterable[bytes], label: str) -> Iterator[ParsedItem]:
    """Read one document a line from pieces of bytes, as they come."""
    reader = NdjsonReader(label)
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.finish()


def _too_many(index: int, label: str) -> ParsedItem:
    problem = Problem(
        "",
        "",
        "",
        "TOO_MANY_DOCUMENTS",
        f"One push holds at most {MAX_ITEMS} documents.",
        "Send the rest in another.",
    )
    return ParsedItem(index, label, None, (problem,))


def _empty(label: str) -> ParsedItem:
    return ParsedItem(
        0, label, None, (Problem("", "", "", "EMPTY", "There is no document in it.", "Send at least one."),)
    )
