"""What became of pushed documents, for people: what went wrong first, alike together; then the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from chanrong.cli.output import STYLES, err, kind_of, line, out, short, table

BAD = frozenset({"refused", "conflict"})
MAX_ROWS = 30
MAX_ALIKE = 5
MAX_VALUE = 60

Result = Mapping[str, Any]


def standing(result: Result) -> str:
    """What became of a document: the ledger's word where there is one, else the gateway's."""
    ledger = str(_position(result).get("state") or "")
    word = ledger if ledger and ledger != "pending" else str(result["status"])
    if result["status"] in BAD or (ledger == "registered" and result["status"] == "already_registered"):
        word = str(result["status"])
    return word.replace("_", " ")


def show(results: Sequence[Result]) -> None:
    """Prints the results of a push."""
    bad = [result for result in results if standing(result) in BAD]
    good = [result for result in results if standing(result) not in BAD]
    shown = [*good[: max(MAX_ROWS - len(bad), 0)], *bad[:MAX_ROWS]]
    rows = [
        (
            str(result.get("label", "")),
            kind_of(str(result.get("kind", ""))),
            str(result.get("number", "")),
            standing(result),
            short(str(result.get("fingerprint") or "")),
        )
        for result in shown
    ]
    table(("file", "kind", "number", "result", "fingerprint"), rows, cut=("file",))
    if len(shown) < len(results):
        line(f"… and {len(results) - len(shown):,} more: --json has all of them")
    _problems(bad)
    _sums(results)


def _position(result: Result) -> Mapping[str, Any]:
    return result.get("position") or {}


def _problems(bad: Sequence[Result]) -> None:
    """Problems with the same cause are told once, with the places where they were found."""
    alike: dict[tuple[str, str, str, str], list[tuple[Result, Mapping[str, Any]]]] = {}
    for result in bad:
        problem = _position(result).get("problem")
        for each in [*result.get("problems", ()), *([problem] if isinstance(problem, Mapping) else [])]:
            key = (
                standing(result),
                str(each.get("message", "")),
                str(each.get("remedy", "")),
                str(each.get("rule") or each.get("reason") or ""),
            )
            alike.setdefault(key, []).append((result, each))
    for (word, message, remedy, rule), found in alike.items():
        err.print()
        times = f" ({len(found)} times)" if len(found) > 1 else ""
        line(Text(word + times, style=STYLES[word]), f" {message}", to=err)
        if remedy or rule:
            line(f"{remedy} ", Text(f"({rule})", style="dim"), indent=2, to=err)
        for result, each in found[:MAX_ALIKE]:
            line(Text(_place(result, each), style="dim"), indent=2, to=err)
        if len(found) > MAX_ALIKE:
            line(Text(f"… and {len(found) - MAX_ALIKE} more", style="dim"), indent=2, to=err)


def _place(result: Result, problem: Mapping[str, Any]) -> str:
    where = str(problem.get("path") or problem.get("field") or "")
    value = str(problem.get("value", ""))
    value = value if len(value) <= MAX_VALUE else value[:MAX_VALUE] + "…"
    said = f"{where} = {value!r}" if where and value else where or (repr(value) if value else "")
    return f"{result.get('label', '')}  {said}".rstrip()


def _sums(results: Sequence[Result]) -> None:
    by_word: dict[str, Counter[str]] = {}
    for result in results:
        by_word.setdefault(standing(result), Counter())[str(result.get("kind", ""))] += 1
    out.print()
    for word, kinds in by_word.items():
        named = ", ".join(f"{number:,} {kind_of(kind, number)}" for kind, number in kinds.items() if kind)
        number = sum(kinds.values())
        line(Text(f"{number:,} {word}", style=STYLES.get(word, "")), f": {named}" if named else "")
