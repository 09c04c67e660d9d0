"""Private parts of transactions: as one organisation may see them, and as ``verify`` follows them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from chaincode.hosts.embedded.store import Entry, Reader, block_of, full_key, place_of, private_namespace
from chaincode.hosts.embedded.validator import Checked, CollectionSet
from chaincode.hosts.embedded.wire import parse
from consortium.wire.fabric.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRWSet
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


class PrivateReplay:
    """Follows the kept private parts while the chain is read again (``verify``).

    A part must hash to what its transaction says. After a purge it has fewer values than that: then each value that
    is left must be one of the transaction's, and each that is gone must have been purged later.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._seen: set[tuple[int, str, str]] = set()
        self._gone: dict[tuple[str, str, bytes], str] = {}
        self._problems: list[str] = []

    def apply(self, checked: Checked, at: int, state: dict[bytes, Entry | None]) -> None:
        """Takes the private values of a valid transaction into a block's state."""
        kept = {
            (namespace, collection): rwset
            for position, namespace, collection, rwset in self._reader.private_writes(block_of(at))
            if position == at
        }
        for space in checked.namespaces:
            for part in space.collections:
                if not part.private_hash:
                    continue
                name = f"private part {space.name}/{part.name} of transaction {block_of(at)}/{place_of(at)}"
                rwset = kept.get((space.name, part.name))
                if rwset is None:
                    self._problems.append(f"{name}: is missing")
                    continue
                self._seen.add((at, space.name, part.name))
                self._check(name, space.name, part, rwset)
                stored = private_namespace(space.name, part.name)
                for write in parse(KVRWSet, rwset, "KVRWSet").writes:
                    deleted = write.is_delete or not write.value
                    state[full_key(stored, write.key)] = None if deleted else Entry(at, write.value, None)

    def _check(self, name: str, namespace: str, part: CollectionSet, rwset: bytes) -> None:
        hashed = part.rwset.hashed_writes
        expected = {item.key_hash: item.value_hash for item in hashed}
        purged = {item.key_hash for item in hashed if item.is_purge}
        for key in purged:
            self._gone.pop((namespace, part.name, key), None)
        if hashlib.sha256(rwset).digest() == part.private_hash:
            return
        found = {}
        for write in parse(KVRWSet, rwset, "KVRWSet").writes:
            value = b"" if write.is_delete else hashlib.sha256(write.value).digest()
            found[hashlib.sha256(write.key.encode()).digest()] = value
        if any(expected.get(key) != value for key, value in found.items()):
            self._problems.append(f"{name}: its values are not those that were endorsed")
        for key in expected.keys() - found.keys() - purged:
            self._gone[namespace, part.name, key] = name

    def problems(self) -> list[str]:
        """What was found, when the chain was read to its end."""
        strays = self._reader.connection.execute("SELECT position, namespace, collection FROM private_writes")
        return [
            *self._problems,
            *(
                f"{name}: a value is missing that was never purged"
                for name in dict.fromkeys(self._gone.values())
            ),
            *(
                f"private part {namespace}/{collection}: transaction {block_of(at)}/{place_of(at)} has none"
                for at, namespace, collection in strays
                if (at, namespace, collection) not in self._seen
            ),
        ]
