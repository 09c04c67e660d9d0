"""From where and when somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from crossverify.evidence import SourceAnswer, SourceState
from crossverify.rule import Stage

BANK: Final = "BankAMSP"
GATEWAY: Final = "IndustryAMSP"
PURPOSE: Final = "credit_assessment"
SOURCES: Final = ("tax", "bank", "credit", "registry", "bills")

Answers = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Look:
    """One look.

    :ivar day: it is noon (UTC) of that day
    :ivar silent: an institution that does not answer; "ledger" is not among them
    """

    day: date
    stage: Stage = Stage.BEFORE_FUNDING
    silent: str = ""

    @property
    def now(self) -> int:
        """Seconds since 1970 UTC."""
        return seconds(self.day, 12)

    @property
    def known(self) -> date:
        """The last day that institutions have in their books: yesterday."""
        return self.day - timedelta(days=1)


def seconds(day: date, hour: int = 8) -> int:
    """An hour of a day as seconds since 1970 UTC."""
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp())


def answered(look: Look, source: str, name: str, ask: Callable[[], Answers]) -> SourceAnswer:
    """An institution's answer, or its silence."""
    if look.silent == source:
        return SourceAnswer(source=source, state=SourceState.SILENT, reason="no answer within 5 s")
    return SourceAnswer(
        source=source,
        institution=name,
        state=SourceState.ANSWERED,
        as_of=look.now - 3_600,
        digest="0" * 64,
        answers=ask(),
    )
