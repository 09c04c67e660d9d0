"""Writes ``docs/rules.md``: a card per rule and version, and the profiles, all from the code.

Run ``python -m chanrong.rule_cards``; with ``--check`` it only says whether the file is what it would write.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from crossverify.explain import DECISIONS, GAPS, STEPS
from crossverify.profiles import PROFILES, Profile
from crossverify.rule import STAGE_ORDER, Rule, Text
from crossverify.rules import FAMILIES, RULES

FILE: Final = Path(__file__).resolve().parent.parent / "docs" / "rules.md"
OUTCOMES: Final = ("PASS", "WARN", "FAIL", "UNKNOWN", "NOT_APPLICABLE")
_IVAR: Final = re.compile(r"^:ivar (\w+):\s*(.*)$")

_INTRODUCTION: Final = """\
# The rules

<!-- Written by `python -m chanrong.rule_cards` from the code. Change the rules, not this file. -->

A rule reads documents, the ledger and what institutions answered, and says PASS, WARN, FAIL, UNKNOWN or not applicable.
A source that is down, late or stale gives UNKNOWN, never a pass. What an outcome does (exclude the receivable, refer it
to a person, merely inform) stands in the profile, by outcome or by code; the cards show the usual effects. A FAIL
excludes what it is about, never the package. Every version of a rule stays: a package carries its profile, which pins
the versions, and replays to the same bytes. Messages carry the values; the texts below say what a code means and what
the officer does.
"""


def documented(model: type[Any]) -> dict[str, str]:
    """What a class says of its attributes: the ``:ivar name: text`` lines of its docstring and of its parents'."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        name = ""
        for line in inspect.cleandoc(each.__dict__.get("__doc__") or "").splitlines():
            matched = _IVAR.match(line)
            if matched is not None:
                name = matched[1]
                found[name] = matched[2].strip()
            elif line.startswith(" ") and name:
                found[name] = f"{found[name]} {line.strip()}"
            else:
                name = ""
    return found


def stated(rule: Rule[Any]) -> str:
    """A rule's docstring: what it looks at, and when it says what."""
    return inspect.cleandoc(type(rule).__doc__ or "")


def card(rule: Rule[Any]) -> Iterator[str]:
    """The lines of one card."""
    yield f"### {rule.id}, version {rule.version}"
    yield ""
    yield f"**{rule.title.en}**  "
    yield f"**{rule.title.zh}**"
    yield ""
    yield stated(rule)
    yield ""
    used = [profile.id for profile in PROFILES.values() if _pins(profile, rule)]
    yield f"- stage: {rule.stage.value}; applies when: {rule.applies_when}"
    yield f"- needs: {', '.join(rule.sources)}"
    yield f"- from: {'; '.join(rule.basis)}"
    yield f"- effects: {', '.join(f'{name} {effect.value}' for name, effect in rule.effects.items())}"
    yield f"- in profiles: {', '.join(used) or 'none'}"
    yield ""
    yield from _thresholds(rule)
    yield "| code | meaning, and what to do | 含义与处理 |"
    yield "|---|---|---|"
    for code, text in rule.explains.items():
        yield _row(f"`{code}`", text.en, text.zh)
    yield ""


def _pins(profile: Profile, rule: Rule[Any]) -> bool:
    return any((item.rule.id, item.rule.version) == (rule.id, rule.version) for item in profile.rules)


def _thresholds(rule: Rule[Any]) -> Iterator[str]:
    fields = rule.thresholds.model_fields
    if not fields:
        return
    texts = documented(rule.thresholds)
    defaults = rule.thresholds().model_dump(mode="json")
    yield "| threshold | default | |"
    yield "|---|---|---|"
    for name in fields:
        yield _row(f"`{name}`", _shown(defaults[name]), texts.get(name, ""))
    yield ""


def _shown(value: object) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`" if not isinstance(value, str) else f"`{value}`"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _profile(profile: Profile) -> Iterator[str]:
    yield f"### {profile.id}"
    yield ""
    yield f"{profile.description} Version {profile.version}; lends on: {profile.lends_on.value}."
    yield ""
    ages = ", ".join(f"{name} {seconds:,} s" for name, seconds in profile.max_ages.to_json().items())
    yield f"- oldest answers: {ages}"
    figures = profile.waterfall.model_dump(mode="json")
    yield f"- waterfall: {', '.join(f'{name} {_shown(value)}' for name, value in figures.items())}"
    yield f"- rules: {', '.join(f'{item.rule.id} {item.rule.version}' for item in profile.rules)}"
    for item in profile.rules:
        usual = item.rule.thresholds().model_dump(mode="json")
        own = item.thresholds.model_dump(mode="json")
        changed = [f"{name} {_shown(value)}" for name, value in own.items() if value != usual[name]]
        changed += [
            f"{name} {effect.value}"
            for name, effect in item.effects.items()
            if item.rule.effects.get(name) != effect
        ]
        if changed:
            yield f"- {item.rule.id}: {', '.join(changed)}"
    yield ""


def _texts(title: str, texts: Iterable[tuple[str, Text]]) -> Iterator[str]:
    yield f"| {title} | meaning | 含义 |"
    yield "|---|---|---|"
    for name, text in texts:
        yield _row(f"`{name}`", text.en, text.zh)
    yield ""


def page() -> str:
    """The whole page."""
    lines = [_INTRODUCTION, "## Profiles", ""]
    for profile in PROFILES.values():
        lines += _profile(profile)
    lines += ["## Codes of every rule with a source, all UNKNOWN", "", *_texts("code", GAPS.items())]
    lines += ["## Codes of the decision", "", *_texts("code", DECISIONS.items())]
    lines += ["## Steps from face value to eligible amount", ""]
    lines += _texts("step", ((step.value, text) for step, text in STEPS.items()))
    for family, rules in FAMILIES.items():
        lines += [f"## Family {family}", ""]
        for rule in sorted(rules, key=lambda each: (STAGE_ORDER[each.stage], each.id, -each.version)):
            lines += card(rule)
    lines.append(f"{len(RULES)} rules, {sum(map(len, FAMILIES.values()))} with their older versions.")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Writes the page, or with ``--check`` says whether it is up to date."""
    made = page()
    if "--check" in sys.argv[1:]:
        current = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
        return 0 if current == made else 1
    FILE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
