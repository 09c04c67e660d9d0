"""Which parties are the same across documents: those that share an identifier, directly or through others."""

from __future__ import annotations

from collections.abc import Iterable

from consortium.documents import Document
from consortium.documents.party import Party, primary_id
from consortium.documents.roles import buyer_of, seller_of


class Parties:
    """Identifiers that belong together.

    :param documents: all documents of a case
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        self._parent: dict[str, str] = {}
        for document in documents:
            for party in (buyer_of(document), seller_of(document)):
                if party is not None:
                    first, *others = _names(party)
                    for other in others:
                        self._join(first, other)

    def pair(self, document: Document) -> tuple[str, str]:
        """Buyer and seller of a document, by a name that all their writings share."""
        return self._of(buyer_of(document)), self._of(seller_of(document))

    def _of(self, party: Party | None) -> str:
        return "" if party is None else self._find(_names(party)[0])

    def _find(self, name: str) -> str:
        parent = self._parent.setdefault(name, name)
        while parent != name:
            self._parent[name] = self._parent[parent]
            name, parent = parent, self._parent[parent]
        return name

    def _join(self, one: str, other: str) -> None:
        a, b = self._find(one), self._find(other)
        if a != b:
            self._parent[max(a, b)] = min(a, b)


def _names(party: Party) -> list[str]:
    return [str(each) for each in party.identifiers if each.scheme != "local"] or [str(primary_id(party))]
