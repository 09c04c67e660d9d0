"""Answers that were given before: bounded, and each with the time at which it was asked for.

What is kept is one call's checked answer under the digest of its question. It is used in two ways, each with an age
of its own (``AskingLimits``, both zero, which is never, until a bank sets them):

- *fresh*: an answer that is younger is not asked for again;
- *fallback*: an answer that is younger is used when the institution cannot be reached.

The answer's as-of time stays the institution's, so that the profile's maximum age holds for it as for any other: a
cached answer is never older than that. How long ago it was asked for is told beside it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Countable(Protocol):
    """What is kept: its ``answers`` are counted."""

    @property
    def answers(self) -> Sized:
        """The single answers of one call."""
        ...


A = TypeVar("A", bound=Countable)


@dataclass(frozen=True, slots=True)
class Cached(Generic[A]):
    """A kept answer. :ivar age_s: seconds since it was asked for"""

    answer: A
    age_s: float


class AnswerCache(Generic[A]):
    """Keeps the answers used last.

    :param max_answers: single answers that are kept in all; a call with more is not kept
    :param max_age_s: older ones are forgotten; 0 keeps nothing
    :param clock: seconds of a clock that never goes back
    """

    def __init__(
        self, *, max_answers: int, max_age_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_answers = max_answers
        self._max_age_s = max_age_s
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, A]] = OrderedDict()
        self._answers = 0

    def __len__(self) -> int:
        return self._answers

    def get(self, key: str, max_age_s: float) -> Cached[A] | None:
        """The answer to a question, when it was asked for at most so long ago."""
        found = self._kept.get(key)
        if found is None or max_age_s <= 0:
            return None
        age = self._clock() - found[0]
        if age > self._max_age_s:
            self._drop(key)
            return None
        if age > max_age_s:
            return None
        self._kept.move_to_end(key)
        return Cached(found[1], max(age, 0.0))

    def put(self, key: str, answer: A) -> None:
        """Keep an answer, and forget those used longest ago when there are too many."""
        self._drop(key)
        if self._max_age_s <= 0 or len(answer.answers) > self._max_answers:
            return
        self._kept[key] = (self._clock(), answer)
        self._answers += max(len(answer.answers), 1)
        while self._answers > self._max_answers:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._answers -= max(len(found[1].answers), 1)
