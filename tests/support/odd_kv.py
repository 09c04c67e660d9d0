"""The key/value contract of an organisation that does not do what the others do."""

from __future__ import annotations

from chaincode.state import Context, Response
from tests.support.kv_contract import KvContract


class OddKvContract(KvContract):
    """Writes something else than it was asked to; all else is as it should be."""

    async def do_put(self, context: Context, key: str, value: str) -> Response:
        """Writes another value."""
        return await super().do_put(context, key, value + ", or not")
