"""One chaincode on one channel: query it, write through it, prove what it says."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from consortium.ledger.errors import EndorseError, EvaluateError, NotSignedError
from consortium.ledger.messages import NONCE_BYTES, build_proposal
from consortium.ledger.proofs import pack_signed_read
from consortium.ledger.stages import Commit, PreparedTransaction, Proposal, Session, Status

MISMATCH_ATTEMPTS = 5
"""Peers a block apart endorse differently; a quarter of a second later they agree."""

MISMATCH_PAUSE_S = 0.1

ANOTHER_AFTER = 3
"""From this attempt on another gateway peer is asked first: the one whose own organisation is the odd one out
compares every answer with its own."""

METADATA = "org.hyperledger.fabric:GetMetadata"
"""A function that only reads, which most contracts have and others refuse."""

EXPLAIN_S = 3.0
"""How long the question may take that tells a wrong channel or chaincode from peers that are missing."""


class Verdicts(Protocol):
    """Where a transaction's verdict comes from: :class:`consortium.ledger.follower.CommitFollower`."""

    async def wait(self, txid: str, envelope_digest: str, timeout: float | None = None) -> Status:  # noqa: ASYNC109
        """The verdict about this very envelope."""
        ...


class Contract:
    """One chaincode, called by one identity. Function and arguments are bytes to Fabric; ours take one JSON
    value.

    :param name: of one contract of several in the chaincode; put before each function, with a colon
    """

    def __init__(self, session: Session, channel: str, chaincode: str, name: str = "") -> None:
        self.session = session
        self.channel = channel
        self.chaincode = chaincode
        self.name = name

    def propose(
        self,
        function: str,
        *args: bytes,
        transient: Mapping[str, bytes] | None = None,
        organisations: Sequence[str] = (),
    ) -> Proposal:
        """A new proposal with an id of its own, not signed yet.

        :param transient: values for the contract that do not reach the ledger
        :param organisations: MSP ids whose peers must endorse; empty lets the peer choose by policy
        """
        proposal_bytes, parts = build_proposal(
            channel=self.channel,
            chaincode=self.chaincode,
            function=f"{self.name}:{function}" if self.name else function,
            args=args,
            creator=self.session.identity.serialized(),
            nonce=os.urandom(NONCE_BYTES),
            at_ns=time.time_ns(),
            transient=transient,
        )
        proposal = Proposal(self.session, proposal_bytes, tuple(organisations))
        proposal.__dict__["parts"] = parts  # known already: a large proposal is not parsed again
        return proposal

    async def evaluate(
        self,
        function: str,
        *args: bytes,
        transient: Mapping[str, bytes] | None = None,
        organisations: Sequence[str] = (),
        deadline: float | None = None,
    ) -> bytes:
        """Runs a function on one peer without writing; its answer is that peer's word.

        :param organisations: MSP ids whose peers may answer
        :param deadline: seconds
        :raises EvaluateError: refused (``contract_reason`` when by the contract), or nobody answered
        """
        proposal = self.propose(function, *args, transient=transient, organisations=organisations)
        try:
            return await proposal.evaluate(deadline=deadline)
        except EvaluateError as error:
            await self._explain(error)
            raise

    async def endorse(
        self,
        function: str,
        *args: bytes,
        transient: Mapping[str, bytes] | None = None,
        organisations: Sequence[str] = (),
        deadline: float | None = None,
    ) -> PreparedTransaction:
        """Proposes and collects endorsements; proposes anew while peers disagree because they are a block
        apart.

        :param deadline: seconds for one attempt
        :raises EndorseError: refused, or still different at the fifth attempt
        """
        for attempt in range(1, MISMATCH_ATTEMPTS + 1):
            proposal = self.propose(function, *args, transient=transient, organisations=organisations)
            try:
                return await proposal.endorse(deadline=deadline, begin=max(0, attempt - ANOTHER_AFTER + 1))
            except EndorseError as error:
                await self._explain(error)
                if error.reason != "ENDORSEMENT_MISMATCH" or attempt == MISMATCH_ATTEMPTS:
                    raise
            pause = MISMATCH_PAUSE_S * attempt * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def submit(
        self,
        function: str,
        *args: bytes,
        transient: Mapping[str, bytes] | None = None,
        organisations: Sequence[str] = (),
        verdicts: Verdicts | None = None,
    ) -> bytes:
        """All stages: endorses, submits, waits for the verdict; the contract's answer.

        Nothing is persisted on the way: for work that must survive a crash, take the stages.

        :param verdicts: a follower of the channel; None asks CommitStatus, which trusts the id in the header
        :raises EndorseError: not endorsed
        :raises SubmitError: not accepted, or ``outcome_unknown``
        :raises CommitStatusError: accepted, verdict not learnt
        :raises CommitError: found invalid
        """
        prepared = await self.endorse(function, *args, transient=transient, organisations=organisations)
        commit = await prepared.submit()
        if verdicts is None:
            status = await commit.status()
        else:
            status = await verdicts.wait(
                commit.txid, commit.envelope_digest, self.session.deadlines.commit_status_s
            )
        status.raise_if_invalid()
        return prepared.result

    async def signed_read(
        self,
        function: str,
        *args: bytes,
        organisations: Sequence[str],
        deadline: float | None = None,
    ) -> bytes:
        """A read that the named organisations' peers sign and nobody submits; see
        :mod:`consortium.ledger.proofs`.

        :param organisations: MSP ids whose peers must sign
        :param deadline: seconds for one attempt
        :return: what :func:`consortium.ledger.proofs.verify_signed_read` takes
        :raises EndorseError: refused, or an organisation has no peer here
        """
        prepared = await self.endorse(function, *args, organisations=organisations, deadline=deadline)
        return pack_signed_read(prepared.envelope)

    async def _explain(self, error: EvaluateError | EndorseError) -> None:
        """A peer may answer the same to a wrong channel, a wrong chaincode and a wrong MSP id; asked for anybody who
        runs the chaincode, it tells them apart. When that cannot be asked, the error stays as it is.

        :raises LedgerError: of the same type, CHANNEL_NOT_FOUND or CHAINCODE_NOT_FOUND
        """
        if error.reason not in ("ENDORSERS_NOT_FOUND", "CHAINCODE_NOT_FOUND"):
            return
        anybody = Contract(self.session, self.channel, self.chaincode).propose(METADATA)
        try:
            await anybody.evaluate(deadline=EXPLAIN_S)
        except EvaluateError as said:
            if said.reason in ("CHANNEL_NOT_FOUND", "CHAINCODE_NOT_FOUND") and said.reason != error.reason:
                raise error.explained(said) from error
        except NotSignedError:
            return

    def resume_proposal(self, data: bytes) -> Proposal:
        """A proposal from its bytes."""
        return Proposal.from_bytes(self.session, data)

    def resume_transaction(self, data: bytes) -> PreparedTransaction:
        """A prepared transaction from its bytes."""
        return PreparedTransaction.from_bytes(self.session, data)

    def resume_commit(self, data: bytes) -> Commit:
        """A commit from its bytes."""
        return Commit.from_bytes(self.session, data)
