"""encumbrances:reserve, finance, release, settle, get on one asset."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from consortium.contract import claim_handle, latest_expiry, names, reasons
from consortium.contract.statements import reservation_statement
from tests.support.contract_world import (
    BANK_A,
    BANK_B,
    DAY,
    FACE,
    INDUSTRY_A,
    INDUSTRY_B,
    MONDAY,
    Json,
    World,
    alias,
    claim_id,
    digest,
    document,
    fp,
    key,
    opened,
    opening,
    refused,
    statement_item,
)

HALF = FACE // 2


@pytest.fixture
def world() -> World:
    world = World()
    world.trade()
    world.register(document("I1", keys=[key("I1"), key("I1", epoch=2), alias("fapiao")]))
    return world


def test_reserved_financed_settled(world: World) -> None:
    result = world.reserve(BANK_A, "I1", "a", HALF)
    assert result == {
        "status": "done",
        "claim": claim_id("a"),
        "asset": fp("I1"),
        "free": HALF,
        "txid": result["txid"],
    }
    event = world.event()
    assert (event["name"], event["fn"], "changed" in event) == (
        "encumbrances",
        "encumbrances:reserve",
        False,
    )
    row = world.row("I1")
    assert row["claims"] == [
        {
            "claim": claim_id("a"),
            "share": HALF,
            "settled": 0,
            "state": "reserved",
            "handle": claim_handle(BANK_A, opening("a")),
            "expires": world.now + 5 * DAY,
            "renewed": False,
        }
    ]
    assert (row["state"], row["claimed"], row["free"], row["fp"]) == ("encumbered", HALF, HALF, fp("I1"))

    assert world.finance(BANK_A, "I1", "a")["status"] == "done"
    (claim,) = world.row("I1")["claims"]
    assert (claim["state"], claim["expires"]) == ("financed", 0)

    world.now += 30
    quarter = FACE // 4
    result = world.on_claim(BANK_A, names.ENCUMBRANCES_SETTLE, "I1", "a", share=quarter)
    assert (result["status"], result["free"]) == ("done", HALF)
    row = world.row("I1")
    assert (row["claimed"], row["settled"]) == (quarter, quarter)
    result = world.on_claim(BANK_A, names.ENCUMBRANCES_SETTLE, "I1", "a", share=quarter + 1)
    assert refused(result) == reasons.SHARE_TOO_LARGE
    world.on_claim(BANK_A, names.ENCUMBRANCES_SETTLE, "I1", "a", share=quarter)
    row = world.row("I1")
    (claim,) = row["claims"]
    assert (claim["state"], claim["share"], claim["settled"], claim["closed"]) == (
        "settled",
        0,
        HALF,
        world.now,
    )
    assert (row["state"], row["claimed"], row["settled"], row["free"]) == ("free", 0, HALF, HALF)


def test_two_banks_never_take_more_than_there_is(world: World) -> None:
    world.claim(BANK_A, "I1", "a", FACE - 10)
    result = world.reserve(BANK_B, "I1", "b", 11)
    assert refused(result) == reasons.OVER_FACE_VALUE
    assert (result["free"], result["asset"]) == (10, fp("I1"))
    assert "0.000001 %" in result["message"]
    assert world.reserve(BANK_B, "I1", "b", 10)["status"] == "done"
    assert refused(world.reserve(BANK_A, "I1", "c", 1)) == reasons.OVER_FACE_VALUE


@pytest.mark.parametrize("name", [fp("I1"), fp("I1", 2), fp("fapiao")])
def test_every_key_leads_to_the_same_asset(world: World, name: str) -> None:
    """Also when another document of the receivable, or another applicant's registration, is claimed."""
    world.register(document("fapiao"), msp=INDUSTRY_B)
    world.claim(BANK_A, "I1", "a")
    result = world.reserve(BANK_B, "I1", "b", 1, asset=name)
    assert (refused(result), result["asset"]) == (reasons.OVER_FACE_VALUE, fp("I1"))


