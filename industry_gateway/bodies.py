"""Bodies of stored documents: sealed when they come, opened when they are needed, their worth remembered.

What is sealed is the document's secret (32 bytes) followed by its canonical bytes, under one key: destroying
the key destroys both.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from consortium.documents import Document, parse_canonical
from consortium.documents.commitment import SECRET_BYTES
from consortium.documents.weights import Worth, worth_of
from consortium.storage.crypto import BodyVault
from industry_gateway.store import documents as statements
from industry_gateway.store.documents import StoredDocument

MAX_REMEMBERED = 20_000
"""Worths kept in memory, about 300 bytes each: many invoices draw on one order."""


@dataclass(frozen=True, slots=True)
class Body:
    """A document's content.

    :param secret: from which the salts of its commitment come
    :param canonical: canonical JSON
    """

    secret: bytes
    canonical: bytes

    def document(self, kind: str) -> Document:
        """The document itself."""
        return parse_canonical(kind, self.canonical)


class Bodies:
    """Seals and opens bodies for one gateway."""

    def __init__(self, vault: BodyVault) -> None:
        self._vault = vault
        self._worths: OrderedDict[str, Worth] = OrderedDict()

    def seal(self, items: Sequence[tuple[str, bytes, bytes]]) -> list[tuple[object, ...]]:
        """Rows of ``document_bodies`` for (document id, secret, canonical bytes)."""
        sealed = self._vault.seal_many((name, secret + body) for name, secret, body in items)
        return [
            (name, each.ciphertext, each.wrapped_key)
            for (name, _, _), each in zip(items, sealed, strict=True)
        ]

    def open(self, document_id: str, stored: tuple[bytes | None, bytes]) -> Body:
        """A body from its row.

        :raises NotFoundError: reason BODY_ERASED
        :raises BodyTamperedError: when the row was changed
        """
        plain = self._vault.open(document_id, *stored)
        return Body(plain[:SECRET_BYTES], plain[SECRET_BYTES:])

    def seal_other(self, name: str, content: bytes) -> tuple[bytes, bytes]:
        """Something beside a document that quotes it: wrapped key and sealed content."""
        sealed = self._vault.seal(name, content)
        return sealed.wrapped_key, sealed.ciphertext

    def open_other(self, name: str, sealed: tuple[bytes | None, bytes]) -> bytes:
        """What :meth:`seal_other` sealed.

        :raises NotFoundError: reason BODY_ERASED
        :raises BodyTamperedError: when the row was changed
        """
        return self._vault.open(name, *sealed)

    async def worths(
        self, connection: AsyncConnection, documents: Iterable[StoredDocument]
    ) -> dict[str, Worth]:
        """What documents are worth, by identifier; erased ones are left out."""
        wanted = {each.document_id: each.kind for each in documents}
        found = {name: self._worths[name] for name in wanted if name in self._worths}
        missing = [name for name in wanted if name not in found]
        if missing:
            for name, stored in (await statements.bodies(connection, missing)).items():
                if stored[0] is not None:
                    found[name] = worth_of(self.open(name, stored).document(wanted[name]))
                    self._remember(name, found[name])
        return found

    def _remember(self, document_id: str, worth: Worth) -> None:
        self._worths[document_id] = worth
        if len(self._worths) > MAX_REMEMBERED:
            self._worths.popitem(last=False)
