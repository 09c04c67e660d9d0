"""Every check of the verifier has a read that breaks exactly that."""

from __future__ import annotations

import random
import zlib
from dataclasses import replace
from typing import Any

import pytest

from consortium.documents.canonical import canonical_bytes
from consortium.identity.signer import P256_ORDER
from consortium.ledger import proofs
from consortium.ledger.proofs import ProofError, Version
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.ledger.rwset.kvrwset import kv_rwset_pb2
from consortium.wire.fabric.msp import identities_pb2
from consortium.wire.fabric.peer import chaincode_pb2, transaction_pb2
from tests.unit.ledger.forge import (
    CHAINCODE,
    CHALLENGE,
    CHANNEL,
    FINGERPRINTS,
    TIME,
    VERSION,
    Change,
)
from tests.unit.ledger.world import (
    EXPECT,
    World,
    read_of,
    refused,
    verify,
)


def test_a_genuine_read(world: World) -> None:
    expect = replace(EXPECT, organisations=frozenset({"BankAMSP"}), chaincode_version=VERSION)
    read = verify(world, read_of(world), expect)

    assert (read.channel, read.chaincode, read.chaincode_version, read.kind) == (
        CHANNEL,
        CHAINCODE,
        VERSION,
        "fabric",
    )
    assert (read.time, read.challenge) == (TIME, CHALLENGE)
    assert [item["fp"] for item in read.answers] == list(FINGERPRINTS)
    assert [(item.msp_id, item.name, item.embedded) for item in read.endorsers] == [
        ("IndustryAMSP", "peer0.IndustryAMSP", False),
        ("BankAMSP", "peer0.BankAMSP", False),
    ]
    assert read.versions == {
        f"document/{FINGERPRINTS[0]}": Version(10, 0),
        f"document/{FINGERPRINTS[1]}": Version(11, 1),
        f"document/{FINGERPRINTS[2]}": None,
    }


def test_a_read_proposed_by_the_node_client(world: World) -> None:
    def node(spec: chaincode_pb2.ChaincodeSpec) -> None:
        spec.type = chaincode_pb2.ChaincodeSpec.NODE

    assert verify(world, read_of(world, spec=node)).time == TIME


def test_an_embedded_ledger_says_what_it_is(world: World) -> None:
    marked = world.other("BankAMSP", ou=["peer", "chanrong-embedded"])
    data = read_of(world, [world.peer("IndustryAMSP"), marked])

    read = verify(world, data, ledger="embedded")

    assert read.kind == "embedded"
    assert [item.embedded for item in read.endorsers] == [False, True]
    refused("5.3", "LEDGER_KIND", lambda: verify(world, data))
    # the folder says embedded: an unmarked certificate does not make it more
    assert verify(world, read_of(world), ledger="embedded").kind == "embedded"


def test_an_old_read_is_good_evidence_when_its_age_does_not_matter(world: World) -> None:
    later = replace(EXPECT, at=TIME + 10 * 365 * 86_400, max_age_s=None)

    assert verify(world, read_of(world), later).time == TIME


# Changes of what is made ------------------------------------------------------------------------------------------


def put(**fields: Any) -> Change:
    """Sets fields of a message."""

    def change(message: Any) -> None:
        for name, value in fields.items():
            setattr(message, name, value)

    return change


def says(**fields: Any) -> Change:
    """Changes the contract's answer."""
    return lambda answer: answer | fields


def unknown_field(message: Any) -> None:
    message.MergeFromString(b"\xfa\x01\x01x")  # field 31, which no message has


def add_write(public: kv_rwset_pb2.KVRWSet) -> None:
    public.writes.add(key="a", value=b"b")


def add_metadata_write(public: kv_rwset_pb2.KVRWSet) -> None:
    public.metadata_writes.add(key="a")


def add_private(results: Any) -> None:
    results.ns_rwset[1].collection_hashed_rwset.add(collection_name="secrets")


def add_namespace(results: Any) -> None:
    results.ns_rwset.add(namespace="other")


def write_to_lifecycle(results: Any) -> None:
    public = kv_rwset_pb2.KVRWSet.FromString(results.ns_rwset[0].rwset)
    add_write(public)
    results.ns_rwset[0].rwset = public.SerializeToString()


def twice(transaction: transaction_pb2.Transaction) -> None:
    transaction.actions.append(transaction.actions[0])


def no_actions(transaction: transaction_pb2.Transaction) -> None:
    transaction.ClearField("actions")


def other_extension(header: common_pb2.ChannelHeader) -> None:
    header.extension = b"\x12\x07\x12\x05other"


def no_time(header: common_pb2.ChannelHeader) -> None:
    header.ClearField("timestamp")


def far_time(header: common_pb2.ChannelHeader) -> None:
    header.timestamp.seconds = 2**50


