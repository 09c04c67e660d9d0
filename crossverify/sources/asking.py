"""How every institution is asked: in batches, several at once, with deadlines, never raising an exception.

1. Questions are cut into batches that the institution takes.
2. Batches are asked concurrently, a few at a time; each call has its deadline.
3. Each response is checked: it is from the source that was asked and says as of when; it answers every
   question in order; its values can be read; its digest is that of this question and this answer.
4. All is well: one ``SourceAnswer`` with the oldest as-of time. Anything else: the source is *silent*, with
   the reason. Part of an answer is no answer, as the part that is missing may be the one that matters.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict, Field

from consortium.errors import ChanrongError
from consortium.rpc.client import call
from crossverify.evidence import SourceAnswer, SourceState
from crossverify.sources.digest import answer_digest, full, joint_digest

MAX_REASON_CHARACTERS: Final = 300
CLOCK_SKEW_S: Final = 300
"""How far ahead an institution's clock may be; a later as-of time would never grow stale."""

Answers = dict[str, dict[str, Any]]
Item = TypeVar("Item")
_log = structlog.get_logger("chanrong.sources")


class AskingLimits(BaseModel):
    """How an institution is asked. Every figure has a unit in its name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deadline_s: float = Field(default=5.0, gt=0)
    concurrent_calls: int = Field(default=4, gt=0)


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
    """

    method: Any
    request: Message
    references: Sequence[str]
    field: str
    key: str
    check: Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class _Answered:
    institution: str
    as_of: int
    digest: str
    answers: Answers


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Items in batches of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))


async def ask(
    source: str,
    calls: Sequence[Batch],
    limits: AskingLimits,
    clock: Callable[[], float] = time.time,
) -> SourceAnswer:
    """Ask all batches; never raises for what the institution or the way to it does.

    :param source: "tax", "bank" or "credit"
    :param clock: seconds since 1970 UTC
    """
    gate = asyncio.Semaphore(limits.concurrent_calls)

    async def one(batch: Batch) -> _Answered:
        async with gate:
            async with asyncio.timeout(limits.deadline_s * 2):  # should a channel not keep its own deadline
                response = await call(batch.method, batch.request, timeout_s=limits.deadline_s)
            return _checked(source, batch, response, int(clock()))

    if not calls:
        return silent(source, "Nothing was asked.")
    tasks = [asyncio.create_task(one(batch)) for batch in calls]
    try:
        answered = await asyncio.gather(*tasks)
        return _together(source, answered)
    except WrongAnswerError as error:
        return silent(source, str(error))
    except ChanrongError as error:
        return silent(source, f"{error.reason}: {error.message}")
    except TimeoutError:
        return silent(source, f"DEADLINE_EXCEEDED: No answer within {limits.deadline_s:g} s.")
    except Exception as error:  # noqa: BLE001 -- a source never stops an assessment
        _log.error("source_failed", source=source, exc_info=error)
        return silent(source, f"INTERNAL: {type(error).__name__}")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def silent(source: str, reason: str) -> SourceAnswer:
    """A source that gave no answer, and why."""
    return SourceAnswer(source=source, state=SourceState.SILENT, reason=reason[:MAX_REASON_CHARACTERS])


def _together(source: str, answered: Sequence[_Answered]) -> SourceAnswer:
    institutions = sorted({each.institution for each in answered})
    if len(institutions) != 1:
        raise WrongAnswerError(f"Answers name different institutions: {', '.join(institutions)}.")
    answers: Answers = {}
    for each in answered:
        answers.update(each.answers)
    return SourceAnswer(
        source=source,
        institution=institutions[0],
        state=SourceState.ANSWERED,
        as_of=min(each.as_of for each in answered),
        digest=joint_digest([each.digest for each in answered]),
        answers=answers,
    )


def _checked(source: str, batch: Batch, response: Any, now: int) -> _Answered:
    provenance = response.provenance
    if provenance.source != source or not provenance.institution:
        raise WrongAnswerError(f"The answer does not come from a {source} institution.")
    if not 0 <= provenance.as_of_unix <= now + CLOCK_SKEW_S:
        raise WrongAnswerError("The answer's as-of time lies in the future.")
    items = getattr(response, batch.field)
    found = [getattr(item, batch.key) for item in items]
    if found != list(batch.references):
        raise WrongAnswerError(
            f"{len(batch.references)} questions were asked; the answers are not to all of them."
        )
    if provenance.digest != answer_digest(batch.request, response):
        raise WrongAnswerError("The answer's digest does not fit question and answer.")
    answers = {reference: full(item) for reference, item in zip(found, items, strict=True)}
    for reference, answer in answers.items():
        try:
            batch.check(answer)
        except WrongAnswerError as error:
            raise WrongAnswerError(f"The answer on {reference[:80]} cannot be read: {error}") from error
    return _Answered(provenance.institution, provenance.as_of_unix, provenance.digest, answers)
