"""A read of many documents that two organisations sign and nobody submits, and its check offline."""

from __future__ import annotations

import asyncio
import secrets
import time
from statistics import median

from chanrong.sandbox.layout import Layout
from consortium.contract import names
from consortium.contract.codec import encode
from consortium.identity.trust import TrustRoots
from consortium.ledger.proofs import Expectation, verify_signed_read
from tests.bench.target import Target

RUNS = 15
WARM_UP = 3


async def measure(layout: Layout, target: Target, fingerprints: list[str]) -> tuple[float, float, int]:
    """Medians: seconds to read, seconds to verify; and bytes."""
    trust = TrustRoots.load(layout.trust)
    reads, checks, size = [], [], 0
    async with target.gateway() as client:
        contract = client.network(target.channel).contract(target.chaincode)
        for _ in range(WARM_UP + RUNS):
            challenge = secrets.token_hex(32)
            request = encode({"challenge": challenge, "fps": fingerprints})
            began = time.perf_counter()
            data = await contract.signed_read(names.ATTEST, request, organisations=target.organisations)
            reads.append(time.perf_counter() - began)
            expect = Expectation(
                challenge,
                fingerprints,
                at=int(time.time()),
                max_age_s=60,
                organisations=frozenset(target.organisations),
            )
            began = time.perf_counter()
            found = await asyncio.to_thread(verify_signed_read, data, trust=trust, expect=expect)
            checks.append(time.perf_counter() - began)
            assert all(answer["found"] for answer in found.answers)
            size = len(data)
    return median(reads[WARM_UP:]), median(checks[WARM_UP:]), size
