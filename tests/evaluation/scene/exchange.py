"""Bills of exchange that a supplier holds, and how the exchange has them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from consortium.documents import Account, Bill
from tests.evaluation.chance import Chance
from tests.evaluation.scene.books import BillPart, ExchangeBill
from tests.evaluation.scene.companies import Company
from tests.evaluation.scene.scene import APPLIED, Asset, Scene


def draw(
    scene: Scene,
    chance: Chance,
    acceptor: Company,
    *,
    amount: Decimal | None = None,
    split: bool | None = None,
) -> ExchangeBill:
    """A bill accepted by a buyer, in the supplier's hands; sometimes only a part of a package is."""
    issued = APPLIED - timedelta(days=chance.number(10, 60))
    amount = amount or Decimal(chance.number(20, 300)) * 10_000
    units = int(amount * 100)
    split = chance.happens(0.3) if split is None else split
    number = f"6{chance.digits(12)}{issued:%Y%m%d}{chance.digits(9)}"
    if split:
        cut = units * chance.number(3, 7) // 10
        other = next(each for each in scene.companies.values() if each not in {acceptor, scene.supplier})
        parts = [BillPart(1, cut, scene.supplier), BillPart(cut + 1, units, other)]
    else:
        parts = [BillPart(1, units, scene.supplier)]
    bill = ExchangeBill(
        number=number,
        kind="commercial",
        amount=amount,
        units=units,
        issued=issued,
        due=issued + timedelta(days=chance.number(120, 180)),
        drawer=acceptor,
        acceptor=acceptor,
        payee=scene.supplier,
        acceptor_account=acceptor.accounts[0],
        acceptor_bank="102290000012",
        parts=parts,
    )
    scene.bills[number] = bill
    return bill


def paper(bill: ExchangeBill, part: BillPart, day: date, **changes: Any) -> Bill:
    """What the supplier shows of it."""
    whole = (part.first, part.last) == (1, bill.units)
    values: dict[str, Any] = {
        "number": bill.number,
        "issue_date": bill.issued,
        "range_from": part.first,
        "range_to": part.last,
        "split_from": None if whole else 1,
        "split_to": None if whole else bill.units,
        "bill_type": "commercial_acceptance",
        "drawer": bill.drawer.party(day),
        "acceptor": bill.acceptor.party(day),
        "acceptor_bank": Account(
            account_id=bill.acceptor_account, name=bill.acceptor.name, bank_id=bill.acceptor_bank
        ),
        "payee": bill.payee.party(day),
        "holder": part.holder.party(day),
        "currency": "CNY",
        "amount": Decimal(part.last - part.first + 1) / 100,
        "due_date": bill.due,
        "acceptance_date": bill.issued,
        "transferable": True,
    }
    return Bill(**(values | changes))


def bring(scene: Scene, bill: ExchangeBill, **changes: Any) -> Asset:
    """The supplier brings its part."""
    part = bill.parts[0]
    body = paper(bill, part, bill.issued, **changes)
    scene.show(body, scene.supplier, bill.issued + timedelta(days=3), signed=False)
    asset = Asset(body, body.amount, body.amount)
    scene.assets.append(asset)
    return asset
