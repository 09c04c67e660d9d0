"""The circuit breaker and the kept answers, by a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from consortium.errors import DeniedError, OutcomeUnknownError, UnavailableError
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from crossverify.evidence import SourceAnswer, SourceState
from crossverify.sources.asking import Asker, AskingLimits, Batch
from crossverify.sources.breaker import Breaker
from crossverify.sources.cache import AnswerCache
from crossverify.sources.digest import answer_digest

NOW = 1_790_000_000


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def down() -> UnavailableError:
    return UnavailableError("connection refused")


def attempt(breaker: Breaker, error: Exception | None = None) -> str:
    """One call; what came of it."""
    try:
        with breaker.guard():
            if error is not None:
                raise error
    except Exception as caught:
        return str(getattr(caught, "reason", type(caught).__name__))
    return "done"


def state(breaker: Breaker) -> str:
    return breaker.state.value


def make(clock: Clock, failures: int = 3) -> Breaker:
    return Breaker("The bank", failures=failures, open_s=10, clock=clock)


def test_it_opens_after_failures_in_a_row_and_tells_when_it_asks_again() -> None:
    clock = Clock()
    breaker = make(clock)
    for _ in range(3):
        assert state(breaker) == "closed"
        assert attempt(breaker, down()) == "UNAVAILABLE"
    assert state(breaker) == "open"
    clock.now += 4
    with (
        pytest.raises(UnavailableError, match="3 times in a row; it is asked again in 6 s") as caught,
        breaker.guard(),
    ):
        pytest.fail("no call goes through")
    assert caught.value.reason == "CIRCUIT_OPEN"


@pytest.mark.parametrize(
    "between", [None, DeniedError("no"), UnavailableError("x", reason="INSTITUTION_PAUSED")]
)
def test_whoever_answers_in_between_is_there(between: Exception | None) -> None:
    breaker = make(Clock())
    attempt(breaker, down())
    attempt(breaker, TimeoutError())
    attempt(breaker, between)
    attempt(breaker, OutcomeUnknownError("late"))
    attempt(breaker, down())
    assert state(breaker) == "closed"


def test_one_trial_at_a_time_closes_it_or_opens_it_again() -> None:
    clock = Clock()
    breaker = make(clock)
    for _ in range(3):
        attempt(breaker, down())
    clock.now += 10
    assert state(breaker) == "half_open"
    with breaker.guard():
        assert attempt(breaker) == "CIRCUIT_OPEN"  # a second one while the first tries
    assert state(breaker) == "closed"
    for _ in range(3):
        attempt(breaker, down())
    clock.now += 10
    assert attempt(breaker, down()) == "UNAVAILABLE"
    assert state(breaker) == "open"
    clock.now += 9.9
    assert attempt(breaker) == "CIRCUIT_OPEN"
    clock.now += 0.1
    assert attempt(breaker) == "done"
    assert state(breaker) == "closed"


def test_a_trial_that_is_cancelled_leaves_room_for_the_next() -> None:
    clock = Clock()
    breaker = make(clock, failures=1)
    attempt(breaker, down())
    clock.now += 10
    with pytest.raises(KeyboardInterrupt), breaker.guard():
        raise KeyboardInterrupt
    assert attempt(breaker) == "done"


# --- asking ---------------------------------------------------------------------------------


class Office:
    """An institution that answers, or not. Its answers count the calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self.as_of = NOW

    async def __call__(self, request: Any, timeout: float | None = None) -> Any:
        self.calls += 1
        if self.error is not None:
            raise self.error
        answers = [
            pb.TaxpayerAnswer(tax_id=each, known=True, name=str(self.calls)) for each in request.tax_ids
        ]
        response = pb.CheckTaxpayersResponse(answers=answers)
        response.provenance.CopyFrom(pb.Provenance(source="tax", institution="Office", as_of_unix=self.as_of))
        response.provenance.digest = answer_digest(request, response)
        return response


def asking(office: Office, clock: Clock, **limits: Any) -> Callable[[str], Any]:
    asker = Asker("tax", AskingLimits(**limits), lambda: NOW, clock)

    async def ask(tax_id: str) -> SourceAnswer:
        request = pb.CheckTaxpayersRequest(tax_ids=[tax_id])
        return await asker.ask([Batch(office, request, [tax_id], "answers", "tax_id", lambda answer: None)])

    return ask


async def test_an_institution_that_is_down_is_left_alone_and_tried_again() -> None:
    office, clock = Office(), Clock()
    ask = asking(office, clock, breaker_failures=2, breaker_open_s=10)
    office.error = down()
    assert [(await ask("a")).state for _ in range(5)] == [SourceState.SILENT] * 5
    assert office.calls == 2
    assert (await ask("a")).reason.startswith("CIRCUIT_OPEN")
    office.error = None
    clock.now += 10
    assert (await ask("a")).state is SourceState.ANSWERED
    assert office.calls == 3


