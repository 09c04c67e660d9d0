"""Where documents are on their way to the ledger, for those whom they concern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consortium.documents import Problem
from consortium.documents.canonical import parse_json
from consortium.errors import InvalidInputError, NotFoundError
from industry_gateway.bodies import Bodies
from industry_gateway.intake.push import PushResult
from industry_gateway.intake.results import opened
from industry_gateway.parties.directory import Tenant
from industry_gateway.store import documents, pushes
from industry_gateway.store.database import Database
from industry_gateway.store.documents import StoredDocument

MAX_ASKED = 1_000
"""Documents of one question."""


@dataclass(slots=True)
class DocumentStatus:
    """Where one document is.

    :param number: the document's own number; empty once its body was erased
    """

    stored: StoredDocument
    number: str

    @property
    def problem(self) -> Problem | None:
        """Why the contract refused it or has another one, where that is so."""
        if not self.stored.reason:
            return None
        return Problem(
            path="",
            field="",
            value="",
            rule=self.stored.reason,
            message=self.stored.message or "The ledger did not take it.",
            remedy="Compare with the registered document; push a corrected one.",
        )


class Statuses:
    """Answers questions about documents and pushes."""

    def __init__(self, database: Database, bodies: Bodies) -> None:
        self._database = database
        self._bodies = bodies

    async def push(self, tenant: Tenant, push_id: str) -> tuple[PushResult, dict[str, DocumentStatus]]:
        """A push's results as they were given, and where its documents are now.

        :raises NotFoundError: no such push, or another party's
        """
        async with self._database.read() as connection:
            push = await pushes.find(connection, push_id)
            if push is None or push.party != tenant.alias:
                raise NotFoundError("There is no such push of yours.", reason="UNKNOWN_PUSH")
            chunks = await pushes.chunks(connection, push_id)
        outcomes = opened(self._bodies, push_id, chunks)
        ids = [outcome.document_id for outcome in outcomes if outcome.document_id]
        numbers = {outcome.document_id: outcome.number for outcome in outcomes}
        async with self._database.read() as connection:
            found = await documents.by_ids(connection, ids)
        statuses = {name: DocumentStatus(each, numbers[name]) for name, each in found.items()}
        return PushResult(push_id, outcomes), statuses

    async def documents(self, tenant: Tenant, ids: Sequence[str]) -> list[DocumentStatus]:
        """Documents by identifier, in the order asked.

        :raises NotFoundError: one is not there, or does not concern the caller
        """
        if not 0 < len(ids) <= MAX_ASKED:
            raise InvalidInputError(f"Ask for 1 to {MAX_ASKED} documents.", reason="TOO_LARGE")
        async with self._database.read() as connection:
            found = await documents.by_ids(connection, ids)
            stored = await documents.bodies(connection, ids)
        statuses: list[DocumentStatus] = []
        for name in ids:
            each = found.get(name)
            if each is None or not each.concerns(tenant.handle):
                raise NotFoundError("There is no such document of yours.", reason="UNKNOWN_DOCUMENT")
            body = stored.get(name)
            number = ""
            if body is not None and body[0] is not None:
                number = str(parse_json(self._bodies.open(name, body).canonical)["number"])
            statuses.append(DocumentStatus(each, number))
        return statuses
