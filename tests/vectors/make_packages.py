"""Writes the vectors of packages: evidence, profile, and what the rules make of them, byte for byte.

``<profile>.{evidence,profile,evaluation,payload}.json`` are canonical bytes of one world with many trades.
``<profile>.cases.jsonl.xz`` has smaller ones, a line each, that together give every code of every rule:
``{"evidence", "overrides", "evaluation"}``, evidence and evaluation as canonical JSON.

Run ``python -m tests.vectors.make_packages PROFILE`` only for a profile that has no vector yet: packages are out
there that were made so, and have to replay to the same bytes for ever.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from consortium.documents import DocumentRef
from consortium.documents.canonical import canonical_bytes
from crossverify.engine import evaluate
from crossverify.evidence import ClaimState, SourceAnswer, SourceState, WithheldDocument
from crossverify.profiles import PROFILES, Profile
from finance_gateway.packages.content import Heading, build_payload
from tests.support import trade_world as tw

FOLDER = Path(__file__).with_name("packages")
HEADING = Heading("ab" * 16, tw.BANK, "fabric", "c", "cd" * 16, ("BankBMSP", tw.BANK, "IndustryAMSP"))


def rich() -> tw.World:
    """Trades of many kinds: sound, short, over-invoiced, credited, paid, pledged, void, in two currencies."""
    world = tw.World()
    _trades(world)
    _claims_and_payments(world)
    world.evidence()
    world.changes["credit"] = SourceAnswer(
        source="credit", state=SourceState.SILENT, reason="maintenance until 14:00"
    )
    return world


def _trades(world: tw.World) -> None:
    for number in range(14):
        name = f"PO-{number}"
        lines: list[dict[str, Any]] = [
            {"quantity": Decimal(100 + number)},
            {"price": Decimal("7.35"), "unit": "KGM"},
        ]
        currency = "EUR" if number == 3 else "CNY"
        day = date(2026, 4, 10) + timedelta(days=number)
        world.add(tw.order(name, lines, currency=currency))
        got: list[dict[str, Any]] = [
            {"received": Decimal(100 + number - (number % 3)), "short": Decimal(number % 3)},
            {"received": Decimal("0.1"), "unit": "TNE"},
        ]
        if number != 5:
            world.add(tw.receipt(f"GR-{number}", got, order_number=name))
        billed = list(lines)
        if number == 6:
            billed[1] = {**lines[1], "price": Decimal("7.50")}
        bill = tw.invoice(
            f"INV-{number}",
            billed,
            order_number=name,
            currency=currency,
            issue_date=day,
            due_date=None if number == 7 else date(2026, 8, 8),
        )
        world.add(bill, state="void" if number == 8 else "asserted")
        if number in (1, 2):
            world.add(
                tw.credit_note(f"CN-{number}", [{"quantity": Decimal(number)}], corrects=f"INV-{number}")
            )
        if number % 2:
            code = {1: "AP", 3: "CA", 5: "UQ", 7: "AP", 9: "RE", 11: "IP", 13: "AP"}[number]
            amount = Decimal(500) if number == 13 else None
            world.add(
                tw.confirmation(
                    code,
                    f"AR-{number}",
                    invoice_number=f"INV-{number}",
                    confirmed_amount=amount,
                    currency=currency,
                    set_off_waived=True if number == 1 else None,
                )
            )
    correction = tw.invoice(
        "INV-K",
        [{"quantity": Decimal(-10), "net_amount": Decimal(-100)}],
        order_number="PO-4",
        type_code="384",
        preceding_invoices=(DocumentRef(number="INV-4"),),
    )
    world.add(correction)
    world.add(tw.invoice("INV-LONE", order_number=None, payee_accounts=()))
    world.link()
    world.changes["withheld"] = (
        WithheldDocument(fingerprint="f" * 64, kind="goods_receipt", reason="COMMITMENT_MISMATCH"),
    )


def _claims_and_payments(world: tw.World) -> None:
    named = {item.document.number: key for key, item in world.documents.items()}
    lapsing = tw.NOW + tw.DAY
    for number, share, state, own in (
        (0, 333_333_333, "financed", False),
        (2, 1_000_000_000, "reserved", False),
        (4, 250_000_000, "reserved", True),
        (10, 1_000_000_000, "financed", False),
    ):
        expires = lapsing if state == "reserved" else 0
        claim = ClaimState(claim=f"{number:016x}", share_ppb=share, state=state, own=own, expires=expires)
        world.asset(
            named[f"INV-{number}"], claims=(claim,), state="encumbered", diluted_ppb=7_000_000 * number
        )
    world.tax[named["INV-1"]] |= {"state": "red_partial", "red_amount": "11.30"}
    world.tax[named["INV-2"]] |= {"state": "red_partial", "red_amount": "50"}
    world.tax[named["INV-4"]] |= {"state": "red_partial", "red_amount": "113"}
    world.tax[named["INV-9"]] |= {"use_confirmed": False}
    world.tax[named["INV-11"]] |= {"differing": ["gross_amount"]}
    world.tax[named["INV-12"]] |= {"state": "void"}
    del world.tax[named["INV-LONE"]]
    world.pay(named["INV-1"], "100.10")
    world.pay(named["INV-4"], "200", payer_id="", payer_name="Somebody")
    world.pay(named["INV-6"], "300", credited_account="999", credited_owner="Another Ltd")
    world.pay(named["INV-13"], "9999")


def make(profile: Profile) -> dict[str, bytes]:
    """Content of the files, by the middle of their names."""
    evidence = rich().evidence()
    return {
        "evidence": evidence.to_bytes(),
        "profile": canonical_bytes(profile.to_json()),
        "evaluation": evaluate(evidence, profile).to_bytes(),
        "payload": canonical_bytes(build_payload(HEADING, evidence, profile)),
    }


if __name__ == "__main__":
    for part, content in make(PROFILES[sys.argv[1]]).items():
        (FOLDER / f"{sys.argv[1]}.{part}.json").write_bytes(content)
