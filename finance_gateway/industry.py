"""An industry gateway, asked for bodies: the gRPC client behind the packages' ``BodiesPort``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

import grpc.aio

from consortium.rpc.client import stream
from consortium.wire.chanrong.documents.v1 import documents_pb2
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc

RELEASE_TIMEOUT_S: Final = 30.0


class IndustryBodies:
    """One industry gateway's release service."""

    def __init__(self, name: str, channel: grpc.aio.Channel) -> None:
        self.name = name
        self._stub = industry_pb2_grpc.ReleaseServiceStub(channel)

    async def release(
        self, subject: str, consent_id: str, purpose: str, fingerprints: Sequence[str]
    ) -> AsyncIterator[documents_pb2.DisclosedDocument]:
        """The documents that the consent covers, as they stream in.

        :raises ChanrongError: as the gateway says
        """
        request = industry_pb2.ReleaseRequest(
            subject=subject, consent_id=consent_id, purpose=purpose, fingerprints=fingerprints
        )
        async for part in stream(self._stub.Release, request, timeout_s=RELEASE_TIMEOUT_S):
            for document in part.documents:
                yield document
