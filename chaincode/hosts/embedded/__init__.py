"""The embedded ledger: a single node that runs a contract and serves Fabric's own protocols."""

from chaincode.hosts.embedded.server import EmbeddedLedger, serve
from chaincode.hosts.embedded.settings import Collection, EmbeddedSettings, EndorsementPolicy, Organisation
from chaincode.hosts.embedded.verification import VerifyReport, verify

__all__ = [
    "Collection",
    "EmbeddedLedger",
    "EmbeddedSettings",
    "EndorsementPolicy",
    "Organisation",
    "VerifyReport",
    "serve",
    "verify",
]
