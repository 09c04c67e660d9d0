"""The channel's configuration: members, orderer, chaincode definitions. It stands in configuration blocks.

Block 0 holds the first one; a start with other settings appends a block with the new one. So the chain says
by which rules each of its blocks was validated, and ``verify`` can apply them again. The bytes say that the
ledger is embedded.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from chaincode.hosts.embedded.msp import Authority, MspManager, Signer, load_authority
from chaincode.hosts.embedded.policy import signature_policy
from chaincode.hosts.embedded.settings import EmbeddedSettings
from chaincode.hosts.embedded.wire import WireError, field_bytes, transaction_id
from consortium.documents.canonical import canonical_bytes
from consortium.wire.fabric.common.common_pb2 import (
    ChannelHeader,
    Envelope,
    Header,
    HeaderType,
    Payload,
    SignatureHeader,
)
from consortium.wire.fabric.common.policies_pb2 import SignaturePolicyEnvelope

NOTICE = (
    "embedded ledger: one operator holds every organisation's key; for a laptop, a demo, a pilot and tests"
)
FORMAT = "chanrong.embedded/1"
VALUE_NAME = "ChanrongEmbedded"


@dataclass(frozen=True, slots=True)
class Definition:
    """One chaincode as the channel defines it.

    :param sequence: counts its definitions from 1
    :param collections: private data collections with their members
    """

    version: str
    sequence: int
    policy: SignaturePolicyEnvelope
    collections: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """What all blocks up to the next configuration are validated by.

    :param members: certificate authorities and revocation lists (PEM) by MSP id
    :param orderer: serialized identity that signs blocks
    """

    channel: str
    members: Mapping[str, tuple[tuple[bytes, ...], tuple[bytes, ...]]]
    orderer: bytes
    chaincodes: Mapping[str, Definition]

    def msp(self) -> MspManager:
        """The members' identities."""
        return MspManager([self._authority(name) for name in self.members])

    def _authority(self, name: str) -> Authority:
        authorities, crls = self.members[name]
        return load_authority(name, authorities, crls)

    def to_bytes(self) -> bytes:
        """As it stands in the block."""
        return canonical_bytes(
            {
                "format": FORMAT,
                "notice": NOTICE,
                "channel": self.channel,
                "members": {
                    name: {"ca": [pem.decode() for pem in cas], "crl": [pem.decode() for pem in crls]}
                    for name, (cas, crls) in self.members.items()
                },
                "orderer": _b64(self.orderer),
                "chaincodes": {
                    name: {
                        "version": definition.version,
                        "sequence": definition.sequence,
                        "policy": _b64(definition.policy.SerializeToString()),
                        "collections": {
                            key: list(members) for key, members in definition.collections.items()
                        },
                    }
                    for name, definition in self.chaincodes.items()
                },
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> ChannelConfig:
        """The other way.

        :raises WireError: when it is not one
        """
        try:
            parsed = json.loads(data)
            if parsed["format"] != FORMAT:
                raise WireError(f"configuration format {parsed['format']!r} is not known")
            return cls(
                channel=parsed["channel"],
                members={
                    name: (
                        tuple(pem.encode() for pem in part["ca"]),
                        tuple(pem.encode() for pem in part["crl"]),
                    )
                    for name, part in parsed["members"].items()
                },
                orderer=base64.b64decode(parsed["orderer"]),
                chaincodes={
                    name: Definition(
                        version=part["version"],
                        sequence=part["sequence"],
                        policy=SignaturePolicyEnvelope.FromString(base64.b64decode(part["policy"])),
                        collections={key: tuple(members) for key, members in part["collections"].items()},
                    )
                    for name, part in parsed["chaincodes"].items()
                },
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WireError(f"the configuration cannot be read: {error}") from error


def wanted_config(settings: EmbeddedSettings, orderer: bytes, chaincodes: Mapping[str, str]) -> ChannelConfig:
    """The configuration that the settings ask for; ``chaincodes``: versions by name."""
    everyone = tuple(organisation.msp_id for organisation in settings.organisations)
    policy = signature_policy(settings.policy, everyone)
    collections = {item.name: item.members or everyone for item in settings.collections}
    collections |= {f"_implicit_org_{name}": (name,) for name in everyone}
    return ChannelConfig(
        channel=settings.channel,
        members={
            item.msp_id: (
                tuple(path.read_bytes() for path in item.ca_certs),
                tuple(path.read_bytes() for path in item.crls),
            )
            for item in settings.organisations
        },
        orderer=orderer,
        chaincodes={
            name: Definition(version=version, sequence=1, policy=policy, collections=collections)
            for name, version in chaincodes.items()
        },
    )


def next_config(current: ChannelConfig | None, wanted: ChannelConfig) -> ChannelConfig | None:
    """The configuration to append, with the definitions' sequences counted on; None when nothing changes.

    Chaincodes that the settings no longer name keep their definition: their state is still there.
    """
    if current is None:
        return wanted
    chaincodes = dict(current.chaincodes)
    for name, definition in wanted.chaincodes.items():
        before = current.chaincodes.get(name)
        if before is None:
            chaincodes[name] = definition
        elif replace(before, sequence=definition.sequence) != definition:
            chaincodes[name] = replace(definition, sequence=before.sequence + 1)
    merged = replace(wanted, chaincodes=chaincodes)
    return None if merged == current else merged


def config_envelope(config: ChannelConfig, orderer: Signer, seconds: int, nonce: bytes) -> Envelope:
    """The transaction of a configuration block, signed by the orderer.

    The data is a ``common.ConfigEnvelope`` whose channel group holds one value of ours.
    """
    header = ChannelHeader(
        type=HeaderType.CONFIG, channel_id=config.channel, tx_id=transaction_id(nonce, orderer.serialized)
    )
    header.timestamp.seconds = seconds
    value = field_bytes(2, config.to_bytes()) + field_bytes(3, b"Admins")
    group = field_bytes(3, field_bytes(1, VALUE_NAME.encode()) + field_bytes(2, value))
    payload = Payload(
        header=Header(
            channel_header=header.SerializeToString(),
            signature_header=SignatureHeader(creator=orderer.serialized, nonce=nonce).SerializeToString(),
        ),
        data=field_bytes(1, field_bytes(2, group)),
    ).SerializeToString()
    return Envelope(payload=payload, signature=orderer.sign(payload))


def read_config(data: bytes) -> ChannelConfig:
    """The configuration in the data of a configuration transaction.

    :raises WireError: when there is none of ours
    """
    group = _field(_field(data, 1), 2)
    entry = _field(group, 3)
    if _field(entry, 1) != VALUE_NAME.encode():
        raise WireError("a configuration that is not the embedded ledger's")
    return ChannelConfig.from_bytes(_field(_field(entry, 2), 2))


def _field(data: bytes, wanted: int) -> bytes:
    """The first length-delimited field with this number; the others are passed over."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        size, at = _varint(data, at)
        if tag & 7 != 2 or at + size > len(data):
            break
        if tag >> 3 == wanted:
            return data[at : at + size]
        at += size
    raise WireError(f"the configuration has no field {wanted}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
    raise WireError("the configuration is cut off")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
