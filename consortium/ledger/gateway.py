"""The way in: gateway peers, an identity, deadlines.

    gateway = Gateway([Endpoint("localhost:7051", tls_root)], identity)
    contract = gateway.network("chanrong").contract("chanrong")
    answer = await contract.evaluate("documents:get", b'{"fps":["..."]}')
    await gateway.close()

One Gateway speaks for one identity. Make it inside the running event loop, share it between tasks, close it
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from consortium.ledger.blocks import Block, FilteredBlock
from consortium.ledger.connection import Connection, Deadlines, Endpoint, SigningIdentity, tls_hash
from consortium.ledger.events import (
    FILTERED,
    FULL,
    WITH_PRIVATE_DATA,
    ChaincodeEvent,
    PrivateBlock,
    StreamRequest,
    resume_blocks_request,
    resume_events_request,
)
from consortium.ledger.network import Network
from consortium.ledger.stages import Commit, PreparedTransaction, Proposal, Session


class Gateway:
    """A client of the ledger.

    :param endpoints: gateway peers, the preferred one first; of other organisations too, as far as they let
        this identity in
    :param identity: who signs; :class:`OfflineIdentity` when the key is elsewhere
    :param deadlines: seconds for each stage
    :param balance: spread calls over the endpoints instead of preferring the first
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        identity: SigningIdentity,
        *,
        deadlines: Deadlines | None = None,
        balance: bool = False,
    ) -> None:
        self._connection = Connection(endpoints, balance=balance)
        self._session = Session(
            self._connection, identity, deadlines or Deadlines(), tls_hash=tls_hash(endpoints)
        )

    def network(self, channel: str) -> Network:
        """A channel."""
        return Network(self._session, channel)

    def resume_proposal(self, data: bytes) -> Proposal:
        """A proposal from its bytes.

        :raises UnreadableError: when the bytes are none
        """
        return Proposal.from_bytes(self._session, data)

    def resume_transaction(self, data: bytes) -> PreparedTransaction:
        """A prepared transaction from its bytes.

        :raises UnreadableError: when the bytes are none
        """
        return PreparedTransaction.from_bytes(self._session, data)

    def resume_commit(self, data: bytes) -> Commit:
        """A commit from its bytes.

        :raises UnreadableError: when the bytes are none
        """
        return Commit.from_bytes(self._session, data)

    def resume_blocks_request(self, data: bytes) -> StreamRequest[Block]:
        """A request for full blocks from its bytes.

        :raises UnreadableError: when the bytes are none
        """
        return resume_blocks_request(self._session, FULL, data)

    def resume_filtered_blocks_request(self, data: bytes) -> StreamRequest[FilteredBlock]:
        """A request for blocks without contents from its bytes.

        :raises UnreadableError: when the bytes are none
        """
        return resume_blocks_request(self._session, FILTERED, data)

    def resume_blocks_with_private_data_request(self, data: bytes) -> StreamRequest[PrivateBlock]:
        """A request for blocks with private writes from its bytes.

        :raises UnreadableError: when the bytes are none
        """
        return resume_blocks_request(self._session, WITH_PRIVATE_DATA, data)

    def resume_chaincode_events_request(self, data: bytes) -> StreamRequest[ChaincodeEvent]:
        """A request for chaincode events from its bytes.

        :raises UnreadableError: when the bytes are none
        """
        return resume_events_request(self._session, data)

    async def close(self) -> None:
        """Closes every connection; calls under way are cancelled."""
        await self._connection.close()

    async def __aenter__(self) -> Gateway:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
