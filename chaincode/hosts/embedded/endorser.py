"""What a peer does with a signed proposal: checks it, runs the chaincode on a snapshot, and endorses the
result.

The steps, in a peer's order:

1. the creator's certificate has not expired; the timestamp is within 15 minutes of the clock
2. the proposal has all its parts
3. the channel is ours
4. header type, epoch, nonce and creator are there; the transaction id follows from nonce and creator
5. the creator is a valid member and signed the proposal
6. the transaction id was not used before
7. the creator may write on the channel
8. the chaincode runs, for 30 seconds at most; it refuses a timestamp more than 5 minutes off
9. every endorsing organisation's peer signs the same bytes
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from chaincode.hosts.embedded import qscc
from chaincode.hosts.embedded.committer import Committer
from chaincode.hosts.embedded.msp import Identity, IdentityError, MspManager, Signer, expiry_of
from chaincode.hosts.embedded.policy import PolicyError
from chaincode.hosts.embedded.rwset import RwSetBuilder
from chaincode.hosts.embedded.settings import CHAINCODE_TIME_WINDOW_S, PEER_TIME_WINDOW_S
from chaincode.hosts.embedded.simulate import LIFECYCLE, Chaincode, Simulation
from chaincode.hosts.embedded.store import Reader
from chaincode.hosts.embedded.stub import call
from chaincode.hosts.embedded.validator import NamespaceSet, read_write_set
from chaincode.hosts.embedded.wire import (
    UnpackedProposal,
    response_payload,
    transaction_id,
)
from chaincode.state import Creator, Response, StateError, Timestamp
from consortium.wire.fabric.common.common_pb2 import HeaderType
from consortium.wire.fabric.common.policies_pb2 import SignaturePolicyEnvelope
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import TxPvtReadWriteSet
from consortium.wire.fabric.peer.chaincode_event_pb2 import ChaincodeEvent
from consortium.wire.fabric.peer.proposal_response_pb2 import Endorsement
from consortium.wire.fabric.peer.proposal_response_pb2 import Response as ResponseMessage

WRITERS = frozenset(("client", "admin"))
READERS = frozenset(("client", "admin", "peer"))
SYSTEM_CHAINCODES = frozenset((qscc.NAME,))


class UnreachableError(Exception):
    """The peer's door refused the proposal without an answer: other peers would be tried."""


class RefusedError(Exception):
    """The proposal was refused before the chaincode ran: no other peer would take it."""


class PeerError(Exception):
    """The peer could not run the chaincode: other peers would be tried.

    :param peers: organisations whose peers could not; None: none could
    """

    def __init__(self, text: str, peers: frozenset[str] | None = None) -> None:
        super().__init__(text)
        self.peers = peers


@dataclass(frozen=True, slots=True)
class Simulated:
    """What running the chaincode gave.

    :param creator: MSP id of the proposal's creator
    :param version: of the chaincode that ran
    :param lacking: organisations whose peers answer something else for want of private values: they fail
    :param differing: those whose peers see other private values: their results differ from the others'
    :param private_reads: chaincode and collection of private values that were read
    """

    creator: str
    proposal: UnpackedProposal
    response: Response
    builder: RwSetBuilder
    event: bytes
    version: str
    lacking: frozenset[str] = frozenset()
    differing: frozenset[str] = frozenset()
    private_reads: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Results:
    """Reads and writes.

    :param public: serialized ``TxReadWriteSet``
    """

    public: bytes
    private: TxPvtReadWriteSet | None

    @property
    def namespaces(self) -> tuple[NamespaceSet, ...]:
        """The public part, taken apart."""
        return read_write_set(self.public)


@dataclass(frozen=True, slots=True)
class Endorsed:
    """A result with its endorsements.

    :param private: the private part, to be kept until the transaction is committed
    """

    payload: bytes
    endorsements: tuple[Endorsement, ...]
    private: TxPvtReadWriteSet | None


class ReaderPool:
    """A bounded number of readers, each lent to one simulation at a time."""

    def __init__(self, readers: Sequence[Reader]) -> None:
        self._free: asyncio.LifoQueue[Reader] = asyncio.LifoQueue()
        for reader in readers:
            self._free.put_nowait(reader)

    async def take(self) -> Reader:
        """Waits for a free reader."""
        return await self._free.get()

    def give(self, reader: Reader) -> None:
        """Returns it."""
        self._free.put_nowait(reader)


