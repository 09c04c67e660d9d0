"""Made-up bills of exchange for the demo, with what the exchange has of them.

One package over a million yuan was divided: one part is free, the other locked. A second package bears the buyer's
name, nearly, and was accepted by somebody else.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import orjson

from chanrong.demo.papers import make_party
from consortium.documents import Account, Bill, Document, Party
from consortium.documents.money import decimal_text

PACKAGE_AMOUNT: Final = Decimal(1_000_000)
FREE_UNITS: Final = (1, 60_000_000)
LOCKED_UNITS: Final = (60_000_001, 100_000_000)
"""In units of 0.01 yuan: 600,000 and 400,000 of the million."""

ISSUED_DAYS_AGO: Final = 40
TERM_DAYS: Final = 150
BANK_NUMBER: Final = "102290000011"
OTHER_BANK_NUMBER: Final = "313290000017"


@dataclass(frozen=True, slots=True)
class BillStory:
    """Bills in the hands of one supplier.

    :ivar free: a part of a package that the exchange has as free and the supplier's
    :ivar locked: the rest of that package, which the supplier is passing on to somebody else already
    :ivar aped: a bill that the supplier takes for the buyer's own; another company of nearly that name accepted it
    :ivar impostor: that company
    :ivar exchange: the exchange's entries, as its loader takes them
    """

    free: Bill
    locked: Bill
    aped: Bill
    impostor: Party
    exchange: bytes

    @property
    def documents(self) -> tuple[Document, ...]:
        """What the supplier hands in."""
        return (self.free, self.locked, self.aped)


def package_number(serial: int, day: dt.date, bank: str = BANK_NUMBER, kind: str = "6") -> str:
    """A package number; its check digit is made up, as nobody outside the exchange knows how it is reckoned."""
    return f"{kind}{bank}{day:%Y%m%d}{serial:08d}{serial % 10}"


def make_bill_story(seed: int, holder: Party, buyer: Party, today: dt.date) -> BillStory:
    """Bills that a buyer, or whoever apes it, gave to a supplier.

    :param seed: the same seed and parties give the same bills
    """
    rng = random.Random(seed)  # noqa: S311 - made-up data
    issued = today - dt.timedelta(days=ISSUED_DAYS_AGO)
    account = Account(account_id=f"3100{rng.randint(0, 10**8 - 1):08d}", name=buyer.name, bank_id=BANK_NUMBER)
    impostor = _aping(rng, buyer)
    true, false = (
        package_number(rng.randint(1, 9_999), issued),
        package_number(rng.randint(10_000, 19_999), issued),
    )

    def bill(number: str, units: tuple[int, int]) -> Bill:
        return Bill(
            number=number,
            issue_date=issued,
            range_from=units[0],
            range_to=units[1],
            bill_type="commercial_acceptance",
            drawer=buyer,
            acceptor=buyer,
            acceptor_bank=account,
            payee=holder,
            currency="CNY",
            amount=Decimal(units[1] - units[0] + 1) / 100,
            due_date=issued + dt.timedelta(days=TERM_DAYS),
            acceptance_date=issued,
            transferable=True,
        )

    free, locked = bill(true, FREE_UNITS), bill(true, LOCKED_UNITS)
    aped = bill(false, (1, int(PACKAGE_AMOUNT * 100)))
    acceptor = _party(buyer, account=account.account_id, bank_number=BANK_NUMBER)
    entries = [
        _package(
            free, acceptor, [_units(free), _units(locked, circulation="TF0302", lock_reason="背书待签收")]
        ),
        _package(aped, _party(impostor, account="8800 1234", bank_number=OTHER_BANK_NUMBER), [_units(aped)]),
    ]
    return BillStory(free, locked, aped, impostor, b"\n".join(orjson.dumps(each) for each in entries))


def _aping(rng: random.Random, buyer: Party) -> Party:
    """A company whose name a hurried reader takes for the buyer's."""
    other = make_party(rng)
    name = (buyer.name or "").replace("集团股份有限公司", "集团有限公司")
    return other.model_copy(update={"name": name if name != buyer.name else f"{name}（集团）"})


def _party(party: Party, **fields: Any) -> dict[str, Any]:
    return {"name": party.name, "identifiers": [str(each) for each in party.identifiers], **fields}


def _units(bill: Bill, **fields: Any) -> dict[str, Any]:
    return {
        "range_from": bill.range_from,
        "range_to": bill.range_to,
        "status": "CS03",
        "circulation": "TF0301",
        "holder": _party(bill.payee),
        **fields,
    }


def _package(bill: Bill, acceptor: dict[str, Any], ranges: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "package_number": bill.number,
        "package_amount": decimal_text(PACKAGE_AMOUNT),
        "divisible": True,
        "issue_date": bill.issue_date.isoformat(),
        "acceptance_date": bill.issue_date.isoformat(),
        "due_date": bill.due_date.isoformat(),
        "drawer": acceptor,
        "acceptor": acceptor,
        "payee": _party(bill.payee),
        "ranges": list(ranges),
    }
