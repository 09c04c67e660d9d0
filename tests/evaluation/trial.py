"""One application before the rules: what they say of each receivable, and what is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from crossverify.decision import Decision
from crossverify.engine import Evaluation, evaluate
from crossverify.profiles import PROFILES, Profile
from crossverify.rule import Effect, Stage, Step
from tests.evaluation.chance import Chance
from tests.evaluation.frauds.base import Fraud, Trade
from tests.evaluation.frauds.stock import Start, start
from tests.evaluation.scene.funding import fund
from tests.evaluation.scene.goods import TRADES
from tests.evaluation.scene.honest import make_scene
from tests.evaluation.scene.scene import APPLIED, Asset, Owed, Scene
from tests.evaluation.views.evidence import evidence
from tests.evaluation.views.ledger import KEYS
from tests.evaluation.views.look import Look

Thing = Owed | Asset

IN_LIFE: Final = (timedelta(days=15), timedelta(days=75))
"""When financed receivables are looked at again."""
_TAKEN_BACK: Final = frozenset({Step.CREDIT_NOTES, Step.TAX_RED, Step.LEDGER_FACTS})
SETTLED: Final = "CASH_CLOSURE.SETTLED"


def newest(product: str) -> Profile | None:
    """The newest profile of a product that a bank lends on; none while there is none."""
    found = [PROFILES[name] for name in PROFILES if name.rpartition("-v")[0] == product]
    return max(found, key=lambda each: int(each.id.rpartition("-v")[2]), default=None)


@dataclass(frozen=True, slots=True)
class Said:
    """What the rules say of one thing.

    :ivar alarms: findings that exclude or refer, as RULE.CODE
    :ivar noted: all findings but passes
    """

    number: str
    decision: Decision
    eligible: Decimal
    face: Decimal
    alarms: frozenset[str]
    noted: frozenset[str]
    currency: str
    taken_back: Decimal
    """By credit notes, at tax, and on the ledger."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the rules say of an application.

    :ivar said: by fingerprint of the document that states the amount
    :ivar subject: alarms about the supplier itself
    """

    said: Mapping[str, Said]
    subject: frozenset[str]
    subject_decision: Decision


def key_of(thing: Thing) -> str:
    """How verdicts name a thing."""
    return KEYS.fingerprint(thing.primary)


def judge(scene: Scene, look: Look, profile: Profile) -> Verdicts:
    """Lets the rules judge what can be seen."""
    return read(evaluate(evidence(scene, look), profile))


def read(result: Evaluation) -> Verdicts:
    """The part of an evaluation that is counted."""
    alarms: dict[str, set[str]] = {}
    noted: dict[str, set[str]] = {}
    for finding in result.findings:
        code = f"{finding.rule}.{finding.code}"
        if finding.effect is not Effect.INFORMATION:
            alarms.setdefault(finding.subject, set()).add(code)
        if finding.outcome.value in {"WARN", "FAIL", "UNKNOWN"}:
            noted.setdefault(finding.subject, set()).add(code)
    said = {}
    for item in result.receivables:
        said[item.document] = Said(
            number=item.number,
            decision=item.decision,
            eligible=item.eligible,
            face=item.waterfall[0].balance,
            alarms=frozenset(alarms.get(item.fingerprint, ())),
            noted=frozenset(noted.get(item.fingerprint, ())),
            currency=item.currency,
            taken_back=sum((-step.amount for step in item.waterfall if step.step in _TAKEN_BACK), Decimal(0)),
        )
    return Verdicts(said, frozenset(alarms.get("", ())), result.subject.decision)


# --- frauds ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a fraud.

    :ivar outcome: ``stopped`` (excluded), ``referred``, ``contained`` (lent on the honest part only), ``later``
        (noticed in life), ``missed``
    :ivar by: findings that the honest twin of the case does not have
    :ivar value: what the bad receivables claim, CNY
    :ivar lent: what the bank would have lent on them above what they are worth
    """

    fraud: str
    seed: str
    outcome: str
    by: tuple[str, ...]
    value: Decimal
    lent: Decimal


CAUGHT_BEFORE: Final = frozenset({"stopped", "referred", "contained"})


def stage_case(fraud: Fraud, seed: object) -> tuple[Scene, Start]:
    """The supplier of :func:`honest_twin`, with the fraud committed."""
    scene, begun = _stage(fraud.product, seed)
    begun.chance = Chance(seed, fraud.name)
    fraud.commit(begun)
    return fund(scene), begun