def spec_type(spec: chaincode_pb2.ChaincodeSpec) -> None:
    spec.type = chaincode_pb2.ChaincodeSpec.JAVA


def init_call(spec: chaincode_pb2.ChaincodeSpec) -> None:
    spec.input.is_init = True


def decorated(spec: chaincode_pb2.ChaincodeSpec) -> None:
    spec.input.decorations["a"] = b"b"


def other_chaincode(spec: chaincode_pb2.ChaincodeSpec) -> None:
    spec.chaincode_id.name = "other"


def transient(proposed: Any) -> None:
    proposed.TransientMap["a"] = b"b"


def fake_creator(header: common_pb2.SignatureHeader) -> None:
    header.creator = (
        identities_pb2.SerializedIdentity(mspid="X", id_bytes=b"y").SerializeToString() + b"\x0a\x01X"
    )


def asked(challenge: str = CHALLENGE, fps: tuple[str, ...] = FINGERPRINTS) -> Change:
    return lambda args: [args[0], canonical_bytes({"challenge": challenge, "fps": list(fps)})]


def answers(*fps: str) -> Change:
    return says(answers=[{"fp": fp, "found": True} for fp in fps])


OTHER = "f" * 64

BEFORE_SIGNING: list[tuple[str, str, str, Change]] = [
    # What the endorsers were asked, or what they answered, is genuine, and not what it is shown for.
    ("1.2", "MALFORMED", "action", unknown_field),
    ("1.2", "MALFORMED", "response", unknown_field),
    ("1.2", "MALFORMED", "results", unknown_field),
    ("1.2", "MALFORMED", "reads", unknown_field),
    ("1.2", "MALFORMED", "action", put(results=b"\xff")),
    ("1.2", "MALFORMED", "response", put(extension=b"\xff")),
    ("1.3", "CHAINCODE", "action", lambda action: action.chaincode_id.MergeFromString(b"\x12\x05other")),
    ("1.3", "CHAINCODE", "action", lambda action: action.chaincode_id.MergeFromString(b"\x0a\x01x")),
    ("1.4", "STATUS", "action", lambda action: action.response.MergeFromString(b"\x08\xc9\x01")),
    ("1.5", "WRITES", "reads", add_write),
    ("1.5", "WRITES", "reads", add_metadata_write),
    ("1.5", "WRITES", "results", write_to_lifecycle),
    ("1.6", "PRIVATE", "results", add_private),
    ("1.7", "NAMESPACE", "results", add_namespace),
    ("2.1", "CHANNEL_HEADER", "channel_header", unknown_field),
    ("2.1", "CHANNEL_HEADER", "channel_header", other_extension),
    ("2.1", "CHANNEL_HEADER", "channel_header", put(type=common_pb2.CONFIG)),
    ("2.1", "CHANNEL_HEADER", "channel_header", put(epoch=1)),
    ("2.1", "CHANNEL_HEADER", "channel_header", put(version=1)),
    ("2.1", "CHANNEL_HEADER", "channel_header", put(tls_cert_hash=b"x")),
    ("2.1", "CHANNEL_HEADER", "channel_header", no_time),
    ("2.1", "CHANNEL_HEADER", "channel_header", far_time),
    ("2.2", "SIGNATURE_HEADER", "signature_header", unknown_field),
    ("2.2", "SIGNATURE_HEADER", "signature_header", fake_creator),
    ("2.2", "SIGNATURE_HEADER", "signature_header", put(creator=b"\xff")),
    ("2.3", "PROPOSAL", "spec", spec_type),
    ("2.3", "PROPOSAL", "spec", put(timeout=1)),
    ("2.3", "PROPOSAL", "spec", init_call),
    ("2.3", "PROPOSAL", "spec", decorated),
    ("2.3", "PROPOSAL", "spec", other_chaincode),
    ("2.3", "PROPOSAL", "spec", unknown_field),
    ("2.3", "PROPOSAL", "proposed", transient),
    ("2.3", "PROPOSAL", "proposed", unknown_field),
    ("2.3", "PROPOSAL", "proposed", put(input=b"\xff")),
    ("2.4", "PROPOSAL_HASH", "hash", lambda _: b"h" * 32),
    ("2.5", "TXID", "channel_header", put(tx_id="a" * 64)),
    ("2.7", "CHANNEL", "channel_header", put(channel_id="other")),
    ("2.8", "FUNCTION", "args", lambda args: [b"documents:get", args[1]]),
    ("2.8", "FUNCTION", "args", lambda args: args[:1]),
    ("2.8", "FUNCTION", "args", lambda args: [*args, b"more"]),
    ("3.1", "ANSWER", "answer_bytes", lambda _: b"{"),
    ("3.1", "ANSWER", "answer_bytes", lambda _: b"[]"),
    ("3.1", "ANSWER", "answer", says(answers={})),
    ("3.2", "ANSWER_CHANNEL", "answer", says(channel="other")),
    ("3.3", "ANSWER_TXID", "answer", says(txid="a" * 64)),
    ("3.4", "ANSWER_TIME", "answer", says(time=TIME + 1)),
    ("3.4", "ANSWER_TIME", "answer", says(time=str(TIME))),
    ("3.4", "ANSWER_TIME", "answer", says(time=True)),
    ("3.5", "CHALLENGE", "answer", says(challenge=OTHER)),
    ("3.6", "ARGUMENTS", "args", asked(challenge=OTHER)),
    ("3.6", "ARGUMENTS", "args", asked(fps=(*FINGERPRINTS[:2], OTHER))),
    ("3.6", "ARGUMENTS", "args", asked(fps=FINGERPRINTS[:2])),
    ("3.6", "ARGUMENTS", "args", lambda args: [args[0], args[1][:-1] + b',"fps":[]}']),
    ("3.7", "ANSWERS", "answer", answers(*FINGERPRINTS[:2])),
    ("3.7", "ANSWERS", "answer", answers(*FINGERPRINTS, OTHER)),
    ("3.7", "ANSWERS", "answer", answers(*FINGERPRINTS[::-1])),
    ("3.7", "ANSWERS", "answer", says(answers=list(FINGERPRINTS))),
]


