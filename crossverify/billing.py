"""Bills as something that a bank lends on (票据贴现、票据质押), and what the exchange says of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from consortium.documents import Bill
from crossverify.answers import Gap
from crossverify.answers.bills import BillAnswer
from crossverify.evidence import AssetState, EvidenceDocument
from crossverify.subranges import SubRange

if TYPE_CHECKING:
    from crossverify.case import Case


@dataclass(frozen=True, slots=True, eq=False)
class BillAsset:
    """One bill that the subject holds: a package or a sub-range of it.

    :ivar fingerprint: its asset on the ledger; of its document where the ledger knows none
    :ivar primary: the document that states its amount
    :ivar bill: that document's body
    :ivar assets: its rows on the ledger
    """

    fingerprint: str
    primary: EvidenceDocument
    bill: Bill
    assets: tuple[AssetState, ...]

    @property
    def number(self) -> str:
        """Package number and sub-range, as a bill shows them."""
        return f"{self.bill.number} {self.units}"

    @property
    def units(self) -> SubRange:
        """Its sub-range."""
        return units_of(self.bill)

    @property
    def face(self) -> Decimal:
        """Amount of the bill, never negative."""
        return max(self.bill.amount, Decimal(0))

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.bill.currency


def units_of(bill: Bill) -> SubRange:
    """Sub-range of a bill; the model has seen to it that it is one."""
    return SubRange(bill.range_from, bill.range_to)


def shown_bills(case: Case) -> Iterator[tuple[EvidenceDocument, Bill]]:
    """All bills among the documents, whoever holds them, void ones left out."""
    for item in case.documents:
        if isinstance(item.document, Bill) and item.state != "void":
            yield item, item.document


def bills(case: Case) -> tuple[BillAsset, ...]:
    """The bills that the subject says it holds (its holder, else the payee), in the case's order."""
    found: dict[str, BillAsset] = {}
    for item, bill in shown_bills(case):
        if not case.is_subject(bill.holder or bill.payee, item.seller):
            continue
        row = case.asset_of.get(item.fingerprint)
        key = row.asset if row is not None else item.fingerprint
        found.setdefault(key, BillAsset(key, item, bill, () if row is None else (row,)))
    return tuple(found.values())


def today_of(case: Case) -> date:
    """Day of the evaluation, UTC."""
    return datetime.fromtimestamp(case.now, UTC).date()


def answer_on(case: Case, asset: BillAsset) -> BillAnswer | Gap:
    """What the exchange says of a bill, or why that is nothing.

    An answer about another package, about units beyond the bill, or that was drawn in the future is none.
    """
    answer = case.answer("bills", BillAnswer, asset.bill.reference)
    if isinstance(answer, Gap) or not answer.known:
        return answer
    if answer.package_number != asset.bill.number:
        return _unreadable(case, f"it is about another package, {answer.package_number[:40]!r}")
    for each in answer.ranges:
        if each.units.common(asset.units) != each.units:
            return _unreadable(case, f"it tells of units {each.units}, beyond {asset.units}")
    latest = today_of(case) + timedelta(days=1)
    for day in (answer.issue_date, answer.acceptance_date):
        if day is not None and day > latest:
            return _unreadable(case, f"it has the bill drawn or accepted on {day}, in the future")
    return answer


def _unreadable(case: Case, why: str) -> Gap:
    text = f"The commercial-paper exchange gave an answer that cannot be used: {why}."
    return Gap("ANSWER_UNREADABLE", text, "bills", case.as_of("bills"))
