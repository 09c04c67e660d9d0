"""What is wrong with a document, as values: a bad document is not an exception but a list of these."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

MAX_VALUE_CHARS: Final = 80
"""An offending value is repeated in errors up to this length; the rest is never logged or sent back."""

MAX_PROBLEMS: Final = 200
"""A document with more problems than this is refused with the first ones and a note, so that an answer stays
small."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one document."""

    path: str
    """Where: a JSON pointer (``/lines/0/quantity``) or an XPath (``/Invoice/cac:InvoiceLine[1]/cbc:ID``)."""
    field: str
    """The field's name, such as ``issue_date``."""
    value: str
    """The offending value, shortened; empty when there is none."""
    rule: str
    """Stable name of the rule that is broken, such as ``DATE_IMPOSSIBLE``."""
    message: str
    """What is wrong, for a person."""
    remedy: str = ""
    """What to do about it, for a person."""

    def at(self, path: str) -> Problem:
        """The same problem at another place, as when a JSON pointer is told as an XPath."""
        return replace(self, path=path)

    def __str__(self) -> str:
        shown = f" ({self.value!r})" if self.value else ""
        return f"{self.path or '/'}: {self.message}{shown} {self.remedy}".rstrip()


def shorten(value: object) -> str:
    """An offending value as text of at most ``MAX_VALUE_CHARS`` characters that can be printed and sent anywhere."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, Decimal | int | bool):
        text = str(value) if not isinstance(value, Decimal) else format(value, "g")
    else:
        text = reprlib.repr(value)
    text = text[: MAX_VALUE_CHARS * 4].encode("utf-8", "replace").decode("utf-8")
    text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return text if len(text) <= MAX_VALUE_CHARS else text[: MAX_VALUE_CHARS - 1] + "…"


def capped(problems: Iterable[Problem], untold: int = 0) -> tuple[Problem, ...]:
    """At most ``MAX_PROBLEMS`` problems, each named once; a last one says how many more there are.

    :param untold: problems that were counted and not told already
    """
    found = list(dict.fromkeys(problems))
    untold += max(0, len(found) - MAX_PROBLEMS)
    if not untold:
        return tuple(found)
    message = f"{untold} more problems are not listed."
    return (*found[:MAX_PROBLEMS], Problem("", "", "", "TOO_MANY_PROBLEMS", message, "Mend these first."))
