"""INV_STATE: does the invoice stand at tax, and can the seller still take it back alone?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from consortium.documents import Invoice, Party
from crossverify.answers import CANCELLED_BY_TAX, Gap, TaxInvoice
from crossverify.evidence import EvidenceDocument
from crossverify.rule import Deduction, Effect, Input, NoThresholds, Outcome, Rule, Step, Text, Verdict
from crossverify.wording import money

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class InvState(Rule[NoThresholds]):
    """State, red-letter amount and the buyer's use confirmation (用途确认) at tax.

    - PASS: normal, what is red is what was pushed as credit notes, and its use is confirmed.
    - WARN: red amount and credit notes differ (what is red beyond them leaves the eligible amount), or the
      buyer has not confirmed its use, so that the seller alone can still reverse a 数电票.
    - FAIL: void, wholly red, or an open red-letter confirmation (红字确认单).
    - UNKNOWN: tax was not asked, is silent or stale, or does not know the invoice.
    - NOT_APPLICABLE: use confirmation, for buyers outside China; the rest always applies.
    """

    id = "INV_STATE"
    version = 1
    title = Text(
        "Does the invoice stand at tax, and can the seller still take it back alone?",
        "发票在税务端是否有效，卖方能否单方冲红？",
    )
    basis = ("国家税务总局公告2024年第11号", "发票管理办法实施细则 26", "practice")
    explains: ClassVar = {
        "FOREIGN_BUYER": Text(
            "The buyer is not in China, so there is no use confirmation to wait for. Nothing to do.",
            "购买方不在中国境内，不存在用途确认。无需处理。",
        ),
        "NOT_KNOWN_TO_TAX": Text(
            "Tax does not know the invoice, so its state is unknown. See INV_AUTHENTIC.",
            "税务无此发票，状态未知。参见 INV_AUTHENTIC。",
        ),
        "RED_CONFIRMATION_OPEN": Text(
            "A red-letter confirmation is open: the invoice is about to be reversed. Do not lend on it.",
            "红字确认单未办结：发票即将被冲红。不得放款。",
        ),
        "RED_DIFFERS": Text(
            "What is red at tax is not what the credit notes here take back. What is red beyond them "
            "leaves the eligible amount; ask the seller for the missing note.",
            "税务红冲金额与已提交的红字发票不一致，多出部分已从可融资额中扣除。请向卖方索取缺失的红字发票。",
        ),
        "STANDS": Text(
            "The invoice stands at tax and its use is confirmed where that applies. Nothing to do.",
            "发票在税务端有效，适用时已作用途确认。无需处理。",
        ),
        "USE_NOT_CONFIRMED": Text(
            "The buyer has not confirmed the use of the invoice, so the seller alone can still reverse "
            "it. Ask the buyer to confirm, or wait.",
            "购买方尚未作用途确认，卖方可单方冲红。请购买方确认，或等待确认。",
        ),
        "VOID": Text(
            "The invoice is void at tax. It is no claim any more.",
            "发票在税务端已作废，不再构成债权。",
        ),
        "WHOLLY_RED": Text(
            "The invoice is wholly reversed at tax. Nothing of it is left.",
            "发票已全额冲红，无余额。",
        ),
    }
    applies_when = "always; use confirmation only for Chinese buyers"
    sources = ("tax", "documents")
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        for receivable in case.receivables:
            items = case.tax_documents(receivable)
            answers = [(item, case.tax_invoice(item.fingerprint)) for item in items]
            known = []
            for item, answer in answers:
                if isinstance(answer, Gap):
                    inputs = (case.of_gap(answer, item.fingerprint),)
                    yield Verdict(
                        receivable.fingerprint, Outcome.UNKNOWN, answer.code, answer.message, inputs
                    )
                elif not answer.known:
                    text = f"Tax does not know invoice {item.document.number}, so its state is not known."
                    inputs = (case.of_source("tax", item.fingerprint, "known", "false"),)
                    yield Verdict(receivable.fingerprint, Outcome.UNKNOWN, "NOT_KNOWN_TO_TAX", text, inputs)
                else:
                    known.append((item, answer))
            if known:
                yield from _judge(case, receivable, known)


def _judge(
    case: Case, receivable: Receivable, known: list[tuple[EvidenceDocument, TaxInvoice]]
) -> Iterator[Verdict]:
    key = receivable.fingerprint
    cancelled = [*_cancelled(case, key, known)]
    if cancelled:
        yield from cancelled
        return
    faults = [*_red(case, receivable, known), *_use(case, receivable, known)]
    foreign = [item for item in faults if item.outcome is Outcome.NOT_APPLICABLE]
    yield from faults
    if len(faults) == len(foreign):
        inputs = tuple(
            each
            for item, answer in known
            for each in (
                case.of_source("tax", item.fingerprint, "state", answer.state),
                case.of_source("tax", item.fingerprint, "red_amount", answer.red_amount),
                case.of_source("tax", item.fingerprint, "use_confirmed", _yes_no(answer.use_confirmed)),
            )
        )
        text = "It stands at tax" + ("." if foreign else ", and the buyer has confirmed its use.")
        yield Verdict(key, Outcome.PASS, "STANDS", text, inputs)


def _cancelled(case: Case, key: str, known: list[tuple[EvidenceDocument, TaxInvoice]]) -> Iterator[Verdict]:
    for item, answer in known:
        number = item.document.number
        if answer.state in CANCELLED_BY_TAX:
            told = case.of_source("tax", item.fingerprint, "state", answer.state)
            code, what = ("VOID", "void") if answer.state == "void" else ("WHOLLY_RED", "wholly reversed")
            yield Verdict(key, Outcome.FAIL, code, f"Invoice {number} is {what} at tax.", (told,))
        elif answer.red_confirmation_open:
            told = case.of_source("tax", item.fingerprint, "red_confirmation_open", "true")
            text = f"A red-letter confirmation (红字确认单) of invoice {number} is open."
            yield Verdict(key, Outcome.FAIL, "RED_CONFIRMATION_OPEN", text, (told,))


def _red(
    case: Case, receivable: Receivable, known: list[tuple[EvidenceDocument, TaxInvoice]]
) -> Iterator[Verdict]:
    """Red amount at tax against credit notes as pushed."""
    red = sum((answer.red_amount for _, answer in known), Decimal(0))
    credited = receivable.credited
    if red == credited:
        return
    inputs: tuple[Input, ...] = tuple(
        case.of_source("tax", item.fingerprint, "red_amount", answer.red_amount) for item, answer in known
    )
    inputs += tuple(
        case.of_document(each.document, "totals/gross", each.amount) for each in receivable.credits
    )
    currency = receivable.currency
    text = f"Tax has {money(red, currency)} in red, credit notes take back {money(credited, currency)}."
    beyond = red - credited
    deduct = Deduction(Step.TAX_RED, beyond, currency) if beyond > 0 else None
    yield Verdict(receivable.fingerprint, Outcome.WARN, "RED_DIFFERS", text, inputs, None, None, deduct)


def _use(
    case: Case, receivable: Receivable, known: list[tuple[EvidenceDocument, TaxInvoice]]
) -> Iterator[Verdict]:
    """The buyer's use confirmation."""
    key = receivable.fingerprint
    for item, answer in known:
        if answer.use_confirmed:
            continue
        told = case.of_source("tax", item.fingerprint, "use_confirmed", "false")
        assert isinstance(item.document, Invoice)
        if not is_chinese(item.document.buyer):
            text = "The buyer is not in China: there is no use confirmation."
            yield Verdict(key, Outcome.NOT_APPLICABLE, "FOREIGN_BUYER", text, (told,))
        else:
            text = (
                f"The buyer has not confirmed the use of invoice {item.document.number}:"
                " the seller alone can still reverse it."
            )
            yield Verdict(key, Outcome.WARN, "USE_NOT_CONFIRMED", text, (told,))


def is_chinese(party: Party) -> bool:
    """Whether a party pays tax in China: by its address, else by having a USCC."""
    if party.address is not None and party.address.country is not None:
        return party.address.country == "CN"
    return any(each.scheme == "uscc" for each in party.identifiers)


def _yes_no(value: bool) -> str:
    return "true" if value else "false"
