"""Questions to a credit bureau (征信): what is the credit status of these subjects?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc.aio

from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.evidence import SourceAnswer
from crossverify.sources.asking import AskingLimits, Batch, ask, batches
from crossverify.sources.values import need_amount, need_currency

SOURCE: Final = "credit"
MAX_SUBJECTS: Final = 100  # of one call


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """One subject.

    :ivar subject_id: identifier as "scheme:value"
    :ivar authorisation: consent under which the report is asked for
    """

    subject_id: str
    authorisation: str


class CreditSource:
    """Client of one credit bureau.

    :param channel: to its server (``consortium.rpc.client.channel``); stays the caller's to close
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        limits: AskingLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stub = rpc.CreditSourceServiceStub(channel)
        self._limits = limits or AskingLimits()
        self._clock = clock

    async def ask(self, subjects: Sequence[ReportQuestion]) -> SourceAnswer:
        """Ask for reports; never raises, see ``asking``.

        :param subjects: identifiers must differ
        :returns: reports by the subjects' identifiers
        """
        calls = [
            Batch(
                self._stub.GetReports,
                pb.GetReportsRequest(
                    subjects=[
                        pb.ReportQuestion(subject_id=each.subject_id, authorisation=each.authorisation)
                        for each in batch
                    ]
                ),
                [each.subject_id for each in batch],
                "reports",
                "subject_id",
                _check,
            )
            for batch in batches(subjects, MAX_SUBJECTS)
        ]
        return await ask(SOURCE, calls, self._limits, self._clock)


def _check(report: dict[str, Any]) -> None:
    if report["known"]:
        need_amount(report, "liabilities")
        need_currency(report, "currency")
