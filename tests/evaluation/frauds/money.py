"""Where the money goes, and frauds that stay just below what is looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from tests.evaluation.frauds.base import ISSUED, Fraud, Trade, label, rebill, scaled, undo
from tests.evaluation.scene.companies import company
from tests.evaluation.scene.honest import wanted
from tests.evaluation.scene.scene import APPLIED
from tests.evaluation.scene.trade import Billing


def _how(trade: Trade) -> Billing:
    return Billing(order=trade.order.paper.number, confirmed_after=6)


def new_account(trade: Trade) -> None:
    """The invoice names an account that the bank has never seen, in a stranger's name: a hijacked mailbox."""
    scene = trade.scene
    stranger = scene.meet(company(trade.chance.of("stranger")))
    owed = rebill(trade, trade.delivery.lines, replace(_how(trade), account=stranger.accounts[0]))
    label(owed, "strangers_account")


def second_account(trade: Trade) -> None:
    """The invoice names the supplier's own other account, out of the lender's sight."""
    supplier = trade.scene.supplier
    owed = rebill(trade, trade.delivery.lines, replace(_how(trade), account=supplier.accounts[1]))
    label(owed, "unverified_own_account", worth=owed.face)


def diverted(trade: Trade) -> None:
    """After the money is out the debtor is told to pay somebody else."""
    scene = trade.scene
    other = scene.meet(company(trade.chance.of("other")))
    undo(trade, trade.owed, tax=False, papers=False)
    day = min(trade.owed.due, APPLIED + timedelta(days=12))
    trade.trader.pay(trade.owed, day, to_account=other.accounts[0], owner=other)
    label(trade.owed, "diverted_payment")


def third_party(trade: Trade) -> None:
    """A company nobody knows pays for the debtor: money going round to keep old loans fresh."""
    scene = trade.scene
    other = scene.meet(company(trade.chance.of("other")))
    undo(trade, trade.owed, tax=False, papers=False)
    scene.bank.pay(
        APPLIED + timedelta(days=11), trade.owed.face, other, scene.supplier, (trade.owed.primary.number,)
    )
    label(trade.owed, "strange_payer_in_life")


def never_paid(trade: Trade) -> None:
    """The debtor will not pay; it never meant to."""
    undo(trade, trade.owed, tax=False, papers=False)
    label(trade.owed, "never_paid")


def hug_quantity(trade: Trade) -> None:
    """Each invoice 1.9 per cent above what was received, below a usual tolerance of two."""
    worth = trade.owed.face
    owed = rebill(trade, scaled(trade.delivery.lines, "1.019"), _how(trade))
    label(owed, "quantity_below_tolerance", worth=worth)


def hug_price(trade: Trade) -> None:
    """Each price 0.9 per cent above the order's."""
    worth = trade.owed.face
    lines = [replace(line, price=line.price * Decimal("1.009")) for line in trade.delivery.lines]
    owed = rebill(trade, lines, _how(trade))
    label(owed, "price_below_tolerance", worth=worth)


def hug_both(trade: Trade) -> None:
    """Both at once."""
    worth = trade.owed.face
    lines = [
        replace(line, price=line.price * Decimal("1.009")) for line in scaled(trade.delivery.lines, "1.019")
    ]
    owed = rebill(trade, lines, _how(trade))
    label(owed, "quantity_and_price_below_tolerance", worth=worth)


def hug_rounding(trade: Trade) -> None:
    """Half a cent more on every line: within rounding, and worth nothing."""
    owed = trade.owed
    totals = owed.primary.totals
    more = Decimal("0.01")
    padded = totals.model_copy(
        update={"net": totals.net + more, "gross": totals.gross + more, "payable": totals.payable + more}
    )
    record = trade.scene.record(owed)
    assert record is not None
    record.net += more
    record.gross += more
    trade.scene.replace(owed.primary, owed.primary.model_copy(update={"totals": padded}))
    owed.face = padded.payable
    label(owed, "within_rounding", worth=totals.payable)


def forged_receipt(trade: Trade) -> None:
    """A third more than was sent, on an invoice at tax and on a receipt that the seller wrote in the buyer's name; the
    buyer's clerks take the whole invoice for the deduction and will ask for a credit note later."""
    trader = trade.trader
    trader.pair = replace(trader.pair, member=False)
    order = trader.place(wanted("castings", trade.chance), ISSUED - timedelta(days=24))
    received = trader.receive([line.of(line.quantity) for line in order.lines], ISSUED - timedelta(days=3))
    owed = trader.bill(received.lines, ISSUED, Billing(order=order.paper.number, confirmed_after=5))
    label(owed, "receipt_inflated_too", worth=owed.face * 3 / 4)


def barely_above(trade: Trade) -> None:
    """Invoices that were never declared make up four per cent of all sales."""
    scene, supplier = trade.scene, trade.scene.supplier
    record = scene.record(trade.owed)
    assert record is not None
    shown = sum((net for _, seller, _, net in scene.tax.sales if seller == supplier.id), Decimal(0))
    hidden = min(record.net, (shown * 4 / 100).quantize(Decimal(1)))
    scene.tax.declare(record.day, record.seller, record.buyer, -hidden)
    label(trade.owed, "sales_a_little_above_declared")


def one_link(trade: Trade) -> None:
    """Debtor and seller have one director in common, who decides for both."""
    supplier, buyer = trade.scene.supplier, trade.trader.buyer
    buyer.officers = (*buyer.officers[:1], supplier.officers[-1])
    label(trade.owed, "one_director_in_common")


