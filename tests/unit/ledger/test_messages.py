"""Messages built and taken apart."""

from __future__ import annotations

import hashlib

import pytest

from consortium.ledger import messages
from consortium.ledger.errors import EndorseError, UnreadableError
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.orderer import ab_pb2
from consortium.wire.fabric.peer import chaincode_pb2, proposal_pb2
from tests.support.ledger_fakes import endorse

CREATOR = b"creator"
NONCE = bytes(range(24))


def build(transient: dict[str, bytes] | None = None, args: tuple[bytes, ...] = (b"k", b"v")) -> bytes:
    proposal, _ = messages.build_proposal(
        channel="trade",
        chaincode="kv",
        function="put",
        args=args,
        creator=CREATOR,
        nonce=NONCE,
        at_ns=1_700_000_000_000_000_007,
        transient=transient,
    )
    return proposal


def test_the_transaction_id_is_the_hash_of_nonce_and_creator() -> None:
    assert messages.transaction_id(NONCE, CREATOR) == hashlib.sha256(NONCE + CREATOR).hexdigest()


def test_a_proposal_says_what_was_asked() -> None:
    proposal = proposal_pb2.Proposal.FromString(build({"secret": b"s"}))
    header = common_pb2.Header.FromString(proposal.header)
    channel = common_pb2.ChannelHeader.FromString(header.channel_header)
    extension = proposal_pb2.ChaincodeHeaderExtension.FromString(channel.extension)
    payload = proposal_pb2.ChaincodeProposalPayload.FromString(proposal.payload)
    spec = chaincode_pb2.ChaincodeInvocationSpec.FromString(payload.input).chaincode_spec

    assert (channel.type, channel.channel_id, channel.tx_id) == (
        common_pb2.ENDORSER_TRANSACTION,
        "trade",
        messages.transaction_id(NONCE, CREATOR),
    )
    assert (channel.timestamp.seconds, channel.timestamp.nanos) == (1_700_000_000, 7)
    assert extension.chaincode_id.name == spec.chaincode_id.name == "kv"
    assert list(spec.input.args) == [b"put", b"k", b"v"]
    assert dict(payload.TransientMap) == {"secret": b"s"}


def test_parts_of_a_parsed_proposal_equal_those_of_the_built_one() -> None:
    proposal, parts = messages.build_proposal(
        channel="trade", chaincode="kv", function="f", args=[], creator=CREATOR, nonce=NONCE, at_ns=0
    )

    assert messages.parse_proposal(proposal) == parts


def test_a_prepared_transaction_of_the_proposal_passes() -> None:
    proposal = build({"secret": b"s"})
    prepared = messages.parse_prepared(endorse(proposal, []).payload)

    messages.check_prepared(messages.parse_proposal(proposal), prepared)
    assert prepared.result == b"answer"
    assert prepared.txid == messages.transaction_id(NONCE, CREATOR)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"args": (b"k", b"other")}, "input"),
        ({"channel": "else"}, "channel header"),
        ({"nonce": b"x" * 24}, "header"),
    ],
)
def test_another_transaction_than_the_proposed_one_is_refused(other: dict[str, object], what: str) -> None:
    arguments: dict[str, object] = {
        "channel": "trade",
        "chaincode": "kv",
        "function": "put",
        "args": (b"k", b"v"),
        "creator": CREATOR,
        "nonce": NONCE,
        "at_ns": 1,
    }
    _, asked = messages.build_proposal(**arguments)  # type: ignore[arg-type]
    foreign, _ = messages.build_proposal(**(arguments | other))  # type: ignore[arg-type]

    with pytest.raises(EndorseError, match=what) as caught:
        messages.check_prepared(asked, messages.parse_prepared(endorse(foreign, []).payload))
    assert caught.value.reason == "ENDORSEMENT_ALTERED"


@pytest.mark.parametrize("parse", [messages.parse_proposal, messages.parse_prepared])
def test_bytes_that_are_no_message_are_unreadable(parse: object) -> None:
    with pytest.raises(UnreadableError):
        parse(b"\xff\xff\xff")  # type: ignore[operator]


def test_a_prepared_transaction_without_action_is_unreadable() -> None:
    with pytest.raises(UnreadableError, match="0 actions"):
        messages.parse_prepared(b"")


@pytest.mark.parametrize(("stop", "last"), [(None, 2**64 - 1), (9, 9)])
def test_a_request_for_blocks(stop: int | None, last: int) -> None:
    payload = common_pb2.Payload.FromString(
        messages.seek_payload("trade", CREATOR, nonce=NONCE, at_ns=5 * 10**9, start=4, stop=stop)
    )
    channel = common_pb2.ChannelHeader.FromString(payload.header.channel_header)
    seek = ab_pb2.SeekInfo.FromString(payload.data)

    assert (channel.type, channel.channel_id, channel.timestamp.seconds) == (
        common_pb2.DELIVER_SEEK_INFO,
        "trade",
        5,
    )
    assert (seek.start.specified.number, seek.stop.specified.number) == (4, last)
    assert seek.behavior == ab_pb2.SeekInfo.BLOCK_UNTIL_READY
