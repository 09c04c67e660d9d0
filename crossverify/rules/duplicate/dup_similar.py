"""DUP_SIMILAR: is it another invoice of the case written once more?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from crossverify.answers import Gap
from crossverify.drawn import Draw, PoolKey, pools_of
from crossverify.figures import Rate
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.similar import Alike, Near, Sale, content_key, find_alike
from crossverify.units import shown
from crossverify.who import who_of

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

BLIND = "Only the documents of this request are compared; those shown to other banks cannot be seen."
"""What every message ends with."""
_ACCEPTED = frozenset({"AP", "CA", "PD"})
"""Answers of a debtor that tell an invoice from its look-alike."""
_USED_TWICE = Fraction(1, 2)
"""From this part of an invoice's quantity on, what is missing was used by the other one; less is over-delivery, which
MATCH_QTY judges."""


class DupSimilarThresholds(Thresholds):
    """Figures of DUP_SIMILAR.

    :ivar near_days: how far dates may lie apart: a month, in which standing orders come back once
    :ivar near_amount: by how much amounts may differ where numbers look alike, as a part: a cent's rounding, a fee
    :ivar near_content_amount: by how much they may differ where the goods are the same, as a part: whoever bills a
        delivery again may change price or quantity. Such pairs fail only on receipts or on tax
    :ivar visible_after_hours: as in INV_AUTHENTIC: so long after its day an invoice may be unknown to tax
    """

    near_days: Annotated[int, Field(ge=0, le=366)] = 31
    near_amount: Rate = Decimal("0.005")
    near_content_amount: Rate = Decimal("0.1")
    visible_after_hours: Annotated[int, Field(ge=0, le=24 * 31)] = 24


class DupSimilar(Rule[DupSimilarThresholds]):
    """Invoices of the same parties and currency with nearly the same number, or the same goods of the same order or
    delivery (in the same quantity where none is named), at nearly the same date and amount. What was cancelled or
    wholly credited is left out, so a credit with a new invoice (credit and rebill) is no pair. It sees the consented
    documents only.

    - PASS: none; look-alikes that are told apart: by receipts of their own, by the debtor's confirmation of each, or
      by numbers that are no variants of each other, as standing orders have.
    - WARN: nearly the same number, and nothing tells the two apart; or it is the sound one of a pair (information).
    - FAIL: what was accepted once is billed again here; or it looks like another and tax does not know it.
    - UNKNOWN: there is a look-alike, and tax was not asked, is silent or stale.
    - NOT_APPLICABLE: never.
    """

    id = "DUP_SIMILAR"
    version = 1
    title = Text("Near-same invoice in the request", "相似发票")
    basis = ("银发〔2025〕77号 (real trade background)", "practice")
    explains: ClassVar = {
        "NONE": Text(
            "No other invoice of this request looks like it. Documents shown to other banks cannot be seen here.",
            "本次申请中无相似发票。其他银行所见单据不在比较范围内。",
        ),
        "TOLD_APART": Text(
            "Others look like it, and receipts, the debtor or their numbers tell them apart, as with standing orders.",
            "存在相似发票，但可凭收货、买方确认或号码区分，如定期订单。",
        ),
        "NEAR_COPY": Text(
            "Another invoice has nearly the same number, date and amount, and nothing tells the two apart. Ask the "
            "debtor whether it owes both.",
            "另有发票的号码、日期、金额几乎相同且无法区分。请向债务人核实是否两笔均应付。",
        ),
        "SOUND_ONE": Text(
            "Another invoice looks like a copy of this one and is excluded; this one stands.",
            "另一张发票疑为本发票副本，已排除；本发票不受影响。",
        ),
        "RECEIPT_USED_TWICE": Text(
            "What was accepted once is billed by two invoices that look alike. The later is excluded.",
            "同一收货数量被两张相似发票重复使用，后一张予以排除。",
        ),
        "UNKNOWN_TO_TAX": Text(
            "It looks like another invoice, and tax does not know this one. It is excluded.",
            "与另一发票相似且税务无此发票，予以排除。",
        ),
    }
    applies_when = "always; it compares invoices of one seller, buyer and currency"
    sources = ("documents", "tax")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "SOUND_ONE": Effect.INFORMATION,
    }
    thresholds = DupSimilarThresholds

    def evaluate(self, case: Case, thresholds: DupSimilarThresholds) -> Iterator[Verdict]:
        """See the class."""
        compared = _Compared(case, thresholds)
        for receivable in case.receivables:
            yield compared.judge(receivable)


class _Compared:
    """All receivables held against each other.

    1. Look-alikes by number and by content.
    2. Which of them tax does not know, and which bill again what was accepted once; those fail.
    3. Of the rest, who is left with a near copy that nothing tells apart.
    """

    def __init__(self, case: Case, limits: DupSimilarThresholds) -> None:
        self._case = case
        self._limits = limits
        who = who_of(case)
        self._live = [
            item for item in case.receivables if item.face > item.credited and not case.cancelled(item)
        ]
        self._place = {item.fingerprint: place for place, item in enumerate(self._live)}
        sales = [
            Sale(
                (who.of(item.invoice.seller), who.of(item.invoice.buyer), item.currency),
                item.invoice.number,
                item.invoice.issue_date.toordinal(),
                item.face,
                content_key(item.invoice),
            )
            for item in self._live
        ]
        near = Near(limits.near_days, limits.near_amount, limits.near_content_amount)
        self._alike, groups = find_alike(sales, near)  # 1
        self._unknown = {
            place: self._unknown_to_tax(place) for place, item in enumerate(self._alike) if _any(item)
        }
        self._twice: dict[int, tuple[int, Fraction]] = {}
        self._drawn: set[int] = set()
        for group in groups:
            self._draw(group)  # 2
        for place, item in enumerate(self._alike):
            other = item.number[0] if item.number else place
            if other < place and self._alike[other].group != item.group:
                self._draw([other, place])

    def judge(self, receivable: Receivable) -> Verdict:
        """What is said of one receivable."""
        key = receivable.fingerprint
        own = self._case.of_document(receivable.primary, "number", receivable.invoice.number)
        place = self._place.get(key)
        if place is None or not _any(self._alike[place]):
            text = f"No other invoice of this request looks like {receivable.invoice.number}. {BLIND}"
            return Verdict(key, Outcome.PASS, "NONE", text, (own,))
        partners = list(dict.fromkeys([*self._alike[place].number, *self._alike[place].content]))
        failed = self._failed(place, partners, own)
        if failed is not None:
            return failed
        inputs = (own, *self._named(partners))
        gap = self._case.gap("tax")
        copies = [other for other in self._alike[place].number if not self._told_apart(place, other)]
        sound = [other for other in copies if other in self._twice or self._unknown.get(other)]
        if sound:
            text = f"Invoice {self._number(sound[0])} looks like a copy of this one and is excluded. {BLIND}"
            return Verdict(key, Outcome.WARN, "SOUND_ONE", text, inputs)
        if copies:
            text = (
                f"Invoice {self._number(copies[0])} of {self._live[copies[0]].invoice.issue_date} has nearly the same "
                f"number, date and amount, and nothing tells the two apart. {BLIND}"
            )
            return Verdict(key, Outcome.WARN, "NEAR_COPY", text, inputs)
        if gap is not None:
            text = f"{gap.message} So nobody knows whether tax has both this one and {self._named_all(partners)}."
            return Verdict(key, Outcome.UNKNOWN, gap.code, text, (self._case.of_gap(gap, key), *inputs))
        text = f"{self._named_all(partners)} look alike, and they are told apart. {BLIND}"
        return Verdict(key, Outcome.PASS, "TOLD_APART", text, inputs)

    def _failed(self, place: int, partners: list[int], own: Input) -> Verdict | None:
        case, receivable = self._case, self._live[place]
        key = receivable.fingerprint
        if place in self._twice:
            other, accepted = self._twice[place]
            told = (
                own,
                *self._named([other]),
                Input(key, "accepted_left", shown(accepted), "documents", case.now),
            )
            text = (
                f"What was accepted is billed by invoice {self._number(other)} already, and again by "
                f"{receivable.invoice.number}, which looks like it. {BLIND}"
            )
            return Verdict(key, Outcome.FAIL, "RECEIPT_USED_TWICE", text, told)
        if self._unknown[place]:
            known = case.of_source("tax", receivable.primary.fingerprint, "known", "false")
            text = f"It looks like {self._named_all(partners)}, and tax does not know this one. {BLIND}"
            return Verdict(key, Outcome.FAIL, "UNKNOWN_TO_TAX", text, (known, own, *self._named(partners)))
        return None

    def _unknown_to_tax(self, place: int) -> bool:
        """Whether tax does not know a receivable's invoices, though it has had the time."""
        case, receivable = self._case, self._live[place]
        for item in case.tax_documents(receivable):
            answer = case.tax_invoice(item.fingerprint)
            if isinstance(answer, Gap) or answer.known:
                continue
            end_of_day = datetime.combine(item.document.issue_date + timedelta(days=1), time(), UTC)
            if case.as_of("tax") >= int(end_of_day.timestamp()) + self._limits.visible_after_hours * 3600:
                return True
        return False

    def _draw(self, group: Sequence[int]) -> None:
        """Lets look-alikes draw on what was accepted, in the case's order; the one that finds its goods used fails."""
        pools = pools_of(self._case)
        used: dict[tuple[PoolKey, int], Fraction] = {}
        user: dict[tuple[PoolKey, int], int] = {}
        for place in sorted(group):
            draws = list(pools.draws(self._case, self._live[place]))
            covered = bool(draws)
            for draw in draws:
                slot, pool = (draw.pool, draw.slot), pools.pools[draw.pool]
                before = used.get(slot, Fraction(0))
                covered = covered and before + draw.quantity <= pool.accepted[draw.slot]
                if slot in user and self._short(draw, pool.capacity(draw.slot) - before):
                    rest = max(pool.accepted[draw.slot] - before, Fraction(0))
                    self._twice.setdefault(place, (user[slot], rest))
            if place in self._twice:
                continue
            if covered:
                self._drawn.add(place)
            for draw in draws:
                slot = (draw.pool, draw.slot)
                used[slot] = used.get(slot, Fraction(0)) + draw.quantity
                user.setdefault(slot, place)

    @staticmethod
    def _short(draw: Draw, rest: Fraction) -> bool:
        return draw.quantity - max(rest, Fraction(0)) >= draw.quantity * _USED_TWICE and draw.quantity > 0

    def _told_apart(self, one: int, other: int) -> bool:
        """Whether two near copies are two: each has goods of its own, or the debtor accepted each."""
        if (
            one in self._drawn
            and other in self._drawn
            and one not in self._twice
            and other not in self._twice
        ):
            return True
        return self._accepted(one) and self._accepted(other)

    def _accepted(self, place: int) -> bool:
        confirmations = self._live[place].confirmations
        if not confirmations:
            return False
        return getattr(confirmations[-1].document, "response_code", "") in _ACCEPTED

    def _number(self, place: int) -> str:
        return self._live[place].invoice.number

    def _named(self, places: Sequence[int]) -> tuple[Input, ...]:
        return tuple(
            self._case.of_document(self._live[each].primary, "number", self._number(each)) for each in places
        )

    def _named_all(self, places: Sequence[int]) -> str:
        numbers = [self._number(each) for each in places[:3]]
        more = " and others" if len(places) > len(numbers) else ""
        return (
            f"invoice {', '.join(numbers)}{more}"
            if len(places) == 1
            else f"invoices {', '.join(numbers)}{more}"
        )


def _any(item: Alike) -> bool:
    return bool(item.number or item.content)
