"""Whatever bytes a proposal is made of, it is read or refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chaincode.hosts.peer.proposal import ProposalError, ProposalTimeError, caller_of
from chaincode.state import Creator, Timestamp
from consortium.wire.fabric.peer.proposal_pb2 import Proposal
from tests.support.scripted_peer import Message, transaction

NOW = 1_800_000_000.0


def test_what_a_proposal_says() -> None:
    message = transaction("f", at=NOW, msp_id="BankAMSP", certificate=b"cert", transient={"a": b"\x00"})
    caller = caller_of(message, NOW, 300)
    assert caller.creator == Creator("BankAMSP", b"cert")
    assert caller.timestamp == Timestamp(int(NOW), 5)
    assert caller.transient == {"a": b"\x00"}


@given(st.binary(max_size=200))
def test_any_proposal_bytes(data: bytes) -> None:
    message = transaction("f", at=NOW)
    message.proposal.proposal_bytes = data
    _read_or_refused(message)


@given(st.sampled_from(["header", "payload"]), st.binary(max_size=100))
def test_any_bytes_within_a_proposal(part: str, data: bytes) -> None:
    message = transaction("f", at=NOW)
    proposal = Proposal.FromString(message.proposal.proposal_bytes)
    setattr(proposal, part, data)
    message.proposal.proposal_bytes = proposal.SerializeToString()
    _read_or_refused(message)


@given(st.integers(-(2**40), 2**40), st.integers(1, 10_000))
def test_time_near_the_clock_and_no_other(off: int, skew: int) -> None:
    message = transaction("f", at=NOW + off)
    try:
        caller = caller_of(message, NOW, skew)
    except ProposalTimeError:
        assert abs(off) > skew
    else:
        assert abs(off) <= skew
        assert caller.timestamp.seconds == int(NOW) + off


def _read_or_refused(message: Message) -> None:
    try:
        caller = caller_of(message, NOW, 300)
    except ProposalError:
        return
    assert abs(caller.timestamp.seconds - NOW) <= 300
