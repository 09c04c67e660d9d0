"""Units that the first version of the rules could compare: fewer than now (:mod:`crossverify.units`). Packages of these
versions replay with the same answers."""

from __future__ import annotations

from fractions import Fraction

from crossverify import units


def factor(unit: str, into: str) -> Fraction | None:
    """As :func:`crossverify.units.factor`, for the units of then."""
    if unit == into or {unit, into} <= units.FIRST:
        return units.factor(unit, into)
    return None