async def test_an_institution_that_is_back_answers_every_question_at_once() -> None:
    office, clock = Office(), Clock()
    asker = Asker("tax", AskingLimits(breaker_failures=1, breaker_open_s=10), lambda: NOW, clock)

    async def ask() -> SourceAnswer:
        calls = [
            Batch(
                office,
                pb.CheckTaxpayersRequest(tax_ids=[name]),
                [name],
                "answers",
                "tax_id",
                lambda answer: None,
            )
            for name in "abcdef"
        ]
        return await asker.ask(calls)

    office.error = down()
    assert (await ask()).state is SourceState.SILENT
    clock.now += 10
    before = office.calls
    assert (await ask()).state is SourceState.SILENT
    assert office.calls == before + 1  # the others were not tried
    office.error = None
    clock.now += 10
    answer = await ask()
    assert [each["known"] for each in answer.answers.values()] == [True] * 6


async def test_nothing_is_kept_by_default() -> None:
    office, clock = Office(), Clock()
    ask = asking(office, clock)
    names = [(await ask("a")).answers["a"]["name"] for _ in range(2)]
    assert names == ["1", "2"]


async def test_a_fresh_answer_is_not_asked_for_again_and_its_age_is_told() -> None:
    office, clock = Office(), Clock()
    ask = asking(office, clock, cache_fresh_s=60)
    first = await ask("a")
    clock.now += 42
    second = await ask("a")
    assert office.calls == 1
    assert (second.answers, second.as_of, second.digest) == (first.answers, NOW, first.digest)
    assert (first.reason, second.reason) == ("", "Kept from before: asked 42 s ago.")
    assert second.state is SourceState.ANSWERED
    assert (await ask("b")).reason == ""  # another question
    clock.now += 19
    assert (await ask("a")).reason == ""
    assert office.calls == 3


@pytest.mark.parametrize("error", [down(), TimeoutError(), OutcomeUnknownError("late")])
async def test_a_kept_answer_is_used_while_nobody_is_there(error: Exception) -> None:
    office, clock = Office(), Clock()
    ask = asking(office, clock, cache_fallback_s=600)
    await ask("a")
    office.error = error
    clock.now += 600
    answer = await ask("a")
    assert (answer.state, answer.as_of) == (SourceState.ANSWERED, NOW)
    assert answer.reason == "Kept from before: asked 600 s ago."
    clock.now += 1
    assert (await ask("a")).state is SourceState.SILENT
    assert (await ask("b")).state is SourceState.SILENT


@pytest.mark.parametrize("error", [DeniedError("no"), UnavailableError("x", reason="INSTITUTION_PAUSED")])
async def test_whoever_refuses_is_not_overruled_by_what_it_said_before(error: Exception) -> None:
    office, clock = Office(), Clock()
    ask = asking(office, clock, cache_fallback_s=600)
    await ask("a")
    office.error = error
    assert (await ask("a")).state is SourceState.SILENT


async def test_what_was_not_usable_is_not_kept() -> None:
    office, clock = Office(), Clock()
    ask = asking(office, clock, cache_fresh_s=60)
    office.as_of = NOW + 10_000
    assert (await ask("a")).state is SourceState.SILENT
    office.as_of = NOW
    assert (await ask("a")).state is SourceState.ANSWERED


# --- memory ---------------------------------------------------------------------------------


class Kept:
    def __init__(self, count: int) -> None:
        self.answers = list(range(count))


def test_memory_is_bounded_and_what_was_used_last_stays() -> None:
    clock = Clock()
    cache: AnswerCache[Kept] = AnswerCache(max_answers=10, max_age_s=60, clock=clock)
    for name in "abc":
        cache.put(name, Kept(3))
    assert cache.get("a", 60) is not None
    cache.put("d", Kept(4))
    assert [cache.get(name, 60) is not None for name in "abcd"] == [True, False, True, True]
    assert len(cache) == 10
    cache.put("e", Kept(11))  # more than all room
    assert cache.get("e", 60) is None
    cache.put("a", Kept(1))
    assert len(cache) == 8
    clock.now += 61
    assert cache.get("a", 600) is None
    assert len(cache) == 7


def test_an_empty_answer_takes_room_too() -> None:
    cache: AnswerCache[Kept] = AnswerCache(max_answers=3, max_age_s=60, clock=Clock())
    for number in range(5):
        cache.put(str(number), Kept(0))
    assert len(cache) == 3
