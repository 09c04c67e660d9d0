"""Codes of transactions that an orderer would never let through, or that only a faulty endorser makes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from chaincode.hosts.embedded.validator import KnownSignatures
from chaincode.hosts.embedded.wire import proposal_hash
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import NsReadWriteSet, TxReadWriteSet
from consortium.wire.fabric.peer.chaincode_event_pb2 import ChaincodeEvent
from consortium.wire.fabric.peer.chaincode_pb2 import ChaincodeID
from consortium.wire.fabric.peer.proposal_pb2 import ChaincodeAction, ChaincodeHeaderExtension
from consortium.wire.fabric.peer.proposal_response_pb2 import ProposalResponsePayload
from consortium.wire.fabric.peer.transaction_pb2 import ChaincodeActionPayload
from tests.support.embedded import Code, Network, bend_transaction
from tests.support.embedded_engine import Engine, engine


@pytest.fixture
async def ledger(network: Network, tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine."""
    async with engine(network, tmp_path / "ledger.db") as made:
        yield made


def signed(ledger: Engine, payload: bytes) -> common_pb2.Envelope:
    """An envelope with the client's signature."""
    return common_pb2.Envelope(payload=payload, signature=ledger.identity.sign(payload))


def with_action(
    ledger: Engine, envelope: common_pb2.Envelope, change: Callable[[ChaincodeAction], None]
) -> common_pb2.Envelope:
    """The envelope as if the endorsers had signed something else."""

    def edit(payload: ChaincodeActionPayload) -> None:
        response = ProposalResponsePayload.FromString(payload.action.proposal_response_payload)
        action = ChaincodeAction.FromString(response.extension)
        change(action)
        response.extension = action.SerializeToString()
        data = response.SerializeToString()
        payload.action.proposal_response_payload = data
        for endorsement in payload.action.endorsements:
            signer = next(
                item for item in ledger.endorser._signers.values() if item.serialized == endorsement.endorser
            )
            endorsement.signature = signer.sign(data + endorsement.endorser)

    return signed(ledger, bend_transaction(envelope, edit).payload)


def double(action: ChaincodeAction) -> None:
    results = TxReadWriteSet.FromString(action.results)
    results.ns_rwset.append(results.ns_rwset[-1])
    action.results = results.SerializeToString()


def foreign(action: ChaincodeAction) -> None:
    results = TxReadWriteSet.FromString(action.results)
    kv = next(part for part in results.ns_rwset if part.namespace == "kv")
    results.ns_rwset.append(NsReadWriteSet(namespace="lscc", rwset=kv.rwset))
    action.results = results.SerializeToString()


ACTIONS: dict[str, tuple[Callable[[ChaincodeAction], None], int]] = {
    "results unreadable": (lambda action: setattr(action, "results", b"\xff"), Code.BAD_RWSET),
    "namespace twice": (double, Code.ILLEGAL_WRITESET),
    "namespace of nobody": (foreign, Code.INVALID_CHAINCODE),
    "no chaincode": (lambda action: action.ClearField("chaincode_id"), Code.INVALID_OTHER_REASON),
    "no version": (lambda action: action.chaincode_id.ClearField("version"), Code.INVALID_CHAINCODE),
    "another chaincode": (
        lambda action: action.chaincode_id.CopyFrom(ChaincodeID(name="other", version="1")),
        Code.INVALID_CHAINCODE,
    ),
    "event unreadable": (lambda action: setattr(action, "events", b"\xff"), Code.INVALID_OTHER_REASON),
    "event of another chaincode": (
        lambda action: setattr(
            action,
            "events",
            ChaincodeEvent(chaincode_id="other", tx_id="x", event_name="x").SerializeToString(),
        ),
        Code.INVALID_OTHER_REASON,
    ),
}


@pytest.mark.parametrize("case", ACTIONS)
async def test_action(ledger: Engine, case: str) -> None:
    change, expected = ACTIONS[case]
    _, envelope = await ledger.prepare("put", "a", "1")
    assert ledger.check(with_action(ledger, envelope, change)).code == expected


async def test_an_untouched_action_is_valid(ledger: Engine) -> None:
    """What the cases above start from."""
    _, envelope = await ledger.prepare("put", "a", "1")
    again = with_action(ledger, envelope, lambda action: None)
    assert ledger.check(again).code == Code.VALID
    assert ledger.commit(again).outcomes[0][1] == Code.VALID


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xff", Code.INVALID_OTHER_REASON),
        (b"", Code.BAD_COMMON_HEADER),
        (b"\x0a\x01\xff", Code.BAD_PAYLOAD),
    ],
)
async def test_envelope(ledger: Engine, data: bytes, expected: int) -> None:
    assert ledger.committer.validator.check(data).code == expected


async def test_header_extension(ledger: Engine) -> None:
    for extension, expected in (
        (b"\xff", Code.BAD_HEADER_EXTENSION),
        (b"", Code.INVALID_OTHER_REASON),
        (ChaincodeHeaderExtension(chaincode_id=ChaincodeID()).SerializeToString(), Code.INVALID_CHAINCODE),
    ):
        _, envelope = await ledger.prepare("put", "a", "1")
        payload = common_pb2.Payload.FromString(envelope.payload)
        header = common_pb2.ChannelHeader.FromString(payload.header.channel_header)
        header.extension = extension
        payload.header.channel_header = header.SerializeToString()
        signature_header = payload.header.signature_header

        def rehash(
            action: ChaincodeActionPayload,
            head: bytes = payload.header.channel_header,
            tail: bytes = signature_header,
        ) -> None:
            response = ProposalResponsePayload.FromString(action.action.proposal_response_payload)
            response.proposal_hash = proposal_hash(head, tail, action.chaincode_proposal_payload)
            action.action.proposal_response_payload = response.SerializeToString()

        bent = bend_transaction(common_pb2.Envelope(payload=payload.SerializeToString()), rehash)
        assert ledger.check(signed(ledger, bent.payload)).code == expected


async def test_a_configuration_of_somebody_else(ledger: Engine) -> None:
    """Only the orderer configures; a member's configuration is invalid even when it was ordered."""
    genesis = ledger.reader.transactions(0)[0].envelope
    payload = common_pb2.Payload.FromString(common_pb2.Envelope.FromString(genesis).payload)
    header = common_pb2.SignatureHeader.FromString(payload.header.signature_header)
    header.creator = ledger.identity.serialized()
    payload.header.signature_header = header.SerializeToString()
    forged = signed(ledger, payload.SerializeToString())
    assert ledger.check(forged).code == Code.INVALID_CONFIG_TRANSACTION


async def test_what_cannot_be_read_says_so(ledger: Engine) -> None:
    _, envelope = await ledger.prepare("put", "a", "1")
    payload = common_pb2.Payload.FromString(envelope.payload)
    payload.data = b"\xff"
    found = ledger.check(signed(ledger, payload.SerializeToString()))
    assert found.code == Code.INVALID_ENDORSER_TRANSACTION
    assert "Transaction" in found.malformed
    assert ledger.check(envelope).malformed == ""


def test_known_signatures_are_bounded() -> None:
    known = KnownSignatures(limit=2)
    for number in range(3):
        known.add(bytes([number]), b"s")
    assert (b"\x00", b"s") not in known
    assert (b"\x02", b"s") in known
    assert (b"\x02", b"t") not in known
