"""How every institution is asked: in batches, several at once, with deadlines, never raising an exception.

1. Questions are cut into batches that the institution takes.
2. Batches are asked concurrently, a few at a time; each call has its deadline. A long answer comes in parts. An
   institution that did not answer several times in a row is left alone for a while (``breaker``); what it said before
   may be used, where the bank allows it (``cache``).
3. Each response is checked: it is from the source that was asked and says as of when; it answers as many questions as
   were asked; its digest is that of this question and this answer.
4. Each answer is checked: it is about what was asked, and its values can be read. One that is not has an ``error``
   instead of values, and so has a question whose call failed while others succeeded: it is UNKNOWN for that question
   alone.
5. One ``SourceAnswer`` with the oldest as-of time. Without any usable answer the source is *silent*, with the reason.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

import structlog
from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict, Field

from consortium.errors import ChanrongError
from consortium.rpc.client import call, stream
from crossverify.evidence import SourceAnswer, SourceState
from crossverify.sources.breaker import Breaker, BreakerState, is_absence
from crossverify.sources.cache import AnswerCache
from crossverify.sources.digest import answer_digest, full, joint_digest

MAX_REASON_CHARACTERS: Final = 300
CLOCK_SKEW_S: Final = 300
"""How far ahead an institution's clock may be; a later as-of time would never grow stale."""

STREAM_FROM: Final = 200
"""Questions of one call from which on its answer is wanted in parts, where the institution can."""

MAX_STREAMED_BYTES: Final = 64 * 1024 * 1024
"""Of one answer in parts."""

UNREADABLE: Final = "ANSWER_UNREADABLE"

Answers = dict[str, dict[str, Any]]
Item = TypeVar("Item")
_log = structlog.get_logger("chanrong.sources")