def test_refusals_name_what_is_wrong(world: World) -> None:
    world.register(document("GR1", kind="goods_receipt"))
    soon = world.now + DAY
    cases: list[tuple[Json, str]] = [
        ({"asset": fp("nothing")}, reasons.UNKNOWN_DOCUMENT),
        ({"asset": fp("GR1")}, reasons.NO_ASSET),
        ({"share": 0}, reasons.INVALID_ITEM),
        ({"share": FACE + 1}, reasons.INVALID_ITEM),
        ({"share": 1.5}, reasons.INVALID_ITEM),
        ({"claim": "abc"}, reasons.INVALID_ITEM),
        ({"handle": claim_handle(BANK_B, opening("a"))}, reasons.NOT_HOLDER),
        ({"handle": digest("x")}, reasons.NOT_HOLDER),
        ({"expires": world.now}, reasons.RESERVATION_LAPSED),
        ({"expires": latest_expiry(world.now) + 1}, reasons.RESERVATION_TOO_LONG),
        ({"consent": None}, reasons.INVALID_ITEM),
        ({"consent": "consent-none"}, reasons.UNKNOWN_CONSENT),
        ({"consent": f"consent-{BANK_B}"}, reasons.CONSENT_FOREIGN),
        ({"signature": {"statement": "e30=" * 5, "key": 1, "signature": "A" * 16}}, reasons.INVALID_ITEM),
    ]
    for change, reason in cases:
        assert refused(world.reserve(BANK_A, "I1", "a", **{"expires": soon, **change})) == reason, change
    assert world.row("I1")["claims"] == []


def test_an_opening_has_to_be_shown(world: World) -> None:
    item = {
        "asset": fp("I1"),
        "claim": claim_id("a"),
        "share": 1,
        "handle": claim_handle(BANK_A, opening("a")),
        "expires": world.now + DAY,
        "consent": f"consent-{BANK_A}",
        "signature": None,
    }
    for transient in ({}, opened("b"), {f"opening:{claim_id('a')}": b"\xff" * 64}, {"opening:": b"0" * 64}):
        result = world.one(BANK_A, names.ENCUMBRANCES_RESERVE, item, transient)
        assert refused(result) == reasons.NOT_HOLDER
    assert world.one(BANK_A, names.ENCUMBRANCES_RESERVE, item, opened("a"))["status"] == "done"


def test_state_does_not_say_who_holds_a_claim(world: World) -> None:
    before = dict(world.ledger.state)
    world.claim(BANK_A, "I1", "a")
    world.fact("I1", "payment", HALF, "statement")
    world.on_claim(BANK_A, names.ENCUMBRANCES_SETTLE, "I1", "a", share=5)
    for name, value in world.ledger.state.items():
        if before.get(name) != value:
            for secret in (b"Bank", opening("a").encode(), b"consent-"):
                assert secret not in name.encode() + value


@pytest.mark.parametrize(
    "function",
    [
        names.ENCUMBRANCES_FINANCE,
        names.ENCUMBRANCES_RELEASE,
        names.ENCUMBRANCES_SETTLE,
        names.ENCUMBRANCES_AGREE,
    ],
)
def test_only_the_holder_acts_on_a_claim(world: World, function: str) -> None:
    cases: dict[str, Json] = {
        names.ENCUMBRANCES_FINANCE: {"consent": f"consent-{BANK_B}"},
        names.ENCUMBRANCES_RELEASE: {"reason": "error"},
        names.ENCUMBRANCES_SETTLE: {"share": 1},
        names.ENCUMBRANCES_AGREE: {"amendment": digest("x")},
    }
    more = cases[function]
    world.reserve(BANK_A, "I1", "a")
    if function == names.ENCUMBRANCES_SETTLE:
        world.finance(BANK_A, "I1", "a")
    row = world.row("I1")
    # Another organisation with the right opening; the right one without it.
    assert refused(world.on_claim(BANK_B, function, "I1", "a", **more)) == reasons.NOT_HOLDER
    item = {"asset": fp("I1"), "claim": claim_id("a"), **more}
    assert refused(world.one(BANK_A, function, item)) == reasons.NOT_HOLDER
    assert refused(world.on_claim(BANK_A, function, "I1", "none", **more)) == reasons.UNKNOWN_CLAIM
    unknown = {**item, "asset": fp("nothing")}
    assert refused(world.one(BANK_A, function, unknown, opened("a"))) == reasons.UNKNOWN_DOCUMENT
    assert world.row("I1") == row


def test_financing_needs_monitor_and_a_reservation(world: World) -> None:
    world.reserve(BANK_A, "I1", "a", HALF)
    world.consent("assess", scope="assess")
    finance = names.ENCUMBRANCES_FINANCE
    result = world.on_claim(BANK_A, finance, "I1", "a", consent="consent-assess")
    assert refused(result) == reasons.CONSENT_SCOPE
    result = world.on_claim(BANK_A, finance, "I1", "a", consent=f"consent-{BANK_B}")
    assert refused(result) == reasons.CONSENT_FOREIGN
    world.revoke("assess")
    result = world.on_claim(BANK_A, finance, "I1", "a", consent="consent-assess")
    assert refused(result) == reasons.CONSENT_REVOKED
    assert world.finance(BANK_A, "I1", "a")["status"] == "done"
    assert refused(world.finance(BANK_A, "I1", "a")) == reasons.NOT_RESERVED
    world.reserve(BANK_A, "I1", "b", HALF)
    result = world.on_claim(BANK_A, names.ENCUMBRANCES_SETTLE, "I1", "b", share=1)
    assert refused(result) == reasons.NOT_FINANCED


