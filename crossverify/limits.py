"""Whose limit a debtor counts against: the bank's groups, by who is who in a case.

Papers say which identifiers are of one party. A seller that writes two debtors' numbers on one paper makes them one; so
that it gains no room by that, the groups of both are one then, with the least limit and all that is outstanding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crossverify.percase import per_case
from crossverify.who import who_of

if TYPE_CHECKING:
    from crossverify.case import Case


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of debtors.

    :ivar of_key: name of the group by a debtor's key (``Who``)
    :ivar of_exposure: the same for each of the bank's exposures, in their order
    """

    of_key: Mapping[str, str]
    of_exposure: tuple[str, ...]


@per_case
def groups_of(case: Case) -> Groups:
    """The groups of a case."""
    who = who_of(case)
    joined: dict[str, str] = {}

    def root(name: str) -> str:
        while name in joined:
            name = joined[name]
        return name

    found: dict[str, str] = {}

    def note(key: str, name: str) -> None:
        first, other = root(found.setdefault(key, name)), root(name)
        if first != other:
            joined[other] = first

    for each, group in case.desk.groups.items():
        note(who.of_identifier(each), group)
    named, names = dict(found), []
    for exposure in case.desk.exposures:
        key = who.of_identifier(exposure.debtor)
        name = exposure.group or named.get(key) or key
        if exposure.group and key in named:
            found[key] = exposure.group  # what stands at the exposure counts more than the list of groups
            named.pop(key)
        note(key, name)
        names.append(name)
    return Groups({key: root(name) for key, name in found.items()}, tuple(root(name) for name in names))
