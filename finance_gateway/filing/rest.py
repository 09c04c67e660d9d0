"""The REST side of filings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict, Field

from consortium.identity.directory import Caller
from finance_gateway.filing.service import filing_message, search_message
from finance_gateway.filing.usecase import AmendWanted, FileWanted, Filings

Key = Annotated[
    str, Header(alias="Idempotency-Key", max_length=128, description="Repeating a call is harmless.")
]
Months = Annotated[int, Field(ge=0, le=360)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FileBody(_Body):
    """What to file."""

    package_id: str
    fingerprints: list[str] = Field(
        default=[], max_length=1_000, description="None: all that are not excluded."
    )
    kind: str = Field(default="assignment", examples=["assignment", "pledge", "movables"])
    term_months: Months = Field(default=0, description="0: beyond the last due date.")
    preview: bool = Field(default=False, description="Only show the text.")


class AmendBody(_Body):
    """What to change."""

    kind: str = Field(examples=["description", "term", "release"])
    description: str = ""
    term_months: Months = 0
    package_id: str = ""
    fingerprints: list[str] = Field(default=[], max_length=1_000)


class CancelBody(_Body):
    """Why it ends."""

    reason: str = Field(examples=["paid", "agreed", "error"])


def _json(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def filing_routes(filings: Filings, bank: Any, problems: dict[int | str, dict[str, Any]]) -> APIRouter:
    """Routes of filings.

    :param bank: dependency that gives the caller, an officer of the bank
    """
    router = APIRouter(prefix="/v1/registry", tags=["registry"], responses=problems)

    @router.get("/registrations")
    async def search(
        assignor: str, caller: Caller = bank, name: Annotated[list[str] | None, Query(max_length=32)] = None
    ) -> dict[str, Any]:
        """Searches the movable-property registry by assignor."""
        return _json(search_message(await filings.search(assignor, name or [])))

    @router.get("/filings")
    async def list_filings(
        caller: Caller = bank, registration: str = "", fingerprint: str = ""
    ) -> dict[str, Any]:
        """Lists this bank's filings."""
        found = await filings.listed(registration, fingerprint)
        return {"filings": [_json(filing_message(each)) for each in found]}

    @router.post("/filings", status_code=201)
    async def file(
        body: FileBody, response: Response, caller: Caller = bank, key: Key = ""
    ) -> dict[str, Any]:
        """Files assets of a package. 202 while the registry's answer is not known."""
        wanted = FileWanted(body.package_id, tuple(body.fingerprints), body.kind, body.term_months)
        if body.preview:
            response.status_code = 200
            return _json(filing_message(await filings.preview(wanted)))
        return _told(filing_message(await filings.file(wanted, key, caller)), response)

    @router.post("/registrations/{registration}/amend")
    async def amend(
        registration: str, body: AmendBody, response: Response, caller: Caller = bank, key: Key = ""
    ) -> dict[str, Any]:
        """Changes one of this bank's registrations."""
        wanted = AmendWanted(
            registration,
            body.kind,
            body.description,
            body.term_months,
            body.package_id,
            tuple(body.fingerprints),
        )
        return _told(filing_message(await filings.amend(wanted, key, caller)), response)

    @router.post("/registrations/{registration}/cancel")
    async def cancel(
        registration: str, body: CancelBody, response: Response, caller: Caller = bank, key: Key = ""
    ) -> dict[str, Any]:
        """Ends one of this bank's registrations."""
        return _told(filing_message(await filings.cancel(registration, body.reason, key, caller)), response)

    return router


def _told(message: Any, response: Response) -> dict[str, Any]:
    if message.state in ("pending", "unknown"):
        response.status_code = 202
    return _json(message)
