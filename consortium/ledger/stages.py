"""The life of a transaction, stage by stage: proposal, prepared transaction, commit, status.

Each stage is immutable, gives its bytes out and is made again from them, in this process or another one;
the bytes are those of the official clients, so either can go on where the other stopped. A signature is
made when it is first needed; with an :class:`OfflineIdentity` it is made elsewhere:

    proposal = contract.propose("put", b"...")
    proposal = proposal.with_signature(sign(proposal.signing_bytes))

Signatures are random: an envelope signed twice is two envelopes. So persist
:meth:`PreparedTransaction.to_bytes` before :meth:`PreparedTransaction.submit`, and submit again only what
was persisted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from google.protobuf.message import DecodeError

from consortium.ledger.connection import Connection, Deadlines, SigningIdentity, Suited
from consortium.ledger.diagnosis import Asked
from consortium.ledger.errors import (
    CommitError,
    CommitStatusError,
    EndorseError,
    EvaluateError,
    NotSignedError,
    SubmitError,
    UnreadableError,
    code_name,
)
from consortium.ledger.messages import (
    PreparedParts,
    ProposalParts,
    accept_prepared,
    commit_status_request,
    envelope_bytes,
    envelope_digest,
    parse_prepared,
    parse_proposal,
)
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.peer import proposal_pb2, transaction_pb2


@dataclass(frozen=True, slots=True)
class Session:
    """What every stage needs to go on: the connection, who speaks, and how long each stage may take.

    :param tls_hash: SHA-256 of the TLS client certificate; empty without one
    """

    connection: Connection
    identity: SigningIdentity
    deadlines: Deadlines
    tls_hash: bytes = b""

    def asked(
        self, *, txid: str = "", channel: str = "", chaincode: str = "", organisations: tuple[str, ...] = ()
    ) -> Asked:
        """What a call is about, for its errors."""
        return Asked(txid, channel, chaincode, organisations, self.identity.serialized())


@dataclass(frozen=True, slots=True)
class Status:
    """What became of a transaction.

    :param code: Fabric's TxValidationCode
    :param block: number of the block that holds it
    """

    txid: str
    code: int
    block: int

    @property
    def ok(self) -> bool:
        """Whether it took effect."""
        return self.code == transaction_pb2.VALID

    @property
    def code_name(self) -> str:
        """Fabric's name of the code."""
        return code_name(self.code)

    def raise_if_invalid(self) -> Status:
        """Itself, when it took effect.

        :raises CommitError: otherwise
        """
        if not self.ok:
            raise CommitError(self.txid, self.code, self.block)
        return self


ELSEWHERE: Final = frozenset(
    {
        "LEDGER_UNAVAILABLE",
        "LEDGER_OVERLOADED",
        "CHANNEL_NOT_FOUND",
        "CHAINCODE_NOT_FOUND",
        "ENDORSERS_NOT_FOUND",
        "ENDORSER_FAILED",
    }
)
"""What is one gateway peer's trouble: it is down or busy, has not joined, or its own organisation's chaincode
server fails, which makes it give up although others could satisfy the policy. What the contract itself or an
identity is refused, is refused everywhere; endorsements that differ call for a new proposal."""


def may_mend_elsewhere(error: EvaluateError | EndorseError) -> bool:
    """Whether another gateway peer may answer or endorse what this one did not."""
    return error.reason in ELSEWHERE or (error.reason == "LEDGER_REFUSED" and error.code == "ABORTED")


