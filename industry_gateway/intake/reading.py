"""What is pushed, read and prepared in order: small pushes here, large ones in helper processes.

Contents are taken in slices. A slice that is worth the way goes to a helper (``helpers``), and the next one is
read meanwhile; a few documents, documents with origin signatures (whose keys the ledger may have to be asked
for) and everything while no helper is there are prepared here, on the event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from consortium.documents import Problem
from industry_gateway.formats import parse
from industry_gateway.formats.base import ParsedItem
from industry_gateway.intake.keys import KeyBook
from industry_gateway.intake.prepare import Origin, PreparedDocument, Preparer, PublicKeys
from industry_gateway.parties.directory import Tenant

YIELD_DOCUMENTS = 16
"""Documents prepared before others get their turn on the event loop, about 3 ms."""
SLICE_SOURCES = 128
SLICE_BYTES = 512 * 1024
"""A slice ends with whichever comes first."""
WORTH_SOURCES = 16
WORTH_BYTES = 64 * 1024
"""From so much on a slice goes to a helper: below, the way there and back is longer than the work."""
AHEAD = 2
"""Slices of one push that are under way at once."""


@dataclass(slots=True)
class Source:
    """One content as pushed: usually one document, sometimes a list of them.

    :param format: format name; empty lets it be recognised
    :param origin: signature over the document's origin statement; only where the content is one document
    """

    content: bytes
    format: str = ""
    label: str = ""
    origin: Origin | None = None


@dataclass(slots=True)
class Readied:
    """One document as it was read: prepared, or refused with its problems."""

    label: str
    prepared: PreparedDocument | None
    problems: tuple[Problem, ...] = ()
    kind: str = ""
    number: str = ""


class Helpers(Protocol):
    """Somebody who reads and prepares slices elsewhere."""

    @property
    def there(self) -> bool:
        """Whether a slice can be handed over now."""

    async def ready(self, tenant: Tenant, sources: Sequence[Source]) -> list[list[Readied]]:
        """The documents of each content.

        :raises UnavailableError: the helper was lost
        """


@dataclass(slots=True)
class _Slice:
    """Contents, each with the digest over everything up to and with it."""

    sources: list[Source]
    digests: list[str]
    size: int = 0

    @property
    def full(self) -> bool:
        return len(self.sources) >= SLICE_SOURCES or self.size >= SLICE_BYTES

    @property
    def worth_the_way(self) -> bool:
        enough = len(self.sources) >= WORTH_SOURCES or self.size >= WORTH_BYTES
        return enough and all(source.origin is None for source in self.sources)


class Reader:
    """Reads pushes for one gateway."""

    def __init__(self, preparer: Preparer, keys: KeyBook, helpers: Helpers | None = None) -> None:
        self._preparer = preparer
        self._keys = keys
        self._helpers = helpers

    async def read(
        self, tenant: Tenant, sources: AsyncIterator[Source]
    ) -> AsyncGenerator[tuple[Readied, str], None]:
        """Documents in order, each with the digest over everything up to and with its content."""
        under_way: deque[tuple[_Slice, asyncio.Task[list[list[Readied]]]]] = deque()
        try:
            async for part in _slices(sources):
                if self._helpers is not None and self._helpers.there and part.worth_the_way:
                    if len(under_way) == AHEAD:
                        for found in await _finished(*under_way.popleft()):
                            yield found
                    task = asyncio.create_task(self._helpers.ready(tenant, part.sources))
                    under_way.append((part, task))
                    continue
                while under_way:
                    for found in await _finished(*under_way.popleft()):
                        yield found
                async for found in self._here(tenant, part):
                    yield found
            while under_way:
                for found in await _finished(*under_way.popleft()):
                    yield found
        finally:
            for _, task in under_way:
                task.cancel()
            await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)

    async def _here(self, tenant: Tenant, part: _Slice) -> AsyncIterator[tuple[Readied, str]]:
        count = 0
        for source, digest in zip(part.sources, part.digests, strict=True):
            items = parse(source.content, format=source.format or None, label=source.label)
            origin = source.origin if len(items) == 1 else None
            for item in items:
                keys: Mapping[str, bytes] = {}
                if origin is not None and item.document is not None:
                    signers = self._preparer.signers(item.document)
                    keys = await self._keys.keys(signers, origin.key_number)
                yield readied(self._preparer, tenant, item, origin, keys), digest
                count += 1
                if count % YIELD_DOCUMENTS == 0:
                    await asyncio.sleep(0)


def readied(
    preparer: Preparer, tenant: Tenant, item: ParsedItem, origin: Origin | None, keys: PublicKeys
) -> Readied:
    """Prepares one parsed document."""
    document = item.document
    if document is None:
        return Readied(item.label, None, tuple(item.problems))
    prepared = preparer.prepare(document, tenant, origin, keys)
    if isinstance(prepared, PreparedDocument):
        return Readied(item.label, prepared)
    return Readied(item.label, None, (prepared,), document.kind, document.number)


async def _finished(part: _Slice, task: asyncio.Task[list[list[Readied]]]) -> list[tuple[Readied, str]]:
    found = await task
    return [(each, digest) for group, digest in zip(found, part.digests, strict=True) for each in group]


async def _slices(sources: AsyncIterator[Source]) -> AsyncIterator[_Slice]:
    digest = hashlib.sha256()
    part = _Slice([], [])
    async for source in sources:
        count_in(digest, source)
        part.sources.append(source)
        part.digests.append(digest.hexdigest())
        part.size += len(source.content)
        if part.full:
            yield part
            part = _Slice([], [])
    if part.sources:
        yield part


def count_in(digest: hashlib._Hash, source: Source) -> None:
    """Adds a content to the digest of a push, with lengths so that no two pushes look alike."""
    signature = b"" if source.origin is None else source.origin.signature
    for part in (source.format.encode(), source.label.encode(), signature, source.content):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
