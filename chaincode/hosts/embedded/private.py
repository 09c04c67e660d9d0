"""Private parts of a block, as one organisation may see them."""

from __future__ import annotations

from collections.abc import Callable

from chaincode.hosts.embedded.store import Reader, place_of
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import (
    CollectionPvtReadWriteSet,
    NsPvtReadWriteSet,
    TxPvtReadWriteSet,
)


def visible_private_data(
    reader: Reader, number: int, msp_id: str, members: Callable[[str, str], frozenset[str]]
) -> dict[int, TxPvtReadWriteSet]:
    """Private writes by place in the block, of collections that the organisation is a member of.

    :param members: MSP ids by chaincode and collection
    """
    found: dict[int, TxPvtReadWriteSet] = {}
    for at, namespace, collection, rwset in reader.private_writes(number):
        if msp_id not in members(namespace, collection):
            continue
        message = found.setdefault(place_of(at), TxPvtReadWriteSet())
        space = next((part for part in message.ns_pvt_rwset if part.namespace == namespace), None)
        if space is None:
            space = NsPvtReadWriteSet(namespace=namespace)
            message.ns_pvt_rwset.append(space)
            space = message.ns_pvt_rwset[-1]
        space.collection_pvt_rwset.append(CollectionPvtReadWriteSet(collection_name=collection, rwset=rwset))
    return found
