"""The order of claims (民法典 768)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortium.documents import AssignmentAcknowledgement, AssignmentNotice, Party, PartyId
from consortium.documents.canonical import canonical_bytes
from consortium.documents.listed import ListedInvoice
from crossverify.evidence import ClaimState
from crossverify.priority import Basis, Claim, Priority, priorities, ranked
from tests.support.registry_world import case_of, own, registered, registration
from tests.support.trade_world import BANK, BUYER, DAY, NOW, SELLER, World, fp, handle, invoice

BANK_A = Party(name="Bank A", identifiers=(PartyId(scheme="msp", value=BANK),))
SECOND = Party(name="Second Bank", identifiers=(PartyId(scheme="uscc", value="9131000071A2B3C4D5"),))
THIRD = Party(name="Third Bank")
ALL = "转让人现有及将有的全部应收账款"


def notice(number: str, assignee: Party, served: date | None, **fields: Any) -> AssignmentNotice:
    values: dict[str, Any] = {
        "issue_date": date(2026, 4, 1),
        "seller": SELLER,
        "buyer": BUYER,
        "assignee": assignee,
        "served_date": served,
        "lines": (ListedInvoice(line_id="1", invoice_number="INV-1"),),
    }
    return AssignmentNotice(number=number, **(values | fields))


def acknowledgement(number: str, day: date = date(2026, 5, 2)) -> AssignmentAcknowledgement:
    return AssignmentAcknowledgement(
        number=f"A-{number}",
        issue_date=day,
        seller=SELLER,
        buyer=BUYER,
        assignee=SECOND,
        notice_number=number,
        response="accepted",
    )


def of(world: World) -> Priority:
    found = priorities(case_of(world))[fp(invoice())]
    canonical_bytes(found.to_json())
    return found


def names(found: Priority) -> list[tuple[int | None, str, str]]:
    return [(each.rank, each.claim.claimant, each.claim.basis.value) for each in found.claims]


def test_nobody_has_a_claim() -> None:
    found = of(registered(World(invoice())))
    assert (found.claims, found.own_rank, found.next_rank, found.certain, found.gaps) == (
        (),
        None,
        1,
        True,
        (),
    )


def test_the_earlier_registration_comes_first_whatever_it_is() -> None:
    pledge = registration(
        "R-2",
        kind="pledge",
        description=ALL,
        registered_unix=NOW - 200 * DAY,
        secured_party={"name": "Third Bank"},
    )
    found = of(registered(World(invoice()), own(), registration(), pledge))
    assert names(found) == [
        (1, "Third Bank", "registration"),
        (2, "Second Bank", "registration"),
        (3, "this bank", "registration"),
    ]
    assert (found.own_rank, found.next_rank, found.certain) == (3, 4, True)
    first = found.to_json()["claims"][0]
    assert (first["registered_at"], first["kind"], first["registration"]) == (
        NOW - 200 * DAY,
        "pledge",
        "R-2",
    )
    assert first["evidence"][0]["source"] == "registry"


def test_ended_released_and_other_registrations_are_no_claims() -> None:
    released = {"at_unix": NOW - DAY, "kind": "release", "description": "发票号码:INV-1。"}
    found = of(
        registered(
            World(invoice()),
            registration("R-1", expires_unix=NOW),
            registration("R-2", state="cancelled", cancelled_unix=NOW - 1),
            registration("R-3", amendments=[released]),
            registration("R-4", description="发票号码:INV-2。"),
        )
    )
    assert names(found) == []


def test_a_registered_claim_beats_an_earlier_notice_and_notices_go_by_their_day() -> None:
    world = registered(World(invoice()), own())
    world.add(notice("N-1", SECOND, date(2026, 4, 2)))
    world.add(notice("N-2", THIRD, date(2026, 4, 1)))
    world.add(notice("N-3", BANK_A, date(2026, 5, 1)))
    found = of(world)
    assert names(found) == [
        (1, "this bank", "registration"),
        (2, "Third Bank", "notice"),
        (3, "Second Bank", "notice"),
    ]
    assert found.claims[0].claim.noticed == date(2026, 5, 1)
    assert found.certain


def test_notices_of_one_day_share_a_place() -> None:
    world = registered(World(invoice()))
    world.add(notice("N-1", SECOND, date(2026, 4, 2)))
    world.add(notice("N-2", THIRD, date(2026, 4, 2), all_claims=True, lines=()))
    assert [rank for rank, _, _ in names(of(world))] == [1, 1]


def test_notices_about_other_claims_do_not_count() -> None:
    world = registered(World(invoice()))
    other = (ListedInvoice(line_id="1", invoice_number="INV-2"),)
    world.add(notice("N-1", SECOND, date(2026, 4, 2), lines=other))
    elsewhere = Party(name="Other Motors", identifiers=(PartyId(scheme="local", value="X"),))
    world.add(notice("N-2", SECOND, date(2026, 4, 2), buyer=elsewhere, all_claims=True, lines=()))
    world.add(notice("N-3", SECOND, date(2026, 4, 2)), state="void")
    assert names(of(world)) == []


def test_an_unknown_day_of_notice_is_told_as_unknown() -> None:
    world = registered(World(invoice()))
    world.add(notice("N-1", SECOND, None))
    found = of(world)
    assert names(found) == [(None, "Second Bank", "unknown")]
    assert found.to_json()["claims"][0]["noticed_on"] == "unknown"
    assert not found.certain
    assert "Second Bank is not known" in found.gaps[0]


def test_the_debtors_own_acknowledgement_dates_a_notice_that_says_nothing() -> None:
    world = registered(World(invoice()))
    world.add(notice("N-1", SECOND, None))
    world.add(acknowledgement("N-1"), pushed_by=handle(BUYER))
    (claim,) = of(world).claims
    assert (claim.rank, claim.claim.noticed, claim.claim.acknowledged) == (1, date(2026, 5, 2), True)
    forged = registered(World(invoice()))
    forged.add(notice("N-1", SECOND, None))
    forged.add(acknowledgement("N-1"), pushed_by=handle(SELLER))
    assert names(of(forged)) == [(None, "Second Bank", "unknown")]


def test_a_claim_on_the_ledger_that_nobody_can_place() -> None:
    world = registered(World(invoice()), own())
    theirs = ClaimState(claim="c" * 16, share_ppb=10**9, state="financed")
    mine = ClaimState(claim="d" * 16, share_ppb=10**8, state="reserved", own=True, expires=NOW + DAY)
    lapsed = ClaimState(claim="e" * 16, share_ppb=10**8, state="reserved", expires=NOW - DAY)
    world.asset(fp(invoice()), claims=(theirs, mine, lapsed))
    found = of(world)
    assert names(found) == [(1, "this bank", "registration"), (None, f"claim {'c' * 16}", "unknown")]
    assert [each.source for each in found.claims[0].claim.evidence] == ["registry", "ledger"]
    assert (found.own_rank, found.certain) == (1, False)


def test_own_claim_without_registration_or_notice() -> None:
    world = registered(World(invoice()))
    mine = ClaimState(claim="d" * 16, share_ppb=10**9, state="financed", own=True)
    world.asset(fp(invoice()), claims=(mine,))
    assert names(of(world)) == [(1, "this bank", "pro_rata")]


def test_a_silent_registry_leaves_no_place_certain() -> None:
    world = World(invoice())
    world.silence("registry")
    world.add(notice("N-1", SECOND, date(2026, 4, 2)))
    found = of(world)
    assert names(found) == [(None, "Second Bank", "unknown")]
    assert (found.own_rank, found.next_rank, found.certain) == (None, None, False)
    assert "did not answer" in found.gaps[0]


def test_a_vague_registration_is_a_gap() -> None:
    found = of(registered(World(invoice()), registration(description="保理")))
    assert (names(found), found.certain) == ([], False)
    assert "R-1" in found.gaps[0]


def test_a_claimants_earliest_registration_counts_and_other_writings_of_its_name() -> None:
    later = registration("R-2", registered_unix=NOW - DAY, secured_party={"name": "SECOND  BANK"})
    found = of(registered(World(invoice()), later, registration()))
    assert [each.claim.registration for each in found.claims] == ["R-1"]


CLAIMS = st.builds(
    Claim,
    claimant=st.text("abc", min_size=1, max_size=3),
    own=st.booleans(),
    kind=st.sampled_from(["assignment", "pledge"]),
    registered=st.none() | st.integers(1, 4),
    sequence=st.integers(0, 3),
    registration=st.text("12", max_size=2),
    noticed=st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 3)),
    known=st.booleans(),
)


@given(st.lists(CLAIMS, max_size=7), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_claims_are_listed(claims: list[Claim], random: Any) -> None:
    shuffled = list(claims)
    random.shuffle(shuffled)
    assert [(each.rank, each.claim.basis, each.claim.registered) for each in ranked(claims)] == [
        (each.rank, each.claim.basis, each.claim.registered) for each in ranked(shuffled)
    ]


@given(st.lists(CLAIMS, max_size=7))
def test_registered_then_noticed_then_pro_rata_then_unknown(claims: list[Claim]) -> None:
    order = ranked(claims)
    assert sorted(map(repr, claims)) == sorted(repr(each.claim) for each in order)
    for one, two in pairwise(order):
        bases = list(Basis)
        assert bases.index(one.claim.basis) <= bases.index(two.claim.basis)
        if two.rank is None:
            assert two.claim.basis is Basis.UNKNOWN
            continue
        assert one.rank is not None
        assert one.rank <= two.rank
        if one.claim.basis is two.claim.basis is Basis.REGISTRATION:
            assert (one.claim.registered or 0) <= (two.claim.registered or 0)
            if (one.claim.registered or 0) < (two.claim.registered or 0):
                assert one.rank < two.rank
        if one.claim.basis is not two.claim.basis:
            assert one.rank < two.rank


@given(st.lists(CLAIMS, max_size=6), CLAIMS)
def test_a_later_registration_moves_nobody_before_it(claims: list[Claim], late: Claim) -> None:
    late = replace(late, registered=5, sequence=1)
    before = [(each.rank, each.claim) for each in ranked(claims) if each.claim.basis is Basis.REGISTRATION]
    after = [
        (each.rank, each.claim) for each in ranked([*claims, late]) if each.claim.basis is Basis.REGISTRATION
    ]
    assert after[: len(before)] == before
    assert after[-1][1] == late


@given(st.lists(CLAIMS, max_size=6))
def test_registering_never_makes_a_place_worse(claims: list[Claim]) -> None:
    mine = Claim("mine", True, "assignment")
    others = [each for each in claims if each.basis is not Basis.REGISTRATION]
    (place,) = [
        each.rank
        for each in ranked([*others, replace(mine, registered=9, sequence=1)])
        if each.claim.claimant == "mine"
    ]
    assert place == 1


@pytest.mark.parametrize("sequence", [0, 3])
def test_one_second_without_order_is_a_tie(sequence: int) -> None:
    one = Claim("a", False, "assignment", registered=1, sequence=0, registration="1")
    two = Claim("b", False, "assignment", registered=1, sequence=sequence, registration="2")
    assert [each.rank for each in ranked([one, two])] == [1, 1]
    assert [each.rank for each in ranked([replace(one, sequence=2), replace(two, sequence=3)])] == [1, 2]
