"""The Chanrong contract of an organisation whose chaincode server can be told to do wrong.

Beside the server's settings file a file with the suffix ``.fault`` says how; without it the contract is the true one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from chaincode.contracts import ChanrongContract
from chaincode.state import Context, Response

DIFFERS: Final = "differs"
"""Answers and writes something else than the other organisations."""
REFUSES: Final = "refuses"
"""Refuses every call, as if the request were wrong."""
FAILS: Final = "fails"
"""Raises an exception in every call."""


def fault_file(config: Path) -> Path:
    """Where a server with these settings looks."""
    return config.with_suffix(".fault")


class FaultyContract:
    """The true contract, until it is told otherwise."""

    def __init__(self) -> None:
        self._true = ChanrongContract()
        self._file = fault_file(Path(sys.argv[sys.argv.index("--config") + 1]))

    async def invoke(self, context: Context) -> Response:
        """Answers one call, rightly or not."""
        fault = self._file.read_text() if self._file.exists() else ""
        if fault == REFUSES:
            return Response(400, message="BAD_REQUEST: this server does not like it")
        if fault == FAILS:
            raise ArithmeticError("this server is broken")
        answer = await self._true.invoke(context)
        if fault == DIFFERS and answer.status == 200:
            context.state.put("more", b"than was asked for")
        return answer
