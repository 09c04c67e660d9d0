"""A circuit breaker: an institution that is down is left alone for a while, instead of costing every package its
deadline.

1. *closed*: calls go through; failures in a row are counted, a success starts the count anew.
2. *open*, after so many failures: nothing goes through for a while; the caller is told at once.
3. *half-open*, afterwards: as many calls as are allowed try it. One that succeeds closes, one that fails opens again.

Only what says that nobody is there counts as a failure (no connection, no answer in time): an institution that
refuses, or says that it is paused, is there. Not safe for several threads; one event loop uses it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from consortium.errors import ChanrongError, OutcomeUnknownError, UnavailableError

PAUSED = "INSTITUTION_PAUSED"
"""Reason of an institution that is there and answers no questions for now."""


class BreakerState(StrEnum):
    """See the module."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """One institution's breaker.

    :param name: of the institution, for messages
    :param failures: failures in a row after which it opens
    :param open_s: how long it stays open, in seconds
    :param trials: calls that may try at once while it is half-open
    :param clock: seconds of a clock that never goes back
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int,
        open_s: float,
        trials: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._limit = failures
        self._open_s = open_s
        self._trials = trials
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._trying = 0

    @property
    def state(self) -> BreakerState:
        """What happens to the next call."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        waited = self._clock() - self._opened_at
        return BreakerState.HALF_OPEN if waited >= self._open_s else BreakerState.OPEN

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Around one call: lets it through, and learns from how it ends.

        :raises UnavailableError: ``CIRCUIT_OPEN``; the call is not to be made
        """
        trial = self._admit()
        try:
            yield
        except BaseException as error:
            self._end(trial)
            if is_absence(error):
                self._failed()
            elif isinstance(error, ChanrongError):
                self._succeeded()  # it refused: so it is there
            raise
        self._end(trial)
        self._succeeded()

    def _admit(self) -> bool:
        """Whether the call that is let through is a trial."""
        state = self.state
        if state is BreakerState.CLOSED:
            return False
        if state is BreakerState.HALF_OPEN and self._trying < self._trials:
            self._trying += 1
            return True
        opened_at = self._opened_at if self._opened_at is not None else self._clock()
        left = max(self._open_s - (self._clock() - opened_at), 0.0)
        raise UnavailableError(
            f"{self._name} did not answer {self._failures} times in a row; it is asked again in {left:.0f} s.",
            reason="CIRCUIT_OPEN",
            remedy="Wait, or see why it is down.",
        )

    def _end(self, trial: bool) -> None:
        if trial:
            self._trying -= 1

    def _succeeded(self) -> None:
        self._failures = 0
        self._opened_at = None

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= self._limit:
            self._opened_at = self._clock()


def is_absence(error: BaseException) -> bool:
    """Whether an error says that nobody is there: no connection, or no answer in time."""
    if isinstance(error, UnavailableError):
        return error.reason != PAUSED
    return isinstance(error, OutcomeUnknownError | TimeoutError)
