"""Who is behind it: forged confirmations, aped names, relatives, rings, sales that were never made."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from consortium.documents import DebtorConfirmation, Party, PartyId
from tests.evaluation.frauds.base import ISSUED, Fraud, Trade, label, scaled, undo
from tests.evaluation.scene.companies import Company, company
from tests.evaluation.scene.honest import wanted
from tests.evaluation.scene.scene import APPLIED, Owed
from tests.evaluation.scene.trade import Billing, Trader
from tests.evaluation.views.desk import LIMIT


def _confirmed_by_seller(trade: Trade, owed: Owed, sent_from: str = "") -> DebtorConfirmation:
    """A confirmation with a forged seal, handed in by the seller."""
    before = len(trade.scene.papers)
    trade.trader.pair = replace(trade.trader.pair, member=False)
    trade.trader.confirm(owed, ISSUED + timedelta(days=6), set_off_waived=True)
    paper = trade.scene.papers[before]
    body = paper.document
    assert isinstance(body, DebtorConfirmation)
    if sent_from:
        known = (*body.buyer.identifiers, PartyId(scheme="em", value=sent_from))
        body = body.model_copy(update={"buyer": Party(**(dict(body.buyer) | {"identifiers": known}))})
        paper.document = body
    return body


def forged_confirmation(trade: Trade) -> None:
    """The parties trade, but not this: orders, receipts and the debtor's seal are forged, and tax knows nothing."""
    trade.trader.pair = replace(trade.trader.pair, member=False)
    lines = [line.of(line.quantity) for line in wanted("castings", trade.chance)]
    order = trade.trader.place(lines, ISSUED - timedelta(days=22))
    received = trade.trader.receive(
        [line.of(line.quantity) for line in order.lines], ISSUED - timedelta(days=2)
    )
    owed = trade.trader.bill(received.lines, ISSUED, Billing(order=order.paper.number, at_tax=False))
    _confirmed_by_seller(trade, owed)
    label(owed, "forged_confirmation")


def forged_with_tax(trade: Trade) -> None:
    """... and the seller did issue tax invoices, which the debtor knows nothing of and has not used."""
    trade.trader.pair = replace(trade.trader.pair, member=False)
    order = trade.trader.place(wanted("castings", trade.chance), ISSUED - timedelta(days=22))
    received = trade.trader.receive(
        [line.of(line.quantity) for line in order.lines], ISSUED - timedelta(days=2)
    )
    owed = trade.trader.bill(received.lines, ISSUED, Billing(order=order.paper.number, confirmed_after=900))
    _confirmed_by_seller(trade, owed)
    label(owed, "forged_with_real_tax_invoices")


def lookalike_domain(trade: Trade) -> None:
    """The confirmation comes by mail from a domain one letter off the debtor's."""
    own = trade.trader.buyer
    own.domain = f"{own.number[8:13].lower()}motors.com"
    aped = own.domain.replace("motors", "rnotors")
    order = trade.trader.place(wanted("castings", trade.chance), ISSUED - timedelta(days=22))
    received = trade.trader.receive(
        [line.of(line.quantity) for line in order.lines], ISSUED - timedelta(days=2)
    )
    owed = trade.trader.bill(received.lines, ISSUED, Billing(order=order.paper.number, confirmed_after=900))
    _confirmed_by_seller(trade, owed, f"finance@{aped}")
    label(owed, "lookalike_mail_domain")


def lookalike_payer(trade: Trade) -> None:
    """Earlier invoices were paid by a shell with the core enterprise's name and another identifier (2024)."""
    scene, trader = trade.scene, trade.trader
    shell = scene.meet(company(trade.chance.of("shell")))
    shell.name = (
        trader.buyer.name.replace("股份", "") if "股份" in trader.buyer.name else trader.buyer.name + "公司"
    )
    undo(trade, trade.owed, tax=False, papers=False)
    part = (trade.owed.face / 5).quantize(Decimal(1))
    scene.bank.pay(
        APPLIED - timedelta(days=8),
        part,
        shell,
        scene.supplier,
        (trade.owed.primary.number,),
        payer_name=trader.buyer.name,
    )
    label(trade.owed, "lookalike_payer")


