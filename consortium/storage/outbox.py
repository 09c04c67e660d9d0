"""What every outbox decides, without I/O: how to pack, and what to do after each thing that can happen.

A batch is one ledger transaction for many items. Its states::

    packed ----> endorsed ----> submitted ----> committed
      ^  ^          |               |
      |  |          +---> unknown <-+            split: its items went to two smaller batches
      |  +---- a verdict other than valid        parked: rejected for no fault of its items, tried again
      slowly

``packed`` has items and an operation id and no envelope that may still be sent. ``endorsed`` has a signed
envelope in the database: from then on it may have been sent, whatever the process remembers. Only the block
stream ends a batch: a verdict counts for our own envelope bytes alone, and the block's effect is stored
together with the checkpoint. A new envelope under the same operation id is always safe, because the contract
stores the operation id with its result; it is made only when the old envelope can no longer count or has
grown old.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

VALID = 0
"""Fabric's TxValidationCode of a transaction that took effect."""
DUPLICATE_TXID = 9
MVCC_READ_CONFLICT = 11
PHANTOM_READ_CONFLICT = 12


class BatchState(StrEnum):
    """Where a batch is; stored in the database, so names never change."""

    PACKED = "packed"
    ENDORSED = "endorsed"
    SUBMITTED = "submitted"
    UNKNOWN = "unknown"
    COMMITTED = "committed"
    SPLIT = "split"
    PARKED = "parked"


IN_FLIGHT = (
    BatchState.PACKED,
    BatchState.ENDORSED,
    BatchState.SUBMITTED,
    BatchState.UNKNOWN,
    BatchState.PARKED,
)
"""States in which a batch still owes an outcome."""


class Verdict(StrEnum):
    """What a block says about one of our envelopes."""

    VALID = "valid"
    CONFLICT = "conflict"
    """Somebody else wrote a key that it read: run it again."""
    BURNT = "burnt"
    """Its transaction id was used by other bytes: it can never count, a new id can."""
    REJECTED = "rejected"
    """Any other code, such as an endorsement policy that was not met: not the items' fault."""
    NONE = "none"
    """The block says nothing new: a second copy of an envelope that already has its verdict."""


class Action(StrEnum):
    """What the worker does next with a batch."""

    FINISH = "finish"
    RETRY = "retry"
    SPLIT = "split"
    PARK = "park"
    WAIT = "wait"
    SUBMIT_SAME = "submit_same"
    REBUILD = "rebuild"


@dataclass(frozen=True, slots=True)
class OutboxPolicy:
    """Limits of an outbox.

    :param max_items: items in one transaction
    :param max_bytes: bytes of one transaction's arguments; above about 2 MB an orderer gives it a block of
        its own
    :param max_in_flight: transactions under way at once
    :param linger_s: how long a partly filled batch waits for more while others are under way
    :param envelope_max_age_s: an unsent envelope older than this is made anew; hosts refuse more than 5
        minutes
    :param split_at_failures: the conflict at which a batch is halved
    :param park_at_failures: the rejection at which a batch is parked
    :param jitter_base_s: pause after the first conflict, drawn from 0 to this; doubles with every further one
    :param jitter_max_s: longest pause after a conflict
    :param parked_retry_s: pause before a parked batch is tried again
    :param outcome_timeout_s: how long a submitted envelope is waited for before its outcome is looked up
    """

    max_items: int = 1_000
    max_bytes: int = 2_000_000
    max_in_flight: int = 8
    linger_s: float = 0.02
    envelope_max_age_s: int = 300
    split_at_failures: int = 3
    park_at_failures: int = 5
    jitter_base_s: float = 0.05
    jitter_max_s: float = 5.0
    parked_retry_s: float = 60.0
    outcome_timeout_s: float = 15.0


def fitting(sizes: Sequence[int], policy: OutboxPolicy) -> int:
    """How many of the first items go into one batch; at least one, so that an oversized item stands alone."""
    total = 0
    for count, size in enumerate(sizes[: policy.max_items]):
        total += size
        if total > policy.max_bytes and count:
            return count
    return min(len(sizes), policy.max_items)


def judge(code: int, *, own_bytes: bool, first_use: bool) -> Verdict:
    """Reads a transaction of a block that carries one of our ids.

    :param code: its validation code
    :param own_bytes: whether the envelope is the one that we signed
    :param first_use: whether we have no verdict for this id yet
    """
    if not first_use:
        return Verdict.NONE
    if not own_bytes or code == DUPLICATE_TXID:
        # A duplicate seen first means that other bytes took the id before ours: we saw them and noted
        # nothing.
        return Verdict.BURNT
    if code == VALID:
        return Verdict.VALID
    if code in {MVCC_READ_CONFLICT, PHANTOM_READ_CONFLICT}:
        return Verdict.CONFLICT
    return Verdict.REJECTED


def after_verdict(verdict: Verdict, *, failures: int, items: int, policy: OutboxPolicy) -> Action:
    """What follows a verdict.

    :param failures: earlier failures of this batch, without this one
    :param items: how many items the batch holds
    """
    if verdict is Verdict.VALID:
        return Action.FINISH
    if verdict is Verdict.NONE:
        return Action.WAIT
    if verdict is Verdict.CONFLICT and failures + 1 >= policy.split_at_failures and items > 1:
        return Action.SPLIT
    if verdict is Verdict.REJECTED and failures + 1 >= policy.park_at_failures:
        return Action.PARK
    return Action.RETRY


def after_silence(*, age_s: float, on_ledger: bool, caught_up: bool, policy: OutboxPolicy) -> Action:
    """What follows when no verdict came, or after a restart.

    :param age_s: seconds since the envelope was made
    :param on_ledger: whether the ledger knows the transaction id
    :param caught_up: whether the block stream has been read to a height that was asked for *after* the
        look-up
    """
    if on_ledger or not caught_up:
        return Action.WAIT
    return Action.REBUILD if age_s >= policy.envelope_max_age_s else Action.SUBMIT_SAME


def pause_s(failures: int, fraction: float, policy: OutboxPolicy) -> float:
    """The pause before a further try.

    :param failures: failures so far, from 1
    :param fraction: a random number from 0 to 1
    """
    longest = min(policy.jitter_max_s, policy.jitter_base_s * 2.0 ** max(0, failures - 1))
    return longest * fraction


def halves(count: int) -> tuple[int, int]:
    """Sizes of the two batches into which one of ``count`` items is split."""
    return count - count // 2, count // 2


def failures_of_half(policy: OutboxPolicy) -> int:
    """A half starts one failure short of being split again, so that a hostile key isolates itself quickly."""
    return policy.split_at_failures - 1
