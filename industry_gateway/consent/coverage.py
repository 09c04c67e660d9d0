"""What the words in a consent's ``fields`` cover. Pure.

``*`` is everything, ``invoice`` whole documents of a kind, ``invoice.issue_date`` one header field,
``invoice.lines`` all lines, ``invoice.lines/2`` one line. A word that means nothing covers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consortium.documents import KINDS

EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a consent lets a bank see."""

    everything: bool
    kinds: frozenset[str]
    leaves: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, fields: Iterable[str]) -> Coverage:
        """Reads a consent's fields."""
        words = list(fields)
        parts = [word.partition(".") for word in words]
        return cls(
            everything=EVERYTHING in words,
            kinds=frozenset(kind for kind, dot, _ in parts if not dot and kind in KINDS),
            leaves=frozenset((kind, leaf) for kind, dot, leaf in parts if dot and kind in KINDS),
        )

    def whole(self, kind: str) -> bool:
        """Whether whole documents of a kind are covered."""
        return self.everything or kind in self.kinds

    def some(self, kind: str) -> bool:
        """Whether anything of a kind is covered."""
        return self.whole(kind) or any(each == kind for each, _ in self.leaves)

    def of_leaves(self, kind: str, names: Sequence[str]) -> list[str]:
        """Which leaves of a document of a kind are covered, in their order."""
        if self.whole(kind):
            return list(names)
        wanted = {leaf for each, leaf in self.leaves if each == kind}
        all_lines = "lines" in wanted
        return [name for name in names if name in wanted or (all_lines and name.startswith("lines/"))]


def meaningless(fields: Iterable[str]) -> list[str]:
    """The words that cover nothing: told to whoever grants, before they are signed for good."""
    found = []
    for word in fields:
        kind, dot, leaf = word.partition(".")
        model = KINDS.get(kind)
        if word == EVERYTHING or (model is not None and not dot):
            continue
        name, slash, number = leaf.partition("/")
        if (
            model is None
            or name not in model.model_fields
            or (slash and not (name == "lines" and number.isdigit()))
        ):
            found.append(word)
    return found
