"""Questions to a credit bureau (征信): what is the credit status of these subjects, and who stands behind them?

The report stays at the bank's side (docs/decisions/0013). What leaves this module is derived from it, :func:`derived`:
what rules judge, no debts in money, no names; persons, addresses and contacts become keys under a random secret of
this one request, which is forgotten: they can be compared within one package and nowhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import grpc.aio

from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.evidence import SourceAnswer
from crossverify.sources.asking import STREAM_FROM, Asker, AskingLimits, Batch, WrongAnswerError, batches
from crossverify.sources.values import need_amount, need_currency, need_one_of

SOURCE: Final = "credit"
MAX_SUBJECTS: Final = 100  # of one call
MAX_RELATED: Final = 500  # of one report
RELATIONS: Final = ("owner", "officer", "controller", "address", "contact")
STATUSES: Final = ("", "active", "suspended", "revoked", "deregistered", "insolvent")
KEY_BYTES: Final = 16  # of a related party's key: no two of one package meet by chance
_STREAM_FROM: Final = STREAM_FROM // 10  # reports are ten times as long as other answers
_JUDGED: Final = ("known", "current_overdue_days", "past_overdue_count", "under_enforcement", "status")


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """One subject.

    :ivar subject_id: identifier as "scheme:value"
    :ivar authorisation: consent under which the report is asked for
    :ivar relations_only: for a counterparty: related parties and status, no credit record
    """

    subject_id: str
    authorisation: str
    relations_only: bool = False


class CreditSource:
    """Client of one credit bureau.

    :param channel: to its server (``consortium.rpc.client.channel``); stays the caller's to close
    :param secret: makes the secret of one request
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        limits: AskingLimits | None = None,
        clock: Callable[[], float] = time.time,
        secret: Callable[[], bytes] = lambda: secrets.token_bytes(32),
    ) -> None:
        self._stub = rpc.CreditSourceServiceStub(channel)
        self._asker = Asker(SOURCE, limits, clock)
        self._secret = secret

    async def ask(self, subjects: Sequence[ReportQuestion]) -> SourceAnswer:
        """Ask for reports; never raises, see ``asking``.

        :param subjects: identifiers must differ: the subject and, for related parties, its counterparties
        :returns: what is derived from the reports, by the subjects' identifiers; its digest is the bureau's, over
            the reports themselves
        """
        answer = await self._asker.ask([self._batch(batch) for batch in batches(subjects, MAX_SUBJECTS)])
        asked = {each.subject_id: each for each in subjects}
        secret = self._secret()
        return answer.model_copy(
            update={
                "answers": {
                    subject: derived(report, secret, asked, relations_only=asked[subject].relations_only)
                    for subject, report in answer.answers.items()
                }
            }
        )

    def _batch(self, subjects: Sequence[ReportQuestion]) -> Batch:
        long = len(subjects) >= _STREAM_FROM
        return Batch(
            self._stub.StreamReports if long else self._stub.GetReports,
            pb.GetReportsRequest(subjects=[_message(each) for each in subjects]),
            [each.subject_id for each in subjects],
            "reports",
            "subject_id",
            partial(_check, relations_only={each.subject_id for each in subjects if each.relations_only}),
            _in_parts if long else None,
        )


def derived(
    report: dict[str, Any], secret: bytes, parties: Collection[str], *, relations_only: bool = False
) -> dict[str, Any]:
    """What leaves the desk of a report.

    :param report: as the bureau gave it, or its ``error``
    :param secret: of this request
    :param parties: identifiers that stand in the package anyway: only these companies keep theirs
    """
    if "error" in report:
        return report
    judged = {name: report[name] for name in _JUDGED}
    if relations_only:
        judged = {"known": report["known"], "relations_only": True, "status": report["status"]}
    return {
        **judged,
        "related": [
            {
                "kind": each["kind"],
                "key": related_key(secret, each["identifier"]),
                "identifier": each["identifier"] if each["identifier"] in parties else "",
                "share_percent": each["share_percent"],
            }
            for each in report["related"]
        ],
    }


def related_key(secret: bytes, identifier: str) -> str:
    """Key of a person, company, address or contact (hex): equal for equal ones, whatever their writing."""
    folded = "".join(
        character for character in unicodedata.normalize("NFKC", identifier).upper() if character.isalnum()
    )
    return hmac.new(secret, folded.encode(), hashlib.sha256).digest()[:KEY_BYTES].hex()


def _in_parts(question: Any) -> pb.StreamReportsRequest:
    return pb.StreamReportsRequest(question=question)


def _message(question: ReportQuestion) -> pb.ReportQuestion:
    return pb.ReportQuestion(
        subject_id=question.subject_id,
        authorisation=question.authorisation,
        relations_only=question.relations_only,
    )


def _check(report: dict[str, Any], relations_only: Collection[str]) -> None:
    if report["known"] and report["subject_id"] not in relations_only:
        need_amount(report, "liabilities")
        need_currency(report, "currency")
    need_one_of(report, "status", STATUSES)
    if len(report["related"]) > MAX_RELATED:
        raise WrongAnswerError(f"it has more than {MAX_RELATED} related parties.")
    for each in report["related"]:
        need_one_of(each, "kind", RELATIONS)
        need_amount(each, "share_percent", optional=True)
        if not each["identifier"]:
            raise WrongAnswerError("a related party has no identifier.")
