"""What an outbox decides: packing, verdicts, silence; and a state machine over all of it with a fake
clock.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortium.storage.outbox import (
    DUPLICATE_TXID,
    MVCC_READ_CONFLICT,
    PHANTOM_READ_CONFLICT,
    VALID,
    Action,
    OutboxPolicy,
    Verdict,
    after_silence,
    after_verdict,
    failures_of_half,
    fitting,
    halves,
    judge,
    pause_s,
)

POLICY = OutboxPolicy(max_items=5, max_bytes=100)


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ([], 0),
        ([10], 1),
        ([10] * 9, 5),
        ([60, 30, 20], 2),
        ([50, 50, 1], 2),
        ([500, 1], 1),  # an oversized one stands alone
        ([1, 500], 1),
    ],
)
def test_a_batch_keeps_to_its_limits(sizes: list[int], count: int) -> None:
    assert fitting(sizes, POLICY) == count


@given(st.lists(st.integers(1, 300), max_size=40))
@settings(max_examples=100)
def test_packing_takes_everything_in_order_and_never_nothing(sizes: list[int]) -> None:
    left = list(sizes)
    while left:
        count = fitting(left, POLICY)
        assert 1 <= count <= POLICY.max_items
        assert count == 1 or sum(left[:count]) <= POLICY.max_bytes
        left = left[count:]


@pytest.mark.parametrize(
    ("code", "own", "first", "verdict"),
    [
        (VALID, True, True, Verdict.VALID),
        (MVCC_READ_CONFLICT, True, True, Verdict.CONFLICT),
        (PHANTOM_READ_CONFLICT, True, True, Verdict.CONFLICT),
        (10, True, True, Verdict.REJECTED),
        (DUPLICATE_TXID, True, True, Verdict.BURNT),
        (DUPLICATE_TXID, True, False, Verdict.NONE),
        (VALID, True, False, Verdict.NONE),
        (VALID, False, True, Verdict.BURNT),  # somebody else's bytes under our id: never ours
        (MVCC_READ_CONFLICT, False, True, Verdict.BURNT),
    ],
)
def test_a_verdict_counts_for_our_own_bytes_alone(
    code: int, own: bool, first: bool, verdict: Verdict
) -> None:
    assert judge(code, own_bytes=own, first_use=first) is verdict


@pytest.mark.parametrize(
    ("verdict", "failures", "items", "action"),
    [
        (Verdict.VALID, 7, 9, Action.FINISH),
        (Verdict.NONE, 0, 9, Action.WAIT),
        (Verdict.CONFLICT, 0, 9, Action.RETRY),
        (Verdict.CONFLICT, 1, 9, Action.RETRY),
        (Verdict.CONFLICT, 2, 9, Action.SPLIT),
        (Verdict.CONFLICT, 99, 1, Action.RETRY),  # a lone item is tried for as long as it takes
        (Verdict.BURNT, 9, 9, Action.RETRY),
        (Verdict.REJECTED, 3, 9, Action.RETRY),
        (Verdict.REJECTED, 4, 9, Action.PARK),
    ],
)
def test_what_follows_a_verdict(verdict: Verdict, failures: int, items: int, action: Action) -> None:
    assert after_verdict(verdict, failures=failures, items=items, policy=OutboxPolicy()) is action


@given(age=st.floats(0, 1000), on_ledger=st.booleans(), caught_up=st.booleans())
def test_nothing_is_done_again_while_the_first_may_be_known(
    age: float, on_ledger: bool, caught_up: bool
) -> None:
    action = after_silence(age_s=age, on_ledger=on_ledger, caught_up=caught_up, policy=OutboxPolicy())
    if on_ledger or not caught_up:
        assert action is Action.WAIT
    else:
        assert action is (Action.REBUILD if age >= 300 else Action.SUBMIT_SAME)


@given(count=st.integers(2, 1000))
def test_a_hostile_item_stands_alone_after_a_logarithm_of_conflicts(count: int) -> None:
    policy = OutboxPolicy()
    failures, rounds = failures_of_half(policy), 0
    while count > 1:
        assert after_verdict(Verdict.CONFLICT, failures=failures, items=count, policy=policy) is Action.SPLIT
        first, second = halves(count)
        assert first + second == count
        assert second >= 1
        count, rounds = first, rounds + 1
    assert rounds <= 10


@given(failures=st.integers(1, 60), fraction=st.floats(0, 1))
def test_pauses_are_bounded(failures: int, fraction: float) -> None:
    assert 0 <= pause_s(failures, fraction, OutboxPolicy()) <= OutboxPolicy().jitter_max_s