class AskingLimits(BaseModel):
    """How an institution is asked. Every figure has a unit in its name.

    :ivar breaker_failures: calls in a row without an answer after which it is left alone
    :ivar breaker_open_s: for how long
    :ivar cache_fresh_s: an answer asked for more recently is not asked for again; 0 always asks
    :ivar cache_fallback_s: one asked for more recently is used when the institution cannot be reached; 0 never
    :ivar cache_answers: single answers that are kept at most
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    deadline_s: float = Field(default=5.0, gt=0)
    concurrent_calls: int = Field(default=4, gt=0)
    breaker_failures: int = Field(default=5, gt=0)
    breaker_open_s: float = Field(default=10.0, ge=0)
    cache_fresh_s: float = Field(default=0.0, ge=0)
    cache_fallback_s: float = Field(default=0.0, ge=0)
    cache_answers: int = Field(default=20_000, gt=0)


class WrongAnswerError(Exception):
    """A response that cannot be an answer to the question; its text is the reason that is told."""


@dataclass(frozen=True)
class Batch:
    """One call.

    :ivar method: the stub's method
    :ivar request: one batch of questions
    :ivar references: what the answers have to be about, in order
    :ivar field: name of the response's repeated field of answers
    :ivar key: name of the field that says what an answer is about
    :ivar check: looks at one answer's values; raises ``WrongAnswerError``
    :ivar wrap: for a method that answers in parts: makes its request of ``request``
    """

    method: Any
    request: Message
    references: Sequence[str]
    field: str
    key: str
    check: Callable[[dict[str, Any]], None]
    wrap: Callable[[Message], Message] | None = None

    def digest(self) -> str:
        """What names the question among others (hex)."""
        name = self.request.DESCRIPTOR.full_name.encode()
        return hashlib.sha256(name + b"|" + self.request.SerializeToString(deterministic=True)).hexdigest()


@dataclass(frozen=True)
class _Answered:
    institution: str
    as_of: int
    digest: str
    answers: Answers
    age_s: float | None = None  # None: just now


@dataclass
class _Failed:
    """Why a call has no answer. :ivar told: reason for the source as a whole"""

    batch: Batch
    reason: str
    told: str
    answers: Answers = field(default_factory=dict)


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Items in batches of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))


def latest_day(clock: Callable[[], float]) -> date:
    """The last day that an answer may speak of as past: tomorrow, as calendars are ahead of UTC in the east."""
    return (datetime.fromtimestamp(clock(), UTC) + timedelta(days=1)).date()


class Asker:
    """Asks one institution, and remembers whether it answered and what.

    :param source: "tax", "bank", "credit", ...
    :param clock: seconds since 1970 UTC
    :param monotonic: seconds of a clock that never goes back, for breaker and cache
    """

    def __init__(
        self,
        source: str,
        limits: AskingLimits | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source = source
        self.clock = clock
        self._limits = limits or AskingLimits()
        self._breaker = Breaker(
            f"The {source} institution",
            failures=self._limits.breaker_failures,
            open_s=self._limits.breaker_open_s,
            clock=monotonic,
        )
        self._cache: AnswerCache[_Answered] = AnswerCache(
            max_answers=self._limits.cache_answers,
            max_age_s=max(self._limits.cache_fresh_s, self._limits.cache_fallback_s),
            clock=monotonic,
        )

    @property
    def breaker_state(self) -> BreakerState:
        """Whether the institution is left alone for now."""
        return self._breaker.state

    async def ask(self, calls: Sequence[Batch]) -> SourceAnswer:
        """Ask all batches; never raises for what the institution or the way to it does."""
        if not calls:
            return silent(self.source, "Nothing was asked.")
        gate = asyncio.Semaphore(self._limits.concurrent_calls)
        tried: list[_Answered | _Failed] = []
        if (
            self._breaker.state is BreakerState.HALF_OPEN
        ):  # one call tries, and the others know what came of it
            tried.append(await self._one(calls[0], gate))
        tasks = [asyncio.create_task(self._one(batch, gate)) for batch in calls[len(tried) :]]
        try:
            return _together(self.source, [*tried, *await asyncio.gather(*tasks)])
        except WrongAnswerError as error:
            return silent(self.source, str(error))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, batch: Batch, gate: asyncio.Semaphore) -> _Answered | _Failed:
        """One call, or what is known of it from before."""
        key = batch.digest()
        known = self._cached(key, self._limits.cache_fresh_s)
        if known is not None:
            return known
        try:
            async with gate:
                with self._breaker.guard():
                    response = await self._call(batch)
            answered = _checked(self.source, batch, response, int(self.clock()))
        except WrongAnswerError as error:
            return _Failed(batch, UNREADABLE, str(error))
        except (ChanrongError, TimeoutError) as error:
            known = self._cached(key, self._limits.cache_fallback_s) if is_absence(error) else None
            return known or _failed(batch, error, self._limits.deadline_s)
        except Exception as error:  # noqa: BLE001 -- a source never stops an assessment
            _log.error("source_failed", source=self.source, exc_info=error)
            return _Failed(batch, "INTERNAL", f"INTERNAL: {type(error).__name__}")
        self._cache.put(key, answered)
        return answered

    def _cached(self, key: str, max_age_s: float) -> _Answered | None:
        found = self._cache.get(key, max_age_s)
        if found is None:
            return None
        answer = found.answer
        return _Answered(answer.institution, answer.as_of, answer.digest, answer.answers, found.age_s)

    async def _call(self, batch: Batch) -> Any:
        deadline_s = self._limits.deadline_s
        async with asyncio.timeout(deadline_s * 2):  # should a channel not keep its own deadline
            if batch.wrap is None:
                return await call(batch.method, batch.request, timeout_s=deadline_s)
            return await _in_parts(batch.method, batch.wrap(batch.request), deadline_s)


async def ask(
    source: str,
    calls: Sequence[Batch],
    limits: AskingLimits,
    clock: Callable[[], float] = time.time,
) -> SourceAnswer:
    """Ask once, remembering nothing; see :class:`Asker`."""
    return await Asker(source, limits, clock).ask(calls)


def silent(source: str, reason: str) -> SourceAnswer:
    """A source that gave no answer, and why."""
    return SourceAnswer(source=source, state=SourceState.SILENT, reason=reason[:MAX_REASON_CHARACTERS])


async def _in_parts(method: Any, request: Message, deadline_s: float) -> Any:
    """An answer that comes in parts, put together."""
    whole: Any = None
    size = 0
    async for item in stream(method, request, timeout_s=deadline_s):
        part = item.part
        size += part.ByteSize()
        if size > MAX_STREAMED_BYTES:
            raise WrongAnswerError(f"The answer is longer than {MAX_STREAMED_BYTES} bytes.")
        if whole is None:
            whole = type(part)()
        whole.MergeFrom(part)
    if whole is None:
        raise WrongAnswerError("The answer has no parts.")
    return whole


def _failed(batch: Batch, error: Exception, deadline_s: float) -> _Failed:
    if isinstance(error, ChanrongError):
        return _Failed(batch, error.reason, f"{error.reason}: {error.message}")
    return _Failed(batch, "DEADLINE_EXCEEDED", f"DEADLINE_EXCEEDED: No answer within {deadline_s:g} s.")


def _together(source: str, results: Sequence[_Answered | _Failed]) -> SourceAnswer:
    """Step 5. Answers stand in the order of the questions."""
    answered = [each for each in results if isinstance(each, _Answered)]
    failed = [each for each in results if isinstance(each, _Failed)]
    if not answered:
        raise WrongAnswerError(failed[0].told)
    institutions = sorted({each.institution for each in answered})
    if len(institutions) != 1:
        raise WrongAnswerError(f"Answers name different institutions: {', '.join(institutions)}.")
    answers: Answers = {}
    for each in results:
        if isinstance(each, _Answered):
            answers.update(each.answers)
        else:
            error = {"error": {"reason": each.reason, "message": each.told[:MAX_REASON_CHARACTERS]}}
            answers.update((reference, error) for reference in each.batch.references)
    unusable = [answer for answer in answers.values() if _is_unreadable(answer)]
    if unusable and len(unusable) == len(answers):
        raise WrongAnswerError(str(unusable[0]["error"]["message"]))
    return SourceAnswer(
        source=source,
        institution=institutions[0],
        state=SourceState.ANSWERED,
        reason=_told_age(answered),
        as_of=min(each.as_of for each in answered),
        digest=joint_digest([each.digest for each in answered]),
        answers=answers,
    )


def _is_unreadable(answer: Mapping[str, Any]) -> bool:
    error = answer.get("error")
    return isinstance(error, dict) and error.get("reason") == UNREADABLE


def _told_age(answered: Sequence[_Answered]) -> str:
    """What is said of answers that were not asked for just now; empty when all were."""
    ages = [each.age_s for each in answered if each.age_s is not None]
    if not ages:
        return ""
    what = "Kept from before" if len(ages) == len(answered) else f"{len(ages)} of {len(answered)} calls kept"
    return f"{what}: asked {int(max(ages))} s ago."


def _checked(source: str, batch: Batch, response: Any, now: int) -> _Answered:
    """Steps 3 and 4."""
    provenance = response.provenance
    if provenance.source != source or not provenance.institution:
        raise WrongAnswerError(f"The answer does not come from a {source} institution.")
    if not 0 <= provenance.as_of_unix <= now + CLOCK_SKEW_S:
        raise WrongAnswerError("The answer's as-of time lies in the future.")
    items = list(getattr(response, batch.field))
    if len(items) != len(batch.references):
        raise WrongAnswerError(
            f"{len(batch.references)} questions were asked; the answers are not to all of them."
        )
    if provenance.digest != answer_digest(batch.request, response):
        raise WrongAnswerError("The answer's digest does not fit question and answer.")
    answers = {
        reference: _one_answer(batch, reference, item)
        for reference, item in zip(batch.references, items, strict=True)
    }
    return _Answered(provenance.institution, provenance.as_of_unix, provenance.digest, answers)


def _one_answer(batch: Batch, reference: str, item: Any) -> dict[str, Any]:
    """One answer's values, or why it has none."""
    if getattr(item, batch.key) != reference:
        return _unreadable(f"The answer on {reference[:80]} is about something else.")
    answer = full(item)
    if "error" in answer:
        return {"error": answer["error"]}
    try:
        batch.check(answer)
    except WrongAnswerError as error:
        return _unreadable(f"The answer on {reference[:80]} cannot be read: {error}")
    return answer


def _unreadable(message: str) -> dict[str, Any]:
    return {"error": {"reason": UNREADABLE, "message": message[:MAX_REASON_CHARACTERS]}}
