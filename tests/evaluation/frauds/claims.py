"""The same thing sold twice, and what is reversed or withdrawn once the money is out."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from tests.evaluation.frauds.base import ISSUED, Fraud, Trade, label, undo
from tests.evaluation.scene.books import ClaimEntry, Filing
from tests.evaluation.scene.scene import APPLIED
from tests.evaluation.scene.trade import Billing


def other_bank(trade: Trade) -> None:
    """Another member bank has financed the invoice."""
    trade.scene.claims.append(
        ClaimEntry(trade.owed.primary.number, Decimal(1), False, ISSUED + timedelta(days=5))
    )
    label(trade.owed, "sold_to_other_bank")


def reserved(trade: Trade) -> None:
    """Another member bank has reserved it an hour ago: whoever pays first is cheated last."""
    entry = ClaimEntry(trade.owed.primary.number, Decimal(1), False, APPLIED, "reserved")
    trade.scene.claims.append(entry)
    label(trade.owed, "reserved_elsewhere")


def both_papers(trade: Trade) -> None:
    """The 数电票 went to another bank, the commercial invoice of the same sale comes here."""
    undo(trade, trade.owed)
    how = Billing(mode="both", order=trade.order.paper.number, confirmed_after=6)
    owed = trade.owed = trade.trader.bill(trade.delivery.lines, ISSUED, how)
    trade.scene.claims.append(
        ClaimEntry(owed.documents[1].number, Decimal(1), False, ISSUED + timedelta(days=4))
    )
    trade.scene.withdraw(owed.documents[1])
    label(owed, "two_papers_two_banks")


def order_first(trade: Trade) -> None:
    """Another bank lends on the order; its invoice is brought here."""
    number = trade.order.paper.number
    trade.scene.claims.append(ClaimEntry(number, Decimal(1), False, trade.order.day + timedelta(days=4)))
    label(trade.owed, "order_financed_before")


def outside(trade: Trade) -> None:
    """A factor outside of the consortium bought it, and registered that."""
    owed = trade.owed
    _file(
        trade,
        "invoices",
        f"应收账款转让：债务人{owed.debtor.name}，发票号码：{owed.primary.number}，金额{owed.face}元",
        (owed.primary.number,),
    )
    label(owed, "registered_by_a_factor")


def blanket(trade: Trade) -> None:
    """All receivables, present and future, are pledged to another bank, which registered that last year."""
    _file(trade, "all_receivables", "应收账款质押：出质人现有的以及将有的全部应收账款", (), days=300)
    for owed in trade.scene.owed:
        if owed.open(APPLIED) > 0:
            label(owed, "blanket_pledge")


def blanket_former_name(trade: Trade) -> None:
    """... under the name that the company had until the spring."""
    supplier = trade.scene.supplier
    old = supplier.name.replace("有限公司", "厂")
    supplier.former.append((old, APPLIED - timedelta(days=200)))
    filing = _file(trade, "all_receivables", "应收账款质押：出质人现有的以及将有的全部应收账款", (), days=300)
    filing.name_used = old
    for owed in trade.scene.owed:
        if owed.open(APPLIED) > 0:
            label(owed, "blanket_pledge_former_name")


def one_debtor(trade: Trade) -> None:
    """A factor bought everything this debtor owes; its registration names the debtor and no invoice."""
    debtor = trade.owed.debtor.name
    filing = _file(trade, "all_receivables", f"应收账款转让：转让人对{debtor}的全部应收账款", (), days=60)
    filing.secured = "远洋商业保理有限公司"
    for owed in trade.scene.owed:
        if owed.debtor is trade.owed.debtor and owed.open(APPLIED) > 0:
            label(owed, "all_of_one_debtor_sold")


def vague(trade: Trade) -> None:
    """... its registration says "a batch of receivables, see the annex", and the invoice is in the annex."""
    _file(trade, "all_receivables", "应收账款转让：应收账款一批，详见附件清单", (), days=20)
    label(trade.owed, "registered_vaguely")


def with_blanks(trade: Trade) -> None:
    """... it writes the invoice's number in groups of four, with full-width digits."""
    number = trade.owed.primary.number
    wide = number.translate({ord("0") + digit: chr(0xFF10 + digit) for digit in range(10)})
    groups = " ".join(wide[start : start + 4] for start in range(0, len(wide), 4))
    _file(trade, "invoices", f"受让{trade.owed.debtor.name}应收账款，发票号{groups}", (number,))
    label(trade.owed, "registered_in_groups")