@dataclass(frozen=True)
class Proposal:
    """A request to run a function, by one identity, with an id of its own.

    :param signature: empty until it is signed
    :param organisations: MSP ids whose peers must endorse (or may answer); empty lets the peer choose
    """

    session: Session = field(repr=False)
    proposal_bytes: bytes = field(repr=False)
    organisations: tuple[str, ...] = ()
    signature: bytes = field(default=b"", repr=False)

    @cached_property
    def parts(self) -> ProposalParts:
        """What it says."""
        return parse_proposal(self.proposal_bytes)

    @property
    def txid(self) -> str:
        """Transaction id."""
        return self.parts.txid

    @property
    def signing_bytes(self) -> bytes:
        """What its signature covers."""
        return self.proposal_bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the signing bytes, for keys that sign digests (not for Ed25519)."""
        return hashlib.sha256(self.signing_bytes).digest()

    def with_signature(self, signature: bytes) -> Proposal:
        """The same with a signature made elsewhere."""
        return Proposal(self.session, self.proposal_bytes, self.organisations, signature)

    def signed(self) -> Proposal:
        """The same, signed.

        :raises NotSignedError: when the identity's key is elsewhere
        """
        return (
            self if self.signature else self.with_signature(self.session.identity.sign(self.proposal_bytes))
        )

    def to_bytes(self) -> bytes:
        """Serialized ``gateway.ProposedTransaction``, signed or not as it is."""
        message = gateway_pb2.ProposedTransaction(
            transaction_id=self.txid, endorsing_organizations=self.organisations
        )
        self._fill(message.proposal)
        return message.SerializeToString()

    @classmethod
    def from_bytes(cls, session: Session, data: bytes) -> Proposal:
        """Made again from :meth:`to_bytes`.

        :raises UnreadableError: when the bytes are none
        """
        try:
            message = gateway_pb2.ProposedTransaction.FromString(data)
        except DecodeError as error:
            raise UnreadableError(f"not a proposed transaction: {error}") from error
        proposal = cls(
            session,
            message.proposal.proposal_bytes,
            tuple(message.endorsing_organizations),
            message.proposal.signature,
        )
        if not proposal.txid or proposal.txid != message.transaction_id:
            raise UnreadableError("not a proposed transaction: its id is missing or not the proposal's")
        return proposal

    async def evaluate(self, *, deadline: float | None = None) -> bytes:
        """Runs the function on one peer without writing; its answer.

        :param deadline: seconds; None for the gateway's
        :raises EvaluateError: refused, or nobody answered
        """
        signed = self.signed()
        request = gateway_pb2.EvaluateRequest(
            transaction_id=signed.txid,
            channel_id=signed.parts.channel,
            target_organizations=signed.organisations,
        )
        signed._fill(request.proposed_transaction)
        response = await self.session.connection.call(
            lambda peer: peer.gateway.Evaluate,
            request,
            error_type=EvaluateError,
            deadline_s=deadline or self.session.deadlines.evaluate_s,
            elsewhere=may_mend_elsewhere,
            asked=signed._asked,
            suited=signed._suited,
        )
        return response.result.payload

    async def endorse(self, *, deadline: float | None = None, begin: int = 0) -> PreparedTransaction:
        """Collects endorsements.

        :param deadline: seconds; None for the gateway's
        :param begin: how many gateway peers to pass over first
        :raises EndorseError: refused, endorsements differ, nobody answered, or the peer changed the proposal
        """
        signed = self.signed()
        request = gateway_pb2.EndorseRequest(
            transaction_id=signed.txid,
            channel_id=signed.parts.channel,
            endorsing_organizations=signed.organisations,
        )
        signed._fill(request.proposed_transaction)
        response = await self.session.connection.call(
            lambda peer: peer.gateway.Endorse,
            request,
            error_type=EndorseError,
            deadline_s=deadline or self.session.deadlines.endorse_s,
            elsewhere=may_mend_elsewhere,
            asked=signed._asked,
            begin=begin,
            suited=signed._suited,
        )
        prepared = PreparedTransaction(self.session, response.prepared_transaction.payload)
        prepared.__dict__["parts"] = accept_prepared(signed.parts, prepared.payload)
        return prepared

    @property
    def _asked(self) -> Asked:
        parts = self.parts
        return self.session.asked(
            txid=parts.txid,
            channel=parts.channel,
            chaincode=parts.chaincode,
            organisations=self.organisations,
        )

    @property
    def _suited(self) -> Suited | None:
        """Transient data is seen by the gateway peer, and by its organisation's endorser before anybody else's: it
        goes to our own organisation's peers and to those of the organisations that are named."""
        if not self.parts.transient:
            return None
        may_see = {self.session.identity.msp_id, *self.organisations}
        return lambda endpoint, first: endpoint.msp_id in may_see if endpoint.msp_id else first

    def _fill(self, message: proposal_pb2.SignedProposal) -> None:
        # In place: a message that is made first and put into another one copies a large proposal once more.
        message.proposal_bytes = self.proposal_bytes
        message.signature = self.signature


