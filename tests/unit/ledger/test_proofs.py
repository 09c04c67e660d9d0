"""Every check of the verifier has a read that breaks exactly that."""

from __future__ import annotations

import datetime as dt
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from consortium.documents.canonical import canonical_bytes
from consortium.identity.ca import CertificateAuthority, Issued
from consortium.identity.msp import Identity, make_identity
from consortium.identity.signer import P256_ORDER, P256Signer
from consortium.identity.trust import Policy, TrustedOrganisation, TrustRoots
from consortium.ledger import proofs
from consortium.ledger.proofs import Expectation, ProofError, VerifiedRead, Version, verify_signed_read
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
    Forge,
)

NOW = dt.datetime.fromtimestamp(TIME, dt.UTC)
DAY = dt.timedelta(days=1)
MSPS = ("IndustryAMSP", "BankAMSP", "BankBMSP")


@dataclass(frozen=True)
class World:
    """Organisations, their CAs and peers, and a folder that trusts them."""

    cas: dict[str, CertificateAuthority]
    issued: dict[str, Issued]
    client: Identity
    trust: TrustRoots

    def peer(self, msp_id: str) -> Identity:
        return make_identity(msp_id, self.issued[msp_id])

    def other(self, msp_id: str, *, ca: str | None = None, **options: Any) -> Identity:
        """Another certificate of an organisation's CA."""
        merged: dict[str, Any] = {"ou": "peer", "not_before": NOW - DAY, "not_after": NOW + DAY} | options
        return make_identity(msp_id, self.cas[ca or msp_id].issue("other", **merged))


@pytest.fixture(scope="module")
def world() -> World:
    days: dict[str, Any] = {"not_before": NOW - 100 * DAY, "not_after": NOW + 100 * DAY}
    cas = {msp: CertificateAuthority.create(f"ca.{msp}", msp, **days) for msp in MSPS}
    issued = {msp: cas[msp].issue(f"peer0.{msp}", ou="peer", **days) for msp in MSPS}
    trust = TrustRoots(
        channel=CHANNEL,
        chaincode=CHAINCODE,
        ledger="fabric",
        policy=Policy(("IndustryAMSP",), (("BankAMSP", "BankBMSP"),)),
        organisations={msp: TrustedOrganisation(msp, msp, (cas[msp].certificate,)) for msp in MSPS},
        package_issuers={},
    )
    client = make_identity("BankAMSP", cas["BankAMSP"].issue("gateway", ou="client", **days))
    return World(cas, issued, client, trust)


EXPECT = Expectation(CHALLENGE, FINGERPRINTS, at=TIME + 60, max_age_s=900)


def read_of(world: World, endorsers: Any = None, **changes: Any) -> bytes:
    if endorsers is None:
        endorsers = [world.peer("IndustryAMSP"), world.peer("BankAMSP")]
    return Forge(world.client, endorsers, changes).make()


def verify(world: World, data: bytes, expect: Expectation = EXPECT, **trust: Any) -> VerifiedRead:
    return verify_signed_read(data, trust=replace(world.trust, **trust), expect=expect)


def refused(check: str, reason: str, call: Callable[[], object]) -> None:
    with pytest.raises(ProofError) as caught:
        call()
    assert (caught.value.check, caught.value.reason) == (check, reason), str(caught.value)


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


# Endorsers ----------------------------------------------------------------------------------------------------


def odd_version(world: World) -> bytes:
    """A certificate of version 107, as DER."""
    der = world.issued["BankAMSP"].certificate.public_bytes(serialization.Encoding.DER)
    return der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x6a", 1)


def bad_endorsers(world: World) -> dict[str, tuple[str, str, Identity]]:
    """What is wrong with the second endorser, by name: check, reason, identity."""
    stranger = CertificateAuthority.create("ca.BankAMSP", "BankAMSP", not_before=NOW - DAY)
    intermediate = world.cas["BankAMSP"].issue_ca("below")
    bank = "BankAMSP"
    make = world.other
    same_name: dict[str, Any] = {"ou": "peer", "not_before": NOW - DAY, "not_after": NOW + DAY}
    self_signed = Issued(stranger.cert_pem, stranger.issue("x").key_pem)
    return {
        "no organisation": ("4.1", "ENDORSER_UNKNOWN", make("NobodyMSP", ca=bank)),
        "another organisation's CA": ("4.2", "ENDORSER_CHAIN", make(bank, ca="BankBMSP")),
        "a CA of the same name": (
            "4.2",
            "ENDORSER_CHAIN",
            make_identity(bank, stranger.issue("x", **same_name)),
        ),
        "an unknown intermediate": (
            "4.2",
            "ENDORSER_CHAIN",
            make_identity(bank, intermediate.issue("x", **same_name)),
        ),
        "a CA's own certificate": ("4.2", "ENDORSER_CHAIN", make_identity(bank, self_signed)),
        "no certificate": ("4.2", "ENDORSER_CHAIN", Identity(bank, b"nothing", P256Signer.generate())),
        "an odd version": (
            "4.2",
            "ENDORSER_CHAIN",
            Identity(bank, odd_version(world), P256Signer.generate()),
        ),
        "expired": ("4.3", "ENDORSER_VALIDITY", make(bank, not_before=NOW - 2 * DAY, not_after=NOW - DAY)),
        "not yet valid": (
            "4.3",
            "ENDORSER_VALIDITY",
            make(bank, not_before=NOW + DAY, not_after=NOW + 2 * DAY),
        ),
        "a client": ("4.5", "ENDORSER_ROLE", make(bank, ou="client")),
        "an admin and peer": ("4.5", "ENDORSER_ROLE", make(bank, ou=["peer", "admin"])),
        "no role": ("4.5", "ENDORSER_ROLE", make(bank, ou=())),
        "another's key": (
            "4.6",
            "ENDORSER_SIGNATURE",
            Identity(bank, world.issued[bank].cert_pem, P256Signer.generate()),
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        "no organisation",
        "another organisation's CA",
        "a CA of the same name",
        "an unknown intermediate",
        "a CA's own certificate",
        "no certificate",
        "an odd version",
        "expired",
        "not yet valid",
        "a client",
        "an admin and peer",
        "no role",
        "another's key",
    ],
)
def test_an_endorser_who_is_none(world: World, name: str) -> None:
    check, reason, identity = bad_endorsers(world)[name]

    refused(check, reason, lambda: verify(world, read_of(world, [world.peer("IndustryAMSP"), identity])))
    # nor does a bad one pass beside enough good ones
    enough = [world.peer("IndustryAMSP"), world.peer("BankBMSP"), identity]
    refused(check, reason, lambda: verify(world, read_of(world, enough)))