def test_assess_is_enough_to_reserve(world: World) -> None:
    world.consent("assess", scope="assess")
    assert world.reserve(BANK_A, "I1", "a", consent="consent-assess")["status"] == "done"


def test_a_revoked_consent_reserves_nothing(world: World) -> None:
    world.revoke(BANK_A)
    assert refused(world.reserve(BANK_A, "I1", "a")) == reasons.CONSENT_REVOKED


def test_a_consent_of_somebody_else_reserves_nothing(world: World) -> None:
    world.consent("buyers", subject="buyer")
    result = world.reserve(BANK_A, "I1", "a", consent="consent-buyers")
    assert refused(result) == reasons.CONSENT_FOREIGN


def word(world: World, by: str = "seller", **changes: object) -> Json:
    fields: Json = {
        "asset": fp("I1"),
        "claim": claim_id("a"),
        "recipient": BANK_A,
        "share": HALF,
        "issued": world.now,
        "expires": world.now + DAY,
        **changes,
    }
    return statement_item("seller", reservation_statement(**fields), key=by)


def test_the_sellers_word_stands_in_for_a_consent(world: World) -> None:
    def reserve(signature: Json, **changes: object) -> Json:
        change: Json = {"consent": None, "signature": signature, "share": HALF, **changes}
        return world.reserve(BANK_A, "I1", "a", **change)

    for signature, reason in (
        (word(world, asset=fp("I2")), reasons.STATEMENT_INVALID),
        (word(world, claim=claim_id("b")), reasons.STATEMENT_INVALID),
        (word(world, recipient=BANK_B), reasons.STATEMENT_INVALID),
        (word(world, share=HALF - 1), reasons.STATEMENT_INVALID),
        (word(world, issued=world.now + 301), reasons.STATEMENT_INVALID),
        (word(world, expires=world.now), reasons.STATEMENT_INVALID),
        (word(world, by="buyer"), reasons.SIGNATURE_INVALID),
        ({**word(world), "statement": "e3t7" * 6}, reasons.STATEMENT_INVALID),
    ):
        assert refused(reserve(signature)) == reason
    assert reserve(word(world))["status"] == "done"


def test_business_days() -> None:
    def day(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())

    assert day("2026-01-05") == MONDAY
    for start, end in (
        ("2026-01-05T00:00:00", "2026-01-19T00:00:00"),
        ("2026-01-09T17:30:00", "2026-01-23T17:30:00"),
        ("2026-01-10T12:00:00", "2026-01-23T12:00:00"),
        ("2026-01-11T23:59:59", "2026-01-23T23:59:59"),
        ("1970-01-01T00:00:00", "1970-01-15T00:00:00"),
    ):
        assert latest_expiry(day(start)) == day(end)
    assert latest_expiry(day("2026-01-08"), 1) == day("2026-01-09")
    assert latest_expiry(day("2026-01-09"), 1) == day("2026-01-12")


def test_a_reservation_lapses_for_its_owner_at_once_and_for_others_later(world: World) -> None:
    world.reserve(BANK_A, "I1", "a")
    expires = world.now + 5 * DAY
    world.now = expires + names.RESERVATION_TOLERANCE_S
    assert refused(world.finance(BANK_A, "I1", "a")) == reasons.RESERVATION_LAPSED
    assert refused(world.reserve(BANK_B, "I1", "b")) == reasons.OVER_FACE_VALUE
    world.now += 1
    row = world.row("I1")
    assert (row["state"], row["free"], row["claims"][0]["state"]) == ("free", FACE, "lapsed")
    assert world.reserve(BANK_B, "I1", "b")["status"] == "done"
    states = {claim["claim"]: claim["state"] for claim in world.row("I1")["claims"]}
    assert states == {claim_id("a"): "lapsed", claim_id("b"): "reserved"}
    assert refused(world.finance(BANK_A, "I1", "a")) == reasons.UNKNOWN_CLAIM
    assert refused(world.reserve(BANK_A, "I1", "a")) == reasons.CLAIM_EXISTS


def test_the_owner_finances_until_the_expiry(world: World) -> None:
    world.reserve(BANK_A, "I1", "a")
    world.now += 5 * DAY
    assert world.finance(BANK_A, "I1", "a")["status"] == "done"