class Endorser:
    """The peers of all organisations, in one process."""

    def __init__(
        self,
        *,
        channel: str,
        msp: MspManager,
        signers: Mapping[str, Signer],
        chaincodes: Mapping[str, Chaincode],
        readers: ReaderPool,
        committer: Committer,
        timeout_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._channel = channel
        self._msp = msp
        self._signers = signers
        self._chaincodes = chaincodes
        self._readers = readers
        self._committer = committer
        self._timeout_s = timeout_s
        self._clock = clock
        self._simulating: set[tuple[str, str]] = set()

    def busy(self, txid: str, peers: Iterable[str]) -> set[str]:
        """Organisations whose peers are simulating this transaction already: they do not twice at once."""
        return {peer for peer in peers if (peer, txid) in self._simulating}

    async def simulate(self, proposal: UnpackedProposal, peers: Sequence[str]) -> Simulated:
        """Steps 1 to 8.

        :param peers: organisations whose peers do
        :raises UnreachableError, RefusedError, PeerError: by step
        """
        self._check_times(proposal)  # 1
        if proposal.problem:  # 2
            raise RefusedError(proposal.problem)
        if proposal.channel != self._channel:  # 3
            raise PeerError(f"channel '{proposal.channel}' not found")
        try:
            async with asyncio.timeout(self._timeout_s):
                reader = await self._readers.take()
        except TimeoutError as error:
            raise PeerError("too many simulations at once: none ended in time") from error
        running = {(peer, proposal.txid) for peer in peers}
        try:
            with reader.snapshot():
                creator = self._check(proposal, reader)  # 4 to 7
                if busy := self.busy(proposal.txid, peers):
                    running = set()
                    raise PeerError(
                        f"{_not_executed(proposal.txid)} error sending: txid: {proposal.txid}({self._channel}) exists",
                        frozenset(busy),
                    )
                self._simulating |= running
                return await self._run(proposal, creator, reader, peers)  # 8
        finally:
            self._simulating -= running
            self._readers.give(reader)

    @staticmethod
    def results(simulated: Simulated) -> Results:
        """What it read and wrote, as messages."""
        return Results(*simulated.builder.build())

    def endorse(self, simulated: Simulated, results: Results, organisations: Sequence[str]) -> Endorsed:
        """Step 9."""
        response = ResponseMessage(
            status=simulated.response.status,
            message=simulated.response.message,
            payload=simulated.response.payload,
        )
        payload = response_payload(
            simulated.proposal, response, results.public, simulated.event, simulated.version
        )
        endorsements = []
        begun = hashlib.sha256(payload)
        for organisation in organisations:
            signer = self._signers[organisation]
            joined = begun.copy()
            joined.update(signer.serialized)
            digest = joined.digest()
            signature = signer.sign(payload + signer.serialized, digest)
            self._committer.known.add(digest, signature)
            endorsements.append(Endorsement(endorser=signer.serialized, signature=signature))
        return Endorsed(payload, tuple(endorsements), results.private)

    def policies(
        self, simulated: Simulated, results: Results, reader: Reader
    ) -> list[SignaturePolicyEnvelope]:
        """Policies that the transaction must satisfy when it is committed.

        :raises PolicyError: when a key's policy cannot be read
        """

        def metadata(key: bytes) -> bytes | None:
            entry = reader.entries([key]).get(key)
            return None if entry is None else entry.metadata

        committer = self._committer
        name = simulated.proposal.chaincode
        default = [committer.validator.config.chaincodes[name].policy]
        if not committer.has_metadata and simulated.builder.is_plain((name, LIFECYCLE)):
            return default
        return [
            policy
            for space in results.namespaces
            if space.writes or space.name == name
            for policy in committer.validator.policies(space, metadata, ())
        ] or default

    def peers(self, collections: Iterable[tuple[str, str]] = ()) -> list[Identity]:
        """The identities that can endorse and are members of these collections.

        :param collections: chaincode and name of each
        """
        allowed = set(self._signers)
        for chaincode, collection in collections:
            allowed &= self._chaincodes[chaincode].collections[collection]
        return [
            self._msp.deserialize(signer.serialized)
            for name, signer in self._signers.items()
            if name in allowed
        ]

    def has(self, chaincode: str) -> bool:
        """Whether a contract of this name is here."""
        return chaincode in self._chaincodes

    def now(self) -> float:
        """The peers' clock, seconds since 1970 UTC."""
        return self._clock()

    def _check_times(self, proposal: UnpackedProposal) -> None:
        now = self._clock()
        try:
            expires: float | None = self._msp.deserialize(proposal.creator).not_after
        except IdentityError:
            expires = expiry_of(proposal.creator)  # step 5 tells what else is wrong with it
        if expires is not None and now > expires:
            raise UnreachableError("proposal client identity expired")
        stamp = proposal.channel_header.timestamp
        if abs(stamp.seconds + stamp.nanos / 1e9 - now) > PEER_TIME_WINDOW_S:
            raise UnreachableError(
                f"request unauthorized due to incorrect timestamp {_rfc3339(stamp.seconds)}, peer time"
                f" {_rfc3339(int(now))}, peer.authentication.timewindow 15m0s"
            )

    def _check(self, proposal: UnpackedProposal, reader: Reader) -> Identity:
        header = proposal.channel_header
        problem = ""
        if header.type not in (HeaderType.ENDORSER_TRANSACTION, HeaderType.CONFIG):  # 4
            problem = f"invalid header type {_type_name(header.type)}"
        elif header.epoch:
            problem = "epoch is non-zero"
        elif not proposal.nonce:
            problem = "nonce is empty"
        elif not proposal.creator:
            problem = "creator is empty"
        elif (expected := transaction_id(proposal.nonce, proposal.creator)) != proposal.txid:
            problem = f"incorrectly computed txid '{proposal.txid}' -- expected '{expected}'"
        elif not proposal.signed.signature:
            problem = "empty signature bytes"
        if problem:
            raise RefusedError(f"error validating proposal: {problem}")
        creator = self._creator(proposal)  # 5
        if reader.outcome(proposal.txid) is not None:  # 6
            raise RefusedError(
                f"duplicate transaction found [{proposal.txid}]. Creator [{proposal.creator.hex()}]"
            )
        if proposal.chaincode not in SYSTEM_CHAINCODES and not creator.roles & WRITERS:  # 7
            raise RefusedError(acl_failure(self._channel, "Writers"))
        return creator

    def _creator(self, proposal: UnpackedProposal) -> Identity:
        try:
            creator = self._msp.deserialize(proposal.creator)
        except IdentityError as error:
            raise RefusedError(
                f"error validating proposal: access denied: channel [{self._channel}] creator org unknown, creator is"
                " malformed"
            ) from error
        try:
            creator.validate()
            creator.verify(proposal.signed.proposal_bytes, proposal.signed.signature)
        except IdentityError as error:
            raise RefusedError(
                f"error validating proposal: access denied: channel [{self._channel}] creator org [{creator.msp_id}]"
            ) from error
        return creator

    async def _run(
        self, proposal: UnpackedProposal, creator: Identity, reader: Reader, peers: Sequence[str]
    ) -> Simulated:
        if proposal.chaincode == qscc.NAME:
            response = qscc.invoke(
                reader, self._channel, proposal.args, allowed=bool(creator.roles & READERS)
            )
            return Simulated(creator.msp_id, proposal, response, RwSetBuilder(), b"", qscc.VERSION)
        chaincode = self._chaincodes.get(proposal.chaincode)
        if chaincode is None:
            raise PeerError(
                f"make sure the chaincode {proposal.chaincode} has been successfully defined on channel"
                f" {self._channel} and try again: chaincode {proposal.chaincode} not found"
            )
        stamp = proposal.channel_header.timestamp
        simulation = Simulation(
            reader=reader,
            registry=self._chaincodes,
            channel=self._channel,
            invoked=proposal.chaincode,
            peers=peers,
            txid=proposal.txid,
            timestamp=Timestamp(stamp.seconds, stamp.nanos),
            creator=Creator(creator.msp_id, creator.certificate),
            transient=proposal.transient,
        )
        if abs(stamp.seconds - self._clock()) > CHAINCODE_TIME_WINDOW_S:
            response = Response(
                400, message="TRANSACTION_TIME: the proposal is more than 5 minutes off this clock"
            )
        else:
            try:
                async with asyncio.timeout(self._timeout_s):
                    response = await call(simulation, proposal.chaincode, proposal.args)
            except TimeoutError as error:
                raise PeerError(
                    f"{_not_executed(proposal.txid)} timeout expired while executing transaction"
                ) from error
            except StateError as error:
                raise PeerError(str(error)) from error
        event = b""
        if simulation.event is not None:
            name, payload = simulation.event
            event = ChaincodeEvent(
                chaincode_id=chaincode.name, tx_id=proposal.txid, event_name=name, payload=payload
            ).SerializeToString()
        simulated = Simulated(
            creator.msp_id,
            proposal,
            response,
            simulation.finish(),
            event,
            chaincode.version,
            frozenset(simulation.lacking),
            frozenset(simulation.differing),
            frozenset(simulation.private_reads),
        )
        if self._committer.has_metadata:
            try:
                self.policies(simulated, self.results(simulated), reader)
            except PolicyError as error:
                raise PeerError(f"error in simulation: {error}") from error
        return simulated


def acl_failure(channel: str, policy: str) -> str:
    """What a peer says when an identity does not satisfy a channel policy."""
    return (
        f"Failed evaluating policy on signed data during check policy on channel [{channel}] with policy"
        f" [/Channel/Application/{policy}]: [implicit policy evaluation failed - 0 sub-policies were satisfied, but"
        f" this policy requires 1 of the '{policy}' sub-policies to be satisfied]"
    )


def _not_executed(txid: str) -> str:
    return f"error in simulation: failed to execute transaction {txid}:"


def _type_name(number: int) -> str:
    return HeaderType.Name(number) if number in HeaderType.values() else str(number)  # type: ignore[arg-type]


def _rfc3339(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (ValueError, OverflowError, OSError):
        return f"{seconds}s"
