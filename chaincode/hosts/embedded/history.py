"""Past values of keys, read from the transactions that wrote them: only the chain keeps them."""

from __future__ import annotations

from chaincode.hosts.embedded.store import TransactionRow
from chaincode.hosts.embedded.wire import WireError, parse
from chaincode.state import KeyModification, Timestamp
from consortium.wire.fabric.common.common_pb2 import ChannelHeader, Envelope, Payload
from consortium.wire.fabric.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import TxReadWriteSet
from consortium.wire.fabric.peer.proposal_pb2 import ChaincodeAction
from consortium.wire.fabric.peer.proposal_response_pb2 import ProposalResponsePayload
from consortium.wire.fabric.peer.transaction_pb2 import ChaincodeActionPayload, Transaction


def actions_of(payload: Payload) -> list[bytes]:
    """The serialized ``ChaincodeActionPayload`` of each action of a transaction; none when it cannot be read."""
    try:
        transaction = parse(Transaction, payload.data, "Transaction")
    except WireError:
        return []
    return [action.payload for action in transaction.actions]


def chaincode_action(data: bytes) -> ChaincodeAction:
    """What endorsers said in a serialized ``ChaincodeActionPayload``.

    :raises WireError: when it cannot be read
    """
    action = parse(ChaincodeActionPayload, data, "ChaincodeActionPayload")
    signed = action.action.proposal_response_payload
    response = parse(ProposalResponsePayload, signed, "ProposalResponsePayload")
    return parse(ChaincodeAction, response.extension, "ChaincodeAction")


def action_of(payload: Payload) -> ChaincodeAction:
    """The endorsed action in a valid transaction's payload.

    :raises WireError: when there is none
    """
    actions = actions_of(payload)
    if not actions:
        raise WireError("at least one TransactionAction required")
    return chaincode_action(actions[0])


def modification(row: TransactionRow, namespace: str, key: str) -> KeyModification:
    """What one transaction did to a key."""
    payload = parse(Payload, parse(Envelope, row.envelope, "Envelope").payload, "Payload")
    header = parse(ChannelHeader, payload.header.channel_header, "ChannelHeader")
    timestamp = Timestamp(header.timestamp.seconds, header.timestamp.nanos)
    for part in parse(TxReadWriteSet, action_of(payload).results, "TxReadWriteSet").ns_rwset:
        if part.namespace != namespace:
            continue
        for write in parse(KVRWSet, part.rwset, "KVRWSet").writes:
            if write.key == key:
                return KeyModification(row.txid, write.value, timestamp, write.is_delete or not write.value)
    raise WireError(f"transaction {row.txid} does not write {key!r}")
