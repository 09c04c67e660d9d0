"""packages:*."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.contract import names, reasons
from tests.support.contract_world import BANK_A, BANK_B, DAY, Json, World, digest, refused


@pytest.fixture
def world() -> World:
    world = World()
    world.trade()
    return world


def anchor(name: str, bank: str = BANK_A, **changes: object) -> Json:
    return {
        "id": f"package-{name}",
        "digest": digest(name),
        "subject": digest("seller"),
        "consent": f"consent-{bank}",
        "profile": "receivable-v1",
        "supersedes": None,
        **changes,
    }


def anchored(world: World, name: str, **changes: Any) -> Json:
    result = world.one(BANK_A, names.PACKAGES_ANCHOR, anchor(name, **changes))
    assert result["status"] == "anchored", result
    return result


def get(world: World, name: str) -> Json:
    (found,) = world.read(names.PACKAGES_GET, ids=[f"package-{name}"])["packages"]
    assert found is not None
    return found  # type: ignore[no-any-return]


def test_anchored_under_a_live_consent(world: World) -> None:
    result = anchored(world, "1")
    assert world.event()["name"] == "packages"
    assert get(world, "1") == {
        **anchor("1"),
        "owner": BANK_A,
        "state": "anchored",
        "superseded_by": None,
        "reason": None,
        "txid": result["txid"],
        "changed_tx": result["txid"],
        "time": world.now,
    }
    again = world.one(BANK_A, names.PACKAGES_ANCHOR, anchor("1"))
    assert (again["status"], again["txid"]) == ("already", result["txid"])
    for bank, item in ((BANK_A, anchor("1", digest=digest("other"))), (BANK_B, anchor("1"))):
        assert refused(world.one(bank, names.PACKAGES_ANCHOR, item)) == reasons.PACKAGE_EXISTS
    assert world.read(names.PACKAGES_GET, ids=["package-none"]) == {"packages": [None]}


def test_without_a_live_consent_nothing_is_anchored(world: World) -> None:
    world.party("other")
    world.consent("of-another", subject="other")
    for item, reason in (
        (anchor("1", consent="consent-none"), reasons.UNKNOWN_CONSENT),
        (anchor("1", BANK_B), reasons.CONSENT_FOREIGN),
        (anchor("1", consent="consent-of-another"), reasons.CONSENT_FOREIGN),
        (anchor("1", supersedes="package-1"), reasons.INVALID_ITEM),
        (anchor("1", supersedes="package-none"), reasons.UNKNOWN_PACKAGE),
    ):
        assert refused(world.one(BANK_A, names.PACKAGES_ANCHOR, item)) == reason
    world.revoke(BANK_A)
    assert refused(world.one(BANK_A, names.PACKAGES_ANCHOR, anchor("1"))) == reasons.CONSENT_REVOKED
    world.now += 200 * DAY
    assert refused(world.one(BANK_B, names.PACKAGES_ANCHOR, anchor("1", BANK_B))) == reasons.CONSENT_EXPIRED
    assert world.read(names.PACKAGES_GET, ids=["package-1"]) == {"packages": [None]}


def test_a_new_package_supersedes_an_old_one(world: World) -> None:
    anchored(world, "1")
    result = anchored(world, "2", supersedes="package-1")
    old = get(world, "1")
    assert (old["state"], old["superseded_by"], old["changed_tx"]) == (
        "superseded",
        "package-2",
        result["txid"],
    )
    assert get(world, "2")["supersedes"] == "package-1"
    third = world.one(BANK_A, names.PACKAGES_ANCHOR, anchor("3", supersedes="package-1"))
    assert refused(third) == reasons.PACKAGE_FINAL
    assert world.read(names.PACKAGES_GET, ids=["package-3"]) == {"packages": [None]}


def test_superseding_by_name(world: World) -> None:
    first = anchored(world, "1")
    anchored(world, "2")
    assert first["status"] == "anchored"

    def supersede(old: str, new: str, bank: str = BANK_A) -> Json:
        item = {"id": f"package-{old}", "by": f"package-{new}"}
        return world.one(bank, names.PACKAGES_SUPERSEDE, item)

    assert refused(supersede("1", "none")) == reasons.UNKNOWN_PACKAGE
    assert refused(supersede("none", "1")) == reasons.UNKNOWN_PACKAGE
    assert refused(supersede("1", "2", BANK_B)) == reasons.NOT_ENTITLED
    assert refused(supersede("1", "1")) == reasons.INVALID_ITEM
    result = supersede("1", "2")
    assert result["status"] == "superseded"
    again = supersede("1", "2")
    assert (again["status"], again["txid"]) == ("already", result["txid"])
    anchored(world, "3")
    assert refused(supersede("1", "3")) == reasons.PACKAGE_FINAL
    assert refused(supersede("3", "1")) == reasons.PACKAGE_FINAL

    world.party("other")
    world.consent("of-another", subject="other")
    anchored(world, "4", subject=digest("other"), consent="consent-of-another")
    assert refused(supersede("3", "4")) == reasons.NOT_ENTITLED


def test_revoked_is_final(world: World) -> None:
    anchored(world, "1")
    item = {"id": "package-1", "reason": "wrong evidence"}
    assert refused(world.one(BANK_B, names.PACKAGES_REVOKE, item)) == reasons.NOT_ENTITLED
    result = world.one(BANK_A, names.PACKAGES_REVOKE, item)
    assert result["status"] == "revoked"
    found = get(world, "1")
    assert (found["state"], found["reason"], found["changed_tx"]) == (
        "revoked",
        "wrong evidence",
        result["txid"],
    )
    assert world.one(BANK_A, names.PACKAGES_REVOKE, item)["status"] == "already"
    anchored(world, "2")
    for function, request in (
        (names.PACKAGES_SUPERSEDE, {"id": "package-1", "by": "package-2"}),
        (names.PACKAGES_SUPERSEDE, {"id": "package-2", "by": "package-1"}),
        (names.PACKAGES_ANCHOR, anchor("3", supersedes="package-1")),
    ):
        assert refused(world.one(BANK_A, function, request)) == reasons.PACKAGE_FINAL
    world.one(BANK_A, names.PACKAGES_ANCHOR, anchor("4", supersedes="package-2"))
    revoked = world.one(BANK_A, names.PACKAGES_REVOKE, {"id": "package-2", "reason": "x"})
    assert refused(revoked) == reasons.PACKAGE_FINAL
    unknown = world.one(BANK_A, names.PACKAGES_REVOKE, {"id": "package-none", "reason": "x"})
    assert refused(unknown) == reasons.UNKNOWN_PACKAGE
