"""Profiles: which rules run for one product that a bank lends on, with their thresholds and effects.

A profile is data. A bank changes it by overrides (a JSON or TOML mapping, see
:meth:`Profile.with_overrides`), never by editing code, and a package carries the whole profile, so that it
replays with the figures it was made with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from consortium.documents.canonical import canonical_bytes
from consortium.errors import InvalidInputError
from crossverify.answers import GAP_CODES
from crossverify.figures import MaxAges, Waterfall
from crossverify.rule import Effect, Outcome, Rule, Thresholds
from crossverify.rules import ALL, RULES


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """One rule of a profile with its figures."""

    rule: Rule[Any]
    thresholds: Thresholds
    effects: Mapping[str, Effect]

    def effect_of(self, outcome: Outcome, code: str) -> Effect:
        """The effect of a verdict: by code, else by outcome; a pass or a rule that does not apply is
        information."""
        by_code = self.effects.get(code)
        if by_code is not None:
            return by_code
        if outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            return Effect.INFORMATION
        return self.effects[outcome.value]


@dataclass(frozen=True, slots=True)
class Profile:
    """An explicit list of rules with their figures."""

    id: str
    version: int
    description: str
    rules: tuple[RuleSettings, ...]
    max_ages: MaxAges
    waterfall: Waterfall

    def to_json(self) -> dict[str, Any]:
        """The profile as canonical JSON data, as a package carries it."""
        return {
            "id": self.id,
            "version": self.version,
            "description": self.description,
            "max_ages": self.max_ages.to_json(),
            "waterfall": self.waterfall.model_dump(mode="json"),
            "rules": [
                {
                    "id": item.rule.id,
                    "version": item.rule.version,
                    "thresholds": item.thresholds.model_dump(mode="json"),
                    "effects": {name: effect.value for name, effect in item.effects.items()},
                }
                for item in self.rules
            ],
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Profile:
        """Reads what :meth:`to_json` wrote.

        :raises InvalidInputError: ``PROFILE_INVALID``; ``RULE_VERSION`` when a rule of that version is not
            in this code
        """
        try:
            settings = []
            for item in data["rules"]:
                rule = ALL.get((item["id"], item["version"]))
                if rule is None:
                    raise InvalidInputError(
                        f"Rule {item['id']} version {item['version']} is not part of this program.",
                        reason="RULE_VERSION",
                        remedy="Replay the package with the release that made it.",
                    )
                settings.append(
                    RuleSettings(
                        rule,
                        rule.thresholds.model_validate(item["thresholds"]),
                        {name: Effect(effect) for name, effect in item["effects"].items()},
                    )
                )
            return Profile(
                id=data["id"],
                version=data["version"],
                description=data["description"],
                rules=tuple(settings),
                max_ages=MaxAges.model_validate(data["max_ages"]),
                waterfall=Waterfall.model_validate(data["waterfall"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _invalid(str(error)) from error

    def digest(self) -> str:
        """SHA-256 (hex) over the canonical profile: rules, versions, thresholds, effects, ages and
        waterfall."""
        return hashlib.sha256(canonical_bytes(self.to_json())).hexdigest()

    def with_overrides(self, overrides: Mapping[str, Any]) -> Profile:
        """A copy with a bank's own figures.

        Form: ``{"max_ages": {"tax": 3600}, "waterfall": {"advance_rate": "0.7"}, "rules": {"MATCH_QTY":
        {"tolerance": "0.05", "effects": {"WARN": "refer"}}}}``; all parts optional, decimals as strings.

        :raises InvalidInputError: ``PROFILE_INVALID``, naming every unknown name and wrong value
        """
        problems: list[str] = []
        unknown = set(overrides) - {"max_ages", "waterfall", "rules"}
        problems += [f"{name} is no part of a profile" for name in sorted(unknown)]
        ages = _overridden(self.max_ages, overrides.get("max_ages", {}), "max_ages", problems)
        waterfall = _overridden(self.waterfall, overrides.get("waterfall", {}), "waterfall", problems)
        by_rule = _mapping(overrides.get("rules", {}), "rules", problems)
        rules = []
        for item in self.rules:
            where = f"rules.{item.rule.id}"
            changes = _mapping(by_rule.pop(item.rule.id, {}), where, problems)
            effects = _effects(item, changes.pop("effects", {}), f"{where}.effects", problems)
            thresholds = _overridden(item.thresholds, changes, where, problems)
            rules.append(RuleSettings(item.rule, thresholds, effects))
        problems += [f"rules.{name}: no rule of this profile" for name in sorted(by_rule)]
        if problems:
            raise _invalid("; ".join(problems))
        return replace(self, rules=tuple(rules), max_ages=ages, waterfall=waterfall)


M = TypeVar("M", bound=BaseModel)


def _mapping(value: object, where: str, problems: list[str]) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    problems.append(f"{where}: {value!r} is no mapping")
    return {}


def _effects(item: RuleSettings, changes: object, where: str, problems: list[str]) -> dict[str, Effect]:
    """A rule's effects with changes, by outcome or by one of its codes."""
    effects = dict(item.effects)
    names = {outcome.value for outcome in Outcome} | item.rule.codes | GAP_CODES
    for name, effect in _mapping(changes, where, problems).items():
        if name not in names:
            problems.append(f"{where}.{name}: no outcome and no code of the rule")
        elif effect not in set(Effect):
            problems.append(f"{where}.{name}: {effect!r} is no effect")
        else:
            effects[name] = Effect(effect)
    return effects