def colluding_buyer(trade: Trade) -> None:
    """Buyer and seller invent it together: order, receipt, confirmation from the buyer, taxes paid, use confirmed."""
    trader = trade.trader
    trader.pair = replace(trader.pair, member=True)
    order = trader.place(wanted("castings", trade.chance), ISSUED - timedelta(days=24))
    lines = [line.of(line.quantity) for line in order.lines]
    sent = trader.send(lines, ISSUED - timedelta(days=5))
    received = trader.receive(lines, ISSUED - timedelta(days=3), sent=sent)
    owed = trader.bill(received.lines, ISSUED, Billing(order=order.paper.number, confirmed_after=5))
    trader.confirm(owed, ISSUED + timedelta(days=6))
    label(owed, "colluding_buyer")


def wrong_content(trade: Trade) -> None:
    """The boxes hold stones (nickel 2023); the buyer's gate counted boxes."""
    label(trade.owed, "wrong_content")


def side_letter(trade: Trade) -> None:
    """A letter between the two says that nothing has to be paid until the goods are sold on."""
    trade.trader.pair = replace(trade.trader.pair, member=True)
    trade.trader.confirm(trade.owed, ISSUED + timedelta(days=7))
    label(trade.owed, "side_letter")


def sold_abroad(trade: Trade) -> None:
    """Sold to a financier that is no member and registers nothing."""
    label(trade.owed, "sold_unregistered")


def aged(trade: Trade) -> None:
    """An old debt is reversed and written anew with a new date; the old papers stay at home."""
    undo(trade, trade.owed)
    how = replace(_how(trade), confirmed_after=3)
    owed = trade.trader.bill(trade.delivery.lines, APPLIED - timedelta(days=8), how)
    label(owed, "aged_and_renewed", worth=owed.face)


FRAUDS: Final = (
    Fraud(
        "strangers_account",
        "the invoice is to be paid to a stranger's account",
        "further kind",
        ("bank", "desk"),
        "before funding",
        new_account,
    ),
    Fraud(
        "unverified_own_account",
        "... to an account of the supplier that nobody verified",
        "further kind",
        ("bank", "desk"),
        "before funding",
        second_account,
        "the debt is real: what is at risk is who gets the money",
    ),
    Fraud(
        "diverted_payment",
        "the debtor is told to pay somebody else",
        "further kind",
        ("bank",),
        "in life",
        diverted,
    ),
    Fraud(
        "strange_payer_in_life",
        "a company that nobody knows pays for the debtor",
        "payers aping blue chips 2024",
        ("bank",),
        "in life",
        third_party,
    ),
    Fraud("never_paid", "the debtor never meant to pay", "further kind", ("bank",), "in life", never_paid),
    Fraud(
        "quantity_below_tolerance",
        "1.9 % more than received on every line",
        "threshold-hugging",
        ("goods_receipt",),
        "before funding",
        hug_quantity,
    ),
    Fraud(
        "price_below_tolerance",
        "0.9 % above the order's prices",
        "threshold-hugging",
        ("purchase_order",),
        "never",
        hug_price,
        "within the tolerance that honest price changes need; at most 1 %, which the advance rate covers",
    ),
    Fraud(
        "quantity_and_price_below_tolerance",
        "both at once",
        "threshold-hugging",
        ("purchase_order", "goods_receipt"),
        "never",
        hug_both,
        "the quantity is taken out, the price within tolerance is not; the advance rate covers it",
    ),
    Fraud(
        "within_rounding",
        "a cent more in the total",
        "threshold-hugging",
        ("invoice",),
        "never",
        hug_rounding,
        "within rounding, and worth no more than that",
    ),
    Fraud(
        "receipt_inflated_too",
        "a third too much, on a receipt in the buyer's name too",
        "First Brands 2025",
        ("goods_receipt",),
        "never",
        forged_receipt,
        "the buyer is no member and its clerks confirmed the use: nobody but the buyer's store knows better",
    ),
    Fraud(
        "sales_a_little_above_declared",
        "four per cent of sales never declared",
        "threshold-hugging",
        ("tax",),
        "never",
        barely_above,
        "within what declarations lag behind invoices",
    ),
    Fraud(
        "one_director_in_common",
        "debtor and seller have one director in common",
        "threshold-hugging",
        ("credit",),
        "never",
        one_link,
        "one link is honest far more often than not",
    ),
    Fraud(
        "colluding_buyer",
        "buyer and seller invent it together and pay the tax",
        "colluding buyers",
        (),
        "never",
        colluding_buyer,
        "every paper is what it would be; only goods that are not there would tell",
    ),
    Fraud(
        "wrong_content",
        "the boxes hold something else",
        "nickel 2023",
        ("inspection_report",),
        "never",
        wrong_content,
        "papers do not see into boxes; a third party's inspection would",
    ),
    Fraud(
        "side_letter",
        "a letter takes back what the confirmation says",
        "further kind",
        (),
        "never",
        side_letter,
        "the letter is in two drawers",
    ),
    Fraud(
        "sold_unregistered",
        "sold to somebody who registers nothing",
        "further kind",
        (),
        "never",
        sold_abroad,
        "no register has it; the earlier registration wins all the same (民法典 768)",
    ),
    Fraud(
        "aged_and_renewed",
        "an old debt reversed and written anew with a new date",
        "further kind",
        (),
        "never",
        aged,
        "a corrected invoice looks the same; the debt is real, its age is hidden",
    ),
)