def _file(trade: Trade, assets: str, text: str, invoices: tuple[str, ...], days: int = 15) -> Filing:
    filing = Filing(
        number=trade.chance.digits(20),
        assignor=trade.scene.supplier,
        secured="远洋商业保理有限公司" if invoices else "西部银行股份有限公司",
        day=APPLIED - timedelta(days=days),
        until=APPLIED + timedelta(days=700),
        assets=assets,
        description=text,
        invoices=invoices,
        debtor=trade.owed.debtor.name,
        amount=trade.owed.face,
    )
    trade.scene.filings.append(filing)
    return filing


def written_twice(trade: Trade) -> None:
    """The same delivery on a second invoice with a number one digit off, unknown to tax."""
    number = trade.owed.primary.number
    last = str((int(number[-1]) + 1) % 10)
    how = Billing(order=trade.order.paper.number, at_tax=False, number=number[:-1] + last)
    owed = trade.trader.bill(trade.delivery.lines, ISSUED, how)
    label(owed, "written_twice")


def issued_twice(trade: Trade) -> None:
    """The same delivery on two real tax invoices, one of which will be reversed."""
    how = Billing(order=trade.order.paper.number, confirmed_after=6)
    owed = trade.trader.bill(trade.delivery.lines, ISSUED + timedelta(days=5), how)
    label(owed, "issued_twice")


def split_sale(trade: Trade) -> None:
    """One delivery on two invoices of sixty per cent each, both at tax."""
    undo(trade, trade.owed)
    how = Billing(order=trade.order.paper.number, confirmed_after=5)
    lines = [line.of((line.quantity * 6 / 10).quantize(Decimal("0.001"))) for line in trade.delivery.lines]
    first, second = (trade.trader.bill(lines, ISSUED + timedelta(days=each), how) for each in (0, 4))
    label(first, "sold_in_two_halves_too_large", worth=first.face)
    label(second, "sold_in_two_halves_too_large", worth=second.face * 2 / 3)


def paid_already(trade: Trade) -> None:
    """The buyer has paid; the supplier brings the invoice all the same."""
    undo(trade, trade.owed, tax=False, papers=False)
    trade.trader.pay(trade.owed, ISSUED + timedelta(days=15))
    label(trade.owed, "paid_already")


def paid_elsewhere(trade: Trade) -> None:
    """... to another account of the supplier than the invoice names."""
    undo(trade, trade.owed, tax=False, papers=False)
    supplier = trade.scene.supplier
    trade.trader.pay(trade.owed, ISSUED + timedelta(days=15), to_account=supplier.accounts[1])
    label(trade.owed, "paid_to_second_account")


def reversed_before(trade: Trade) -> None:
    """The invoice is red at tax; the supplier brings the copy."""
    record = trade.scene.record(trade.owed)
    assert record is not None
    record.reds.append((ISSUED + timedelta(days=12), record.gross))
    label(trade.owed, "reversed_at_tax")


def reversal_begun(trade: Trade) -> None:
    """A red-letter confirmation (确认单) is open on the day of the application."""
    record = trade.scene.record(trade.owed)
    assert record is not None
    record.red_asked_on = APPLIED - timedelta(days=2)
    label(trade.owed, "reversal_begun")


def credit_kept_back(trade: Trade) -> None:
    """Half of it was taken back; tax knows, the bank is not shown the credit note."""
    line = trade.lines[0]
    trade.trader.credit(trade.owed, [line.of(line.quantity / 2)], ISSUED + timedelta(days=8), shown=False)
    label(trade.owed, "credit_kept_back", worth=trade.owed.face / 2)


def reversed_after(trade: Trade) -> None:
    """红冲 ten days after the money is out."""
    record = trade.scene.record(trade.owed)
    assert record is not None
    record.reds.append((APPLIED + timedelta(days=10), record.gross))
    _unpaid(trade)
    label(trade.owed, "reversed_after_drawdown")


def credited_after(trade: Trade) -> None:
    """A credit note over most of it after the money is out."""
    _unpaid(trade)
    lines = [line.of((line.quantity * 9 / 10).quantize(Decimal("0.001"))) for line in trade.lines]
    trade.trader.credit(trade.owed, lines, APPLIED + timedelta(days=9))
    label(trade.owed, "credited_after_drawdown", worth=trade.owed.face / 10)


def consent_gone(trade: Trade) -> None:
    """The consent is withdrawn ten days after the money is out, so that nobody looks again."""
    trade.scene.consent_ends = APPLIED + timedelta(days=10)
    _unpaid(trade)
    label(trade.owed, "consent_withdrawn")


def sold_after(trade: Trade) -> None:
    """Sold again after the money is out, to a factor that registers first."""
    trade.owed.brought = True
    filing = _file(
        trade,
        "invoices",
        f"应收账款转让：发票号码：{trade.owed.primary.number}",
        (trade.owed.primary.number,),
    )
    filing.day = APPLIED + timedelta(days=5)
    _unpaid(trade)
    label(trade.owed, "sold_again_after")