def _overridden(model: M, value: object, where: str, problems: list[str]) -> M:
    changes = _mapping(value, where, problems)
    try:
        return type(model).model_validate({**model.model_dump(), **changes})
    except ValidationError as error:
        problems += [f"{where}.{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        return model


def _invalid(text: str) -> InvalidInputError:
    return InvalidInputError(
        f"The profile is wrong: {text}.",
        reason="PROFILE_INVALID",
        remedy="Correct the names and values that are listed; decimals are written as strings.",
    )


def _settings(version: int, names: tuple[str, ...]) -> tuple[RuleSettings, ...]:
    rules = (ALL[name, version] for name in names)
    return tuple(RuleSettings(rule, rule.thresholds(), dict(rule.effects)) for rule in rules)


RECEIVABLE_V1 = Profile(
    id="receivable-v1",
    version=1,
    description="Single receivables from performed deliveries (应收账款融资), confirmed by debtors or not.",
    rules=_settings(
        1,
        (
            "CONSENT",
            "DOC_VALID",
            "PARTY_ID",
            "TOTALS_TAX",
            "INV_AUTHENTIC",
            "INV_STATE",
            "DUP_EXACT",
            "LINK_WEIGHT",
            "MATCH_QTY",
            "MATCH_PRICE",
            "PO_EXHAUSTED",
            "DATE_ORDER",
            "DEBTOR_CONFIRM",
            "CASH_CLOSURE",
            "CREDIT_STATUS",
        ),
    ),
    max_ages=MaxAges(),
    waterfall=Waterfall(),
)

PROFILES: Mapping[str, Profile] = {profile.id: profile for profile in (RECEIVABLE_V1,)}
"""The profiles, by name."""


_JUDGING = ("answers", "match", "rules")
"""Folders whose code judges, beside the files of this one."""


@cache
def rules_digest() -> str:
    """SHA-256 (hex) over every rule's name and version and over the source code that judges.

    Two programs with the same digest give the same findings for the same evidence and profile.
    """
    root = Path(__file__).parent
    sources = {
        path.relative_to(root).as_posix(): hashlib.sha256(
            path.read_bytes().replace(b"\r\n", b"\n")
        ).hexdigest()
        for path in (*root.glob("*.py"), *(path for part in _JUDGING for path in (root / part).rglob("*.py")))
    }
    versions = {name: rule.version for name, rule in RULES.items()}
    return hashlib.sha256(canonical_bytes({"rules": versions, "sources": sources})).hexdigest()
