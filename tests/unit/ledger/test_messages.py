"""Messages built and taken apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortium.identity.msp import Identity
from consortium.ledger import messages
from consortium.ledger.errors import EndorseError, UnreadableError
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.orderer import ab_pb2
from consortium.wire.fabric.peer import chaincode_pb2, proposal_pb2, transaction_pb2
from tests.support.ledger_fakes import endorse

CREATOR = b"creator"
NONCE = bytes(range(24))


def build(
    transient: dict[str, bytes] | None = None,
    args: tuple[bytes, ...] = (b"k", b"v"),
    at_ns: int = 1_700_000_000_000_000_007,
) -> bytes:
    proposal, _ = messages.build_proposal(
        channel="trade",
        chaincode="kv",
        function="put",
        args=args,
        creator=CREATOR,
        nonce=NONCE,
        at_ns=at_ns,
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


@settings(max_examples=60)
@given(
    st.lists(st.binary(max_size=40), max_size=4),
    st.dictionaries(st.text(max_size=5), st.binary(max_size=5), max_size=3),
    st.integers(0, 2**62),
)
def test_bytes_are_those_that_protobuf_makes(
    args: list[bytes], transient: dict[str, bytes], at_ns: int
) -> None:
    made = build(transient, tuple(args), at_ns)
    message = proposal_pb2.Proposal.FromString(made)
    payload = proposal_pb2.ChaincodeProposalPayload.FromString(message.payload)
    invocation = chaincode_pb2.ChaincodeInvocationSpec.FromString(payload.input)

    assert invocation.SerializeToString() == payload.input
    assert payload.SerializeToString(deterministic=True) == message.payload
    assert message.SerializeToString() == made
    assert list(invocation.chaincode_spec.input.args) == [b"put", *args]


@pytest.mark.parametrize("size", [0, 50, 90, 120, 200, 16_000, 16_384, 70_000])
def test_a_prepared_transaction_of_the_proposal_passes(size: int, peers: list[Identity]) -> None:
    proposal = build({"secret": b"s"}, (b"x" * size,))
    payload = endorse(proposal, peers, b"a" * size).payload

    prepared = messages.accept_prepared(messages.parse_proposal(proposal), payload)

    assert prepared == messages.parse_prepared(payload)
    assert prepared.result == b"a" * size
    assert prepared.txid == messages.transaction_id(NONCE, CREATOR)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"args": (b"k", b"w")}, "input"),
        ({"args": (b"k", b"longer")}, "input"),
        ({"channel": "other"}, "header"),
        ({"nonce": b"x" * 24}, "header"),
        ({"at_ns": 2}, "header"),
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
        messages.accept_prepared(asked, endorse(foreign, []).payload)
    assert caught.value.reason == "ENDORSEMENT_ALTERED"


def _second_action(payload: common_pb2.Payload) -> None:
    transaction = transaction_pb2.Transaction.FromString(payload.data)
    transaction.actions.append(transaction.actions[0])
    payload.data = transaction.SerializeToString()


def _other_action_header(payload: common_pb2.Payload) -> None:
    transaction = transaction_pb2.Transaction.FromString(payload.data)
    transaction.actions[0].header = transaction.actions[0].header[:-1] + b"?"
    payload.data = transaction.SerializeToString()


def _no_data(payload: common_pb2.Payload) -> None:
    payload.ClearField("data")


@pytest.mark.parametrize("change", [_second_action, _other_action_header, _no_data])
def test_any_other_structure_is_refused(change: Callable[[common_pb2.Payload], None]) -> None:
    proposal = build()
    payload = common_pb2.Payload.FromString(endorse(proposal, []).payload)
    change(payload)

    with pytest.raises(EndorseError):
        messages.accept_prepared(messages.parse_proposal(proposal), payload.SerializeToString())


def test_every_byte_of_ours_counts(peers: list[Identity]) -> None:
    proposal = build()
    asked = messages.parse_proposal(proposal)
    payload = endorse(proposal, peers[:1]).payload
    ours = payload.index(asked.input) + len(asked.input)
    for at in range(ours):
        changed = payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :]
        with pytest.raises(EndorseError):
            messages.accept_prepared(asked, changed)
    for tail in (payload + b"\x00", payload[:-1], payload[: ours + 3]):
        with pytest.raises(EndorseError):
            messages.accept_prepared(asked, tail)


@settings(max_examples=40)
@given(st.binary(max_size=300), st.binary(max_size=80))
def test_envelope_bytes_are_those_that_protobuf_makes(payload: bytes, signature: bytes) -> None:
    message = common_pb2.Envelope(payload=payload or b"x", signature=signature)

    assert messages.envelope_bytes(payload or b"x", signature) == message.SerializeToString()


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
