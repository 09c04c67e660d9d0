"""``packages:*``: anchored under a live consent, superseded, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consortium.contract import names, reasons
from tests.conformance.contract.script import (
    BANK_A,
    BANK_B,
    LATER_S,
    SOON_S,
    Json,
    Read,
    Step,
    Trade,
    Write,
)


def package(t: Trade, name: str) -> str:
    """Id of a package."""
    return f"package-{t.prefix}-{name}"


def anchor(t: Trade, name: str, expect: Any = "anchored", *, later_s: int = 0, **changes: Any) -> Write:
    """Anchors a package of bank A."""
    item: Json = {
        "id": package(t, name),
        "digest": t.digest(name),
        "subject": t.digest("seller"),
        "consent": t.consent_id(BANK_A),
        "profile": "receivable-v1",
        "supersedes": None,
    }
    return Write(BANK_A, names.PACKAGES_ANCHOR, item | changes, expect, later_s=later_s)


def packages(t: Trade) -> Sequence[Step]:
    """The life of packages."""

    def supersede(old: str, new: str, expect: str = "superseded", bank: str = BANK_A) -> Write:
        item = {"id": package(t, old), "by": package(t, new)}
        return Write(bank, names.PACKAGES_SUPERSEDE, item, expect)

    def revoke(name: str, expect: str = "revoked", bank: str = BANK_A) -> Write:
        item = {"id": package(t, name), "reason": "wrong evidence"}
        return Write(bank, names.PACKAGES_REVOKE, item, expect)

    return [
        *t.opening(),
        [t.grant("gone"), t.grant("short", expires=t.now + SOON_S)],
        [t.revoke("gone")],
        [
            anchor(t, "1", {"status": "anchored", "id": package(t, "1")}),
            anchor(t, "1", "already"),
            anchor(t, "1", reasons.PACKAGE_EXISTS, digest=t.digest("other")),
            anchor(t, "2", supersedes=package(t, "1")),
            anchor(t, "3", reasons.PACKAGE_FINAL, supersedes=package(t, "1")),
            anchor(t, "3", reasons.INVALID_ITEM, supersedes=package(t, "3")),
            anchor(t, "3", reasons.UNKNOWN_PACKAGE, supersedes=package(t, "none")),
            anchor(t, "3", reasons.UNKNOWN_CONSENT, consent=t.consent_id("none")),
            anchor(t, "3", reasons.CONSENT_FOREIGN, consent=t.consent_id(BANK_B)),
            anchor(t, "3", reasons.CONSENT_REVOKED, consent=t.consent_id("gone")),
            anchor(t, "4", reasons.CONSENT_EXPIRED, consent=t.consent_id("short"), later_s=LATER_S),
            anchor(t, "5"),
            anchor(t, "6"),
        ],
        [
            supersede("5", "6"),
            supersede("5", "6", "already"),
            supersede("5", "2", reasons.PACKAGE_FINAL),
            supersede("6", "6", reasons.INVALID_ITEM),
            supersede("6", "none", reasons.UNKNOWN_PACKAGE),
            supersede("2", "6", reasons.NOT_ENTITLED, BANK_B),
            revoke("2", reasons.NOT_ENTITLED, BANK_B),
        ],
        [
            revoke("6"),
            revoke("6", "already"),
            revoke("5", reasons.PACKAGE_FINAL),
            revoke("none", reasons.UNKNOWN_PACKAGE),
            Read(
                names.PACKAGES_GET,
                {"ids": [package(t, name) for name in "123"]},
                {
                    "packages": [
                        {"state": "superseded", "superseded_by": package(t, "2"), "owner": BANK_A},
                        {"state": "anchored", "supersedes": package(t, "1"), "digest": t.digest("2")},
                        None,
                    ]
                },
            ),
        ],
        [
            Read(
                names.PACKAGES_GET,
                {"ids": [package(t, "6")]},
                {"packages": [{"state": "revoked", "reason": "wrong evidence"}]},
            )
        ],
    ]
