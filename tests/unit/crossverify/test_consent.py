"""CONSENT: may the bank look?"""

from __future__ import annotations

from typing import Any

import pytest

from crossverify.rule import Effect, Finding
from tests.support.trade_world import DAY, NOW, World, invoice, judged, order


def consented(**fields: Any) -> World:
    world = World(order(), invoice())
    world.consents = (world.consents[0].model_copy(update=fields),)
    return world


def found(world: World, **overrides: Any) -> Finding:
    (finding,) = judged(world, "CONSENT", **overrides)
    assert finding.subject == ""
    return finding


def test_passes_a_consent_that_fits() -> None:
    finding = found(consented())
    assert (finding.outcome.value, finding.code) == ("PASS", "VALID")
    assert finding.inputs[0].source == "ledger"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"recipient": "BankBMSP"}, "ABSENT"),
        ({"purpose": "marketing"}, "ABSENT"),
        ({"subject": "f" * 64}, "ABSENT"),
        ({"revoked_at": NOW - 1}, "REVOKED"),
        ({"expires": NOW}, "EXPIRED"),
        ({"issued": NOW + 301}, "NOT_YET_VALID"),
        ({"scope": "monitor"}, "SCOPE"),
        ({"fields": ("invoice",)}, "FIELDS"),
        ({"fields": ("purchase_order", "invoice.number")}, "FIELDS"),
    ],
)
def test_fails_and_excludes_where_it_does_not_fit(fields: dict[str, Any], code: str) -> None:
    finding = found(consented(**fields))
    assert (finding.outcome.value, finding.code, finding.effect) == ("FAIL", code, Effect.EXCLUDE)


@pytest.mark.parametrize("fields", [{"issued": NOW + 300}, {"fields": ("invoice", "purchase_order")}])
def test_passes_at_the_edges(fields: dict[str, Any]) -> None:
    assert found(consented(**fields)).code == "VALID"


@pytest.mark.parametrize(
    ("expires", "code"),
    [(NOW + 1, "EXPIRING"), (NOW + 7 * DAY - 1, "EXPIRING"), (NOW + 7 * DAY, "VALID")],
)
def test_ending_soon_warns(expires: int, code: str) -> None:
    assert found(consented(expires=expires)).code == code


def test_days_before_the_end_come_from_the_profile() -> None:
    assert found(consented(), expiring_days=91).code == "EXPIRING"
    assert found(consented(), expiring_days=90).code == "VALID"


def test_following_what_is_financed_needs_monitor() -> None:
    world = consented()
    world.request = world.request.model_copy(update={"scope": "monitor"})
    assert found(world).code == "SCOPE"
    world.consents += (world.consents[0].model_copy(update={"id": "consent-2", "scope": "monitor"}),)
    assert found(world).code == "VALID"


def test_any_consent_that_fits_is_enough_unless_one_is_named() -> None:
    world = consented(revoked_at=NOW - 5)
    world.consents += (world.consents[0].model_copy(update={"id": "consent-2", "revoked_at": 0}),)
    assert found(world).code == "VALID"
    world.request = world.request.model_copy(update={"consent_id": "consent-1"})
    assert found(world).code == "REVOKED"
    world.request = world.request.model_copy(update={"consent_id": "consent-3"})
    assert found(world).code == "ABSENT"


def test_a_silent_ledger_is_unknown_and_excludes() -> None:
    world = consented()
    world.silence("ledger")
    finding = found(world)
    assert (finding.outcome.value, finding.code, finding.effect) == (
        "UNKNOWN",
        "SOURCE_SILENT",
        Effect.EXCLUDE,
    )
