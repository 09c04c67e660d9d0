"""Bills for tests: package numbers, the exchange's entries, questions."""

from __future__ import annotations

import zlib
from typing import Any

from consortium.documents.identifiers import make_uscc
from crossverify.sources.bills import BillQuestion
from crossverify.subranges import SubRange

BANK_NUMBER = "102290000011"
HOLDER = "uscc:" + make_uscc("9", "1", "310000", "MA1FL001")
ACCEPTOR = "uscc:" + make_uscc("9", "1", "310000", "MA1FL002")
OTHER = "uscc:" + make_uscc("9", "1", "440300", "MA5EQ002")


def number(serial: int = 1, *, first: str = "6", day: str = "20260410", bank: str = BANK_NUMBER) -> str:
    """A package number: commercial bills of the new system unless told otherwise."""
    return f"{first}{bank}{day}{serial:08d}7"


def bill_party(name: str, identifier: str = "", **fields: Any) -> dict[str, Any]:
    """A party as the exchange has it."""
    return {"name": name, "identifiers": [identifier] if identifier else [], **fields}


def units(first: int = 1, last: int = 100_000, **fields: Any) -> dict[str, Any]:
    """A sub-range that its holder can pass on; 1 to 100,000 are 1,000 yuan."""
    return {
        "range_from": first,
        "range_to": last,
        "status": "CS03",
        "circulation": "TF0301",
        "holder": bill_party("Huadong Castings Ltd", HOLDER),
        **fields,
    }


def package(serial: int = 1, *ranges: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The exchange's entry of a package of 1,000 yuan."""
    values: dict[str, Any] = {
        "package_number": number(serial),
        "package_amount": "1000",
        "divisible": True,
        "issue_date": "2026-04-10",
        "acceptance_date": "2026-04-10",
        "due_date": "2026-10-10",
        "drawer": bill_party("Great Wheel Motors", ACCEPTOR, account="3100 1", bank_number=BANK_NUMBER),
        "acceptor": bill_party("Great Wheel Motors", ACCEPTOR, account="3100 1", bank_number=BANK_NUMBER),
        "payee": bill_party("Huadong Castings Ltd", HOLDER),
        "ranges": list(ranges) or [units()],
    }
    return values | fields


def question(serial: int = 1, first: int = 1, last: int = 100_000) -> BillQuestion:
    """The question about a sub-range of a package."""
    return BillQuestion(number(serial), SubRange(first, last))


def named(name: str) -> BillQuestion:
    """A question about the bill of a name: "bill:1" is that of package 1, any other name a bill of its own."""
    prefix, _, serial = name.partition(":")
    if prefix == "bill" and serial.isdecimal():
        return question(int(serial))
    return question(10_000_000 + zlib.crc32(name.encode("utf-8", "replace")) % 80_000_000)
