"""DUP_EXACT: claims of others on the same receivable."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crossverify.evidence import AssetState, ClaimState, LinkState
from crossverify.rule import Effect, Finding
from tests.support.trade_world import NOW, World, fp, invoice, judged, order

WHOLE = 1_000_000_000
HALF = 500_000_000
BILL, ORDER = fp(invoice()), fp(order())


def claim(share: int, own: bool = False, state: str = "financed", expires: int = 0) -> ClaimState:
    return ClaimState(claim=f"{share:016x}", share_ppb=share, state=state, own=own, expires=expires)


def world(**fields: Any) -> World:
    made = World(order(), invoice())
    made.asset(BILL, **fields)
    return made


def linked(of_parent: int | None = WHOLE, bill: dict[str, Any] | None = None, **parent: Any) -> World:
    """The invoice uses up ``of_parent`` of its order, and the order's row has ``parent``."""
    link = LinkState(child=BILL, parent=ORDER, of_child_ppb=WHOLE, of_parent_ppb=of_parent, basis="gross")
    made = world(links=(link,), **(bill or {}))
    made.asset(ORDER, **parent)
    return made


def found(made: World) -> Finding:
    by_subject = [item for item in judged(made, "DUP_EXACT") if item.subject == BILL]
    assert len(by_subject) == 1
    return by_subject[0]


@pytest.mark.parametrize(
    ("fields", "expected", "cap"),
    [
        ({}, ("PASS", "NO_CLAIM"), None),
        ({"claims": (claim(WHOLE, own=True),)}, ("PASS", "OWN_CLAIM"), None),
        ({"settled_ppb": WHOLE}, ("PASS", "SETTLED"), 0),
        ({"settled_ppb": HALF}, ("PASS", "SETTLED"), HALF),
        ({"diluted_ppb": 100}, ("PASS", "NO_CLAIM"), WHOLE - 100),
        ({"claims": (claim(WHOLE),)}, ("FAIL", "CLAIMED"), 0),
        ({"claims": (claim(WHOLE - 1),)}, ("WARN", "PART_FREE"), 1),
        ({"claims": (claim(1),)}, ("WARN", "PART_FREE"), WHOLE - 1),
        ({"claims": (claim(HALF), claim(HALF, own=True))}, ("WARN", "PART_FREE"), HALF),
        ({"claims": (claim(HALF),), "diluted_ppb": HALF}, ("FAIL", "CLAIMED"), 0),
        ({"state": "void"}, ("FAIL", "VOID"), 0),
    ],
)
def test_claims_on_the_asset(fields: dict[str, Any], expected: tuple[str, str], cap: int | None) -> None:
    finding = found(world(**fields))
    assert ((finding.outcome.value, finding.code), finding.cap_ppb) == (expected, cap)
    assert finding.inputs[0].source == "ledger"


def test_a_reservation_of_another_fails_while_it_is_live() -> None:
    held = claim(WHOLE, state="reserved", expires=NOW + 60)
    finding = found(world(claims=(held,)))
    assert (finding.outcome.value, finding.code) == ("FAIL", "RESERVED")
    assert "2026-06-30 12:01 UTC" in finding.message


@pytest.mark.parametrize(("since", "code"), [(600, "RESERVED"), (601, "NO_CLAIM")])
def test_a_lapsed_reservation_counts_ten_minutes_more(since: int, code: str) -> None:
    held = claim(WHOLE, state="reserved", expires=NOW - since)
    assert found(world(claims=(held,))).code == code


def test_reserved_in_part_and_financed_in_part_is_claimed() -> None:
    mixed = (claim(HALF), claim(HALF, state="reserved", expires=NOW + 60))
    assert found(world(claims=mixed)).code == "CLAIMED"


def test_an_impaired_asset_goes_to_a_person() -> None:
    made = world(claims=(claim(WHOLE, own=True),), diluted_ppb=HALF, shortfall_ppb=HALF, state="impaired")
    found_all = [item for item in judged(made, "DUP_EXACT") if item.subject == BILL]
    assert [(item.code, item.effect) for item in found_all] == [
        ("IMPAIRED", Effect.REFER),
        ("OWN_CLAIM", Effect.INFORMATION),
    ]


