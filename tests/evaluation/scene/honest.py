"""Honest suppliers: some months of trade with some buyers, with the noise of :mod:`tests.evaluation.rates`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from tests.evaluation import rates
from tests.evaluation.chance import Chance
from tests.evaluation.scene import agreements, noise
from tests.evaluation.scene.books import ClaimEntry, Filing
from tests.evaluation.scene.companies import Company, company, foreign_company
from tests.evaluation.scene.goods import RAW_MATERIAL, SERVICES, TRADES, Good
from tests.evaluation.scene.papers import Line
from tests.evaluation.scene.scene import APPLIED, Delivery, Order, Owed, Pair, Scene
from tests.evaluation.scene.trade import Billing, Trader

MONTHS: Final = 6
"""How far back a supplier's papers go."""
FIRST: Final = APPLIED - timedelta(days=30 * MONTHS)


def make_scene(chance: Chance, *, pairs: int | None = None, most: int = 10, noisy: bool = True) -> Scene:
    """A supplier with its buyers and half a year of trade.

    :param pairs: how many buyers; two to four unless it says
    :param most: orders of one buyer
    :param noisy: with honest noise; without, every trade is plain
    """
    trade = chance.pick(list(TRADES))
    scene = Scene(chance, company(chance.of("supplier")))
    if noisy and chance.happens(rates.ONBOARDED_LATELY):
        scene.onboarded = APPLIED - timedelta(days=chance.number(12, 45))
    for number in range(pairs or chance.number(2, 4)):
        pair = _pair(scene, chance.of("pair", number), noisy)
        scene.pairs.append(pair)
        if pair.shows_contract:
            signed = FIRST - timedelta(days=30)
            bar = noisy and chance.of("clause", number).happens(rates.ASSIGNMENT_BARRED)
            paper = agreements.contract(pair, scene.supplier, signed, assignment_barred=bar or None)
            scene.show(paper, scene.supplier, signed + timedelta(days=2), signed=True)
            pair.barred_abroad = bar and pair.foreign
        _months(scene, pair, trade, chance.of("trade", number), most, noisy)
    _choose(scene, chance.of("choice"))
    if noisy:
        _books(scene, trade, chance.of("books"))
    return scene


def _pair(scene: Scene, chance: Chance, noisy: bool) -> Pair:
    def has(rate: float) -> bool:
        return noisy and chance.happens(rate)

    foreign = has(rates.FOREIGN_BUYER)
    size = chance.weighted({"large": 0.6, "medium": 0.3, "public": 0.1})
    buyer = foreign_company(chance) if foreign else company(chance, size, suffix="股份有限公司")
    if has(rates.RENAMED):
        until = APPLIED - timedelta(days=chance.number(15, 150))
        buyer.former.append((buyer.name.replace("股份有限公司", "有限公司"), until))
    if has(rates.SAME_PARK):
        buyer.street, buyer.city = scene.supplier.street, scene.supplier.city
        scene.files[scene.supplier.id].related.append((buyer, "address"))
    scene.meet(buyer)
    treasury = None
    if has(rates.GROUP_TREASURY):
        treasury = scene.meet(company(chance.of("treasury"), "large", suffix="财务有限公司"))
        treasury.group = buyer.group = f"{buyer.name[:6]}集团"
    member = not foreign and chance.happens(rates.BUYER_IS_MEMBER)
    terms = 90 if has(rates.LONG_TERMS) else chance.pick((30, 45, 60, 60))
    if size == "public" and not foreign:
        terms = 30  # 保障中小企业款项支付条例: thirty days from delivery, sixty at most
    return Pair(
        buyer=buyer,
        member=member,
        terms=terms,
        contract=f"HT{FIRST.year}-{chance.digits(4)}",
        treasury=treasury,
        treasury_known=chance.happens(rates.TREASURY_KNOWN),
        confirms=member and chance.happens(rates.CONFIRMS),
        monthly=has(rates.MONTHLY_STATEMENT),
        standing=has(rates.STANDING_ORDER),
        foreign=foreign,
        invoicing="foreign" if foreign else chance.weighted(rates.INVOICING),
        shows_contract=terms > 60 or chance.happens(rates.CONTRACT_SHOWN),
    )


# --- months of trade ------------------------------------------------------------------------