@dataclass(frozen=True)
class PreparedTransaction:
    """An endorsed transaction. It has no effect until it is submitted and found valid.

    :param payload: the envelope's payload
    :param signature: empty until it is signed
    """

    session: Session = field(repr=False)
    payload: bytes = field(repr=False)
    signature: bytes = field(default=b"", repr=False)

    @cached_property
    def parts(self) -> PreparedParts:
        """What it says."""
        return parse_prepared(self.payload)

    @property
    def txid(self) -> str:
        """Transaction id."""
        return self.parts.txid

    @property
    def result(self) -> bytes:
        """The contract's answer; it holds only if the transaction is found valid."""
        return self.parts.result

    @property
    def signing_bytes(self) -> bytes:
        """What its signature covers."""
        return self.payload

    @property
    def digest(self) -> bytes:
        """SHA-256 of the signing bytes, for keys that sign digests (not for Ed25519)."""
        return hashlib.sha256(self.payload).digest()

    def with_signature(self, signature: bytes) -> PreparedTransaction:
        """The same with a signature made elsewhere."""
        made = PreparedTransaction(self.session, self.payload, signature)
        made.__dict__["parts"] = self.parts  # what it says does not hang on the signature: not parsed again
        return made

    def signed(self) -> PreparedTransaction:
        """The same, signed. Sign once, keep the bytes: each signature makes another envelope.

        :raises NotSignedError: when the identity's key is elsewhere
        """
        return self if self.signature else self.with_signature(self.session.identity.sign(self.payload))

    @cached_property
    def envelope(self) -> bytes:
        """The serialized envelope, as the block will hold it when it is signed."""
        return envelope_bytes(self.payload, self.signature)

    @property
    def envelope_digest(self) -> str:
        """Hex of SHA-256 over the signed envelope: what a verdict must be about.

        :raises NotSignedError: when it is not signed yet, as it would be another one afterwards
        """
        if not self.signature:
            raise NotSignedError(
                "The transaction is not signed yet.", remedy="Take signed() first.", txid=self.txid
            )
        return envelope_digest(self.envelope)

    def to_bytes(self) -> bytes:
        """Serialized ``gateway.PreparedTransaction``, signed or not as it is."""
        message = gateway_pb2.PreparedTransaction(transaction_id=self.txid)
        self._fill(message.envelope)
        return message.SerializeToString()

    @classmethod
    def from_bytes(cls, session: Session, data: bytes) -> PreparedTransaction:
        """Made again from :meth:`to_bytes`.

        :raises UnreadableError: when the bytes are none
        """
        try:
            message = gateway_pb2.PreparedTransaction.FromString(data)
        except DecodeError as error:
            raise UnreadableError(f"not a prepared transaction: {error}") from error
        prepared = cls(session, message.envelope.payload, message.envelope.signature)
        if prepared.txid != message.transaction_id:
            raise UnreadableError("not a prepared transaction: its id is not the envelope's")
        return prepared

    async def submit(self, *, deadline: float | None = None) -> Commit:
        """Hands the envelope to an orderer. Success means accepted; it may still vanish or be found invalid.

        The same envelope may be submitted any number of times: it takes effect at most once.

        :param deadline: seconds; None for the gateway's
        :raises SubmitError: refused; or ``outcome_unknown``
        """
        signed = self.signed()
        request = gateway_pb2.SubmitRequest(transaction_id=signed.txid, channel_id=signed.parts.channel)
        signed._fill(request.prepared_transaction)
        await self.session.connection.call(
            lambda peer: peer.gateway.Submit,
            request,
            error_type=SubmitError,
            deadline_s=deadline or self.session.deadlines.submit_s,
            elsewhere=lambda error: (
                error.reason in ELSEWHERE or (error.retryable and error.code != "ABORTED")
            ),
            asked=self.session.asked(txid=signed.txid, channel=signed.parts.channel),
        )
        return Commit.of(self.session, signed.parts.channel, signed.txid, signed.envelope_digest)

    def _fill(self, message: common_pb2.Envelope) -> None:
        message.payload = self.payload
        message.signature = self.signature


