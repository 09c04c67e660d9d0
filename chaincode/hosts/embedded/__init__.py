"""The embedded ledger: a single node that runs a contract and serves Fabric's own protocols.

A transaction's way: ``gateway`` (Endorse) -> ``endorser`` -> ``simulate`` on a snapshot -> ``rwset``; then ``gateway``
(Submit) -> ``validator`` (form, creator) -> ``orderer`` (queue, blocks) -> ``committer``: ``validator`` (endorsements),
``mvcc`` (reads), ``blocks``, ``store`` (one SQLite transaction per block) -> ``feed`` -> whoever waits.

What a client can tell from a real network, on purpose:

- one process holds every organisation's key. Its certificates carry the organisational unit ``chanrong-embedded``,
  block 0 says it, and so does the log; a certificate without that mark is refused at start
- the contract runs once for all endorsers, so that their answers never differ
- an envelope whose transaction cannot be read is refused by Submit instead of being ordered and marked invalid
- private values are read by members of the collection only; there is no option to widen that
- the configuration comes from the settings: configuration blocks hold it in a form of our own, and there are no
  system chaincodes but ``qscc``, no discovery, no ``Endorser`` and no orderer service to call directly
- error texts are cut to what fits into a trailer of 8 kB
- the commit hash chains codes and data hashes, not the state's bytes; ``verify`` rebuilds the state instead

Contracts run in the event loop: one that computes for long without touching the state holds everybody up, and the
limit of 30 seconds ends it only where it waits.
"""

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
