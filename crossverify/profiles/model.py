"""What a profile is: rules in their versions, with thresholds and effects, ages of sources, figures of the waterfall.

A profile is data. A bank changes it by overrides (a JSON or TOML mapping, see
:meth:`Profile.with_overrides`), never by editing code, and a package carries the whole profile, so that it
replays with the figures it was made with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from consortium.documents.canonical import canonical_bytes
from consortium.errors import InvalidInputError
from crossverify.answers import GAP_CODES
from crossverify.figures import AssetKind, MaxAges, Waterfall, Waterfall2
from crossverify.rule import Effect, Outcome, Rule, Thresholds
from crossverify.rules import ALL

_USUAL: Final[Mapping[Outcome, Effect]] = {
    Outcome.WARN: Effect.REFER,
    Outcome.FAIL: Effect.EXCLUDE,
    Outcome.UNKNOWN: Effect.REFER,
}
"""Effects of outcomes that a rule gives none."""


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """One rule of a profile with its figures."""

    rule: Rule[Any]
    thresholds: Thresholds
    effects: Mapping[str, Effect]

    def effect_of(self, outcome: Outcome, code: str) -> Effect:
        """The effect of a verdict: by code, else by outcome, else the usual one; a pass or a rule that does
        not apply is information."""
        by_code = self.effects.get(code)
        if by_code is not None:
            return by_code
        if outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            return Effect.INFORMATION
        return self.effects.get(outcome.value) or _USUAL[outcome]


@dataclass(frozen=True, slots=True)
class Profile:
    """An explicit list of rules with their figures.

    :param lends_on: what one decision is made about
    """

    id: str
    version: int
    description: str
    rules: tuple[RuleSettings, ...]
    max_ages: MaxAges
    waterfall: Waterfall | Waterfall2
    lends_on: AssetKind = AssetKind.RECEIVABLE

    def to_json(self) -> dict[str, Any]:
        """The profile as canonical JSON data, as a package carries it."""
        receivables = self.lends_on is AssetKind.RECEIVABLE
        return {
            "id": self.id,
            "version": self.version,
            "description": self.description,
            **({} if receivables else {"lends_on": self.lends_on.value}),
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
                waterfall=_waterfall(data["waterfall"]),
                lends_on=AssetKind(data.get("lends_on", AssetKind.RECEIVABLE)),
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
        {"tolerance": "0.05", "effects": {"WARN": "refer"}}}, "requires": ["INV_AUTHENTIC"]}``; all parts
        optional, decimals as strings. ``requires`` names rules, or single codes as ``RULE.CODE``, without whose
        knowledge nothing is lent: what they cannot know then excludes.

        :raises InvalidInputError: ``PROFILE_INVALID``, naming every unknown name and wrong value
        """
        problems: list[str] = []
        unknown = set(overrides) - {"max_ages", "waterfall", "rules", "requires"}
        problems += [f"{name} is no part of a profile" for name in sorted(unknown)]
        ages = _overridden(self.max_ages, overrides.get("max_ages", {}), "max_ages", problems)
        waterfall = _overridden(self.waterfall, overrides.get("waterfall", {}), "waterfall", problems)
        by_rule = _mapping(overrides.get("rules", {}), "rules", problems)
        required = _required(self, overrides.get("requires", ()), problems)
        rules = []
        for item in self.rules:
            where = f"rules.{item.rule.id}"
            changes = _mapping(by_rule.pop(item.rule.id, {}), where, problems)
            effects = _effects(item, changes.pop("effects", {}), f"{where}.effects", problems)
            effects |= dict.fromkeys(required.get(item.rule.id, ()), Effect.EXCLUDE)
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


def _required(profile: Profile, names: object, problems: list[str]) -> dict[str, list[str]]:
    """Outcomes and codes that are to exclude, by rule."""
    if not isinstance(names, list | tuple):
        problems.append(f"requires: {names!r} is no list")
        return {}
    rules = {item.rule.id: item.rule for item in profile.rules}
    found: dict[str, list[str]] = {}
    for name in names:
        rule, _, code = str(name).partition(".")
        if rule not in rules:
            problems.append(f"requires: {name}: no rule of this profile")
        elif code and code not in rules[rule].codes | GAP_CODES:
            problems.append(f"requires: {name}: no code of the rule")
        else:
            found.setdefault(rule, []).append(code or Outcome.UNKNOWN.value)
    return found


def _waterfall(data: Mapping[str, Any]) -> Waterfall | Waterfall2:
    """Figures of the form that they say they are of; the first form says none."""
    return (Waterfall2 if "version" in data else Waterfall).model_validate(data)


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


def settings(
    versions: Mapping[str, int],
    figures: Mapping[str, Mapping[str, Any]] | None = None,
    effects: Mapping[str, Mapping[str, Effect]] | None = None,
    requires: tuple[str, ...] = (),
) -> tuple[RuleSettings, ...]:
    """Rules of a profile.

    :param versions: names of the rules in their order, with the version that the profile pins
    :param figures: thresholds other than the rules' own defaults, by rule
    :param effects: effects other than the rules' own, by rule and by outcome or code
    :param requires: rules without whose knowledge nothing is lent: what they cannot know excludes
    :raises KeyError: a rule is not there in that version
    """
    figures, effects = figures or {}, effects or {}
    needed = {name: {Outcome.UNKNOWN.value: Effect.EXCLUDE} for name in requires}
    found = []
    for name, version in versions.items():
        rule = ALL[name, version]
        given = rule.thresholds.model_validate(dict(figures.get(name, {})))
        found.append(
            RuleSettings(rule, given, {**rule.effects, **needed.get(name, {}), **effects.get(name, {})})
        )
    return tuple(found)
