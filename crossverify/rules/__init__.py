"""The rules, by name. Adding one is one module, one line in its family's table, one line in a profile, one test
file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules import (
    bills,
    cash,
    consent,
    duplicate,
    invoice,
    match,
    party,
    portfolio,
    registry,
    terms,
    warehouse,
)

FAMILIES: Final[Mapping[str, tuple[Rule[Any], ...]]] = {
    "consent": consent.RULES,
    "invoice": invoice.RULES,
    "party": party.RULES,
    "match": match.RULES,
    "duplicate": duplicate.RULES,
    "cash": cash.RULES,
    "terms": terms.RULES,
    "registry": registry.RULES,
    "bills": bills.RULES,
    "warehouse": warehouse.RULES,
    "portfolio": portfolio.RULES,
}
"""Every rule in every version, by family."""


def _by_version(families: Iterable[tuple[Rule[Any], ...]]) -> dict[tuple[str, int], Rule[Any]]:
    found: dict[tuple[str, int], Rule[Any]] = {}
    for rule in (each for family in families for each in family):
        if found.setdefault((rule.id, rule.version), rule) is not rule:
            raise ValueError(f"rule {rule.id} version {rule.version} is there twice")
    return found


ALL: Final[Mapping[tuple[str, int], Rule[Any]]] = _by_version(FAMILIES.values())
"""By name and version: older versions stay, so that older packages replay."""

RULES: Final[Mapping[str, Rule[Any]]] = {name: ALL[name, version] for name, version in sorted(ALL)}
"""The newest version of each."""
