"""A package on the screen, as a loan officer reads it: summary first, then receivable by receivable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.text import Text

from chanrong.cli.output import item, line, out, short, styled, table, when
from consortium.errors import InvalidInputError

MAX_RECEIVABLES = 25
MAX_FINDINGS = 200
BAR_WIDTH = 24


def render(content: Mapping[str, Any], *, findings: bool = False) -> None:
    """Prints a package file's JSON.

    :raises InvalidInputError: it has not the parts of a package
    """
    try:
        payload = content["payload"]
        _heading(payload)
        _receivables(payload["receivables"])
        _waterfall(payload["receivables"])
        if findings:
            _findings(payload["findings"], _names(payload))
        else:
            _outcomes(payload["findings"])
        out.print()
        line(Text("before paying out", style="bold"))
        for condition in payload["conditions_precedent"]:
            item(f"  {condition['code']:<14} ", condition["text"])
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise InvalidInputError(
            f"This is no package: {type(wrong).__name__} at {wrong}.",
            remedy="Ask for it again; `chanrong package verify` says what is wrong with a file.",
        ) from wrong


def _heading(payload: Mapping[str, Any]) -> None:
    heading, summary, request = payload["heading"], payload["summary"], payload["request"]
    line(Text(f"credit package {heading['package_id']}", style="bold"))
    line(f"for {heading['issuer']}, on the {heading['ledger']} ledger, to {request['purpose']}")
    subject = ", ".join(payload["subject"]["identifiers"]) or payload["subject"]["handle"]
    line(f"subject {subject}")
    line(f"evaluated {when(payload['evaluated_at'])}, valid until {when(payload['valid_until'])}")
    sources = ", ".join(f"{s['source']} {s['state']}" for s in payload["sources"])
    line(f"sources: {sources}")
    counts = summary["counts"]
    for currency, totals in summary["totals"].items():
        out.print()
        line(
            Text(f"eligible {money(totals['eligible'])} {currency}", style="bold green"),
            f" of {money(totals['face'])} face value",
        )
    if payload["receivables"]:
        line(f"{counts['eligible']} eligible, {counts['refer']} to refer, {counts['excluded']} excluded")
    else:
        out.print()
        line("no receivables")
    subject_says = summary["subject"]
    if subject_says["reasons"]:
        out.print()
        line("the subject itself: ", styled(subject_says["decision"]))
        for reason in subject_says["reasons"]:
            _reason(reason)
    out.print()


def _reason(reason: Mapping[str, Any]) -> None:
    item(Text("  "), f"{reason['code']}: {reason['message']}")


def _receivables(receivables: Sequence[Mapping[str, Any]]) -> None:
    """What is not eligible comes first and says why; the rest is a table."""
    order = {"excluded": 0, "refer": 1, "eligible": 2}
    ranked = sorted(receivables, key=lambda r: order[r["decision"]])
    shown = ranked[:MAX_RECEIVABLES]
    for one in (r for r in shown if r["reasons"]):
        line(
            styled(one["decision"]),
            f" {one['number']}: {money(one['eligible'])} of {money(_face(one))} {one['currency']},"
            f" {short(one['document'] or one['fingerprint'])}",
        )
        for reason in one["reasons"]:
            _reason(reason)
    rest = [
        (
            one["decision"],
            one["number"],
            money(_face(one)),
            money(one["eligible"]),
            short(one["document"] or one["fingerprint"]),
        )
        for one in shown
        if not one["reasons"]
    ]
    if rest:
        if len(rest) < len(shown):
            out.print()
        columns = ("decision", "receivable", "face value", "eligible", "fingerprint")
        table(columns, rest, right=("face value", "eligible"))
    if len(receivables) > len(shown):
        line(f"… and {len(receivables) - len(shown)} more, in the file")


def _face(receivable: Mapping[str, Any]) -> str:
    return str(receivable["waterfall"][0]["amount"]) if receivable["waterfall"] else "0"


def _waterfall(receivables: Sequence[Mapping[str, Any]]) -> None:
    """The way from face value to eligible amount, summed over the eligible receivables of one currency."""
    by_currency: dict[str, dict[str, Any]] = {}
    for one in receivables:
        if one["decision"] != "eligible":
            continue
        steps = by_currency.setdefault(one["currency"], {})
        for step in one["waterfall"]:
            steps[step["step"]] = steps.get(step["step"], Decimal(0)) + Decimal(step["amount"])
    for currency, steps in by_currency.items():
        out.print()
        line(
            Text(
                f"from face value to eligible amount ({currency}, {_eligible(receivables, currency)} eligible)",
                style="bold",
            )
        )
        total = sum(steps.values())
        largest = max((abs(amount) for amount in steps.values()), default=Decimal(1)) or Decimal(1)
        for name, amount in [*steps.items(), ("eligible", total)]:
            bar = "█" * max(round(abs(amount) / largest * BAR_WIDTH), 1 if amount else 0)
            label = f"{name.replace('_', ' '):<28} {money(str(amount)):>18} "
            line(label, Text(bar, style="green" if amount >= 0 else "red"), indent=2)


def _eligible(receivables: Sequence[Mapping[str, Any]], currency: str) -> int:
    return sum(r["decision"] == "eligible" and r["currency"] == currency for r in receivables)


def _outcomes(findings: Sequence[Mapping[str, Any]]) -> None:
    counted: dict[str, dict[str, int]] = {}
    for finding in findings:
        counted.setdefault(finding["rule"], {})[finding["outcome"]] = (
            counted.get(finding["rule"], {}).get(finding["outcome"], 0) + 1
        )
    outcomes = ("PASS", "WARN", "FAIL", "UNKNOWN", "NOT_APPLICABLE")
    rows = [(rule, *(str(found.get(outcome, "")) for outcome in outcomes)) for rule, found in counted.items()]
    columns = ("findings by rule", "pass", "warn", "fail", "unknown", "n/a")
    out.print()
    table(columns, rows, right=columns[1:])


def _names(payload: Mapping[str, Any]) -> dict[str, str]:
    """Receivables' numbers by fingerprint."""
    return {r["fingerprint"]: r["number"] for r in payload["receivables"]}


def _findings(findings: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> None:
    """Every finding that is not a pass, the gravest first."""
    order = {"FAIL": 0, "WARN": 1, "UNKNOWN": 2}
    chosen = sorted((f for f in findings if f["outcome"] in order), key=lambda f: order[f["outcome"]])
    passed = len(findings) - len(chosen)
    out.print()
    line(Text(f"findings ({len(chosen)}; {passed} more are a pass or do not apply)", style="bold"))
    for finding in chosen[:MAX_FINDINGS]:
        about = names.get(finding["subject"]) or short(finding["subject"]) or "subject"
        at = f", line {finding['line']}" if finding.get("line") else ""
        line(styled(finding["outcome"]), f" {finding['rule']}.{finding['code']}  {about}{at}")
        line(Text(str(finding["message"]), style="dim"), indent=2)
    if len(chosen) > MAX_FINDINGS:
        line(f"… and {len(chosen) - MAX_FINDINGS} more, in the file")


def money(amount: str) -> str:
    """An amount with thousands separators."""
    whole, _, fraction = amount.partition(".")
    sign = "-" if whole.startswith("-") else ""
    digits = whole.lstrip("-") or "0"
    grouped = f"{int(digits):,}"
    return sign + grouped + (f".{fraction}" if fraction else "")
