"""What became of each document of a push. Kept as given, so that a repeated push gets the same answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from consortium.documents.problems import Problem
from industry_gateway.bodies import Bodies
from industry_gateway.store.pushes import Chunk, seal_name


class IntakeStatus(StrEnum):
    """Result for one document."""

    ACCEPTED = "accepted"
    ALREADY_REGISTERED = "already_registered"
    CONFLICT = "conflict"
    REFUSED = "refused"


@dataclass(slots=True)
class Outcome:
    """The result for one document. REST tells its fields as they stand here.

    :param index: its place in the push, from zero
    :param document_id: the gateway's identifier; empty when refused, and when another's document is in
        conflict
    :param first_transaction_id: where the same or the conflicting document was registered first, as far as
        known
    """

    index: int
    status: IntakeStatus
    label: str = ""
    document_id: str = ""
    kind: str = ""
    number: str = ""
    fingerprint: str = ""
    first_transaction_id: str = ""
    problems: tuple[Problem, ...] = ()


_STATUSES: Mapping[str, IntakeStatus] = {str(status): status for status in IntakeStatus}


def to_bytes(outcomes: Sequence[Outcome]) -> bytes:
    """Stored form: JSON."""
    return orjson.dumps(outcomes)


def from_bytes(data: bytes) -> list[Outcome]:
    """Outcomes from their stored form."""
    return [_outcome(row) for row in orjson.loads(data)]


def _outcome(row: dict[str, Any]) -> Outcome:
    row["status"] = _STATUSES[row["status"]]
    if "problems" in row:
        row["problems"] = tuple([Problem(**problem) for problem in row["problems"]])
    return Outcome(**row)


def opened(bodies: Bodies, push_id: str, chunks: Sequence[Chunk]) -> list[Outcome]:
    """The outcomes of a push from its stored chunks."""
    return [
        outcome
        for number, chunk in enumerate(chunks)
        for outcome in from_bytes(bodies.open_other(seal_name(push_id, number), chunk.sealed))
    ]
