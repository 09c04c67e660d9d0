"""A small evaluation, the same every time: what `make evaluate` prints at length."""

from __future__ import annotations

import orjson
import pytest

from tests.evaluation.frauds import FRAUDS
from tests.evaluation.honesty import honest_scene, try_honest
from tests.evaluation.markdown import markdown
from tests.evaluation.run import QUICK, Report, run, to_json
from tests.evaluation.scene.scene import APPLIED, LATER
from tests.evaluation.tally import Rate, precision
from tests.evaluation.trial import newest
from tests.evaluation.views.evidence import evidence
from tests.evaluation.views.look import Look

SEED = 7
NOT_SEEN: dict[str, str] = {}
"""Visible kinds that the rules do not see yet, and why."""


@pytest.fixture(scope="module")
def report() -> Report:
    return run(SEED, QUICK)


@pytest.mark.parametrize(
    "name", [fraud.name for fraud in FRAUDS if fraud.visible != "never" and fraud.name not in NOT_SEEN]
)
def test_a_visible_fraud_is_caught(report: Report, name: str) -> None:
    kind = next(kind for kind in report.kinds if kind.fraud.name == name)
    assert kind.in_time.hits, [case.outcome for case in kind.cases]


def test_no_outage_turns_into_a_pass_or_raises_an_amount(report: Report) -> None:
    for source, outage in report.outages.items():
        assert (outage.passed, outage.more) == (0, 0), (source, outage.examples)
    assert report.outages["tax"].eligible > 20


def test_every_institution_that_rules_ask_makes_them_abstain(report: Report) -> None:
    for source in ("tax", "bank", "credit", "registry", "bills"):
        assert report.outages[source].abstained, source


def test_nothing_is_lent_above_what_is_owed(report: Report) -> None:
    assert report.honest.receivables >= QUICK.honest
    assert report.honest.too_much == 0


def test_most_honest_receivables_pass(report: Report) -> None:
    stopped = report.honest.failed + report.honest.referred
    assert stopped < report.honest.receivables / 4, report.honest.reasons


def test_the_same_seed_gives_the_same_world_and_verdicts() -> None:
    profile = newest("receivable")
    assert profile is not None
    for look in (Look(APPLIED), Look(LATER)):
        one, two = (evidence(honest_scene(SEED, 1), look).to_bytes() for _ in range(2))
        assert one == two
    assert evidence(honest_scene(SEED, 1), Look(APPLIED)) != evidence(
        honest_scene(SEED + 1, 1), Look(APPLIED)
    )
    assert try_honest(SEED, 1, profile) == try_honest(SEED, 1, profile)


def test_the_report_is_data_that_scripts_can_read(report: Report) -> None:
    data = orjson.loads(orjson.dumps(to_json(report)))
    assert len(data["frauds"]) == len(FRAUDS)
    assert data["summary"]["aims"].keys() == {
        "visible kinds caught",
        "honest failed",
        "honest referred",
        "no outage a pass",
    }


def test_the_tables_of_the_docs_name_every_kind(report: Report) -> None:
    text = markdown(to_json(report))
    assert all(f"`{fraud.name}`" in text for fraud in FRAUDS)
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert {line.count("|") for line in rows} == {11}


def test_there_are_kinds_enough_and_each_says_what_is_needed() -> None:
    assert len({fraud.name for fraud in FRAUDS}) == len(FRAUDS) >= 25
    for fraud in FRAUDS:
        assert fraud.needs or fraud.visible == "never", fraud.name
        assert fraud.why or fraud.visible != "never", fraud.name
    for pattern in (
        "青岛港",
        "上海钢贸",
        "承兴",
        "First Brands",
        "Greensill",
        "Hin Leong",
        "Agritrade",
        "nickel",
        "专网通信",
    ):
        assert any(pattern in fraud.case for fraud in FRAUDS), pattern


def test_wilsons_interval_and_precision() -> None:
    low, high = Rate(10, 100).interval
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)
    assert Rate(0, 0).interval == (0.0, 1.0)
    assert round(precision(1.0, 0.001), 4) == 0.5003
    assert precision(0.0, 0.0) == 0.0
