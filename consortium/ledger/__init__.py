"""The client of both ledgers, Hyperledger Fabric and the embedded one: Fabric's Gateway protocol.

======================== ===========================================================================
module                   what for
======================== ===========================================================================
``gateway``              :class:`~consortium.ledger.gateway.Gateway`: endpoints and identity; the way in
``network``              a channel: blocks, events, height, transaction by id
``contract``             a chaincode: evaluate, endorse, submit, signed read
``stages``               proposal, prepared transaction, commit, status; each resumable from its bytes
``follower``             verdicts for many transactions from one block stream
``events``               streams that go on where they stopped
``checkpoints``          where a reader stands
``blocks``               blocks as typed transactions (pure)
``proofs``               signed reads, checked offline (pure)
``messages``             Fabric's messages (pure)
``connection``           channels, deadlines, fail-over
``errors``               one error per stage
======================== ===========================================================================

Import from the modules: whoever only verifies needs no gRPC.
"""
