"""Who is who in one case: parties that share an identifier are one, however each document writes them.

One invoice names a buyer by its USCC, the next by its VAT number, a third by both: the third ties the first two
together. A partner's own number (scheme ``local``) names nobody to others and ties nothing. A name counts only
where a document gives nothing better.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from consortium.documents.party import Party, name_id
from consortium.documents.roles import buyer_of, seller_of
from crossverify.percase import per_case

if TYPE_CHECKING:
    from crossverify.case import Case

SUBJECT = "subject"
"""Key of whoever asks for credit; no identifier reads like this, as each has a colon."""


def normal(identifier: str) -> str:
    """``scheme:value`` as it is compared."""
    scheme, colon, value = identifier.partition(":")
    if not colon:
        return identifier
    return f"{scheme.lower()}:{unicodedata.normalize('NFKC', value).upper().replace(' ', '')}"


def identifiers(party: Party) -> list[str]:
    """What names a party: its identifiers, else its name."""
    found = [str(each) for each in party.identifiers if each.scheme != "local"]
    if found:
        return found
    name = party.name or party.trading_name
    if name is not None:
        return [str(name_id(name))]
    return [str(each) for each in party.identifiers]


class Who:
    """Keys of parties.

    :param parties: everybody who is named
    :param subject: identifiers of the subject
    """

    def __init__(self, parties: Iterable[Party], subject: Iterable[str] = ()) -> None:
        self._above: dict[str, str] = {}
        for identifier in subject:
            self._tie(SUBJECT, normal(identifier))
        for party in parties:
            if len(party.identifiers) > 1:
                first, *others = identifiers(party)
                for other in others:
                    self._tie(first, other)
        self._companies: dict[str, list[str]] = defaultdict(list)
        for key in list(self._above):
            self._above[key] = self._root(key)
            if key.startswith("uscc:"):
                self._companies[self._above[key]].append(key)

    def of(self, party: Party) -> str:
        """Key of a party: the same for all that are one."""
        found = party.identifiers
        if len(found) == 1 and found[0].scheme != "local":
            key = f"{found[0].scheme}:{found[0].value}"
        else:
            key = identifiers(party)[0]
        return self._above.get(key, key)

    def of_identifier(self, identifier: str) -> str:
        """Key of whoever has an identifier "scheme:value", as institutions write them."""
        key = normal(identifier)
        return self._above.get(key, key)

    def companies(self, key: str) -> tuple[str, ...]:
        """Social credit codes that papers give to one party beside other identifiers. A company has one: where there
        are several, some paper makes one party of two."""
        return tuple(sorted(self._companies.get(key, ())))

    def _root(self, key: str) -> str:
        path = []
        while (above := self._above.get(key, key)) != key:
            path.append(key)
            key = above
        for each in path:
            self._above[each] = key
        return key

    def _tie(self, one: str, other: str) -> None:
        first, second = self._root(one), self._root(other)
        if first == second:
            return
        # The least key stands for all, whatever order the documents come in; the subject's stands first.
        if second == SUBJECT or (first != SUBJECT and second < first):
            first, second = second, first
        self._above[second] = first
        self._above.setdefault(first, first)


def _parties(case: Case) -> Iterator[Party]:
    for item in case.documents:
        for party in (seller_of(item.document), buyer_of(item.document)):
            if party is not None:
                yield party


@per_case
def who_of(case: Case) -> Who:
    """Who is who in a case."""
    return Who(_parties(case), case.evidence.subject.identifiers)
