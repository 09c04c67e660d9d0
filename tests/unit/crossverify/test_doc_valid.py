"""DOC_VALID: valid documents that stand on the ledger."""

from __future__ import annotations

from decimal import Decimal

import pytest

from consortium.documents import Invoice, Totals
from crossverify.evidence import WithheldDocument
from crossverify.rule import Effect
from tests.support.trade_world import World, codes, credit_note, fp, invoice, judged


def test_passes_a_clean_invoice() -> None:
    assert codes(World(invoice()), "DOC_VALID") == [("PASS", "CLEAN")]


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (invoice(due_date=None), "NO_DUE_DATE"),
        (invoice(payee_accounts=()), "NO_PAYEE_ACCOUNT"),
        (invoice(lines=[{"line_id": "1"}, {"line_id": "1"}]), "LINE_NUMBER_TWICE"),
    ],
)
def test_what_is_missing_warns_and_informs(document: Invoice, code: str) -> None:
    (finding,) = judged(World(document), "DOC_VALID")
    assert (finding.outcome.value, finding.code, finding.effect) == ("WARN", code, Effect.INFORMATION)


def test_a_note_in_another_currency_goes_to_a_person() -> None:
    (finding,) = judged(World(invoice(), credit_note(currency="EUR")), "DOC_VALID")
    assert (finding.code, finding.effect) == ("CREDIT_CURRENCY", Effect.REFER)


def test_void_on_the_ledger_fails() -> None:
    world = World()
    world.add(invoice(), state="void")
    (finding,) = judged(world, "DOC_VALID")
    assert (finding.code, finding.effect) == ("VOID", Effect.EXCLUDE)
    assert finding.inputs[0].source == "ledger"


@pytest.mark.parametrize(("payable", "code"), [("0", "NOTHING_PAYABLE"), ("0.01", "CLEAN")])
def test_nothing_payable_fails(payable: str, code: str) -> None:
    paid = Totals(
        line_net=Decimal(1000),
        net=Decimal(1000),
        tax=Decimal(130),
        gross=Decimal(1130),
        prepaid=Decimal(1130) - Decimal(payable),
        payable=Decimal(payable),
    )
    assert [found for _, found in codes(World(invoice(totals=paid)), "DOC_VALID")] == [code]


def test_not_on_the_ledger_is_unknown() -> None:
    world = World()
    world.add(invoice(), txid="", block=0)
    assert codes(world, "DOC_VALID") == [("UNKNOWN", "NOT_REGISTERED")]


def test_bodies_that_could_not_be_had_are_said_of_the_subject() -> None:
    world = World(invoice())
    world.changes["withheld"] = (
        WithheldDocument(fingerprint="b" * 64, kind="goods_receipt", reason="CONSENT_FIELDS"),
        WithheldDocument(fingerprint="a" * 64, kind="invoice", reason="COMMITMENT_MISMATCH"),
    )
    found = judged(world, "DOC_VALID")
    assert [(item.subject, item.outcome.value, item.code, item.effect.value) for item in found] == [
        ("", "FAIL", "BODY_MISMATCH", "refer"),
        ("", "UNKNOWN", "WITHHELD", "information"),
        (fp(invoice()), "PASS", "CLEAN", "information"),
    ]


def test_lines_that_the_ledger_does_not_vouch_for_go_to_a_person() -> None:
    world = World()
    world.add(invoice(), matched_by="tag")
    (finding,) = judged(world, "DOC_VALID")
    assert (finding.outcome.value, finding.code, finding.effect) == ("WARN", "BODY_BY_TAG", Effect.REFER)
