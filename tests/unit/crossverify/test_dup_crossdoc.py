"""DUP_CROSSDOC: claims across the documents of one trade; one shipment, several papers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from consortium.documents import Bill, PurchaseOrder, TransportDocument, TransportLine
from consortium.documents.common import Lot
from consortium.documents.listed import ListedInvoice
from crossverify.desk import DeskInfo, Rates
from crossverify.evidence import AssetState, ClaimState
from crossverify.rule import Effect, Finding
from tests.support.portfolio_world import DAY_ONE, bill, evidence_of, firm, judged
from tests.support.trade_world import BUYER, OTHER, SELLER, World, fp, goods, invoice, order, party, receipt

WHOLE = 1_000_000_000
BILL, ORDER = fp(invoice()), fp(order())
CARRIER = party("Swift Lines", "MA1FL009")


def claim(share: int = WHOLE, own: bool = False, **fields: Any) -> ClaimState:
    return ClaimState(claim=f"{share:016x}", share_ppb=share, state="financed", own=own).model_copy(
        update=fields
    )


def found(made: World, subject: str = BILL) -> Finding:
    (finding,) = [item for item in judged(made, "DUP_CROSSDOC") if item.subject == subject]
    return finding


def code(made: World, subject: str = BILL) -> tuple[str, str]:
    finding = found(made, subject)
    return finding.outcome.value, finding.code


def twice() -> PurchaseOrder:
    """An order that is worth two invoices of 1,130.00."""
    return order(lines=[{"quantity": Decimal(200)}])


@pytest.mark.parametrize(
    ("share", "expected", "cap"),
    [
        (0, ("PASS", "NO_OVERLAP"), None),
        (WHOLE // 2, ("PASS", "WITHIN_VALUE"), None),
        (WHOLE * 3 // 4, ("WARN", "VALUE_OVERLAP"), WHOLE // 2),
        (WHOLE, ("FAIL", "OVER_VALUE"), 0),
    ],
)
def test_claims_of_others_on_the_order(share: int, expected: tuple[str, str], cap: int | None) -> None:
    made = World(twice(), invoice())
    if share:
        made.asset(fp(twice()), claims=(claim(share),))
    finding = found(made)
    assert ((finding.outcome.value, finding.code), finding.cap_ppb) == (expected, cap)
    if share:
        assert "order PO-1, of a trade that is worth 2,260.00 CNY" in finding.message
        assert finding.inputs[1].value == str(share)


def test_effects() -> None:
    made = World(twice(), invoice())
    made.asset(fp(twice()), claims=(claim(WHOLE * 3 // 4),))
    assert found(made).effect is Effect.INFORMATION, "the cap takes what is not free"
    made.asset(fp(twice()), claims=(claim(),))
    assert found(made).effect is Effect.EXCLUDE


def test_own_and_lapsed_claims_and_those_on_itself_do_not_count() -> None:
    made = World(order(), invoice())
    made.asset(ORDER, claims=(claim(own=True),))
    assert code(made) == ("PASS", "NO_OVERLAP")
    made.asset(ORDER, claims=(claim(state="reserved", expires=made.now - 601),))
    assert code(made) == ("PASS", "NO_OVERLAP")
    made.asset(ORDER, claims=(claim(state="reserved", expires=made.now - 600),))
    assert code(made) == ("FAIL", "OVER_VALUE")
    made.asset(ORDER, claims=())
    made.asset(BILL, claims=(claim(),))
    assert code(made) == ("PASS", "NO_OVERLAP"), "DUP_EXACT judges those on itself"


def test_sister_invoices_use_up_their_own_part() -> None:
    second = invoice("INV-2")
    made = World(twice(), invoice(), second)
    made.asset(fp(second), claims=(claim(),))
    assert code(made) == ("PASS", "WITHIN_VALUE")
    made.asset(fp(twice()), claims=(claim(WHOLE // 4),))
    assert found(made).cap_ppb == WHOLE // 2
    made.asset(fp(twice()), claims=(claim(WHOLE // 2),))
    assert code(made) == ("FAIL", "OVER_VALUE")


def test_invoices_of_one_receipt_are_one_trade() -> None:
    made = World(
        order(),
        receipt(),
        invoice(order_number=None, receipt_number="GR-1"),
    )
    name = fp(invoice(order_number=None, receipt_number="GR-1"))
    made.asset(ORDER, claims=(claim(),))
    assert code(made, name) == ("FAIL", "OVER_VALUE")


def paper(amount: str = "1130.00", **fields: Any) -> Bill:
    values: dict[str, Any] = {
        "number": "530100000000120260410000000017",
        "issue_date": date(2026, 4, 20),
        "bill_type": "commercial_acceptance",
        "drawer": BUYER,
        "acceptor": BUYER,
        "payee": SELLER,
        "currency": "CNY",
        "amount": Decimal(amount),
        "due_date": date(2026, 10, 20),
        "lines": (ListedInvoice(line_id="1", invoice_number="INV-1"),),
    }
    return Bill(**(values | fields))


@pytest.mark.parametrize(
    ("amount", "expected"), [("1130.00", ("FAIL", "OVER_VALUE")), ("565.00", ("WARN", "VALUE_OVERLAP"))]
)
def test_a_bill_that_pays_the_invoice_and_is_discounted_elsewhere(
    amount: str, expected: tuple[str, str]
) -> None:
    made = World(invoice(), paper(amount))
    assert code(made) == ("PASS", "NO_OVERLAP")
    name = fp(paper(amount))
    made.assets[name] = AssetState(asset=name, claims=(claim(),))
    assert code(made) == expected


def test_children_that_are_not_shown_count_by_their_use_of_the_order() -> None:
    made = World(twice(), invoice())
    made.asset(fp(twice()), via={"c" * 64: WHOLE * 3 // 4, BILL: WHOLE})
    assert found(made).cap_ppb == WHOLE // 2
    stranger = AssetState(asset="c" * 64, claims=(claim(own=True),))
    made.assets[stranger.asset] = stranger
    assert code(made) == ("PASS", "NO_OVERLAP"), "it is the asking bank's own"


def test_without_another_document_it_does_not_apply() -> None:
    assert code(World(invoice(order_number=None)), fp(invoice(order_number=None))) == (
        "NOT_APPLICABLE",
        "ALONE",
    )
    assert code(World(invoice())) == ("NOT_APPLICABLE", "ALONE")
    made = World(order(), invoice())
    made.documents[ORDER] = made.documents[ORDER].model_copy(update={"state": "void"})
    assert code(made) == ("NOT_APPLICABLE", "ALONE")


def test_what_cannot_be_known() -> None:
    made = World(order(), invoice())
    made.silence("ledger")
    assert code(made) == ("UNKNOWN", "SOURCE_SILENT")
    bare = order(lines=[{"price": None, "net_amount": None}], totals=None)
    made = World(bare, invoice())
    assert code(made) == ("PASS", "NO_OVERLAP")
    made.asset(fp(bare), claims=(claim(1),))
    assert code(made) == ("UNKNOWN", "NO_VALUE")


def test_currencies_need_rates() -> None:
    abroad = order(currency="USD")
    made = World(abroad, invoice())
    made.asset(fp(abroad), claims=(claim(WHOLE // 2),))
    assert code(made) == ("UNKNOWN", "NO_VALUE")
    assert "USD" in found(made).message
    rates = Rates(source="PBoC", as_of=1, rates={"USD/CNY": Decimal(2)})
    made.changes |= {"desk": DeskInfo(rates=rates), "version": 2}
    assert code(made) == ("PASS", "WITHIN_VALUE")


# --- transport documents ------------------------------------------------------------------------------


def lading(
    number: str, order_number: str = "PO-1", negotiable: bool | None = True, **line: Any
) -> TransportDocument:
    values = {
        "line_id": "1",
        "item": goods("coal"),
        "quantity": Decimal(40),
        "unit": "TNE",
        "container": "MSKU-1",
    } | line
    return TransportDocument(
        number=number,
        issue_date=date(2026, 4, 2),
        transport_type="bill_of_lading",
        negotiable=negotiable,
        carrier=CARRIER,
        shipper=SELLER,
        consignee=BUYER,
        loading_date=date(2026, 4, 1),
        order_number=order_number,
        lines=(TransportLine(**values),),
    )


def moved(*papers: TransportDocument) -> list[tuple[str, str]]:
    """What is said of two trades about their transport documents."""
    made = World(order(), order("PO-2"), invoice(), invoice("INV-2", order_number="PO-2"), *papers)
    return [
        (item.outcome.value, item.code)
        for item in judged(made, "DUP_CROSSDOC")
        if item.code not in {"NO_OVERLAP", "ALONE"}
    ]


TWICE = ("FAIL", "SHIPMENT_SOLD_TWICE")
TITLES = ("WARN", "LADING_REPEATED")


@pytest.mark.parametrize(
    ("papers", "expected"),
    [
        ((lading("BL-1"),), []),
        ((lading("BL-1"), lading("BL-2", "PO-2", container="MSKU-2")), []),
        ((lading("BL-1"), lading("BL-2", "PO-2", quantity=Decimal(7))), []),
        ((lading("BL-1"), lading("BL-2", "PO-2")), [TWICE, TWICE]),
        ((lading("BL-1"), lading("BL-2")), [TITLES]),
        ((lading("BL-1"), lading("HBL-2", negotiable=False)), [("WARN", "TRANSPORT_REPEATED")]),
        (
            (
                lading("BL-1", container=None, lots=(Lot(serial="S-1"),)),
                lading("BL-2", "PO-2", container=None, quantity=Decimal(9), lots=(Lot(serial="s1"),)),
            ),
            [TWICE, TWICE],
        ),
        (
            (
                lading("BL-1", container=None, lots=(Lot(number="L-1"),)),
                lading("BL-2", "PO-2", container=None, lots=(Lot(number="L-1"),)),
            ),
            [TITLES, TITLES],
        ),
    ],
)
def test_one_shipment_under_several_papers(
    papers: tuple[TransportDocument, ...], expected: list[tuple[str, str]]
) -> None:
    assert moved(*papers) == expected


def test_transport_effects_and_words() -> None:
    made = World(order(), invoice(), lading("BL-1"), lading("BL-2"))
    (finding,) = [item for item in judged(made, "DUP_CROSSDOC") if item.code == "LADING_REPEATED"]
    assert finding.effect is Effect.REFER
    assert "BL-1, BL-2 speak of the same goods: container MSKU1 on 2026-04-01" in finding.message


def test_one_order_with_thousands_of_invoices_stays_bounded() -> None:
    docs = [bill(f"{index:05d}", SELLER, firm(1), DAY_ONE, order="PO-9") for index in range(2_000)]
    frame = order("PO-9", buyer=firm(1), seller=SELLER)
    evidence = evidence_of([frame, *docs])
    assert evidence.ledger is not None
    rows = {
        name: row.model_copy(update={"claims": (claim(),)}) for name, row in evidence.ledger.assets.items()
    }
    ledger = evidence.ledger.model_copy(update={"assets": rows})
    findings = judged(evidence.model_copy(update={"ledger": ledger}), "DUP_CROSSDOC")
    assert {item.code for item in findings} == {"WITHIN_VALUE"}
    assert max(len(item.inputs) for item in findings) <= 9


def test_the_trade_of_strangers_changes_nothing() -> None:
    made = World(order(), invoice())
    made.asset(ORDER, claims=(claim(WHOLE // 2),))
    before = found(made)
    made.add(order("PO-1", buyer=OTHER))
    made.add(invoice("INV-1X", buyer=OTHER))
    after = found(made)
    assert (before.code, before.cap_ppb, before.message) == (after.code, after.cap_ppb, after.message)