def change_answer(endorsed: transaction_pb2.ChaincodeActionPayload) -> None:
    signed = endorsed.action.proposal_response_payload
    endorsed.action.proposal_response_payload = signed.replace(b'"live"', b'"void"')


def change_version(endorsed: transaction_pb2.ChaincodeActionPayload) -> None:
    """Another position of a key: a stale read shown as a fresh one."""
    signed = endorsed.action.proposal_response_payload
    endorsed.action.proposal_response_payload = signed.replace(b"\x12\x02\x08\x0a", b"\x12\x02\x08\x7f")


def later_time(parts: tuple[bytes, bytes, bytes]) -> tuple[bytes, bytes, bytes]:
    header = common_pb2.ChannelHeader.FromString(parts[0])
    header.timestamp.seconds += 1000
    return header.SerializeToString(), parts[1], parts[2]


def high_s(items: list[Any]) -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

    r, s = decode_dss_signature(items[1].signature)
    items[1].signature = encode_dss_signature(r, P256_ORDER - s)


def swap_signatures(items: list[Any]) -> None:
    items[0].signature, items[1].signature = items[1].signature, items[0].signature


def break_signature(items: list[Any]) -> None:
    items[0].signature = items[0].signature[:-1] + bytes([items[0].signature[-1] ^ 1])


AFTER_SIGNING: list[tuple[str, str, str, Change]] = [
    # What a forger does, who has no endorser's key.
    ("1.1", "CONTAINER", "container", lambda data: b"CSR9" + data[4:]),
    ("1.1", "CONTAINER", "container", lambda _: b""),
    ("1.1", "CONTAINER", "container", lambda data: data[:-3]),
    ("1.1", "CONTAINER", "container", lambda data: data + b"x"),
    ("1.1", "CONTAINER", "container", lambda data: data[:40] + b"\0" + data[41:]),
    (
        "1.1",
        "CONTAINER",
        "container",
        lambda _: b"CSR1" + zlib.compress(bytes(proofs.MAX_ENVELOPE_BYTES + 1)),
    ),
    ("1.2", "MALFORMED", "envelope_bytes", lambda _: b"\xff"),
    ("1.2", "MALFORMED", "envelope_bytes", lambda data: data + b"\xfa\x01\x01x"),
    ("1.2", "MALFORMED", "envelope_bytes", lambda data: data + data),
    ("1.2", "MALFORMED", "envelope", put(payload=b"\xff")),
    ("1.2", "MALFORMED", "payload", unknown_field),
    ("1.2", "MALFORMED", "transaction", unknown_field),
    ("1.2", "MALFORMED", "endorsed", unknown_field),
    ("1.2", "ACTIONS", "transaction", twice),
    ("1.2", "ACTIONS", "transaction", no_actions),
    ("2.4", "PROPOSAL_HASH", "split", later_time),
    ("2.6", "SIGNATURE_HEADERS", "action_header", lambda header: header + b"x"),
    ("2.6", "SIGNATURE_HEADERS", "action_header", lambda _: b""),
    ("4.6", "ENDORSER_SIGNATURE", "endorsed", change_answer),
    ("4.6", "ENDORSER_SIGNATURE", "endorsed", change_version),
    ("4.6", "ENDORSER_SIGNATURE", "endorsements", high_s),
    ("4.6", "ENDORSER_SIGNATURE", "endorsements", swap_signatures),
    ("4.6", "ENDORSER_SIGNATURE", "endorsements", break_signature),
    ("5.1", "POLICY", "endorsements", lambda items: items[:1]),
    ("5.1", "POLICY", "endorsements", lambda items: items[1:]),
    ("5.1", "POLICY", "endorsements", lambda items: [items[0], items[0]]),
    ("5.1", "POLICY", "endorsements", lambda _: []),
]


