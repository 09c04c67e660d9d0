"""Profiles: one explicit list of rules per product that a bank lends on, with thresholds, effects, ages and waterfall.

A published profile stays as it is; what changes gets a new name, and older ones stay, so that older packages replay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from consortium.documents.canonical import canonical_bytes
from crossverify.profiles.bill import BILL_V1
from crossverify.profiles.model import Profile, RuleSettings
from crossverify.profiles.order import ORDER_V1
from crossverify.profiles.receivable import RECEIVABLE_V1, RECEIVABLE_V2
from crossverify.profiles.warehouse import WAREHOUSE_V1
from crossverify.rules import ALL

__all__ = [
    "BILL_V1",
    "ORDER_V1",
    "PROFILES",
    "RECEIVABLE_V1",
    "RECEIVABLE_V2",
    "WAREHOUSE_V1",
    "Profile",
    "RuleSettings",
    "rules_digest",
]

PROFILES: Mapping[str, Profile] = {
    profile.id: profile for profile in (RECEIVABLE_V1, RECEIVABLE_V2, ORDER_V1, WAREHOUSE_V1, BILL_V1)
}
"""The profiles, by name."""


_ASKING = frozenset({"adapters", "sources"})
"""Folders whose code asks and answers; all other code of this package judges."""


@cache
def rules_digest() -> str:
    """SHA-256 (hex) over every rule's name and version and over the source code that judges.

    Two programs with the same digest give the same findings for the same evidence and profile.
    """
    root = Path(__file__).parents[1]
    sources = {
        path.relative_to(root).as_posix(): hashlib.sha256(
            path.read_bytes().replace(b"\r\n", b"\n")
        ).hexdigest()
        for path in root.rglob("*.py")
        if path.relative_to(root).parts[0] not in _ASKING
    }
    versions = [[name, version] for name, version in sorted(ALL)]
    return hashlib.sha256(canonical_bytes({"rules": versions, "sources": sources})).hexdigest()
