"""A package on the screen, as a loan officer reads it: summary first, then receivable by receivable."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from chanrong.cli.output import out, short, styled, table

MAX_RECEIVABLES = 25
MAX_FINDINGS = 200


def render(content: Mapping[str, Any], *, findings: bool = False) -> None:
    """Prints a package file's JSON."""
    payload = content["payload"]
    _heading(payload)
    _receivables(payload["receivables"])
    _waterfall(payload["receivables"])
    if findings:
        _findings(payload["findings"])
    else:
        _outcomes(payload["findings"])
    out.print("\n[bold]before paying out[/bold]")
    for condition in payload["conditions_precedent"]:
        out.print(f"  {condition['code']}: {condition['text']}")


def _heading(payload: Mapping[str, Any]) -> None:
    heading, summary = payload["heading"], payload["summary"]
    out.print(
        f"[bold]credit package {heading['package_id']}[/bold]  {heading['ledger']} ledger, for {heading['issuer']}"
    )
    subject = ", ".join(payload["subject"]["identifiers"]) or payload["subject"]["handle"]
    out.print(f"subject {subject}   purpose {payload['request']['purpose']}")
    out.print(f"evaluated {_when(payload['evaluated_at'])}, valid until {_when(payload['valid_until'])}")
    counts = summary["counts"]
    for currency, totals in summary["totals"].items():
        out.print(
            f"\n[bold green]eligible {money(totals['eligible'])} {currency}[/bold green]"
            f" of {money(totals['face'])} face value:"
            f" {counts['eligible']} eligible, {counts['refer']} to refer, {counts['excluded']} excluded"
        )
    subject_says = summary["subject"]
    if subject_says["reasons"]:
        out.print(f"subject: {styled(subject_says['decision'])}")
        for reason in subject_says["reasons"]:
            out.print(f"  {reason['code']}: {reason['message']}")
    sources = [f"{s['source']} {s['state']}" for s in payload["sources"]]
    out.print("sources: " + ", ".join(sources) + "\n")


def _receivables(receivables: Sequence[Mapping[str, Any]]) -> None:
    order = {"excluded": 0, "refer": 1, "eligible": 2}
    ranked = sorted(receivables, key=lambda r: order[r["decision"]])
    rows = []
    for item in ranked[:MAX_RECEIVABLES]:
        reasons = "\n".join(f"{r['code']}: {r['message']}" for r in item["reasons"])
        face = item["waterfall"][0]["amount"] if item["waterfall"] else "0"
        rows.append((item["number"], item["decision"], money(face), money(item["eligible"]), reasons))
    columns = ("receivable", "decision", "face value", "eligible", "why")
    table("", columns, rows, right=("face value", "eligible"))
    if len(receivables) > MAX_RECEIVABLES:
        out.print(f"… and {len(receivables) - MAX_RECEIVABLES} more, in the file")


def _waterfall(receivables: Sequence[Mapping[str, Any]]) -> None:
    """The way from face value to eligible amount, summed over the eligible receivables of one currency."""
    by_currency: dict[str, dict[str, Any]] = {}
    for item in receivables:
        if item["decision"] != "eligible":
            continue
        steps = by_currency.setdefault(item["currency"], {})
        for step in item["waterfall"]:
            steps[step["step"]] = steps.get(step["step"], Decimal(0)) + Decimal(step["amount"])
    for currency, steps in by_currency.items():
        out.print(f"\n[bold]from face value to eligible amount ({currency}, eligible receivables)[/bold]")
        total = sum(steps.values())
        largest = max((abs(amount) for amount in steps.values()), default=Decimal(1)) or Decimal(1)
        for name, amount in [*steps.items(), ("eligible", total)]:
            bar = "█" * max(round(abs(amount) / largest * 30), 1 if amount else 0)
            colour = "green" if amount >= 0 else "red"
            out.print(f"  {name.replace('_', ' '):<30} {money(str(amount)):>16} [{colour}]{bar}[/{colour}]")


def _outcomes(findings: Sequence[Mapping[str, Any]]) -> None:
    counted: dict[str, dict[str, int]] = {}
    for finding in findings:
        counted.setdefault(finding["rule"], {})[finding["outcome"]] = (
            counted.get(finding["rule"], {}).get(finding["outcome"], 0) + 1
        )
    outcomes = ("PASS", "WARN", "FAIL", "UNKNOWN", "NOT_APPLICABLE")
    rows = [(rule, *(str(found.get(outcome, "")) for outcome in outcomes)) for rule, found in counted.items()]
    out.print()
    table("findings by rule", ("rule", "pass", "warn", "fail", "unknown", "n/a"), rows, right=outcomes)


def _findings(findings: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (f["rule"], f["outcome"], f["code"], short(f["subject"], 10), f.get("line") or "", f["message"])
        for f in findings
        if f["outcome"] not in {"PASS", "NOT_APPLICABLE"}
    ]
    out.print()
    table(
        "findings that are not a pass",
        ("rule", "outcome", "code", "receivable", "line", "message"),
        rows[:MAX_FINDINGS],
    )
    if len(rows) > MAX_FINDINGS:
        out.print(f"… and {len(rows) - MAX_FINDINGS} more, in the file")


def money(amount: str) -> str:
    """An amount with thousands separators."""
    whole, _, fraction = amount.partition(".")
    sign = "-" if whole.startswith("-") else ""
    digits = whole.lstrip("-") or "0"
    grouped = f"{int(digits):,}"
    return sign + grouped + (f".{fraction}" if fraction else "")


def _when(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
