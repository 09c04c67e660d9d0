"""Signed reads, checked offline. Pure: no network, no clock, no store; trust and time come from the caller.

A signed read is the endorsed and never submitted transaction of a read-only function: every endorser signed
the answer, what it read and at which positions, and the hash of the question. A verifier who trusts no
gateway checks:

1. One read, answered, without effect
   1.1 the container has a known version, unpacks to its end and stays below the limit
   1.2 envelope, payload and transaction can be read, hold nothing unknown, and hold exactly one action
   1.3 ChaincodeAction names the chaincode (and version) expected: the header extension selects what ran, and
       only the action says what that was
   1.4 the response has status 200
   1.5 nothing is written, no key's metadata either
   1.6 no private collection is touched
   1.7 only the chaincode's own namespace is read, and ``_lifecycle``, where its definition stands
2. The endorsers signed this very question. The proposal hash covers three parts joined without their
   lengths, and protobuf takes repeated and unknown fields: a genuine read could be cut anew to show another
   time, creator and id. So each part is built again from its decoded fields, and any difference in bytes is
   refused: 2.1 the channel header 2.2 the signature header, with the creator in it 2.3 the payload without
   transient values; ``ChaincodeSpec.type`` is 0 from some clients and 2 from others 2.4 the proposal hash
   is SHA-256 of the three joined 2.5 the transaction id is SHA-256 of nonce and creator 2.6 the action's
   signature header equals the payload's 2.7 the header names the channel expected 2.8 the function is the
   one expected, and there is one argument
3. The answer repeats the question, so that the endorsers signed it in clear too
   3.1 the answer can be read
   3.2 its channel, 3.3 its transaction id, 3.4 its time are those of the header
   3.5 its challenge is the one expected
   3.6 the argument is exactly challenge and fingerprints as expected
   3.7 there is one answer for each fingerprint, in their order
4. Each endorser
   4.1 belongs to an organisation of the trust folder
   4.2 has a certificate that chains to that organisation's CA, and
   4.3 was valid at the signed time, and
   4.4 is on no revocation list
   4.5 has the role of a peer, as the organisation's configuration defines it
   4.6 signed the response payload, over bytes as received
5. Who must have signed
   5.1 the trust folder's policy asks for somebody, and all of it is met
   5.2 the organisations that the verifier itself names, its own peer among them
6. Freshness
   6.1 the challenge is the verifier's own (3.5, 3.6); that it is used once is the caller's business
   6.2 the signed time is not older than asked for
   6.3 and not in the future

What it does not prove: that the endorsing organisations do not lie together. From the embedded ledger,
where one process holds every key, it proves nothing to a third party: ``kind`` says so.
"""

from __future__ import annotations

import zlib

MAGIC = b"CSR1"
"""Version 1: a zlib stream of the serialized envelope follows."""

MAX_ENVELOPE_BYTES = 16 * 1024 * 1024
"""Of an unpacked read: 1,000 fingerprints take 0.2 MB."""


def pack_signed_read(envelope: bytes) -> bytes:
    """A signed read as packages carry it, from a prepared transaction's serialized envelope."""
    return MAGIC + zlib.compress(envelope)