def test_a_revoked_endorser(world: World) -> None:
    bank = world.trust.organisations["BankAMSP"]
    crl = x509.load_pem_x509_crl(
        world.cas["BankAMSP"].revoke([world.issued["BankAMSP"].certificate], at=NOW + DAY)
    )
    organisations = {**world.trust.organisations, "BankAMSP": replace(bank, crls=(crl,))}

    refused("4.4", "ENDORSER_REVOKED", lambda: verify(world, read_of(world), organisations=organisations))


def test_an_endorser_with_a_renamed_role(world: World) -> None:
    bank = replace(world.trust.organisations["BankAMSP"], node_ou={"peer": "node"})
    organisations = {**world.trust.organisations, "BankAMSP": bank}
    renamed = [world.peer("IndustryAMSP"), world.other("BankAMSP", ou="node")]

    assert (
        verify(world, read_of(world, renamed), organisations=organisations).endorsers[1].msp_id == "BankAMSP"
    )
    refused("4.5", "ENDORSER_ROLE", lambda: verify(world, read_of(world), organisations=organisations))


@pytest.mark.parametrize(
    "change",
    [lambda data: data + b"\x0a\x08BankBMSP", lambda data: data + b"\xfa\x01\x01x", lambda _: b"\xff"],
)
def test_an_endorser_written_twice_over(world: World, change: Change) -> None:
    def rewrite(items: list[Any]) -> None:
        items[1].endorser = change(items[1].endorser)

    refused("1.2", "MALFORMED", lambda: verify(world, read_of(world, endorsements=rewrite)))


# Policy and freshness ------------------------------------------------------------------------------------------


def test_who_must_have_signed(world: World) -> None:
    banks = [world.peer("BankAMSP"), world.peer("BankBMSP")]
    industry = world.peer("IndustryAMSP")

    refused("5.1", "POLICY", lambda: verify(world, read_of(world, banks)))
    refused("5.1", "POLICY", lambda: verify(world, read_of(world), policy=Policy((), ())))
    assert len(verify(world, read_of(world, [industry, banks[1]])).endorsers) == 2
    mine = replace(EXPECT, organisations=frozenset({"BankAMSP"}))
    refused("5.2", "ORGANISATIONS", lambda: verify(world, read_of(world, [industry, banks[1]]), mine))


@pytest.mark.parametrize(
    ("expect", "check", "reason"),
    [
        (replace(EXPECT, challenge=OTHER), "3.5", "CHALLENGE"),
        (replace(EXPECT, fingerprints=FINGERPRINTS[:2]), "3.6", "ARGUMENTS"),
        (replace(EXPECT, function="documents:get"), "2.8", "FUNCTION"),
        (replace(EXPECT, at=TIME + 901), "6.2", "STALE"),
        (replace(EXPECT, at=TIME - 301), "6.3", "FUTURE"),
        (replace(EXPECT, at=TIME - 301, max_age_s=None), "6.3", "FUTURE"),
    ],
)
def test_a_genuine_read_that_was_not_asked_for_now(
    world: World, expect: Expectation, check: str, reason: str
) -> None:
    refused(check, reason, lambda: verify(world, read_of(world), expect))


@pytest.mark.parametrize("at", [TIME + 900, TIME - 300])
def test_the_ends_of_freshness(world: World, at: int) -> None:
    assert verify(world, read_of(world), replace(EXPECT, at=at)).time == TIME


def test_another_trust_folder(world: World) -> None:
    refused("2.7", "CHANNEL", lambda: verify(world, read_of(world), channel="other"))
    refused("1.3", "CHAINCODE", lambda: verify(world, read_of(world), chaincode="other"))
    nobody: dict[str, TrustedOrganisation] = {}
    refused("4.1", "ENDORSER_UNKNOWN", lambda: verify(world, read_of(world), organisations=nobody))


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