@pytest.mark.parametrize(("check", "reason", "point", "change"), BEFORE_SIGNING)
def test_a_genuine_read_of_something_else(
    world: World, check: str, reason: str, point: str, change: Change
) -> None:
    refused(check, reason, lambda: verify(world, read_of(world, **{point: change})))


@pytest.mark.parametrize(("check", "reason", "point", "change"), AFTER_SIGNING)
def test_a_genuine_read_changed(world: World, check: str, reason: str, point: str, change: Change) -> None:
    refused(check, reason, lambda: verify(world, read_of(world, **{point: change})))


def test_another_version_than_expected(world: World) -> None:
    refused(
        "1.3",
        "CHAINCODE",
        lambda: verify(world, read_of(world), replace(EXPECT, chaincode_version="2.0")),
    )


def test_a_question_cut_anew(world: World) -> None:
    """The proposal hash joins its parts without lengths: its proposer can prepare another cut, with another time."""
    early = common_pb2.ChannelHeader()
    real_time = common_pb2.ChannelHeader()
    real_time.timestamp.seconds = TIME

    def prepare(header: bytes) -> bytes:
        early.MergeFromString(header)
        early.timestamp.seconds = TIME - 100_000
        # the last of repeated fields counts: endorsers see the real time
        return early.SerializeToString() + real_time.SerializeToString()

    def cut(parts: tuple[bytes, bytes, bytes]) -> tuple[bytes, bytes, bytes]:
        # the real time becomes unknown fields of the signature header, which shows nothing of it
        first = early.SerializeToString()
        return first, parts[0][len(first) :] + parts[1], parts[2]

    asked_so = {"channel_header_bytes": prepare}
    refused("2.1", "CHANNEL_HEADER", lambda: verify(world, read_of(world, **asked_so)))
    refused("2.2", "SIGNATURE_HEADER", lambda: verify(world, read_of(world, **asked_so, split=cut)))


def test_a_question_whose_payload_is_cut_anew(world: World) -> None:
    """Bytes moved from the payload to the signature header leave the hash as it is."""

    def cut(parts: tuple[bytes, bytes, bytes]) -> tuple[bytes, bytes, bytes]:
        return parts[0], parts[1] + parts[2], b""

    refused("2.2", "SIGNATURE_HEADER", lambda: verify(world, read_of(world, split=cut)))


# All of it -----------------------------------------------------------------------------------------------------


def test_every_byte_counts(world: World) -> None:
    genuine = proofs.unpack_signed_read(read_of(world))
    draw = random.Random(7)
    for at in [*range(60), *draw.sample(range(60, len(genuine)), 300)]:
        changed = genuine[:at] + bytes([genuine[at] ^ (1 << draw.randrange(8))]) + genuine[at + 1 :]
        with pytest.raises(ProofError):
            verify(world, proofs.pack_signed_read(changed))


def test_every_check_of_the_list_has_a_forgery() -> None:
    listed = {
        word
        for line in (proofs.__doc__ or "").splitlines()
        for word in line.replace(",", " ").split()
        if word[:1].isdigit() and word[1:2] == "." and word[2:].isdigit()
    }
    tables = {check for check, *_ in [*BEFORE_SIGNING, *AFTER_SIGNING]}
    elsewhere = {"4.1", "4.2", "4.3", "4.4", "4.5", "5.2", "5.3", "6.2", "6.3"}
    assert listed - tables - elsewhere == {"6.1"}  # 3.5 and 3.6 under another name
    assert (tables | elsewhere) <= listed


def test_a_thousand_keys(world: World) -> None:
    fps = tuple(f"{number:064x}" for number in range(1000))

    def many(public: kv_rwset_pb2.KVRWSet) -> None:
        for fp in fps:
            public.reads.add(key=f"document/{fp}").version.block_num = 9

    def long(_: dict[str, Any]) -> dict[str, Any]:
        claims = {"state": "free", "free": 10**9, "claimed": 0, "settled": 0, "diluted": 0, "live": []}
        item = {"found": True, "commitment": "c" * 64, "tag": "d" * 64, "claims": claims}
        return _ | {"answers": [{"fp": fp, **item} for fp in fps]}

    data = read_of(world, args=asked(fps=fps), reads=many, answer=long)
    read = verify(world, data, replace(EXPECT, fingerprints=fps))

    assert (len(read.answers), len(read.versions)) == (1000, 1003)