def test_renewed_once_at_most(world: World) -> None:
    world.reserve(BANK_A, "I1", "a")
    first = world.row("I1")["claims"][0]["expires"]
    world.now += 3 * DAY
    cases: list[tuple[Json, str]] = [
        ({"share": HALF}, reasons.CLAIM_EXISTS),
        ({"expires": first}, reasons.CLAIM_EXISTS),
        ({"expires": latest_expiry(world.now) + 1}, reasons.RESERVATION_TOO_LONG),
    ]
    for change, reason in cases:
        assert refused(world.reserve(BANK_A, "I1", "a", **change)) == reason
    stranger: Json = {"handle": claim_handle(BANK_B, opening("a"))}
    assert refused(world.reserve(BANK_B, "I1", "a", **stranger)) == reasons.CLAIM_EXISTS
    assert world.reserve(BANK_A, "I1", "a", expires=latest_expiry(world.now))["status"] == "done"
    (claim,) = world.row("I1")["claims"]
    assert (claim["renewed"], claim["expires"]) == (True, latest_expiry(world.now))
    world.now += DAY
    result = world.reserve(BANK_A, "I1", "a", expires=latest_expiry(world.now))
    assert refused(result) == reasons.RENEWED_ALREADY
    world.finance(BANK_A, "I1", "a")
    assert refused(world.reserve(BANK_A, "I1", "a")) == reasons.CLAIM_EXISTS


def test_a_lapsed_reservation_is_not_renewed(world: World) -> None:
    world.reserve(BANK_A, "I1", "a")
    world.now += 5 * DAY + 1
    assert refused(world.reserve(BANK_A, "I1", "a")) == reasons.RESERVATION_LAPSED


@pytest.mark.parametrize("reason", names.RELEASE_REASONS)
def test_released_with_a_reason(world: World, reason: str) -> None:
    world.claim(BANK_A, "I1", "a")
    result = world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I1", "a", reason=reason)
    assert (result["status"], result["free"]) == ("done", FACE)
    row = world.row("I1")
    (claim,) = row["claims"]
    assert (claim["state"], claim["share"], claim["reason"], claim["closed"]) == (
        "released",
        0,
        reason,
        world.now,
    )
    assert row["repurchased"] == (reason == "repurchased")
    again = world.reserve(BANK_B, "I1", "b")
    assert again.get("repurchased", False) == (reason == "repurchased")
    result = world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I1", "a", reason=reason)
    assert refused(result) == reasons.UNKNOWN_CLAIM


def test_an_unknown_release_reason_is_refused(world: World) -> None:
    world.claim(BANK_A, "I1", "a")
    result = world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I1", "a", reason="bored")
    assert refused(result) == reasons.INVALID_ITEM


def test_live_claims_are_limited_and_closed_ones_forgotten(world: World) -> None:
    most = names.MAX_CLAIMS_PER_ASSET
    for number in range(most):
        assert world.reserve(BANK_A, "I1", f"a{number}", 1)["status"] == "done"
    assert refused(world.reserve(BANK_A, "I1", "more", 1)) == reasons.TOO_MANY_CLAIMS
    for number in range(most):
        world.now += 1
        world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I1", f"a{number}", reason="error")
    world.now += 1
    world.claim(BANK_A, "I1", "b", 5)
    world.on_claim(BANK_A, names.ENCUMBRANCES_RELEASE, "I1", "b", reason="error")
    claims = {claim["claim"] for claim in world.row("I1")["claims"]}
    assert len(claims) == most
    assert claim_id("a0") not in claims
    assert claim_id("b") in claims


def test_items_of_one_call_see_each_other(world: World) -> None:
    items = [
        {
            "asset": fp("I1"),
            "claim": claim_id(name),
            "share": share,
            "handle": claim_handle(BANK_A, opening(name)),
            "expires": world.now + DAY,
            "consent": f"consent-{BANK_A}",
            "signature": None,
        }
        for name, share in (("a", HALF), ("b", HALF + 1), ("c", HALF), ("d", 1))
    ]
    results = world.write(BANK_A, names.ENCUMBRANCES_RESERVE, *items, transient=opened(*"abcd"))
    assert [result["status"] for result in results] == ["done", "refused", "done", "refused"]
    assert [result["free"] for result in results] == [HALF, HALF, 0, 0]
    assert world.row("I1")["claimed"] == FACE


def test_a_claim_id_is_one_under_every_key(world: World) -> None:
    world.reserve(BANK_A, "I1", "a", HALF, asset=fp("I1", 2))
    assert world.reserve(BANK_A, "I1", "a", HALF)["reason"] == reasons.CLAIM_EXISTS


def test_get_answers_null_where_there_is_no_asset(world: World) -> None:
    world.register(document("GR1", kind="goods_receipt"), msp=INDUSTRY_A)
    answer = world.read(names.ENCUMBRANCES_GET, assets=[fp("I1"), fp("GR1"), fp("nothing")])
    assert [row is None for row in answer["rows"]] == [False, True, True]