@dataclass(frozen=True)
class Commit:
    """A question about a submitted transaction.

    :param request: serialized CommitStatusRequest
    :param envelope_digest: of the envelope that was submitted; empty when made again from bytes
    """

    session: Session = field(repr=False)
    request: bytes = field(repr=False)
    txid: str = ""
    envelope_digest: str = ""
    signature: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, session: Session, channel: str, txid: str, digest: str = "") -> Commit:
        """The question about one transaction, not signed yet."""
        return cls(session, commit_status_request(channel, txid, session.identity.serialized()), txid, digest)

    @cached_property
    def channel(self) -> str:
        """Channel that it asks about."""
        return gateway_pb2.CommitStatusRequest.FromString(self.request).channel_id

    @property
    def signing_bytes(self) -> bytes:
        """What its signature covers."""
        return self.request

    @property
    def digest(self) -> bytes:
        """SHA-256 of the signing bytes, for keys that sign digests (not for Ed25519)."""
        return hashlib.sha256(self.request).digest()

    def with_signature(self, signature: bytes) -> Commit:
        """The same with a signature made elsewhere."""
        return Commit(self.session, self.request, self.txid, self.envelope_digest, signature)

    def signed(self) -> Commit:
        """The same, signed.

        :raises NotSignedError: when the identity's key is elsewhere
        """
        return self if self.signature else self.with_signature(self.session.identity.sign(self.request))

    def to_bytes(self) -> bytes:
        """Serialized ``gateway.SignedCommitStatusRequest``, signed or not as it is."""
        return gateway_pb2.SignedCommitStatusRequest(
            request=self.request, signature=self.signature
        ).SerializeToString()

    @classmethod
    def from_bytes(cls, session: Session, data: bytes) -> Commit:
        """Made again from :meth:`to_bytes`.

        :raises UnreadableError: when the bytes are none
        """
        try:
            message = gateway_pb2.SignedCommitStatusRequest.FromString(data)
            request = gateway_pb2.CommitStatusRequest.FromString(message.request)
        except DecodeError as error:
            raise UnreadableError(f"not a commit status request: {error}") from error
        if not request.transaction_id:
            raise UnreadableError("not a commit status request: it names no transaction")
        return cls(session, message.request, request.transaction_id, "", message.signature)

    async def status(self, *, deadline: float | None = None) -> Status:
        """Waits until the transaction is in a block.

        The peer looks the id up in headers, and another member may have used it first: where a verdict
        decides, take it from :class:`consortium.ledger.follower.CommitFollower`, which compares the
        envelope.

        :param deadline: seconds; None for the gateway's
        :raises CommitStatusError: no answer; the outcome is unknown
        """
        signed = self.signed()
        response = await self.session.connection.call(
            lambda peer: peer.gateway.CommitStatus,
            gateway_pb2.SignedCommitStatusRequest(request=signed.request, signature=signed.signature),
            error_type=CommitStatusError,
            deadline_s=deadline or self.session.deadlines.commit_status_s,
            elsewhere=lambda error: error.reason in ELSEWHERE,
            asked=self.session.asked(txid=self.txid, channel=self.channel),
        )
        return Status(self.txid, response.result, response.block_number)
