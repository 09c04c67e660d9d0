"""Runs it all, on as many processes as asked for; the same seed gives the same report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from crossverify.profiles import Profile
from tests.evaluation.frauds import FRAUDS
from tests.evaluation.frauds.base import Fraud
from tests.evaluation.honesty import try_honest
from tests.evaluation.labelled import Set, labelled
from tests.evaluation.outage import Outage, fraud_outages, honest_outages, twin_outages
from tests.evaluation.tally import Honest, Kind
from tests.evaluation.trial import Case, newest, try_fraud
from tests.evaluation.views.look import SOURCES

RECEIVABLES_PER_APPLICATION: Final = 6
"""About so many are brought; how many applications make how many receivables."""
MAX_APPLICATIONS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done.

    :ivar cases: of each kind of fraud
    :ivar honest: receivables, at least
    :ivar outages: honest applications that are judged with each source silent
    :ivar every: every so manieth kind of fraud is judged so too
    """

    cases: int = 16
    honest: int = 3_000
    outages: int = 40
    every: int = 1
    processes: int = 2


QUICK: Final = Size(cases=1, honest=60, outages=3, every=4, processes=1)


@dataclass(slots=True)
class Report:
    """What came out."""

    seed: int
    profiles: dict[str, str]
    kinds: list[Kind] = field(default_factory=list)
    skipped: list[Fraud] = field(default_factory=list)
    honest: Honest = field(default_factory=Honest)
    outages: dict[str, Outage] = field(default_factory=lambda: {source: Outage() for source in SOURCES})
    sets: list[Set] = field(default_factory=list)
    seconds: float = 0.0


T = TypeVar("T")
R = TypeVar("R")


def run(seed: int, size: Size, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Evaluates."""
    began = time.monotonic()
    profiles = {product: newest(product) for product in ("receivable", "order", "warehouse", "bill")}
    report = Report(seed, {name: found.id for name, found in profiles.items() if found is not None})
    receivable = profiles["receivable"]
    assert receivable is not None
    with _pool(size.processes) as spread:
        tell("frauds")
        _frauds(report, profiles, seed, size, spread)
        tell("honest applications")
        _honest(report, receivable, seed, size, spread)
        tell("outages")
        _outages(report, profiles, seed, size, spread)
    tell("labelled sets")
    report.sets = labelled(receivable)
    report.seconds = time.monotonic() - began
    return report


def _frauds(
    report: Report, profiles: dict[str, Profile | None], seed: int, size: Size, spread: Spread
) -> None:
    for fraud in FRAUDS:
        if profiles[fraud.product] is None:
            report.skipped.append(fraud)
        else:
            report.kinds.append(Kind(fraud))
    by_name = {kind.fraud.name: kind for kind in report.kinds}
    products = [product for product, profile in profiles.items() if profile is not None]
    jobs = [(product, f"{seed}.{number}") for number in range(size.cases) for product in products]
    for cases in spread(_all_frauds, jobs):
        for case in cases:
            by_name[case.fraud].cases.append(case)


def _honest(report: Report, profile: Profile, seed: int, size: Size, spread: Spread) -> None:
    """As many applications as it takes: in whole batches, so that processes make no difference."""
    batch = max(size.honest // RECEIVABLES_PER_APPLICATION // 2, 1)
    first = 0
    while report.honest.receivables < size.honest and first < MAX_APPLICATIONS:
        for count in spread(_one_honest, [(seed, number) for number in range(first, first + batch)]):
            report.honest.add(count)
        first += batch
        batch = max(batch // 4, 1)


def _outages(
    report: Report, profiles: dict[str, Profile | None], seed: int, size: Size, spread: Spread
) -> None:
    jobs: list[tuple[str, str]] = [("", f"{seed} {number}") for number in range(size.outages)]
    jobs += [
        (product, f"{seed}.{number}") for product in profiles for number in range(size.outages // 10 + 1)
    ]
    jobs += [(kind.fraud.name, f"{seed}.0") for kind in report.kinds[:: size.every]]
    for found in spread(_outage, jobs):
        for source, outage in found.items():
            report.outages[source].add(outage)


# --- work in other processes ------------------------------------------------------------------


def _all_frauds(job: tuple[str, str]) -> list[Case]:
    """All frauds of a product on one supplier, so that its honest twin is judged once."""
    product, seed = job
    return [try_fraud(fraud, seed) for fraud in FRAUDS if fraud.product == product]


def _one_honest(job: tuple[int, int]) -> Honest:
    profile = newest("receivable")
    assert profile is not None
    return try_honest(job[0], job[1], profile)


def _outage(job: tuple[str, str]) -> dict[str, Outage]:
    name, seed = job
    fraud = next((fraud for fraud in FRAUDS if fraud.name == name), None)
    profile = newest(fraud.product if fraud else name or "receivable")
    assert profile is not None
    if fraud is not None:
        return fraud_outages(fraud, seed, profile)
    if name:
        return twin_outages(name, seed, profile)
    first, number = seed.split()
    return honest_outages(int(first), int(number), profile)


class Spread:
    """Spreads work over processes, answers in order."""

    def __init__(self, processes: int) -> None:
        self._pool = ProcessPoolExecutor(processes) if processes > 1 else None

    def __enter__(self) -> Spread:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def __call__(self, work: Callable[[T], R], jobs: Iterable[T]) -> Iterator[R]:
        """The answers, in the order of the jobs."""
        listed = list(jobs)
        if self._pool is None:
            return map(work, listed)
        return self._pool.map(work, listed, chunksize=max(len(listed) // 128, 1))


def _pool(processes: int) -> Spread:
    return Spread(processes)


def to_json(report: Report) -> dict[str, Any]:
    """Everything, for scripts; without how long it took, so that the same seed gives the same bytes."""
    from tests.evaluation.summary import summary

    return {
        "seed": report.seed,
        "profiles": report.profiles,
        "summary": summary(report),
        "frauds": [kind.to_json() for kind in report.kinds],
        "honest": report.honest.to_json(),
        "outages": {source: outage.to_json() for source, outage in report.outages.items()},
        "labelled_sets": {each.name: each.to_json() for each in report.sets},
        "skipped": [fraud.name for fraud in report.skipped],
    }
