"""A contract that answers otherwise than its neighbours: what an organisation runs that forgot to upgrade."""

from __future__ import annotations

from chaincode.state import Context, Response
from tests.support.kv_contract import KvContract


class OddContract(KvContract):
    """Writes another value than asked, and refuses what the others allow."""

    async def do_put(self, context: Context, key: str, value: str) -> Response:
        """Writes something else."""
        return await super().do_put(context, key, f"{value} or not")

    async def do_update(self, context: Context, key: str, value: str) -> Response:
        """Refuses."""
        return Response(400, message="NOT_HERE: another version runs here")
