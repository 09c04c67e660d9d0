"""What became of each document of a push. Kept as given, so that a repeated push gets the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for one document.

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


_TEXTS = ("label", "document_id", "kind", "number", "fingerprint", "first_transaction_id")


def to_bytes(outcomes: Sequence[Outcome]) -> bytes:
    """Stored form: JSON, absent values left out."""
    return orjson.dumps([_row(outcome) for outcome in outcomes])


def _row(outcome: Outcome) -> dict[str, object]:
    row: dict[str, object] = {"index": outcome.index, "status": outcome.status}
    for name in _TEXTS:
        value = getattr(outcome, name)
        if value:
            row[name] = value
    if outcome.problems:
        row["problems"] = [asdict(problem) for problem in outcome.problems]
    return row


def from_bytes(data: bytes) -> list[Outcome]:
    """Outcomes from their stored form."""
    return [
        Outcome(
            **{
                **row,
                "status": IntakeStatus(row["status"]),
                "problems": tuple(Problem(**problem) for problem in row.get("problems", ())),
            }
        )
        for row in orjson.loads(data)
    ]


def opened(bodies: Bodies, push_id: str, chunks: Sequence[Chunk]) -> list[Outcome]:
    """The outcomes of a push from its stored chunks."""
    return [
        outcome
        for number, chunk in enumerate(chunks)
        for outcome in from_bytes(bodies.open_other(seal_name(push_id, number), chunk.sealed))
    ]
