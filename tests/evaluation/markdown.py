"""The figures of ``docs/evaluation.md``: what stands there below its marks is what this writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

TITLES = {
    "before funding": "Frauds that papers and institutions can show before funding",
    "in life": "Frauds that can only be seen in life",
    "never": "Frauds that documents cannot show",
}
REASONS = 15


def markdown(data: dict[str, Any]) -> str:
    """The report's JSON as tables."""
    return "\n".join([*_aims(data), *_honest(data), *_outages(data), *_sets(data), *_frauds(data)]) + "\n"


def _percent(rate: dict[str, Any]) -> str:
    return f"{rate['rate']:.2%} ({rate['low']:.2%} to {rate['high']:.2%})"


def _aims(data: dict[str, Any]) -> Iterator[str]:
    found = data["summary"]
    kinds = found["visible_kinds_at_95_percent"]
    yield f"Seed {data['seed']}, profiles {', '.join(data['profiles'].values())}."
    yield ""
    yield "| what | reached (95 % interval) | aim |"
    yield "|---|---|---|"
    yield f"| frauds of visible kinds caught in time | {_percent(found['visible_cases_caught'])} | >= 95 % |"
    yield f"| … kinds caught at 95 % or more | {kinds['hits']} of {kinds['of']} | |"
    yield f"| … by value | {found['value_caught']:.2%} | |"
    yield f"| honest receivables excluded | {_percent(found['honest_failed'])} | <= 0.1 % |"
    yield f"| … by value | {found['honest_value_failed']:.2%} | |"
    yield f"| honest receivables referred | {_percent(found['honest_referred'])} | <= 5 % |"
    yield f"| … by value | {found['honest_value_referred']:.2%} | |"
    yield f"| outages turned into a pass | {found['outages_turned_into_a_pass']} | 0 |"
    yield f"| one fraud in 1,000: an excluded receivable is a fraud | {found['precision_of_exclusions']:.1%} | |"
    yield f"| one fraud in 1,000: any alarm is a fraud | {found['precision_of_all_alarms']:.1%} | |"
    yield ""


def _honest(data: dict[str, Any]) -> Iterator[str]:
    honest = data["honest"]
    yield f"### Honest: {honest['receivables']:,} receivables in {honest['requests']:,} applications"
    yield ""
    yield "| what | rate |"
    yield "|---|---|"
    for name, key in (
        ("excluded", "failed"),
        ("excluded beside these for a real obstacle", "excluded_for_a_real_obstacle"),
        ("referred", "referred"),
        ("… of these for a real doubt", "referred_for_a_real_doubt"),
        ("applications referred as a whole", "requests_referred"),
        ("alarms in life", "in_life_alarms"),
    ):
        yield f"| {name} | {_percent(honest[key])} |"
    yield f"| eligible for more than is owed | {honest['eligible_for_more_than_owed']} |"
    yield ""
    yield "| finding | times | for example |"
    yield "|---|---|---|"
    for code, times in list(honest["reasons"].items())[:REASONS]:
        yield f"| {code} | {times} | {honest['examples'].get(code, '')} |"
    yield ""


def _outages(data: dict[str, Any]) -> Iterator[str]:
    yield "### One institution silent"
    yield ""
    yield "| silent | eligible receivables that are referred then | turned into a pass | amount rose |"
    yield "|---|---|---|---|"
    for source, outage in data["outages"].items():
        passed, rose = outage["turned_into_a_pass"], outage["amount_rose"]
        yield f"| {source} | {outage['abstained']['rate']:.1%} of {outage['abstained']['of']} | {passed} | {rose} |"
    yield ""


def _sets(data: dict[str, Any]) -> Iterator[str]:
    if not data["labelled_sets"]:
        return
    yield "### Sets of others"
    yield ""
    yield "| set | recall | precision | clean invoices stopped |"
    yield "|---|---|---|---|"
    for name, found in data["labelled_sets"].items():
        rates = (_percent(found[key]) for key in ("recall", "precision", "false_alarms"))
        yield f"| {name} | {' | '.join(rates)} |"
    yield ""


def _frauds(data: dict[str, Any]) -> Iterator[str]:
    names = ("stopped", "referred", "contained", "later", "missed")
    for visible, title in TITLES.items():
        yield f"### {title}"
        yield ""
        yield "| kind | what is done | seen in | needs | stopped | referred | contained | in life | missed | by |"
        yield "|---|---|---|---|---|---|---|---|---|---|"
        for kind in data["frauds"]:
            if kind["visible"] == visible:
                counts = " | ".join(str(kind["outcomes"][name] or "") for name in names)
                what = f"{kind['title']}{'; ' + kind['why'] if kind['why'] else ''}"
                by = ", ".join(kind["by"][:2])
                needs = ", ".join(kind["needs"])
                yield f"| `{kind['name']}` | {what} | {kind['case']} | {needs} | {counts} | {by} |"
        yield ""
