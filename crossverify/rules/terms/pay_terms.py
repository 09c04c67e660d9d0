"""PAY_TERMS: do the terms of payment keep within the regulation on payments to small and medium enterprises?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

from pydantic import Field

from consortium.documents.party import Party
from crossverify.desk import Kind
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.rules.terms.days import inputs_of, of_invoice
from crossverify.terms import Terms, terms_of

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class PayTermsThresholds(Thresholds):
    """Figures of PAY_TERMS, days from delivery to the due date.

    :ivar public_days: what a public body has without agreement
    :ivar public_most_days: the most that a public body may agree on
    :ivar large_days: what a large enterprise has without agreement
    """

    public_days: Annotated[int, Field(ge=0, le=3660)] = 30
    public_most_days: Annotated[int, Field(ge=0, le=3660)] = 60
    large_days: Annotated[int, Field(ge=0, le=3660)] = 60


class _Term(NamedTuple):
    """How long the debtor takes.

    :ivar days: from ``begin`` to the due date, or the rule's own days
    :ivar begins: what the days count from, for the message
    """

    days: int
    begins: str
    inputs: tuple[Input, ...]


class PayTerms(Rule[PayTermsThresholds]):
    """国令第802号, article 9: a public body pays a small or medium enterprise within 30 days of delivery, at most 60
    where agreed; a large enterprise within 60, or as agreed by the trade's reasonable custom; neither may make its
    payment wait for a third party's. What kind the debtor (and the seller) is, the bank's desk says.

    Days count from the receipt of the goods; where no receipt says when that was, by the rule agreed on, else from the
    invoice.

    - PASS: within. WARN: a public body over 30 and to 60 days without agreement, a large enterprise over 60 with one.
    - FAIL: pay when paid; a large enterprise over 60 days without agreement; a public body over 60.
    - UNKNOWN: the debtor's kind is not known, or no document says when it is due.
    - NOT_APPLICABLE: the debtor is medium or small, the seller is large or public, or the debtor is not in China.
    """

    id = "PAY_TERMS"
    version = 1
    title = Text(
        "Do the terms of payment keep within the regulation?",
        "付款条件是否符合《保障中小企业款项支付条例》？",
    )
    basis = ("保障中小企业款项支付条例（国令第802号）第9条", "法释〔2024〕11号")
    explains: ClassVar = {
        "WITHIN": Text("The terms keep within the regulation. Nothing to do.", "付款期限符合条例规定。"),
        "UNUSUAL": Text(
            "The terms are long for this debtor, by agreement or by custom. Note the reason.",
            "付款期限较长，系另有约定或惯例。请记录理由。",
        ),
        "TOO_LONG": Text(
            "The terms are longer than the regulation allows this debtor. The claim stands, but expect delay and a "
            "question from the supervisor.",
            "付款期限超过条例上限。债权仍有效，但可能拖延并引起监管关注。",
        ),
        "PAY_WHEN_PAID": Text(
            "The debtor makes payment wait for a third party's, which the regulation forbids. The clause is void, yet "
            "the debtor may plead it: get its confirmation first.",
            "约定以收到第三方付款为付款条件，违反条例。该条款无效，但债务人可能抗辩，请先取得确权。",
        ),
        "KIND_UNKNOWN": Text(
            "The bank has not said what kind of enterprise the debtor is. Enter it in the desk file.",
            "未登记债务人类型（机关事业单位、大型、中小企业），请在台账中补充。",
        ),
        "NO_DUE_DATE": Text(
            "No document says when it is due, so the term is not known. Ask for the contract or the debtor's word.",
            "无单据载明到期日，付款期限不明。请补充合同或债务人确认。",
        ),
        "NOT_COVERED": Text(
            "The regulation protects small and medium suppliers of large enterprises and public bodies; this trade is "
            "another one.",
            "条例适用于中小企业对机关、事业单位和大型企业的应收款，本交易不适用。",
        ),
    }
    applies_when = "a small or medium enterprise sells to a large enterprise or a public body in China"
    sources = ("documents", "desk")
    effects: ClassVar = {
        # What is too long is the debtor's breach: the claim stands. A condition may be pleaded: a person weighs it.
        "WARN": Effect.INFORMATION,
        "FAIL": Effect.REFER,
        "TOO_LONG": Effect.INFORMATION,
        "UNKNOWN": Effect.INFORMATION,
    }
    thresholds = PayTermsThresholds

    def evaluate(self, case: Case, thresholds: PayTermsThresholds) -> Iterator[Verdict]:
        """See the class."""
        for receivable in case.receivables:
            yield _judge(case, receivable, thresholds)


def _judge(case: Case, receivable: Receivable, thresholds: PayTermsThresholds) -> Verdict:
    key, invoice = receivable.fingerprint, receivable.invoice
    seller, debtor = _kind(case, invoice.seller), _kind(case, invoice.buyer)
    told = _of_desk(case, invoice.buyer, debtor)
    country = invoice.buyer.address.country if invoice.buyer.address is not None else None
    if seller in ("large", "public") or debtor in ("medium", "small") or country not in (None, "CN"):
        who = f"seller {seller or 'of no known kind'}, debtor {debtor or 'of no known kind'}"
        text = f"The regulation does not cover it: {who}{'' if country is None else f' in {country}'}."
        return Verdict(key, Outcome.NOT_APPLICABLE, "NOT_COVERED", text, (told,))
    terms = terms_of(case, receivable)
    waiting = [each for each in terms.pay_when_paid if each.value]
    if debtor is None:
        text = "What kind of enterprise the debtor is is not known."
        return Verdict(key, Outcome.UNKNOWN, "KIND_UNKNOWN", text, (told,))
    if waiting:
        text = f"By {waiting[0].source} the debtor, {_said(debtor)}, pays only once a third party paid it."
        return Verdict(key, Outcome.FAIL, "PAY_WHEN_PAID", text, (told, *inputs_of(case, waiting)))
    term = _term(case, receivable, terms)
    if term is None:
        text = "No document says when it is due."
        return Verdict(key, Outcome.UNKNOWN, "NO_DUE_DATE", text, (of_invoice(case, receivable), told))
    agreed = bool(terms.due_rules or terms.payment_terms or _by_debtor(terms))
    text = f"The debtor, {_said(debtor)}, pays {term.days} days after {term.begins}"
    inputs = (told, *term.inputs)
    outcome, code, why = _weigh(debtor, term.days, agreed, thresholds)
    return Verdict(key, outcome, code, f"{text}{why}.", inputs)


def _weigh(debtor: Kind, days: int, agreed: bool, thresholds: PayTermsThresholds) -> tuple[Outcome, str, str]:
    usual = thresholds.public_days if debtor == "public" else thresholds.large_days
    if days <= usual:
        return Outcome.PASS, "WITHIN", f": within {usual}"
    by_agreement = ", as agreed" if agreed else ", and no agreement is shown"
    if debtor == "public":
        if days > thresholds.public_most_days:
            return Outcome.FAIL, "TOO_LONG", f": over {thresholds.public_most_days}, whatever was agreed"
        if agreed:
            return Outcome.PASS, "WITHIN", f": within {thresholds.public_most_days}{by_agreement}"
        return Outcome.WARN, "UNUSUAL", f": over {usual}{by_agreement}"
    if agreed:
        return Outcome.WARN, "UNUSUAL", f": over {usual}{by_agreement}"
    return Outcome.FAIL, "TOO_LONG", f": over {usual}{by_agreement}"


def _term(case: Case, receivable: Receivable, terms: Terms) -> _Term | None:
    due = terms.due_date
    if due is None:
        if not terms.due_rules:
            return None
        rule = terms.due_rules[0]
        # No day to count from: the rule's own length says how long it takes.
        length = (rule.value.due_from(date(2026, 1, 1)) - date(2026, 1, 1)).days
        return _Term(length, rule.value.basis.replace("_", " "), (rule.input(case),))
    if terms.delivered:
        last = max(terms.delivered, key=lambda each: each.value)
        days = (due.value - last.value).days
        return _Term(days, f"the receipt of {last.value}", (due.input(case), last.input(case)))
    issued = of_invoice(case, receivable)
    days = (due.value - receivable.invoice.issue_date).days
    return _Term(days, f"the invoice of {receivable.invoice.issue_date}", (due.input(case), issued))


def _by_debtor(terms: Terms) -> bool:
    """Whether the debtor itself named the due date; that alone agrees on nothing with the seller."""
    return any(each.voice == "both" for each in terms.due_dates)


def _kind(case: Case, party: Party) -> Kind | None:
    for each in party.identifiers:
        found = case.desk.kinds.get(str(each))
        if found is not None:
            return found
    return None


def _said(kind: Kind) -> str:
    return "a public body" if kind == "public" else f"a {kind} enterprise"


def _of_desk(case: Case, party: Party, kind: Kind | None) -> Input:
    name = str(party.identifiers[0]) if party.identifiers else (party.name or "")
    return Input("", f"kinds/{name}", kind or "", "desk", case.as_of("desk"))