def _months(scene: Scene, pair: Pair, trade: str, chance: Chance, most: int, noisy: bool) -> None:
    trader = Trader(scene, pair, chance.of("numbers"))
    waiting: dict[tuple[int, int], list[tuple[Delivery, Order]]] = {}
    standing = wanted(trade, chance.of("standing")) if pair.standing else None
    count = MONTHS if pair.standing else chance.number(most // 2 + 1, most)
    for number in range(count):
        own = chance.of("order", number)
        step = (APPLIED - FIRST).days // count
        day = FIRST + timedelta(days=number * step + (3 if pair.standing else own.number(0, step - 1)))
        service = noisy and not (pair.monthly or pair.foreign or pair.standing) and own.happens(rates.SERVICE)
        lines = standing or wanted(trade, own, service=service, prices=scene.chance.of("prices"))
        if noisy and not service:
            lines = noise.in_other_units(lines, own)
        order = trader.place(lines, day)
        if service:
            _serve(trader, order, own)
            continue
        for delivery in deliver(trader, order, own, noisy):
            if delivery.day > APPLIED:
                continue
            if pair.monthly:
                waiting.setdefault((delivery.day.year, delivery.day.month), []).append((delivery, order))
            else:
                invoice(trader, delivery, own.of(delivery.number), noisy, order)
    for (year, month), deliveries in sorted(waiting.items()):
        _monthly(trader, deliveries, _last_day(year, month), chance.of("month", month), noisy)


def wanted(trade: str, chance: Chance, *, service: bool = False, prices: Chance | None = None) -> list[Line]:
    """What a buyer may want.

    :param prices: gives each good its usual price, from which orders are a few per cent off; without it prices are free
    """
    goods: list[Good] = (
        [chance.pick(SERVICES)] if service else chance.some(TRADES[trade], chance.number(1, 3))
    )
    lines = []
    for number, good in enumerate(goods, 1):
        places = 2 if good.low >= 1 else 4
        share = Decimal(chance.number(30, 170)) / 100
        quantity = (good.typical_quantity * share).quantize(Decimal(1))
        price = (prices.of(good.name) if prices else chance).decimal(good.low, good.high, places)
        if prices:
            price = max(
                (price * chance.number(96, 104) / 100).quantize(Decimal(1).scaleb(-places)), good.low / 2
            )
        lines.append(
            Line(str(number), good, max(quantity, Decimal(1)), good.unit, price, order_line=str(number))
        )
    return lines


def deliver(trader: Trader, order: Order, chance: Chance, noisy: bool) -> list[Delivery]:
    """The deliveries of an order; those whose day has not come are on paper nowhere."""

    def has(rate: float) -> bool:
        return noisy and chance.happens(rate)

    parts = [Decimal(1)]
    if has(rates.PARTIAL_DELIVERY):
        first = Decimal(chance.number(3, 7)) / 10
        parts = [first, 1 - first]
    day = order.day + timedelta(days=chance.number(6, 20))
    made: list[Delivery] = []
    left = {line.line_id: line.quantity for line in order.lines}
    for number, part in enumerate(parts):
        lines: list[Line] = []
        for line in order.lines:
            last = number == len(parts) - 1
            quantity = left[line.line_id] if last else (line.quantity * part).quantize(Decimal(1))
            left[line.line_id] -= quantity
            if quantity > 0:
                lines.append(line.of(quantity, line_id=str(len(lines) + 1)))
        arrival = day + timedelta(days=chance.number(1, 4))
        if not lines or arrival > APPLIED:
            break
        sent = "" if has(rates.NO_DESPATCH) else trader.send(lines, day)
        if has(rates.SHORT_DELIVERY):
            missing = (lines[0].quantity / 20).quantize(Decimal(1)) or Decimal(0)
            lines[0] = lines[0].of(lines[0].quantity - missing, short=missing)
        if noisy:
            lines = noise.received_otherwise(lines, chance)
        late = arrival > APPLIED - timedelta(days=50) and has(rates.LATE_PAPER)
        at = APPLIED + timedelta(days=12) if late else None
        made.append(trader.receive(lines, arrival, sent=sent, at=at))
        day += timedelta(days=chance.number(8, 20))
    return made


def _last_day(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


# --- invoices -------------------------------------------------------------------------------


def billing(trader: Trader, chance: Chance, noisy: bool) -> tuple[Billing, set[str]]:
    """How an invoice is written, and which noise that is."""

    def has(rate: float) -> bool:
        return noisy and chance.happens(rate)

    mode = trader.pair.invoicing if noisy else "digital"
    kinds: set[str] = set()
    how = Billing(mode=mode, confirmed_after=chance.number(2, 20))
    if mode in {"commercial", "both", "split"} and has(rates.DATED_APART):
        how = replace(how, apart=chance.number(1, 4))
        kinds.add("dated apart")
    if has(rates.NAME_WRITTEN_DIFFERENTLY):
        how = replace(how, buyer_name=noise.slip(trader.buyer.name, chance))
        kinds.add("name with a slip")
    pair = trader.pair
    if has(
        rates.DUE_ELSEWHERE if pair.shows_contract or pair.monthly or pair.confirms else rates.DUE_NOWHERE
    ):
        how = replace(how, due_shown=False)
        kinds.add("due date elsewhere")
    return how, kinds


def invoice(trader: Trader, delivery: Delivery, chance: Chance, noisy: bool, order: Order) -> Owed:
    """An invoice over one delivery."""

    def has(rate: float) -> bool:
        return noisy and chance.happens(rate)

    how, kinds = billing(trader, chance, noisy)
    if delivery.late:
        kinds.add("receipt late")
    day = min(delivery.day + timedelta(days=chance.number(1, 9)), APPLIED)
    if has(rates.INVOICE_FIRST):
        day = delivery.day - timedelta(days=chance.number(2, 8))
        kinds.add("invoiced first")
    number = order.paper.number
    if has(rates.NUMBER_MISTYPED):
        number = noise.mistyped(number)
        kinds.add("order number mistyped")
    elif has(rates.NUMBER_WRITTEN_LOOSELY):
        number = noise.loosely(number)
    lines, said = (
        noise.invoiced_otherwise(delivery.lines, order.lines, chance) if noisy else (delivery.lines, set())
    )
    kinds |= said
    lines = [
        line.of(line.quantity, order=number if number != order.paper.number else line.order) for line in lines
    ]
    how = replace(how, order=number)
    if has(rates.DISCOUNT):
        net = sum((line.net for line in lines), Decimal(0))
        how = replace(how, discount=(net / 100).quantize(Decimal(1)))
        kinds.add("discount")
    if has(rates.CREDIT_AND_REBILL) and day < APPLIED - timedelta(days=20):
        wrong = trader.bill(lines, day, how)
        wrong.noise = {"credited and written again"}
        day += timedelta(days=chance.number(4, 10))
        trader.credit(wrong, wrong.lines, day, why="credited in full")
    owed = trader.bill(lines, day, how)
    owed.noise = kinds
    if has(rates.REJECTED_AFTER_INVOICE) and day < APPLIED - timedelta(days=20):
        _refuse(trader, owed, delivery, chance)
    after(trader, owed, chance, noisy)
    return owed


def _refuse(trader: Trader, owed: Owed, delivery: Delivery, chance: Chance) -> None:
    """Some of it turns out to be bad; the buyer sends it back and the seller credits it."""
    line = owed.lines[0]
    bad = (line.quantity / chance.number(8, 25)).quantize(Decimal(1))
    if bad <= 0:
        return
    back = owed.primary.issue_date + timedelta(days=chance.number(6, 15))
    trader.credit(owed, [line.of(bad)], back, why="goods sent back")
    owed.noise.add("goods sent back")


def _serve(trader: Trader, order: Order, chance: Chance) -> None:
    done = order.day + timedelta(days=chance.number(10, 30))
    if done <= APPLIED:
        how, kinds = billing(trader, chance, True)
        owed = trader.bill(order.lines, done, replace(how, order=order.paper.number))
        owed.noise = kinds | {"service"}
        after(trader, owed, chance, True)


def _monthly(
    trader: Trader, deliveries: list[tuple[Delivery, Order]], day: date, chance: Chance, noisy: bool
) -> None:
    """One invoice over a month's deliveries, on the statement that both have agreed."""
    if day > APPLIED:
        return
    lines: list[Line] = []
    kinds: set[str] = set()
    for delivery, order in deliveries:
        own = chance.of(delivery.number)
        if delivery.late:
            kinds.add("receipt late")
        billed, said = (
            noise.invoiced_otherwise(delivery.lines, order.lines, own) if noisy else (delivery.lines, set())
        )
        lines += [line.of(line.quantity, receipt=delivery.number) for line in billed]
        kinds |= said
    how, more = billing(trader, chance, noisy)
    kinds |= more
    how = replace(how, period=(day.replace(day=1), day), confirmed_after=5)
    owed = trader.bill(lines, day, how)
    owed.noise = kinds | {"monthly statement"}
    number = f"DZ{day:%Y%m}-{trader.buyer.number[-3:]}"
    receipts = [delivery.number for delivery, _ in deliveries]
    ours = agreements.statement(number, owed, day, receipts, by_buyer=False)
    trader.scene.show(ours, trader.seller, day + timedelta(days=1), signed=True)
    if trader.pair.member:
        theirs = agreements.statement(number, owed, day, receipts, by_buyer=True)
        trader.scene.show(theirs, trader.buyer, day + timedelta(days=4), signed=True)
    after(trader, owed, chance, noisy)


def after(trader: Trader, owed: Owed, chance: Chance, noisy: bool) -> None:
    """Confirmation and payment."""

    def has(rate: float) -> bool:
        return noisy and chance.happens(rate)

    issued = owed.primary.issue_date
    if trader.pair.confirms:
        day = issued + timedelta(days=chance.number(3, 12))
        if day <= APPLIED:
            trader.confirm(owed, day)
    if has(rates.NOT_PAID):
        owed.noise.add("overdue")
        return
    paid = owed.due + timedelta(days=chance.number(3, 20) if has(rates.PAID_LATE) else -chance.number(0, 4))
    shown = not has(rates.PAYER_WITHOUT_ID)
    if not shown:
        owed.noise.add("payer without identifier")
    trader.pay(owed, paid, shown_id=shown)


def _choose(scene: Scene, chance: Chance) -> None:
    """What the supplier brings: what is open and ready, and little else."""
    for owed in scene.owed:
        record = scene.record(owed)
        confirmed = record is not None and record.confirmed_on is not None and record.confirmed_on < APPLIED
        if not confirmed and owed.debtor.country == "CN":
            owed.noise.add("use not yet confirmed")
        ready = (confirmed or owed.debtor.country != "CN") and owed.due >= APPLIED
        if any(pair.barred_abroad for pair in scene.pairs if pair.buyer is owed.debtor):
            owed.obstacle = "assignment barred under foreign law"
        if owed.due < APPLIED - timedelta(days=90):
            owed.obstacle = "overdue for more than ninety days"
        owed.brought = owed.open(APPLIED) > 0 and (ready or chance.happens(rates.NOT_READY_BROUGHT))


# --- books ----------------------------------------------------------------------------------


def _books(scene: Scene, trade: str, chance: Chance) -> None:
    """What else registers, bureaus and the tax office have of an honest supplier."""
    supplier = scene.supplier
    if chance.happens(rates.PAST_OVERDUE):
        scene.files[supplier.id].past_overdue = chance.number(1, 2)
    if chance.happens(rates.OLD_BLANKET_PLEDGE):
        filing = _filing(scene, chance, "all_receivables", "应收账款：出质人全部应收账款", 900)
        if chance.happens(0.5):
            filing.until = APPLIED - timedelta(days=200)
        else:
            filing.cancelled_on = APPLIED - timedelta(days=120)
    if chance.happens(rates.OTHER_REGISTRATION):
        _filing(scene, chance, "equipment", "机器设备：数控车床 CK6150 两台，序列号 " + chance.digits(8), 300)
    settled = [each for each in scene.owed if not each.open(APPLIED - timedelta(days=5))]
    if settled and chance.happens(rates.RETIRED_FUNDING):
        old = chance.pick(settled)
        named = old.primary.number
        filing = _filing(scene, chance, "invoices", f"应收账款转让：发票号码 {named}", 100)
        filing.invoices, filing.debtor, filing.amount = (named,), old.debtor.name, old.face
        ended = APPLIED - timedelta(days=3)
        scene.claims.append(ClaimEntry(named, Decimal(1), False, old.primary.issue_date, "settled", ended))
    if trade in RAW_MATERIAL:
        for number, pair in enumerate(scene.pairs):
            if pair.buyer.registered and chance.happens(rates.PURCHASES_FROM_BUYER):
                good = RAW_MATERIAL[trade]
                for month in range(MONTHS):
                    day = FIRST + timedelta(days=30 * month + 2 + number)
                    amount = (good.typical_quantity * good.low).quantize(Decimal(1)) / 4
                    scene.tax.declare(day, pair.buyer.id, supplier.id, amount)
    _purchases(scene, chance.of("purchases"))


def _purchases(scene: Scene, chance: Chance) -> None:
    """What the supplier buys: half to three quarters of what it sells, from two vendors."""
    vendors: list[Company] = [scene.meet(company(chance.of("vendor", number))) for number in range(2)]
    for day, seller, _, net in list(scene.tax.sales):
        if seller == scene.supplier.id and net > 0:
            part = Decimal(chance.number(50, 75)) / 100
            scene.tax.declare(
                day, chance.pick(vendors).id, scene.supplier.id, (net * part).quantize(Decimal(1))
            )


def _filing(scene: Scene, chance: Chance, assets: str, text: str, days_ago: int) -> Filing:
    day = APPLIED - timedelta(days=days_ago)
    filing = Filing(
        number=chance.digits(20),
        assignor=scene.supplier,
        secured=f"{chance.pick(('江南', '东海', '中原', '云岭'))}银行股份有限公司",
        day=day,
        until=day + timedelta(days=3 * 365),
        assets=assets,
        description=text,
    )
    scene.filings.append(filing)
    return filing
