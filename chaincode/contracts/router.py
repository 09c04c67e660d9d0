"""The contract: function names to functions, and call refusals to responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chaincode.contracts import (
    assets,
    attest,
    consents,
    document_changes,
    documents,
    encumbrances,
    facts,
    packages,
    parties,
)
from chaincode.contracts.call import Call, CallRefusedError
from chaincode.contracts.operations import Reader, Writer
from chaincode.state import Context, Response
from consortium.contract import names, reasons

FUNCTIONS: Final[Mapping[str, Writer | Reader]] = {
    names.DOCUMENTS_REGISTER: documents.REGISTER,
    names.DOCUMENTS_GET: documents.GET,
    names.DOCUMENTS_HISTORY: documents.HISTORY,
    names.DOCUMENTS_AMEND: document_changes.AMEND,
    names.DOCUMENTS_VOID: document_changes.VOID,
    names.DOCUMENTS_TAKE_OVER: document_changes.TAKE_OVER,
    names.ASSETS_ALIAS: assets.ALIAS,
    names.ASSETS_LINK: assets.LINK,
    names.ASSETS_GET: assets.GET,
    names.ENCUMBRANCES_RESERVE: encumbrances.RESERVE,
    names.ENCUMBRANCES_FINANCE: encumbrances.FINANCE,
    names.ENCUMBRANCES_RELEASE: encumbrances.RELEASE,
    names.ENCUMBRANCES_SETTLE: facts.SETTLE,
    names.ENCUMBRANCES_FACT: facts.FACT,
    names.ENCUMBRANCES_AGREE: encumbrances.AGREE,
    names.ENCUMBRANCES_GET: encumbrances.GET,
    names.PARTIES_REGISTER: parties.REGISTER,
    names.PARTIES_ROTATE_KEY: parties.ROTATE_KEY,
    names.PARTIES_SUSPEND: parties.SUSPEND,
    names.PARTIES_GET: parties.GET,
    names.CONSENTS_GRANT: consents.GRANT,
    names.CONSENTS_REVOKE: consents.REVOKE,
    names.CONSENTS_GET: consents.GET,
    names.CONSENTS_LIST: consents.LIST,
    names.PACKAGES_ANCHOR: packages.ANCHOR,
    names.PACKAGES_SUPERSEDE: packages.SUPERSEDE,
    names.PACKAGES_REVOKE: packages.REVOKE,
    names.PACKAGES_GET: packages.GET,
    names.ATTEST: attest.ATTEST,
}
"""Every function. A new one is a module's entry and a line here."""


class ChanrongContract:
    """Chanrong's smart contract, as a host runs it (:class:`chaincode.state.Contract`)."""

    async def invoke(self, context: Context) -> Response:
        """Answers one call: status 200, or 400 with ``REASON: text`` when the whole call is refused."""
        try:
            function = FUNCTIONS.get(context.function)
            if function is None:
                raise CallRefusedError(reasons.UNKNOWN_FUNCTION, f"there is no {context.function[:64]!r}")
            if len(context.args) != 1:
                raise CallRefusedError(reasons.BAD_REQUEST, "a function takes one argument, a JSON object")
            return await function.run(Call.of(context), context.function, context.args[0])
        except CallRefusedError as refused:
            return Response(status=400, message=str(refused))
