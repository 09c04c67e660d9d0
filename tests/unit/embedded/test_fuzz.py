"""Bytes that somebody bent: every entry refuses or judges them, none fails in another way."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaincode.hosts.embedded.blocks import load_block
from chaincode.hosts.embedded.channel import ChannelConfig, read_config
from chaincode.hosts.embedded.deliver import filtered, headers_only
from chaincode.hosts.embedded.events import block_events
from chaincode.hosts.embedded.msp import IdentityError, MspManager, load_authority
from chaincode.hosts.embedded.verification import verify
from chaincode.hosts.embedded.wire import WireError, unpack_proposal
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.peer import proposal_pb2, transaction_pb2
from tests.support.embedded import Bent, Code, Network, proposal_bytes
from tests.support.embedded_engine import engine

Edit = tuple[str, int, int, bytes]
edits = st.lists(
    st.tuples(
        st.sampled_from(("flip", "cut", "insert", "repeat")),
        st.integers(0, 10_000),
        st.integers(1, 40),
        st.binary(min_size=1, max_size=6),
    ),
    min_size=1,
    max_size=3,
)
# Which message of the nest is bent; what is around it stays well-formed, and is signed again.
layer = st.sampled_from(
    ("payload", "channel_header", "signature_header", "transaction", "action", "response")
)


def bend(data: bytes, changes: list[Edit]) -> bytes:
    """Applies edits."""
    for kind, where, size, extra in changes:
        at = where % (len(data) + 1)
        if kind == "flip" and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << size % 8)]) + data[at + 1 :]
        elif kind == "cut":
            data = data[:at] + data[at + size :]
        elif kind == "insert":
            data = data[:at] + extra + data[at:]
        else:
            data = data[:at] + data[max(0, at - size) : at] + data[at:]
    return data


def bent_payload(payload: bytes, which: str, changes: list[Edit]) -> bytes:
    """A payload with one of its inner messages bent."""
    if which == "payload":
        return bend(payload, changes)
    message = common_pb2.Payload.FromString(payload)
    if which in ("channel_header", "signature_header"):
        setattr(message.header, which, bend(getattr(message.header, which), changes))
        return message.SerializeToString()
    if which == "transaction":
        message.data = bend(message.data, changes)
        return message.SerializeToString()
    transaction = transaction_pb2.Transaction.FromString(message.data)
    action = transaction_pb2.ChaincodeActionPayload.FromString(transaction.actions[0].payload)
    if which == "action":
        transaction.actions[0].payload = bend(transaction.actions[0].payload, changes)
    else:
        action.action.proposal_response_payload = bend(action.action.proposal_response_payload, changes)
        transaction.actions[0].payload = action.SerializeToString()
    message.data = transaction.SerializeToString()
    return message.SerializeToString()


@given(cases=st.lists(st.tuples(layer, edits), min_size=8, max_size=25))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_envelopes(network: Network, cases: list[tuple[str, list[Edit]]]) -> None:
    """What the orderer would take becomes blocks that can be delivered, searched and verified."""
    asyncio.run(order_all(network, cases))


async def order_all(network: Network, cases: list[tuple[str, list[Edit]]]) -> None:
    """Bends one envelope in many ways and commits what is not refused."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "ledger.db"
        async with engine(network, database) as ledger:
            _, envelope = await ledger.prepare("event", "e", "x")
            taken = [ledger.check(envelope)]
            for which, changes in cases:
                payload = bent_payload(envelope.payload, which, changes)
                signed = common_pb2.Envelope(payload=payload, signature=ledger.identity.sign(payload))
                checked = ledger.check(signed)
                assert checked.code in Code.values()
                if not checked.malformed and checked.signer is not None:
                    taken.append(checked)
            block = ledger.committer.commit(taken)
            assert block.outcomes[0][1] == Code.VALID
            data = load_block(ledger.reader, block.number)
            assert data is not None
            number, events = block_events(data)
            assert (number, len(events)) == (block.number, 1)
            message = common_pb2.Block.FromString(data)
            assert len(filtered(message).filtered_transactions) == len(taken)
            headers_only(message)
        assert verify(database).problems == ()


@given(changes=edits, inner=st.booleans())
def test_proposals(network: Network, changes: list[Edit], inner: bool) -> None:
    identity = network.identities["IndustryAMSP"]
    data = proposal_bytes(Bent(args=(b"get", b"a"), nonce=b"n" * 24, creator=identity.serialized()))
    if inner:
        proposal = proposal_pb2.Proposal.FromString(data)
        proposal.header = bend(proposal.header, changes)
        proposal.payload = bend(proposal.payload, changes)
        data = proposal.SerializeToString()
    else:
        data = bend(data, changes)
    with contextlib.suppress(WireError):
        unpack_proposal(proposal_pb2.SignedProposal(proposal_bytes=data))


@given(data=st.binary(max_size=200))
def test_configurations(data: bytes) -> None:
    for read in (read_config, ChannelConfig.from_bytes):
        try:
            read(data)
        except WireError:
            continue
        raise AssertionError("read something")


@given(changes=edits)
def test_identities(network: Network, changes: list[Edit]) -> None:
    manager = MspManager([load_authority("BankAMSP", [network.authorities["BankAMSP"].cert_pem])])
    original = network.identities["BankAMSP"].serialized()
    bent = bend(original, changes)
    try:
        identity = manager.deserialize(bent)
        identity.validate()
        identity.verify(b"message", network.identities["BankAMSP"].sign(b"message"))
    except IdentityError:
        return
    # What is still good must be the same certificate: PEM has room for edits that change nothing.
    assert identity.msp_id == "BankAMSP"