# --- through links -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_parent", "share", "expected", "cap"),
    [
        (WHOLE, WHOLE, ("FAIL", "CLAIMED"), 0),
        (WHOLE, HALF, ("WARN", "PART_FREE"), HALF),
        (HALF, HALF, ("PASS", "NO_CLAIM"), None),  # the other half of the order is enough
        (HALF, HALF + 1, ("WARN", "PART_FREE"), WHOLE - 2),
        (0, WHOLE, ("PASS", "NO_CLAIM"), None),
    ],
)
def test_an_order_financed_before_its_invoice_shows(
    of_parent: int, share: int, expected: tuple[str, str], cap: int | None
) -> None:
    finding = found(linked(of_parent, claims=(claim(share),)))
    assert ((finding.outcome.value, finding.code), finding.cap_ppb) == (expected, cap)


def test_ones_own_order_loan_passes() -> None:
    assert found(linked(claims=(claim(WHOLE, own=True),))).outcome.value == "PASS"


def test_the_use_of_the_order_by_this_invoice_is_not_counted_twice() -> None:
    made = linked(via={BILL: WHOLE}, bill={"claims": (claim(WHOLE, own=True),)})
    assert (found(made).code, found(made).cap_ppb) == ("OWN_CLAIM", None)


def test_other_invoices_use_the_order_up() -> None:
    sibling = "5" * 64
    made = linked(HALF, via={sibling: HALF})
    assert (found(made).code, found(made).cap_ppb) == ("NO_CLAIM", None)
    made = linked(HALF, via={sibling: 750_000_000})
    assert (found(made).outcome.value, found(made).cap_ppb) == ("WARN", HALF)


def test_claims_on_children_count_and_ones_own_do_not() -> None:
    voucher = "7" * 64
    made = world(via={voucher: WHOLE})
    assert found(made).code == "CLAIMED"
    made.assets[voucher] = AssetState(asset=voucher, claims=(claim(WHOLE, own=True),))
    assert found(made).code == "OWN_CLAIM"
    made.assets[voucher] = AssetState(asset=voucher, claims=(claim(HALF, own=True), claim(HALF)))
    assert (found(made).code, found(made).cap_ppb) == ("PART_FREE", HALF)


def test_grandparents_count() -> None:
    frame = "6" * 64
    made = linked(
        links=(LinkState(child=ORDER, parent=frame, of_child_ppb=WHOLE, of_parent_ppb=WHOLE, basis="gross"),)
    )
    made.assets[frame] = AssetState(asset=frame, claims=(claim(WHOLE),))
    assert found(made).code == "CLAIMED"


def test_a_claim_over_a_link_without_weight_is_unknown() -> None:
    assert found(linked(None)).code == "NO_CLAIM"
    finding = found(linked(None, claims=(claim(1),)))
    assert (finding.outcome.value, finding.code, finding.effect) == ("UNKNOWN", "LINK_PENDING", Effect.REFER)


def test_a_claim_under_another_key_of_the_asset_shows() -> None:
    made = World(order(), invoice())
    first = "1" * 64
    del made.assets[BILL]
    made.assets[first] = AssetState(asset=first, aliases=(first, BILL), claims=(claim(WHOLE),))
    (finding,) = [item for item in judged(made, "DUP_EXACT") if item.code == "CLAIMED"]
    assert finding.subject == first


def test_what_the_ledger_does_not_say_is_unknown() -> None:
    made = world()
    del made.assets[BILL]
    assert found(made).code == "NOT_ON_LEDGER"
    made.age("ledger", 3600)
    assert found(made).code == "NOT_ON_LEDGER"
    made.age("ledger", 3601)
    assert found(made).code == "SOURCE_STALE"
    made.silence("ledger")
    assert found(made).code == "SOURCE_SILENT"
    made.forget("ledger")
    assert found(made).code == "NOT_ASKED"
    assert found(made).outcome.value == "UNKNOWN"


def test_the_quantity_of_the_order_is_not_asked_here() -> None:
    half = invoice(lines=[{"quantity": Decimal(50)}])
    assert judged(World(order(), half), "DUP_EXACT")[0].code == "NO_CLAIM"


def test_ones_own_claims_on_sibling_invoices_use_the_order_up_too() -> None:
    sibling = "5" * 64
    made = linked(via={sibling: WHOLE})
    made.assets[sibling] = AssetState(asset=sibling, claims=(claim(WHOLE, own=True),))
    finding = found(made)
    assert (finding.outcome.value, finding.code, finding.cap_ppb) == ("PASS", "OWN_CLAIM", 0)