def _unpaid(trade: Trade) -> None:
    undo(trade, trade.owed, tax=False, papers=False)


def split_claims(trade: Trade) -> None:
    """Another bank holds three fifths of it; the whole is brought here."""
    trade.scene.claims.append(
        ClaimEntry(trade.owed.primary.number, Decimal("0.6"), False, ISSUED + timedelta(days=5))
    )
    label(trade.owed, "sold_in_parts", worth=trade.owed.face * 2 / 5)


FRAUDS: Final = (
    Fraud(
        "sold_to_other_bank",
        "another member bank has financed it",
        "First Brands 2025",
        ("ledger",),
        "before funding",
        other_bank,
    ),
    Fraud(
        "reserved_elsewhere",
        "another member bank reserved it an hour ago",
        "further kind",
        ("ledger",),
        "before funding",
        reserved,
    ),
    Fraud(
        "sold_in_parts",
        "three fifths are assigned elsewhere",
        "First Brands 2025",
        ("ledger",),
        "before funding",
        split_claims,
        "eligible up to what is free: nothing is lent on the sold part",
    ),
    Fraud(
        "two_papers_two_banks",
        "tax invoice at one bank, commercial invoice at the other",
        "further kind",
        ("ledger",),
        "before funding",
        both_papers,
    ),
    Fraud(
        "order_financed_before",
        "the order is financed, then its invoice",
        "further kind",
        ("ledger",),
        "before funding",
        order_first,
    ),
    Fraud(
        "registered_by_a_factor",
        "sold outside of the consortium, registered",
        "First Brands 2025",
        ("registry",),
        "before funding",
        outside,
    ),
    Fraud(
        "blanket_pledge",
        "all receivables are pledged to another bank",
        "further kind",
        ("registry",),
        "before funding",
        blanket,
    ),
    Fraud(
        "blanket_pledge_former_name",
        "... registered under a former name",
        "further kind",
        ("registry",),
        "before funding",
        blanket_former_name,
    ),
    Fraud(
        "all_of_one_debtor_sold",
        "everything one debtor owes is sold; the registration names no invoice",
        "further kind",
        ("registry",),
        "before funding",
        one_debtor,
    ),
    Fraud(
        "registered_vaguely",
        "registered as a batch, see the annex",
        "further kind",
        ("registry",),
        "before funding",
        vague,
    ),
    Fraud(
        "registered_in_groups",
        "registered with the number in groups and full-width digits",
        "further kind",
        ("registry",),
        "before funding",
        with_blanks,
    ),
    Fraud(
        "sold_in_two_halves_too_large",
        "one delivery on two invoices of sixty per cent",
        "First Brands 2025",
        ("goods_receipt", "invoice"),
        "before funding",
        split_sale,
        any_of=True,
    ),
    Fraud(
        "written_twice",
        "one delivery, a second invoice one digit off",
        "First Brands 2025",
        ("tax", "goods_receipt"),
        "before funding",
        written_twice,
    ),
    Fraud(
        "issued_twice",
        "one delivery, two real tax invoices",
        "First Brands 2025",
        ("goods_receipt", "invoice"),
        "before funding",
        issued_twice,
    ),
    Fraud("paid_already", "the buyer has paid", "further kind", ("bank",), "before funding", paid_already),
    Fraud(
        "paid_to_second_account",
        "the buyer has paid to another account",
        "further kind",
        ("bank",),
        "before funding",
        paid_elsewhere,
    ),
    Fraud(
        "reversed_at_tax", "wholly red at tax", "further kind", ("tax",), "before funding", reversed_before
    ),
    Fraud(
        "reversal_begun",
        "a red-letter confirmation is open",
        "further kind",
        ("tax",),
        "before funding",
        reversal_begun,
    ),
    Fraud(
        "credit_kept_back",
        "half taken back, the credit note not shown",
        "further kind",
        ("tax",),
        "before funding",
        credit_kept_back,
    ),
    Fraud(
        "reversed_after_drawdown",
        "红冲 after the money is out",
        "drawdown, then 红冲",
        ("tax",),
        "in life",
        reversed_after,
    ),
    Fraud(
        "credited_after_drawdown",
        "a credit note after the money is out",
        "further kind",
        ("credit_note", "tax"),
        "in life",
        credited_after,
    ),
    Fraud(
        "consent_withdrawn",
        "consent withdrawn after the money is out",
        "drawdown, then revoked consent",
        ("ledger",),
        "in life",
        consent_gone,
    ),
    Fraud(
        "sold_again_after",
        "sold again after the money is out",
        "further kind",
        ("registry",),
        "in life",
        sold_after,
    ),
)
