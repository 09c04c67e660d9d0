"""FUTURE_RECEIVABLE: is there a performed trade at all?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from consortium.documents import Party
from crossverify.agreements import Voices, voices_of
from crossverify.answers import TaxInvoice
from crossverify.evidence import EvidenceDocument
from crossverify.figures import Rate
from crossverify.match.table import Fact, LineMatch, Note
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict, clip
from crossverify.rules.terms.days import of_invoice, still_open, today

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

_PREPAYMENT: Final = "386"
_HOW_MUCH_IS_UNCLEAR: Final = frozenset({Fact.UNITS, Fact.EARLIER_UNITS, Fact.RECEIPT_WITHOUT_QUANTITY})
"""The debtor received it; MATCH_QTY says why the quantities cannot be compared."""
_NO_GOODS: Final = frozenset({Fact.SERVICE, Fact.NOTHING, Fact.CREDITED, Fact.CANCELLED})


class FutureReceivableThresholds(Thresholds):
    """Figures of FUTURE_RECEIVABLE.

    :ivar tolerance: part of a line by which less may have been accepted than is invoiced: goods are weighed twice
    """

    tolerance: Rate = Decimal("0.02")


class _Goods(NamedTuple):
    """What receipts and despatch advices say of an invoice's goods.

    :ivar lines: lines of goods
    :ivar accepted: of them accepted to the full
    :ivar partly: accepted in part
    :ivar refused: received, and nothing of it accepted
    :ivar by_seller: received, says a receipt that the seller handed in
    :ivar sent: no receipt, but sent
    """

    lines: int = 0
    accepted: int = 0
    partly: int = 0
    refused: int = 0
    by_seller: int = 0
    sent: int = 0


class FutureReceivable(Rule[FutureReceivableThresholds]):
    """What was delivered and accepted makes a receivable; what is still to be delivered makes none yet. How much was
    accepted against how much is invoiced is MATCH_QTY's; this rule asks whether there is anything.

    - PASS: the debtor accepted goods on every line, or acknowledged the claim itself. A receipt that the seller handed
      in (its debtor may be no member here) counts where the debtor's use of the invoice is confirmed at tax.
      A debtor abroad confirms nothing there: WARN, as information, where tax knows the invoice.
    - WARN: on some lines only, or the goods were sent and not yet accepted.
    - FAIL: a prepayment invoice; everything received was refused; delivery is still to come; no trade document at all
      and tax does not know the invoice.
    - UNKNOWN: no document shows performance, as usual for services without the debtor's word.
    - NOT_APPLICABLE: nothing is open any more.
    """

    id = "FUTURE_RECEIVABLE"
    version = 1
    title = Text("Is there a performed trade at all?", "是否存在已履行的真实贸易？")
    basis = (
        "商业银行保理业务管理暂行办法（银监会令2014年第5号）第13条：不得基于未来应收账款开展保理融资",
        "银发〔2025〕77号：真实贸易背景",
        "民法典 761",
    )
    explains: ClassVar = {
        "PERFORMED": Text("The debtor accepted what is invoiced. Nothing to do.", "债务人已验收所开票货物。"),
        "BY_SELLERS_PAPER": Text(
            "The receipt was handed in by the seller, and the debtor confirmed the use of the invoice at tax: both "
            "together show that it was delivered. Nothing to do.",
            "收货单由卖方提交，且债务人已在税务端确认用途，两者相互印证。",
        ),
        "BY_SELLERS_PAPER_ABROAD": Text(
            "The receipt was handed in by the seller; a debtor abroad confirms nothing at tax, which knows the "
            "invoice. Weigh it with the transport papers.",
            "收货单由卖方提交；境外债务人无用途确认，税务查有此票。请结合运输单据判断。",
        ),
        "ACKNOWLEDGED": Text(
            "The debtor acknowledged the claim itself; no receipt is shown. For services that is the usual evidence.",
            "无收货单，但债务人已确认债权。服务类通常如此。",
        ),
        "PARTLY": Text(
            "Only part of what is invoiced was accepted. See the table of lines; finance what was accepted.",
            "仅部分货物已验收。请查看明细，仅就已验收部分融资。",
        ),
        "SENT": Text(
            "The goods were sent and not accepted yet. Wait for the receipt or ask the debtor.",
            "货物已发出，尚未验收。请等待收货单或向债务人核实。",
        ),
        "PREPAYMENT": Text(
            "The invoice asks for money before delivery: a future receivable, which is not financed as factoring.",
            "预付款发票，属未来应收账款，不得办理保理融资。",
        ),
        "REFUSED": Text(
            "The debtor received the goods and refused all of them. There is no claim.",
            "货物已全部拒收，不存在债权。",
        ),
        "STILL_TO_COME": Text(
            "By the order delivery is still to come, and nothing was sent: a future receivable.",
            "按订单尚未到交货期且未发货，属未来应收账款。",
        ),
        "NO_TRADE": Text(
            "No order, delivery or word of the debtor is shown, and tax does not know the invoice. There is no trade "
            "to lend on.",
            "无订单、交货或债务人确认，税务也查无此票。无真实贸易背景。",
        ),
        "NOT_SHOWN": Text(
            "No document shows that anything was performed. Ask for the receipt or the debtor's confirmation.",
            "无单据证明已履行。请补充收货单或债务人确认。",
        ),
        "NOTHING_OPEN": Text("All of it was taken back; nothing is financed.", "已全额红冲，无未结金额。"),
    }
    applies_when = "something of it is open"
    sources = ("documents", "tax")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        "BY_SELLERS_PAPER_ABROAD": Effect.INFORMATION,
        # MATCH_QTY and DEBTOR_CONFIRM refer what lacks receipt or confirmation already.
        "UNKNOWN": Effect.INFORMATION,
    }
    thresholds = FutureReceivableThresholds

    def evaluate(self, case: Case, thresholds: FutureReceivableThresholds) -> Iterator[Verdict]:
        """See the class."""
        voices = voices_of(case)
        for receivable in case.receivables:
            outcome, code, text, inputs = _judge(
                case, receivable, voices[receivable.fingerprint], Fraction(thresholds.tolerance)
            )
            yield Verdict(receivable.fingerprint, outcome, code, text, inputs)


_Said = tuple[Outcome, str, str, tuple[Input, ...]]


def _judge(case: Case, receivable: Receivable, voices: Voices, tolerance: Fraction) -> _Said:
    issued = of_invoice(case, receivable)
    if receivable.face > 0 and still_open(receivable) == 0:
        return Outcome.NOT_APPLICABLE, "NOTHING_OPEN", "All of it was taken back.", (issued,)
    if receivable.invoice.type_code == _PREPAYMENT:
        told = case.of_document(receivable.primary, "type_code", _PREPAYMENT)
        text = "The invoice asks for payment before delivery."
        return Outcome.FAIL, "PREPAYMENT", text, (told,)
    goods = _goods(case.matching.table(receivable.fingerprint), tolerance)
    received = tuple(case.of_document(item, "number", body.number) for item, body in voices.receipts)
    if goods.accepted or goods.partly:
        inputs = clip((issued, *received))
        if goods.accepted == goods.lines:
            return Outcome.PASS, "PERFORMED", "The debtor accepted goods on every line.", inputs
        text = f"Of {goods.lines} lines of goods {goods.accepted} were accepted, {goods.partly} in part."
        return Outcome.WARN, "PARTLY", text, inputs
    if goods.refused and goods.refused == goods.lines:
        text = "The debtor received the goods and accepted none of them."
        return Outcome.FAIL, "REFUSED", text, clip((issued, *received))
    word = _debtors_word(voices)
    if word is not None:
        text = f"By {word.document.kind.replace('_', ' ')} {word.document.number} the debtor acknowledges it."
        return Outcome.PASS, "ACKNOWLEDGED", text, (case.of_document(word, "number", word.document.number),)
    return _not_accepted(case, receivable, voices, goods)


def _by_sellers_paper(case: Case, receivable: Receivable, voices: Voices) -> _Said | None:
    """What a receipt of the seller is worth: nothing alone, and something where tax says that the debtor booked it."""
    papers = case.tax_documents(receivable)
    answers = [case.tax_invoice(item.fingerprint) for item in papers]
    known = [each for each in answers if isinstance(each, TaxInvoice) and each.known]
    if len(known) != len(papers):
        return None
    received = [case.of_document(item, "number", body.number) for item, body in voices.receipts]
    if all(each.use_confirmed for each in known):
        used = [case.of_source("tax", item.fingerprint, "use_confirmed", "yes") for item in papers]
        text = (
            "Received by a receipt that the seller handed in; the debtor confirmed the invoice's use at tax."
        )
        return Outcome.PASS, "BY_SELLERS_PAPER", text, clip((*used, *received))
    if _abroad(receivable.invoice.buyer):
        found = [case.of_source("tax", item.fingerprint, "known", "yes") for item in papers]
        text = "Received by a receipt that the seller handed in; the debtor is abroad, and tax knows the invoice."
        return Outcome.WARN, "BY_SELLERS_PAPER_ABROAD", text, clip((*found, *received))
    return None


def _abroad(buyer: Party) -> bool:
    """Whether use confirmation at tax does not apply to a buyer: it sits in another country and has no USCC."""
    chinese = any(each.scheme == "uscc" for each in buyer.identifiers)
    return not chinese and buyer.address is not None and buyer.address.country not in (None, "CN")


def _not_accepted(case: Case, receivable: Receivable, voices: Voices, goods: _Goods) -> _Said:
    """No word of the debtor, on paper or by receipt."""
    issued = of_invoice(case, receivable)
    if goods.by_seller and goods.by_seller == goods.lines:
        found = _by_sellers_paper(case, receivable, voices)
        if found is not None:
            return found
    if goods.sent or goods.by_seller or voices.transports:
        carried = tuple(case.of_document(item, "number", body.number) for item, body in voices.transports)
        text = "The goods were sent; the debtor has not accepted them yet."
        return Outcome.WARN, "SENT", text, clip((issued, *carried))
    for item, order in voices.orders:
        wanted = order.delivery.requested if order.delivery is not None else None
        begins = (wanted.start or wanted.end) if wanted is not None else None
        if begins is not None and begins > today(case):
            text = f"Delivery is wanted from {begins}, says order {order.number}, and nothing was sent."
            told = case.of_document(item, "delivery/requested", begins)
            return Outcome.FAIL, "STILL_TO_COME", text, (told, issued)
    known = case.tax_invoice(case.tax_documents(receivable)[0].fingerprint)
    if not voices.orders and isinstance(known, TaxInvoice) and not known.known:
        told = case.of_source("tax", receivable.primary.fingerprint, "known", "no")
        text = "No order, delivery or word of the debtor is shown, and tax does not know the invoice."
        return Outcome.FAIL, "NO_TRADE", text, (issued, told)
    return Outcome.UNKNOWN, "NOT_SHOWN", "No document shows that anything was performed.", (issued,)


def _goods(table: tuple[LineMatch, ...], tolerance: Fraction) -> _Goods:
    lines = [each for each in table if each.quantity_says not in _NO_GOODS]
    accepted = partly = refused = by_seller = sent = 0
    for each in lines:
        if Note.SELLERS_RECEIPT in each.notes:
            by_seller += 1
        elif each.quantity_says in _HOW_MUCH_IS_UNCLEAR:
            accepted += 1
        elif each.accepted is not None and each.accepted > 0:
            enough = (each.over_accepted or 0) <= tolerance * each.invoiced
            accepted += enough
            partly += not enough
        elif each.accepted is not None and (each.received or each.rejected):
            refused += 1
        elif each.despatched is not None and each.despatched > 0:
            sent += 1
    return _Goods(len(lines), accepted, partly, refused, by_seller, sent)


def _debtors_word(voices: Voices) -> EvidenceDocument | None:
    """The newest paper by which the debtor itself says that it owes."""
    for item, confirmation in voices.confirmations[:1]:
        if confirmation.response_code in ("AP", "CA", "PD"):
            return item
    for each in voices.acknowledgements[:1]:
        if each.body.response != "refused":
            return each.item
    return voices.acknowledged[0].item if voices.acknowledged else None