def relative(trade: Trade) -> None:
    """Debtor and seller belong to one man; he confirms his own invoices."""
    supplier, buyer = trade.scene.supplier, trade.trader.buyer
    boss = supplier.owners[0]
    buyer.owners = (boss, *buyer.owners[1:])
    buyer.officers = (boss, *buyer.officers[1:])
    for owed in trade.scene.owed:
        if owed.debtor is buyer and owed.open(APPLIED) > 0:
            label(owed, "own_debtor")


def nominee(trade: Trade) -> None:
    """... through a nominee: director and address in common, no owner."""
    supplier, buyer = trade.scene.supplier, trade.trader.buyer
    buyer.officers = (*buyer.officers[:1], supplier.officers[0])
    buyer.street, buyer.city = supplier.street, supplier.city
    for owed in trade.scene.owed:
        if owed.debtor is buyer and owed.open(APPLIED) > 0:
            label(owed, "nominee_debtor")


def _ring(trade: Trade, name: str, others: int, share: str) -> None:
    """What the debtor buys comes back to the seller over other companies, a little cheaper each time."""
    scene, trader = trade.scene, trade.trader
    chain: list[Company] = [trader.buyer]
    chain += [scene.meet(company(trade.chance.of("ring", number))) for number in range(others)]
    owed = trade.owed
    net = owed.primary.totals.net * Decimal(share)
    day = ISSUED + timedelta(days=3)
    for giver, taker in zip(chain, [*chain[1:], scene.supplier], strict=True):
        net = (net * Decimal("0.995")).quantize(Decimal(1))
        scene.tax.declare(day, giver.id, taker.id, net)
        _shown_purchase(trade, giver, taker, net, day)
        day += timedelta(days=2)
    label(owed, name)


def _shown_purchase(trade: Trade, giver: Company, taker: Company, net: Decimal, day: date) -> None:
    """The last leg's invoice is among the supplier's own papers, as purchases are."""
    scene = trade.scene
    if taker is not scene.supplier:
        return
    line = trade.lines[0]
    price = (net / line.quantity).quantize(Decimal("0.0001"))
    other = replace(trade.trader.pair, buyer=scene.supplier, member=False, contract="")
    trader = Trader(scene, other, trade.chance.of("purchase"))
    trader.seller = giver
    owed = trader.bill(
        [line.of(line.quantity, price=price, order="", order_line="", base=None)], day, Billing()
    )
    owed.brought = False
    scene.tax.declare(day, giver.id, taker.id, -owed.primary.totals.net)


def short_ring(trade: Trade) -> None:
    """Seller, debtor, one more, and back."""
    _ring(trade, "short_ring", 1, "1")


def straight_back(trade: Trade) -> None:
    """The debtor sells the same goods straight back."""
    _ring(trade, "sold_straight_back", 0, "1")


def long_ring(trade: Trade) -> None:
    """Over four others: more hands than a ring is usually looked for in (threshold-hugging)."""
    _ring(trade, "long_ring", 4, "1")


def prepaid_ring(trade: Trade) -> None:
    """专网通信: the debtor pays a tenth, the seller prepays its supplier, who belongs to the debtor, all of it."""
    scene, trader = trade.scene, trade.trader
    undo(trade, trade.owed, tax=False, papers=False)
    trader.pay(trade.owed, ISSUED + timedelta(days=4), (trade.owed.face / 10).quantize(Decimal(1)))
    maker = scene.meet(company(trade.chance.of("maker")))
    net = (trade.owed.primary.totals.net * Decimal("0.92")).quantize(Decimal(1))
    scene.tax.declare(ISSUED - timedelta(days=20), maker.id, scene.supplier.id, net)
    scene.tax.declare(ISSUED - timedelta(days=18), trader.buyer.id, maker.id, net)
    back = (net * Decimal("0.9")).quantize(Decimal(1))
    scene.tax.declare(ISSUED - timedelta(days=15), trader.buyer.id, scene.supplier.id, back)
    _shown_purchase(trade, trader.buyer, scene.supplier, back, ISSUED - timedelta(days=15))
    label(trade.owed, "prepaid_ring")


def shell_sales(trade: Trade) -> None:
    """Ten times the sales that the supplier declares; receipts and confirmations are the seller's own."""
    scene = trade.scene
    trade.trader.pair = replace(trade.trader.pair, member=False)
    for number in range(6):
        day = ISSUED - timedelta(days=20 * number)
        goods = scaled(wanted("copper", trade.chance.of("shell", number)), "1.5")
        order = trade.trader.place(goods, day - timedelta(days=15))
        received = trade.trader.receive(
            [line.of(line.quantity) for line in order.lines], day - timedelta(days=2)
        )
        owed = trade.trader.bill(received.lines, day, Billing(order=order.paper.number))
        record = scene.record(owed)
        assert record is not None
        scene.tax.declare(day, record.seller, record.buyer, -record.net)
        label(owed, "sales_never_declared")


