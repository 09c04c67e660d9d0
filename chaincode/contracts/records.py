"""Records in state: JSON with a version, migrated when they are read.

A record is written under the present version. When a shape changes, its version goes up and :data:`MIGRATIONS`
gets a function from the version before: records on the ledger are never rewritten for their shape alone. A
record of a later version than this code knows fails the call, so that an old chaincode server never drops
fields that it cannot see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import orjson

Record = dict[str, Any]
Migration = Callable[[Record], Record]

DOCUMENT: Final = "document"
CLAIMS: Final = "claims"
OPERATION: Final = "operation"
PARTY: Final = "party"
CONSENT: Final = "consent"
PACKAGE: Final = "package"
EVIDENCE: Final = "evidence"

VERSIONS: Final[Mapping[str, int]] = {
    DOCUMENT: 1,
    CLAIMS: 1,
    OPERATION: 1,
    PARTY: 1,
    CONSENT: 1,
    PACKAGE: 1,
    EVIDENCE: 1,
}
MIGRATIONS: Final[Mapping[tuple[str, int], Migration]] = {}
"""(kind, version) -> function to the next version."""


class RecordError(Exception):
    """A record cannot be read by this code."""


def load(
    kind: str,
    data: bytes,
    versions: Mapping[str, int] = VERSIONS,
    migrations: Mapping[tuple[str, int], Migration] = MIGRATIONS,
) -> Record:
    """A stored record in the present version.

    :raises RecordError: when it was written by later code
    """
    record = cast(Record, orjson.loads(data))
    version = record["v"]
    while version != versions[kind]:
        step = migrations.get((kind, version))
        if step is None:
            raise RecordError(
                f"a {kind} record has version {version}; this chaincode reads up to {versions[kind]}"
            )
        record = step(record)
        version = record["v"]
    return record


def dump(kind: str, record: Record) -> bytes:
    """Canonical bytes of a record, with its version."""
    record["v"] = VERSIONS[kind]
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
