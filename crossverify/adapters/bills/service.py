"""Answers the questions to the reference commercial-paper exchange: two queries per batch.

Of a package that was split, an answer has the parts that fall into the sub-range asked about; adjacent parts that
agree are told as one. Units that the exchange does not have are left out, and the asker sees that they are missing.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any, Final

from consortium.documents.money import decimal_text
from consortium.wire.chanrong.sources.v1 import bills_pb2 as pb
from consortium.wire.chanrong.sources.v1 import bills_pb2_grpc as rpc
from consortium.wire.chanrong.sources.v1.sources_pb2 import QuestionError
from crossverify.adapters.bills import store
from crossverify.adapters.bills.load import BILLS
from crossverify.adapters.bills.records import CURRENCY
from crossverify.adapters.context import Context
from crossverify.adapters.institution import Institution, check_batch, check_text
from crossverify.adapters.parts import in_parts
from crossverify.sources.bills import MAX_BILLS
from crossverify.subranges import UNIT_AMOUNT, PackageNumber, SubRange

MAX_RANGES: Final = 1_000
"""Parts that one answer tells: a bill in more of them is asked about in smaller sub-ranges."""


class BillsService(rpc.BillSourceServiceServicer):
    """Questions to the exchange."""

    def __init__(self, institution: Institution) -> None:
        self._institution = institution

    async def CheckBills(self, request: pb.CheckBillsRequest, context: Context) -> pb.CheckBillsResponse:
        """State of each bill."""
        return await self._answer(request)

    async def StreamBills(
        self, request: pb.StreamBillsRequest, context: Context
    ) -> AsyncIterator[pb.StreamBillsResponse]:
        """The same in parts."""
        for part in in_parts(await self._answer(request.question), "answers"):
            yield pb.StreamBillsResponse(part=part)

    async def _answer(self, request: pb.CheckBillsRequest) -> pb.CheckBillsResponse:
        self._institution.check_answering()
        check_batch(len(request.bills), MAX_BILLS, "bills")
        for index, question in enumerate(request.bills):
            check_text(question.reference, f"bills[{index}].reference")
        asked = [_asked(question) for question in request.bills]
        numbers = [each[0].text for each in asked if not isinstance(each, str)]
        async with self._institution.database.read() as session:
            as_of = await self._institution.as_of(session, BILLS)
            known = await store.find(session, numbers)
        response = pb.CheckBillsResponse(
            answers=[
                _answer(question.reference, each, known)
                for question, each in zip(request.bills, asked, strict=True)
            ]
        )
        self._institution.sign_off(request, response, as_of)
        return response


def _asked(question: pb.BillQuestion) -> tuple[PackageNumber, SubRange] | str:
    """What is asked about, or what is wrong with the question."""
    try:
        number = PackageNumber.parse(question.package_number)
        return number, SubRange.of(question.range_from, question.range_to)
    except ValueError as error:
        return f"{error}."


def _answer(
    reference: str, asked: tuple[PackageNumber, SubRange] | str, known: dict[str, store.Package]
) -> pb.BillAnswer:
    if isinstance(asked, str):
        error = QuestionError(reason="QUESTION_INVALID", message=asked)
        return pb.BillAnswer(reference=reference, error=error)
    number, units = asked
    package = known.get(number.text)
    if package is None:
        return pb.BillAnswer(reference=reference, known=False)
    ranges = list(_ranges(package, units))
    if len(ranges) > MAX_RANGES:
        text = f"The bill is in {len(ranges)} parts; {MAX_RANGES} are told at once. Ask about smaller ranges."
        error = QuestionError(reason="ANSWER_TOO_LONG", message=text)
        return pb.BillAnswer(reference=reference, error=error)
    values = package.content
    return pb.BillAnswer(
        reference=reference,
        known=True,
        package_number=number.text,
        bill_kind=number.kind,
        package_amount=values["package_amount"],
        currency=CURRENCY,
        package_units=_units(values),
        issue_date=values["issue_date"],
        acceptance_date=values["acceptance_date"] or "",
        due_date=values["due_date"],
        transferable=values["transferable"],
        drawer=_party(values["drawer"]),
        acceptor=_party(values["acceptor"]),
        payee=_party(values["payee"]),
        acceptor_overdue=values["acceptor_overdue"],
        ranges=ranges,
    )


def _units(values: dict[str, Any]) -> int:
    return int(Decimal(values["package_amount"]) / UNIT_AMOUNT) if values["divisible"] else 0


def _ranges(package: store.Package, units: SubRange) -> Iterator[pb.BillRange]:
    for piece in store.merged(package.pieces):
        part = piece.units.common(units)
        if part is None:
            continue
        values = json.loads(piece.content)
        amount = part.amount
        yield pb.BillRange(
            range_from=part.first,
            range_to=part.last,
            amount=package.content["package_amount"] if amount is None else decimal_text(amount),
            status=values["status"],
            circulation=values["circulation"],
            holder=_party(values["holder"]),
            pledgee=_party(values["pledgee"]) if values.get("pledgee") else None,
            lock_reason=values.get("lock_reason", ""),
        )


def _party(values: dict[str, Any]) -> pb.BillParty:
    return pb.BillParty(
        name=values["name"],
        identifiers=values.get("identifiers", ()),
        account=values.get("account", ""),
        bank_number=values.get("bank_number", ""),
        bank_name=values.get("bank_name", ""),
    )
