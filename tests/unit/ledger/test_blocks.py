"""Blocks taken apart, also hostile ones."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortium.identity.msp import Identity
from consortium.ledger.blocks import Block, Version, block_from_bytes, decode_block, decode_filtered
from consortium.ledger.errors import UnreadableError
from consortium.ledger.messages import build_proposal, envelope_digest
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.peer import chaincode_event_pb2, events_pb2, transaction_pb2
from tests.support.ledger_fakes import endorse, make_block, read_write_set


@pytest.fixture
def envelope(identity: Identity, peers: list[Identity]) -> bytes:
    proposal, _ = build_proposal(
        channel="trade",
        chaincode="kv",
        function="put",
        args=[b"k", b"v"],
        creator=identity.serialized(),
        nonce=b"n" * 24,
        at_ns=1_700_000_000 * 10**9,
    )
    results = read_write_set(reads=[("k", (3, 1)), ("absent", None)], writes=[("k", b"v")])
    made = endorse(proposal, peers, b'{"ok":1}', results=results, event=("stored", b"k"))
    made.signature = b"signature"
    return made.SerializeToString()


def test_a_transaction_of_a_block(envelope: bytes, identity: Identity) -> None:
    (transaction,) = decode_block(make_block(7, [envelope])).transactions

    assert transaction.ok
    assert transaction.readable
    assert (transaction.block, transaction.index, transaction.code_name) == (7, 0, "VALID")
    assert (transaction.channel, transaction.chaincode, transaction.function) == ("trade", "kv", "put")
    assert transaction.args == (b"k", b"v")
    assert transaction.timestamp == 1_700_000_000
    assert (transaction.creator_msp, transaction.creator_certificate) == (identity.msp_id, identity.cert_pem)
    assert transaction.payload == b'{"ok":1}'
    assert transaction.event is not None
    assert (transaction.event.name, transaction.event.payload) == ("stored", b"k")
    assert transaction.call is not None
    assert transaction.call.endorsers == ("IndustryAMSP", "BankAMSP")
    assert transaction.digest == envelope_digest(envelope) == hashlib.sha256(envelope).hexdigest()
    (namespace,) = transaction.read_writes
    assert namespace.reads == (("k", Version(3, 1)), ("absent", None))
    assert namespace.writes == (("k", b"v"),)


def test_codes_are_by_place_and_missing_ones_are_not_validated(envelope: bytes) -> None:
    block = decode_block(make_block(1, [envelope, envelope, envelope], [11, 9]))

    assert [item.code_name for item in block.transactions] == [
        "MVCC_READ_CONFLICT",
        "DUPLICATE_TXID",
        "NOT_VALIDATED",
    ]


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xff",
        common_pb2.Envelope(payload=b"\xff").SerializeToString(),
        common_pb2.Envelope(
            payload=common_pb2.Payload(
                header=common_pb2.Header(channel_header=b"\xff", signature_header=b"\xff"), data=b"\xff"
            ).SerializeToString()
        ).SerializeToString(),
    ],
)
def test_what_cannot_be_read_stands_empty_between_the_others(envelope: bytes, garbage: bytes) -> None:
    block = decode_block(make_block(1, [envelope, garbage, envelope], [0, 2, 9]))
    broken = block.transactions[1]

    assert not broken.readable
    assert (broken.txid, broken.function, broken.args, broken.event, broken.read_writes) == (
        "",
        "",
        (),
        None,
        (),
    )
    assert broken.creator_msp == ""
    assert block.transactions[2].function == "put"


@settings(max_examples=100)
@given(st.binary(max_size=300))
def test_no_bytes_make_a_transaction_raise(data: bytes) -> None:
    (item,) = decode_block(make_block(1, [data])).transactions

    assert item.call is None or isinstance(item.function, str)
    assert isinstance(item.txid, str)
    assert isinstance(item.creator_msp, str)


def test_a_call_with_a_name_that_is_no_text_is_unreadable(identity: Identity) -> None:
    proposal, _ = build_proposal(
        channel="trade",
        chaincode="kv",
        function="x",
        args=[],
        creator=identity.serialized(),
        nonce=b"n" * 24,
        at_ns=0,
    )
    envelope = endorse(proposal, [])
    envelope.payload = envelope.payload.replace(b"\x0a\x01x", b"\x0a\x01\xfe")

    assert decode_block(make_block(1, [envelope.SerializeToString()])).transactions[0].call is None


def test_hash_chain() -> None:
    first = decode_block(make_block(300, [b"a", b"b"], previous=b"p" * 32))
    second = decode_block(make_block(301, [b"c"], previous=first.header_hash))

    # DER by hand: 300 takes two bytes, hashes take 32 each
    der = bytes([0x30, 72, 2, 2, 0x01, 0x2C, 4, 32]) + b"p" * 32 + bytes([4, 32]) + first.data_hash
    assert first.header_hash == hashlib.sha256(der).digest()
    assert second.intact(first)
    assert not first.intact(second)
    assert not decode_block(make_block(301, [b"c"], previous=b"q" * 32)).intact(first)
    forged = Block(second.number, second.previous_hash, second.data_hash, first.transactions)
    assert not forged.intact()


def test_numbers_with_the_highest_bit_get_a_leading_zero() -> None:
    block = Block(128, b"", b"", ())

    assert block.header_hash == hashlib.sha256(bytes([0x30, 8, 2, 2, 0, 0x80, 4, 0, 4, 0])).digest()


def test_a_block_with_an_overlong_hash_still_has_a_hash_of_its_own() -> None:
    assert Block(1, b"x" * 300, b"", ()).header_hash != Block(1, b"x" * 301, b"", ()).header_hash


def test_block_bytes(envelope: bytes) -> None:
    assert block_from_bytes(make_block(2, [envelope]).SerializeToString()).number == 2
    with pytest.raises(UnreadableError):
        block_from_bytes(b"\xff\xff")


def test_filtered_block() -> None:
    message = events_pb2.FilteredBlock(channel_id="trade", number=5)
    item = message.filtered_transactions.add(
        txid="ab", type=common_pb2.ENDORSER_TRANSACTION, tx_validation_code=transaction_pb2.MVCC_READ_CONFLICT
    )
    item.transaction_actions.chaincode_actions.add(
        chaincode_event=chaincode_event_pb2.ChaincodeEvent(chaincode_id="kv", event_name="stored")
    )
    item.transaction_actions.chaincode_actions.add()

    block = decode_filtered(message)

    assert (block.number, block.channel) == (5, "trade")
    assert block.transactions[0].events == (("kv", "stored"),)
    assert (block.transactions[0].txid, block.transactions[0].code) == ("ab", 11)
