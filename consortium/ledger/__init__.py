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
``checkpoints``          where a reader stands, in memory or a file; ``sql_checkpoints``: in a database
``blocks``               blocks as typed transactions (pure)
``proofs``               signed reads, checked offline (pure)
``messages``             Fabric's messages (pure)
``connection``           channels, deadlines, fail-over; ``liveness``: connections open at one end only
``errors``               one error per stage; ``diagnosis``: what peers' words mean (pure)
``profile``              connection profiles; ``settings``: where the ledger is, for a process's settings
======================== ===========================================================================

Import from the modules: whoever only verifies needs no gRPC.
"""