@lru_cache(maxsize=2)
def honest_twin(product: str, seed: object) -> tuple[Scene, Start]:
    """A supplier with a plain trade among its others (or plain goods in store, a bill, an order) and no fraud."""
    scene, begun = _stage(product, seed)
    return fund(scene), begun


@lru_cache(maxsize=8)
def twins_verdicts(product: str, seed: object, look: Look) -> Verdicts:
    """What the rules say of the twin; the same for all frauds of a product."""
    profile = newest(product)
    assert profile is not None
    return judge(honest_twin(product, seed)[0], look, profile)


def _stage(product: str, seed: object) -> tuple[Scene, Start]:
    chance = Chance(seed, "case", product)
    scene = make_scene(chance, pairs=2, most=6)
    return scene, start(product, scene, chance, chance.pick(list(TRADES)))


def try_fraud(fraud: Fraud, seed: object) -> Case:
    """Commits a fraud and looks whether it is seen, against its honest twin."""
    profile = newest(fraud.product)
    assert profile is not None
    bad, _ = stage_case(fraud, seed)
    _, begun = honest_twin(fraud.product, seed)
    labelled = [each for each in bad.things if each.fraud]
    model = begun.owed if isinstance(begun, Trade) else begun.asset
    value = sum((owed.face for owed in labelled), Decimal(0))
    look = Look(APPLIED)
    before = judge(bad, look, profile)
    twin = twins_verdicts(fraud.product, seed, look)
    groups = [[each] for each in labelled] if fraud.any_of else [labelled]
    seen = next((found for group in groups if (found := _seen(group, before, twin, model))), None)
    name = f"{fraud.name} {seed}"
    if seen is not None:
        return Case(fraud.name, name, seen[0], seen[1], value, Decimal(0))
    lent = sum((_lent(owed, before) for owed in labelled), Decimal(0))
    for wait in IN_LIFE:
        look = Look(APPLIED + wait, Stage.IN_LIFE)
        twin = twins_verdicts(fraud.product, seed, look)
        later = _later(labelled, judge(bad, look, profile), twin, model)
        if later:
            return Case(fraud.name, name, "later", later, value, lent)
    return Case(fraud.name, name, "missed", (), value, lent)


def _seen(
    labelled: list[Thing], bad: Verdicts, good: Verdicts, model: Thing
) -> tuple[str, tuple[str, ...]] | None:
    """Whether every bad thing is stopped, referred or contained because of something the twin does not have."""
    outcomes: list[str] = []
    by: set[str] = set()
    subject = bad.subject - good.subject
    pattern = good.said.get(key_of(model))
    for owed in labelled:
        said = bad.said.get(key_of(owed))
        if said is None:
            continue
        twin = good.said.get(key_of(owed), pattern)
        new = said.alarms - (twin.alarms if twin else frozenset()) | subject
        by |= new
        if said.decision is not Decision.ELIGIBLE and new:
            outcomes.append("stopped" if said.decision is Decision.EXCLUDED else "referred")
        elif subject:
            outcomes.append("referred")
        elif twin is not None and _contained(owed, said, twin):
            by |= said.noted - twin.noted
            outcomes.append("contained")
        else:
            return None
    if not outcomes:
        return None
    return min(outcomes, key=["contained", "referred", "stopped"].index), tuple(sorted(by))


def _contained(owed: Thing, said: Said, twin: Said) -> bool:
    """Lent on at most what is real, at the rate at which an honest one is lent on, for a reason that is said."""
    if not said.noted - twin.noted or not twin.face:
        return False
    allowed = owed.open(APPLIED) * twin.eligible / twin.face
    return said.eligible <= allowed + Decimal("0.01") * (1 + len(owed.lines))


def _lent(owed: Thing, verdicts: Verdicts) -> Decimal:
    said = verdicts.said.get(key_of(owed))
    return max(said.eligible - owed.open(APPLIED), Decimal(0)) if said else Decimal(0)


def _later(labelled: list[Thing], found: Verdicts, twin: Verdicts, model: Thing) -> tuple[str, ...]:
    """What is noticed in life and not of the twin."""
    new = set(found.subject - twin.subject)
    for owed in labelled:
        said = found.said.get(key_of(owed))
        other = twin.said.get(key_of(owed), twin.said.get(key_of(model)))
        if said is not None:
            new |= said.alarms - (other.alarms if other else frozenset()) - {SETTLED}
            if said.taken_back > (other.taken_back if other else 0):
                new.add("AMOUNT.TAKEN_BACK")
    return tuple(sorted(new))
