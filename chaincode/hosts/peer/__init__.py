"""Runs a contract as chaincode-as-a-service for Fabric's peers (2.5 and later); the guide is docs/chaincode.md.

Layers, each importing only those before it: ``settings``, ``frames`` (bytes of messages), ``exchange`` (one writer,
one question per transaction), ``proposal`` (who calls, and when), ``stub`` (the ledger as a contract sees it),
``stream`` (a peer's stream with its transactions), ``server``.
"""

from __future__ import annotations

from chaincode.hosts.loading import load_contract
from chaincode.hosts.peer.server import ChaincodeServer, serve
from chaincode.hosts.peer.settings import ChaincodeSettings

__all__ = ["ChaincodeServer", "ChaincodeSettings", "load_contract", "serve"]
