"""Where the load goes: one organisation's own peer, with everything a client in any language needs to write there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, Service
from consortium.identity.msp import Identity, load_identity
from consortium.ledger.connection import Endpoint
from consortium.ledger.gateway import Gateway

PEER_KINDS = ("peer", "ledger")
"""Peers of a Fabric network; the embedded ledger is everybody's one peer."""


@dataclass(frozen=True, slots=True)
class Target:
    """A channel, seen by the industry organisation.

    :param peers: address of every peer that must have what was written, the organisation's own first
    :param organisations: who endorses; every client names them, so that all ask for the same
    """

    channel: str
    chaincode: str
    msp_id: str
    peers: tuple[str, ...]
    organisations: tuple[str, ...]
    tls_roots: Path
    msp: Path

    @classmethod
    def of(cls, layout: Layout, profile: Profile) -> Target:
        """A sandbox's ledger, as its first industry gateway uses it."""
        gateway, bank = profile.of_kind("industry")[0], profile.of_kind("finance")[0]
        peers = sorted(peers_of(profile), key=lambda peer: peer.msp_id != gateway.msp_id)
        return cls(
            channel=profile.channel,
            chaincode=profile.chaincode,
            msp_id=gateway.msp_id,
            peers=tuple(peer.grpc for peer in peers),
            organisations=(gateway.msp_id, bank.msp_id),
            tls_roots=layout.bundle,
            msp=layout.msp(gateway.msp_id),
        )

    @property
    def certificate(self) -> Path:
        """PEM file of the identity that writes."""
        return _only(self.msp / "signcerts")

    @property
    def key(self) -> Path:
        """PEM file of its key."""
        return _only(self.msp / "keystore")

    def identity(self) -> Identity:
        """Who writes."""
        return load_identity(self.msp, self.msp_id)

    def gateway(self, peers: Sequence[str] | None = None) -> Gateway:
        """Our client, at the organisation's own peer unless others are named."""
        roots = self.tls_roots.read_bytes()
        return Gateway([Endpoint(peer, roots) for peer in peers or self.peers[:1]], self.identity())


def peers_of(profile: Profile) -> list[Service]:
    """The services that keep a copy of the ledger."""
    return [service for service in profile.services.values() if str(service.kind) in PEER_KINDS]


def _only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found
