"""A package on the screen, as a loan officer reads it: summary first, then receivable by receivable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from chanrong.cli.output import STYLES, item, line, out, short, styled, table, when
from chanrong.cli.package_detail import (
    Language,
    explained,
    outcome_name,
    render_detail,
    step_name,
    word,
)
from consortium.errors import InvalidInputError

MAX_RECEIVABLES = 25
MAX_FINDINGS = 200
BAR_WIDTH = 24
LABEL_WIDTH = 31


def render(
    content: Mapping[str, Any],
    *,
    findings: bool = False,
    language: Language = Language.EN,
    receivable: str = "",
) -> None:
    """Prints a package file's JSON.

    :param language: of headings and explanations; messages carry the values and stay as they were signed
    :param receivable: number or fingerprint of the one to be shown in full; none is the overview
    :raises InvalidInputError: it has not the parts of a package, or no such receivable
    """
    try:
        payload = content["payload"]
        if receivable:
            _one(payload, receivable, language)
            return
        _heading(payload, language)
        _receivables(payload, language)
        _waterfall(payload["receivables"], language)
        if findings:
            _findings(payload, language)
        else:
            _outcomes(payload["findings"], language)
        _conditions(payload["conditions_precedent"], language)
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise InvalidInputError(
            f"This is no package: {type(wrong).__name__} at {wrong}.",
            remedy="Ask for it again; `chanrong package verify` says what is wrong with a file.",
        ) from wrong


def _one(payload: Mapping[str, Any], wanted: str, language: Language) -> None:
    """One receivable in full."""
    found = [
        each
        for each in payload["receivables"]
        if wanted in (each["number"], each["fingerprint"], each["document"])
    ]
    if not found:
        raise InvalidInputError(
            f"The package has no receivable {wanted}.", remedy="`chanrong package show FILE` lists them."
        )
    for each in found:
        _decided(payload, each, language, explain=True)
        render_detail(each, language)
        out.print()


def _conditions(conditions: Sequence[Mapping[str, Any]], language: Language) -> None:
    out.print()
    line(Text(word("before paying out", language), style="bold"))
    for condition in conditions:
        text = condition.get("text_zh") if language is Language.ZH else None
        state = f" ({word(condition['state'], language)})" if "state" in condition else ""
        item(f"  {condition['code']:<14} ", (text or condition["text"]) + state)


def _heading(payload: Mapping[str, Any], language: Language) -> None:
    heading, summary, request = payload["heading"], payload["summary"], payload["request"]
    line(Text(f"{word('credit package', language)} {heading['package_id']}", style="bold"))
    line(f"for {heading['issuer']}, on the {heading['ledger']} ledger, to {request['purpose']}")
    subject = ", ".join(payload["subject"]["identifiers"]) or payload["subject"]["handle"]
    line(f"{word('subject', language)} {subject}")
    line(
        f"{word('evaluated', language)} {when(payload['evaluated_at'])}, "
        f"{word('valid until', language)} {when(payload['valid_until'])}"
    )
    sources = ", ".join(f"{s['source']} {s['state'].replace('_', ' ')}" for s in payload["sources"])
    line(f"{word('sources', language)}: {sources}")
    if "network" in payload:
        members = ", ".join(payload["network"]["members"])
        line(f"{word('duplicates show among', language)}: {members}")
    counts = summary["counts"]
    for currency, totals in summary["totals"].items():
        out.print()
        line(
            Text(f"{word('eligible', language)} {money(totals['eligible'])} {currency}", style="bold green"),
            f" of {money(totals['face'])} face value"
            if language is Language.EN
            else f"，{word('of face value', language)} {money(totals['face'])}",
        )
    _converted(summary, language)
    if payload["receivables"]:
        if language is Language.EN:
            line(f"{counts['eligible']} eligible, {counts['refer']} to refer, {counts['excluded']} excluded")
        else:
            line("，".join(f"{word(name, language)} {number}" for name, number in counts.items()))
    else:
        out.print()
        line("no receivables")
    subject_says = summary["subject"]
    if subject_says["reasons"]:
        out.print()
        line(f"{word('the subject itself', language)}: ", _decision(subject_says["decision"], language))
        for reason in subject_says["reasons"]:
            _reason(payload, reason, language)
    out.print()


def _converted(summary: Mapping[str, Any], language: Language) -> None:
    """Totals of several currencies in one, with the rates."""
    converted = summary.get("converted")
    if not converted or set(summary["totals"]) <= {converted["currency"]}:
        return
    rates = ", ".join(converted["rates"].values())
    line(
        f"{word('in all currencies', language)}: {money(converted['totals']['eligible'])} "
        f"{converted['currency']}" + (f" ({rates})" if rates else "")
    )
    if converted["missing"]:
        missing = ", ".join(converted["missing"])
        line(Text(f"{word('no rate for', language)} {missing}", style="yellow"))


def _decision(name: str, language: Language) -> Text:
    return Text(word(name, language), style=STYLES.get(name, ""))


def _reason(
    payload: Mapping[str, Any], reason: Mapping[str, Any], language: Language, *, explain: bool = False
) -> None:
    """A reason with its values; in Chinese, and where one receivable is shown, with what the officer does about it."""
    item(Text("  "), f"{reason['code']}: {reason['message']}")
    text = explained(payload, reason["code"], language)
    if text and (explain or language is Language.ZH):
        item(Text("    "), text)


def _decided(
    payload: Mapping[str, Any], one: Mapping[str, Any], language: Language, *, explain: bool = False
) -> None:
    """What becomes of one receivable, and why."""
    amounts = (
        f"{money(one['eligible'])} of {money(_face(one))} {one['currency']}"
        if language is Language.EN
        else f"{money(one['eligible'])} / {money(_face(one))} {one['currency']}"
    )
    about = f" {one['number']}: {amounts}, {short(one['document'] or one['fingerprint'])}"
    line(_decision(one["decision"], language), about)
    for reason in one["reasons"]:
        _reason(payload, reason, language, explain=explain)


def _receivables(payload: Mapping[str, Any], language: Language) -> None:
    """What is not eligible comes first and says why; the rest is a table."""
    receivables: Sequence[Mapping[str, Any]] = payload["receivables"]
    order = {"excluded": 0, "refer": 1, "eligible": 2}
    ranked = sorted(receivables, key=lambda r: order[r["decision"]])
    shown = ranked[:MAX_RECEIVABLES]
    # From the second form on an eligible one has notes that change nothing: they are for `--receivable`.
    told = [r for r in shown if r["reasons"] and (r["decision"] != "eligible" or payload["version"] == 1)]
    for one in told:
        _decided(payload, one, language)
    rest = [
        (
            _decision(one["decision"], language),
            one["number"],
            money(_face(one)),
            money(one["eligible"]),
            short(one["document"] or one["fingerprint"]),
        )
        for one in shown
        if one not in told
    ]
    if rest:
        if len(rest) < len(shown):
            out.print()
        names = ("decision", "receivable", "face value", "eligible", "fingerprint")
        columns = tuple(word(name, language) for name in names)
        table(columns, rest, right=columns[2:4])
    if len(receivables) > len(shown):
        line(f"… and {len(receivables) - len(shown)} more, in the file")


def _face(receivable: Mapping[str, Any]) -> str:
    return str(receivable["waterfall"][0]["amount"]) if receivable["waterfall"] else "0"


def _waterfall(receivables: Sequence[Mapping[str, Any]], language: Language) -> None:
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
                f"{word('from face value to eligible amount', language)} "
                f"({currency}, {_eligible(receivables, currency)} {word('eligible', language)})",
                style="bold",
            )
        )
        total = sum(steps.values())
        largest = max((abs(amount) for amount in steps.values()), default=Decimal(1)) or Decimal(1)
        for name, amount in [*steps.items(), ("eligible", total)]:
            bar = "█" * max(round(abs(amount) / largest * BAR_WIDTH), 1 if amount else 0)
            label = step_name(name, language)
            label += " " * max(LABEL_WIDTH - cell_len(label), 1)
            colour = "green" if amount >= 0 else "red"
            line(f"{label}{money(str(amount)):>18} ", Text(bar, style=colour), indent=2)


def _eligible(receivables: Sequence[Mapping[str, Any]], currency: str) -> int:
    return sum(r["decision"] == "eligible" and r["currency"] == currency for r in receivables)


def _outcomes(findings: Sequence[Mapping[str, Any]], language: Language) -> None:
    counted: dict[str, dict[str, int]] = {}
    for finding in findings:
        counted.setdefault(finding["rule"], {})[finding["outcome"]] = (
            counted.get(finding["rule"], {}).get(finding["outcome"], 0) + 1
        )
    outcomes = ("PASS", "WARN", "FAIL", "UNKNOWN", "NOT_APPLICABLE")
    rows = [(rule, *(str(found.get(outcome, "")) for outcome in outcomes)) for rule, found in counted.items()]
    columns = (word("findings by rule", language), *(outcome_name(each, language) for each in outcomes))
    out.print()
    table(columns, rows, right=columns[1:])


def _names(payload: Mapping[str, Any]) -> dict[str, str]:
    """Receivables' numbers by fingerprint."""
    return {r["fingerprint"]: r["number"] for r in payload["receivables"]}


def _findings(payload: Mapping[str, Any], language: Language) -> None:
    """Every finding that is not a pass, the gravest first."""
    findings, names = payload["findings"], _names(payload)
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
        text = explained(payload, f"{finding['rule']}.{finding['code']}", language)
        if text and language is Language.ZH:
            line(text, indent=2)
    if len(chosen) > MAX_FINDINGS:
        line(f"… and {len(chosen) - MAX_FINDINGS} more, in the file")


def money(amount: str) -> str:
    """An amount with thousands separators."""
    whole, _, fraction = amount.partition(".")
    sign = "-" if whole.startswith("-") else ""
    digits = whole.lstrip("-") or "0"
    grouped = f"{int(digits):,}"
    return sign + grouped + (f".{fraction}" if fraction else "")
