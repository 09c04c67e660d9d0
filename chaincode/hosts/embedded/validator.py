"""What every peer checks of a transaction in a block, except its reads: form, signatures, endorsements. Pure.

The checks and their codes, in a peer's order:

1. envelope and payload can be read (1 nil, 2 payload, 3 headers)
2. the creator is a member and signed the envelope (4)
3. the transaction id follows from nonce and creator (8); a kind of transaction that is known (7)
4. one action with a proposal hash that fits the headers and the proposal (5)
5. the transaction id is new (9): the committer's part
6. the reads and writes can be read (22), name each namespace once (23) and defined chaincodes only (25);
   chaincode and event are the header's (25, 255)
7. the endorsements satisfy the policy of everything that is written (10)
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from chaincode.hosts.embedded.channel import ChannelConfig, read_config
from chaincode.hosts.embedded.metadata import VALIDATION_PARAMETER, decode_metadata
from chaincode.hosts.embedded.msp import Identity, IdentityError, MspManager
from chaincode.hosts.embedded.policy import PolicyError, parse_policy, satisfied, signature_policy
from chaincode.hosts.embedded.settings import EndorsementPolicy
from chaincode.hosts.embedded.store import full_key, hashed_namespace
from chaincode.hosts.embedded.wire import M, WireError, parse, proposal_hash, transaction_id
from consortium.wire.fabric.common.common_pb2 import (
    ChannelHeader,
    Envelope,
    HeaderType,
    Payload,
    SignatureHeader,
)
from consortium.wire.fabric.common.policies_pb2 import SignaturePolicyEnvelope
from consortium.wire.fabric.ledger.rwset.kvrwset.kv_rwset_pb2 import HashedRWSet, KVRWSet
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import TxReadWriteSet
from consortium.wire.fabric.peer.chaincode_event_pb2 import ChaincodeEvent
from consortium.wire.fabric.peer.proposal_pb2 import ChaincodeAction, ChaincodeHeaderExtension
from consortium.wire.fabric.peer.proposal_response_pb2 import ProposalResponsePayload
from consortium.wire.fabric.peer.transaction_pb2 import (
    ChaincodeActionPayload,
    ChaincodeEndorsedAction,
    Transaction,
    TxValidationCode,
)

Code = TxValidationCode
KNOWN_SIGNATURES = 20_000
IMPLICIT_COLLECTION = "_implicit_org_"


@dataclass(frozen=True, slots=True)
class CollectionSet:
    """One private collection's public part."""

    name: str
    rwset: HashedRWSet
    private_hash: bytes


@dataclass(frozen=True, slots=True)
class NamespaceSet:
    """One chaincode's reads and writes, taken apart."""

    name: str
    rwset: KVRWSet
    collections: tuple[CollectionSet, ...]

    @property
    def writes(self) -> bool:
        """Whether anything is written."""
        return bool(
            self.rwset.writes
            or self.rwset.metadata_writes
            or any(part.rwset.hashed_writes or part.rwset.metadata_writes for part in self.collections)
        )


@dataclass(slots=True)
class Checked:
    """What was found of one transaction.

    :param txid: as the header claims it, also of a bad transaction
    :param code: validation code so far
    :param malformed: what cannot be read; an orderer refuses such an envelope, a block never holds one
    :param signer: the creator, when it is a valid member and signed the envelope
    :param config: of a configuration transaction
    """

    envelope: bytes
    txid: str = ""
    invoked: str = ""
    channel: str = ""
    kind: int = -1
    code: int = Code.NOT_VALIDATED
    malformed: str = ""
    signer: Identity | None = None
    namespaces: tuple[NamespaceSet, ...] = ()
    config: ChannelConfig | None = None
    action: ChaincodeEndorsedAction | None = None

    @property
    def has_private(self) -> bool:
        """Whether it has a private part somewhere."""
        return any(part.private_hash for space in self.namespaces for part in space.collections)


