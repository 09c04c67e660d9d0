"""Honest applications before the rules."""

from __future__ import annotations

from typing import Final

from crossverify.decision import Decision
from crossverify.profiles import Profile
from crossverify.rule import Stage
from tests.evaluation.chance import Chance
from tests.evaluation.scene.books import YUAN
from tests.evaluation.scene.funding import fund
from tests.evaluation.scene.honest import make_scene
from tests.evaluation.scene.scene import APPLIED, Owed, Scene
from tests.evaluation.tally import Honest
from tests.evaluation.trial import IN_LIFE, SETTLED, Said, Verdicts, judge, key_of
from tests.evaluation.views.look import Look

_REAL_DOUBTS: Final = frozenset(
    {
        "use not yet confirmed",
        "overdue",
        "receipt late",
        "unit not comparable",
        "order number mistyped",
        "name with a slip",
    }
)
LIFE_EVERY: Final = 6
"""Every so manieth application is looked at again in life."""


def honest_scene(seed: object, number: int) -> Scene:
    """One honest application."""
    return fund(make_scene(Chance(seed, "honest", number)))


def try_honest(seed: object, number: int, profile: Profile) -> Honest:
    """Lets the rules judge one."""
    scene = honest_scene(seed, number)
    found = judge(scene, Look(APPLIED), profile)
    count = Honest(requests=1)
    count.requests_stopped = found.subject_decision is Decision.EXCLUDED
    count.requests_referred = found.subject_decision is Decision.REFER
    name = f"honest {seed} {number}"
    _note(count, found.subject, "application", name)
    for owed in scene.owed:
        said = found.said.get(key_of(owed))
        if owed.brought and said is not None:
            _count(count, owed, said, found, name)
    if number % LIFE_EVERY == 0:
        _life(count, scene, found, profile)
    return count


def _count(count: Honest, owed: Owed, said: Said, found: Verdicts, name: str) -> None:
    rate = YUAN[said.currency]
    count.receivables += 1
    count.value += owed.face * rate
    if said.eligible > owed.open(APPLIED):
        count.too_much += 1
    if said.decision is Decision.ELIGIBLE:
        return
    if said.decision is Decision.EXCLUDED and owed.obstacle:
        count.obstacles += 1
        return
    if said.decision is Decision.EXCLUDED:
        count.failed += 1
        count.value_failed += owed.face * rate
    else:
        count.referred += 1
        count.value_referred += owed.face * rate
        count.doubtful += bool(owed.noise & _REAL_DOUBTS)
    noise = ", ".join(sorted(owed.noise)) or "plain"
    _note(count, said.alarms, said.decision.value, f"{name}: {owed.primary.number} ({noise})")


def _note(count: Honest, alarms: frozenset[str], what: str, example: str) -> None:
    for code in alarms:
        count.reasons[f"{what} {code}"] += 1
        count.examples.setdefault(f"{what} {code}", example)


def _life(count: Honest, scene: Scene, before: Verdicts, profile: Profile) -> None:
    """Financed receivables that are paid, or not due yet, give no alarm."""
    for wait in IN_LIFE:
        day = APPLIED + wait
        found = judge(scene, Look(day, Stage.IN_LIFE), profile)
        for owed in scene.owed:
            said, first = found.said.get(key_of(owed)), before.said.get(key_of(owed))
            if said is None or first is None or not owed.brought or first.decision is not Decision.ELIGIBLE:
                continue
            if owed.due < day and owed.open(day) > 0:
                continue  # it is late: an alarm is right
            count.life += 1
            new = said.alarms - first.alarms - {SETTLED} | (found.subject - before.subject)
            count.life_alarms += bool(new)
            _note(count, frozenset(new), "in life", owed.primary.number)
