"""Chanrong's smart contract: pure, deterministic, the same on every host.

No clock (time is the transaction's), no randomness, no floats, no order of sets, no I/O but the state it is handed.
What callers send and get is in :mod:`consortium.contract`; here is how it is kept.

Layers, each importing only those before it: ``keys`` and ``records`` (what is in state), ``call`` and
``operations`` (how every function runs), ``rows`` (arithmetic of one asset), ``signatures``,
``documents_state``, ``trade`` (assets and what stands above them), ``entitlement``, then one module per contract, then
``router``.

**What is in state** (composite keys)

=================================== ================================================================================
``doc`` fingerprint                 a document under its primary key; a pointer to it under its others
``claims`` asset                    an asset's claims, links and use; what was used of a parent that is not there yet
``link`` parent, child              index: documents that name a parent
``member`` asset, document          index: further documents and joined assets of an asset
``party``, ``consent``, ``package`` their records; ``consent-of`` subject, consent is the index
``evidence`` evidence               for which assets a credit note or payment was counted
``op`` hash                         operations with their results, by a hash of organisation and operation id
=================================== ================================================================================

**Who may do what.** The contract has no list of organisations: a member is whom the channel lets endorse and submit.
What an organisation may do follows from records: it owns documents that it registered, vouches for parties that it
registered, is named by consents, opens the handles of its claims.

A hostile member *can*: register false documents as its own word (``asserted``, its MSP id stands there), also
before the true ones, so that those meet its asset (the seller takes them over with its signature); register a
handle that no one has registered and vouch for it with a key of its own (verifiers decide whose word they
take); give false weights to links, and state false facts, about its own clients' documents (LINK_WEIGHT
recomputes weights from the bodies; events tell holders); reserve, under a consent, without financing, until the
reservation lapses; fill the ledger and collide with others' batches; with enough others to meet the endorsement
policy, write anything at all, as on any ledger.

It *cannot*: claim without the seller's consent or signature; claim, finance, release or settle for somebody
else; take a share that is gone, by any key, document, order or bank; bring a lapsed or released claim back; act
on a revoked or expired consent, or change what one says; sign for a party; amend, void, credit, join or link
what is neither its own clients' nor signed for, also not by vouching for a handle afterwards or by sharing an
asset under an alias; undo a void, a revocation, a supersession; use an operation id of another organisation;
learn from state who holds a claim.

The transaction's creator and arguments are visible to the channel's members: who submits a claim is known to
them until a relay identity submits for banks. Transient data (openings) is seen by the endorsing peers, which
need it.

Not here yet, with room left: transfer, convert, swap, external, dispute (see :mod:`consortium.contract.encumbrances`),
release by court order, receivables, evidence certificates, identities, bridge.
"""

from __future__ import annotations

from chaincode.contracts.router import ChanrongContract

__all__ = ["ChanrongContract"]