def group_split(trade: Trade) -> None:
    """One group's debt above the bank's limit, spread over its companies."""
    scene = trade.scene
    group = "万象集团"
    for owed in scene.owed:
        owed.debtor.group = group
    line = wanted("copper", trade.chance.of("bulk"))[0]
    amount = LIMIT * Decimal("1.5")
    line = line.of((amount / line.price / Decimal("1.13")).quantize(Decimal(1)))
    order = trade.trader.place([line], ISSUED - timedelta(days=25))
    received = trade.trader.receive(
        [line.of(line.quantity, order=order.paper.number)], ISSUED - timedelta(days=2)
    )
    owed = trade.trader.bill(received.lines, ISSUED, Billing(order=order.paper.number, confirmed_after=4))
    label(owed, "group_over_limit", worth=LIMIT * 5 / 4)  # the limit is on what is lent, at most four fifths


def wrong_identifier(trade: Trade) -> None:
    """The debtor has a core enterprise's name and a tax number that cannot exist."""
    owed = trade.owed
    body = owed.primary
    wrong = trade.trader.buyer.number[:-1] + ("0" if trade.trader.buyer.number[-1] != "0" else "1")
    party = body.buyer.model_copy(update={"identifiers": (PartyId(scheme="uscc", value=wrong),)})
    trade.scene.replace(body, body.model_copy(update={"buyer": party}))
    label(owed, "impossible_tax_number")


FRAUDS: Final = (
    Fraud(
        "forged_confirmation",
        "real parties, forged papers and seals, nothing at tax",
        "承兴 2019",
        ("tax", "debtor_confirmation"),
        "before funding",
        forged_confirmation,
    ),
    Fraud(
        "forged_with_real_tax_invoices",
        "... with tax invoices that the debtor never used",
        "承兴 2019",
        ("tax", "debtor_confirmation"),
        "before funding",
        forged_with_tax,
    ),
    Fraud(
        "lookalike_mail_domain",
        "a confirmation from a domain one letter off",
        "look-alike domains 2025",
        ("debtor_confirmation", "desk"),
        "before funding",
        lookalike_domain,
    ),
    Fraud(
        "lookalike_payer",
        "part payments by a shell with the debtor's name",
        "payers aping blue chips 2024",
        ("bank",),
        "before funding",
        lookalike_payer,
    ),
    Fraud(
        "own_debtor",
        "debtor and seller belong to one man",
        "further kind",
        ("credit",),
        "before funding",
        relative,
    ),
    Fraud(
        "nominee_debtor",
        "... through a nominee: a director and the address in common",
        "further kind",
        ("credit",),
        "before funding",
        nominee,
    ),
    Fraud(
        "sold_straight_back",
        "the debtor sells the same goods back",
        "专网通信 2021",
        ("tax", "invoice"),
        "before funding",
        straight_back,
    ),
    Fraud(
        "short_ring",
        "goods go round three companies",
        "专网通信 2021",
        ("tax", "invoice"),
        "never",
        short_ring,
        "the middle leg is a sale between others; no consent of the supplier covers it",
    ),
    Fraud(
        "long_ring",
        "goods go round six companies",
        "threshold-hugging",
        ("tax",),
        "never",
        long_ring,
        "every leg but the first and the last is between others, whose papers and declarations nobody may see",
    ),
    Fraud(
        "prepaid_ring",
        "a tenth paid in, all prepaid out, goods come back",
        "专网通信 2021",
        ("tax", "invoice", "bank"),
        "before funding",
        prepaid_ring,
    ),
    Fraud(
        "sales_never_declared",
        "six large sales that were never declared",
        "further kind",
        ("tax",),
        "before funding",
        shell_sales,
    ),
    Fraud(
        "group_over_limit",
        "one group's debt, spread over its companies",
        "further kind",
        ("desk",),
        "before funding",
        group_split,
        "the trade is real: what is hidden is how much one group owes",
    ),
    Fraud(
        "impossible_tax_number",
        "a core enterprise's name, a number that cannot exist",
        "further kind",
        ("invoice",),
        "before funding",
        wrong_identifier,
    ),
)