class _BadError(Exception):
    def __init__(self, code: int, malformed: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.malformed = malformed


class KnownSignatures:
    """Signatures that this process made itself, so that a block does not check them again. Bounded."""

    def __init__(self, limit: int = KNOWN_SIGNATURES) -> None:
        self._known: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()
        self._limit = limit

    def add(self, digest: bytes, signature: bytes) -> None:
        """Remembers the signature over a message with this SHA-256."""
        self._known[digest, signature] = None
        if len(self._known) > self._limit:
            self._known.popitem(last=False)

    def __contains__(self, pair: tuple[bytes, bytes]) -> bool:
        return pair in self._known


@dataclass(slots=True)
class Validator:
    """Checks transactions by one configuration."""

    config: ChannelConfig
    msp: MspManager = field(init=False)

    def __post_init__(self) -> None:
        self.msp = self.config.msp()

    def check(self, data: bytes) -> Checked:
        """Steps 1 to 4 and 6. The code is VALID or the first that applies."""
        checked = Checked(data)
        try:
            self._check(checked)
            checked.code = Code.VALID
        except _BadError as bad:
            checked.code = bad.code
            checked.malformed = bad.malformed
        return checked

    def _check(self, checked: Checked) -> None:
        envelope = _parse(Envelope, checked.envelope, Code.INVALID_OTHER_REASON)
        payload = _parse(Payload, envelope.payload, Code.BAD_PAYLOAD)
        channel_header = _parse(ChannelHeader, payload.header.channel_header, Code.BAD_COMMON_HEADER)
        checked.txid = channel_header.tx_id
        checked.channel = channel_header.channel_id
        checked.kind = channel_header.type
        signature_header = _parse(SignatureHeader, payload.header.signature_header, Code.BAD_COMMON_HEADER)
        known = (HeaderType.ENDORSER_TRANSACTION, HeaderType.CONFIG, HeaderType.CONFIG_UPDATE)
        self._check_signature(checked, envelope, signature_header.creator)
        if (
            channel_header.type not in known
            or channel_header.epoch
            or not signature_header.nonce
            or not signature_header.creator
        ):
            raise _BadError(Code.BAD_COMMON_HEADER)
        if checked.signer is None:
            raise _BadError(Code.BAD_CREATOR_SIGNATURE)
        if channel_header.type == HeaderType.CONFIG:
            self._check_config(checked, payload, signature_header)
            return
        if channel_header.type != HeaderType.ENDORSER_TRANSACTION:
            raise _BadError(Code.UNSUPPORTED_TX_PAYLOAD)
        if channel_header.tx_id != transaction_id(signature_header.nonce, signature_header.creator):
            raise _BadError(Code.BAD_PROPOSAL_TXID)
        if channel_header.channel_id != self.config.channel:
            raise _BadError(Code.TARGET_CHAIN_NOT_FOUND)
        self._check_action(checked, payload, channel_header)

    def _check_signature(self, checked: Checked, envelope: Envelope, creator: bytes) -> None:
        try:
            identity = self.msp.deserialize(creator)
            identity.validate()
            identity.verify(envelope.payload, envelope.signature)
        except IdentityError:
            return
        checked.signer = identity

    def _check_config(self, checked: Checked, payload: Payload, signature_header: SignatureHeader) -> None:
        try:
            checked.config = read_config(payload.data)
        except WireError as error:
            raise _BadError(Code.INVALID_CONFIG_TRANSACTION) from error
        if signature_header.creator not in (self.config.orderer, checked.config.orderer):
            raise _BadError(Code.INVALID_CONFIG_TRANSACTION)

    def _check_action(self, checked: Checked, payload: Payload, channel_header: ChannelHeader) -> None:
        bad = Code.INVALID_ENDORSER_TRANSACTION
        transaction = _parse(Transaction, payload.data, bad)
        if len(transaction.actions) != 1:
            raise _BadError(bad)
        inner_header = _parse(SignatureHeader, transaction.actions[0].header, bad)
        if not inner_header.nonce or not inner_header.creator:
            raise _BadError(bad)
        proposed = _parse(ChaincodeActionPayload, transaction.actions[0].payload, bad)
        response = _parse(ProposalResponsePayload, proposed.action.proposal_response_payload, bad)
        expected = proposal_hash(
            payload.header.channel_header, transaction.actions[0].header, proposed.chaincode_proposal_payload
        )
        if expected != response.proposal_hash:
            raise _BadError(bad)
        extension = _parse(ChaincodeHeaderExtension, channel_header.extension, Code.BAD_HEADER_EXTENSION)
        action = _parse(ChaincodeAction, response.extension, Code.BAD_RESPONSE_PAYLOAD)
        checked.action = proposed.action
        checked.namespaces = read_write_set(action.results)
        name = extension.chaincode_id.name
        if not extension.HasField("chaincode_id") or not action.HasField("chaincode_id"):
            raise _BadError(Code.INVALID_OTHER_REASON)
        if not name or name != action.chaincode_id.name or not action.chaincode_id.version:
            raise _BadError(Code.INVALID_CHAINCODE)
        if (
            action.events
            and _parse(ChaincodeEvent, action.events, Code.INVALID_OTHER_REASON).chaincode_id != name
        ):
            raise _BadError(Code.INVALID_OTHER_REASON)
        written = {name, *(space.name for space in checked.namespaces if space.writes)}
        if any(space not in self.config.chaincodes for space in written):
            raise _BadError(Code.INVALID_CHAINCODE)
        checked.invoked = name
        if not any(space.name == name for space in checked.namespaces):
            checked.namespaces = (*checked.namespaces, NamespaceSet(name, KVRWSet(), ()))

    def endorsed(
        self,
        checked: Checked,
        known: KnownSignatures,
        metadata: Callable[[bytes], bytes | None] | None,
        changed: Collection[bytes],
    ) -> bool:
        """Step 7.

        :param metadata: gives a key's stored metadata; None when no key has any
        :param changed: keys whose metadata an earlier transaction of the same block changed
        """
        action = checked.action
        if action is None:
            return True
        identities = self._endorsers(action, known)
        try:
            return all(
                satisfied(policy, identities)
                for space in checked.namespaces
                if space.writes or space.name == checked.invoked
                for policy in self.policies(space, metadata, changed)
            )
        except PolicyError:
            return False

    def _endorsers(self, action: ChaincodeEndorsedAction, known: KnownSignatures) -> list[Identity]:
        identities: dict[bytes, Identity] = {}
        payload = action.proposal_response_payload
        begun = hashlib.sha256(payload)
        for endorsement in action.endorsements:
            if endorsement.endorser in identities:
                continue
            try:
                identity = self.msp.deserialize(endorsement.endorser)
                identity.validate()
                joined = begun.copy()
                joined.update(endorsement.endorser)
                digest = joined.digest()
                if (digest, endorsement.signature) not in known:
                    identity.verify(payload + endorsement.endorser, endorsement.signature, digest)
            except IdentityError:
                continue
            identities[endorsement.endorser] = identity
        return list(identities.values())

    def policies(
        self,
        space: NamespaceSet,
        metadata: Callable[[bytes], bytes | None] | None,
        changed: Collection[bytes],
    ) -> list[SignaturePolicyEnvelope]:
        """Policies of everything written: a key's own, its implicit collection's, else the chaincode's.

        :raises PolicyError: when a key's policy cannot be read, or was changed by an earlier transaction of
            the block
        """
        default = self.config.chaincodes[space.name].policy
        if metadata is None and not changed and not space.collections:
            return [default]
        policies: dict[bytes, SignaturePolicyEnvelope] = {}
        needs_default = True
        for key, collection in _written_keys(space):
            if key in changed:
                raise PolicyError("the key's policy was changed in the same block")
            entries = decode_metadata(metadata(key)) if metadata is not None else {}
            if VALIDATION_PARAMETER in entries:
                policies[entries[VALIDATION_PARAMETER]] = parse_policy(entries[VALIDATION_PARAMETER])
            elif collection.startswith(IMPLICIT_COLLECTION):
                owner = collection.removeprefix(IMPLICIT_COLLECTION)
                policies[owner.encode()] = signature_policy(EndorsementPolicy(all_of=(owner,)), ())
            else:
                policies[b""] = default
            needs_default = False
        return [default] if needs_default else list(policies.values())


def _written_keys(space: NamespaceSet) -> list[tuple[bytes, str]]:
    keys = [(full_key(space.name, write.key), "") for write in space.rwset.writes]
    keys += [(full_key(space.name, write.key), "") for write in space.rwset.metadata_writes]
    for part in space.collections:
        stored = hashed_namespace(space.name, part.name)
        keys += [(full_key(stored, write.key_hash), part.name) for write in part.rwset.hashed_writes]
        keys += [(full_key(stored, write.key_hash), part.name) for write in part.rwset.metadata_writes]
    return keys


def read_write_set(results: bytes) -> tuple[NamespaceSet, ...]:
    """Serialized ``TxReadWriteSet``, taken apart."""
    found: dict[str, NamespaceSet] = {}
    for part in _parse(TxReadWriteSet, results, Code.BAD_RWSET).ns_rwset:
        if part.namespace in found:
            raise _BadError(Code.ILLEGAL_WRITESET)
        collections = tuple(
            CollectionSet(
                item.collection_name,
                _parse(HashedRWSet, item.hashed_rwset, Code.BAD_RWSET),
                item.pvt_rwset_hash,
            )
            for item in part.collection_hashed_rwset
        )
        found[part.namespace] = NamespaceSet(
            part.namespace, _parse(KVRWSet, part.rwset, Code.BAD_RWSET), collections
        )
    return tuple(found.values())


def _parse(kind: type[M], data: bytes, code: int) -> M:
    try:
        return parse(kind, data, kind.DESCRIPTOR.name)
    except WireError as error:
        raise _BadError(code, str(error)) from error
