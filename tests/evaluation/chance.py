"""Randomness with names: each thing draws from its own stream, so that a fraud in one trade leaves all others alone."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """A seeded stream.

    :param name: whatever tells it from others; the same name gives the same stream
    """

    def __init__(self, *name: object) -> None:
        self._name = "|".join(map(str, name))
        self._random = random.Random(hashlib.sha256(self._name.encode()).digest())

    def of(self, *name: object) -> Chance:
        """Another stream, which depends on this one's name and not on what was drawn from it."""
        return Chance(self._name, *name)

    def happens(self, rate: float) -> bool:
        """True in this part of all cases."""
        return self._random.random() < rate

    def pick(self, of: Sequence[T]) -> T:
        """One of them."""
        return self._random.choice(of)

    def weighted(self, of: dict[T, float]) -> T:
        """One of them, by weight."""
        return self._random.choices(list(of), list(of.values()))[0]

    def some(self, of: Sequence[T], count: int) -> list[T]:
        """Some of them, each once."""
        return self._random.sample(of, min(count, len(of)))

    def number(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return self._random.randint(low, high)

    def decimal(self, low: Decimal, high: Decimal, places: int) -> Decimal:
        """A number with so many places, low ones likelier than high ones, as amounts in trade are."""
        share = Decimal(str(round(self._random.random() ** 2, 9)))
        return (low + (high - low) * share).quantize(Decimal(1).scaleb(-places))

    def digits(self, count: int) -> str:
        """So many digits, the first not zero."""
        return str(self._random.randint(1, 9)) + "".join(
            str(self._random.randint(0, 9)) for _ in range(count - 1)
        )
