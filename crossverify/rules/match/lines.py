"""What rules that judge line by line say, and how it is told in few findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from crossverify.rule import Deduction, Input, Outcome, Verdict, clip


class Said(NamedTuple):
    """What is said of one line.

    :ivar shared: said of the line for a reason that other lines share (no order, a service): told once for
        all
    """

    outcome: Outcome
    code: str
    message: str
    inputs: tuple[Input, ...]
    line: str | None
    deduct: Deduction | None = None
    shared: bool = False


MOST_TOLD = 50
"""Lines that are told one by one for each code; a document of 10,000 bad lines must not swell a package."""


def verdicts(
    receivable: str, said: Sequence[Said], passed_text: str, most: int | None = None
) -> Iterator[Verdict]:
    """One verdict per code for lines that pass, one for each reason that lines share, and one for each other
    line.

    :param receivable: fingerprint
    :param passed_text: what holds of the lines that pass, such as "have the ordered price"
    :param most: how many lines of one code are told one by one; the rest of them share one verdict. None: all
    """
    groups: dict[tuple[Outcome, str], list[Said]] = {}
    if most is not None:
        said, rest = _first(said, most)
        yield from (_rest(receivable, items) for items in rest)
    for item in said:
        if item.outcome is Outcome.PASS or item.shared:
            groups.setdefault((item.outcome, item.code), []).append(item)
        else:
            yield Verdict(
                receivable, item.outcome, item.code, item.message, item.inputs, item.line, None, item.deduct
            )
    for items in groups.values():
        first, more = items[0], len(items) - 1
        inputs = clip(each for item in items for each in item.inputs)
        line = first.line if not more and len(said) > 1 else None
        if first.outcome is Outcome.PASS:
            text = first.message if len(said) == 1 else f"{len(items)} of {len(said)} lines {passed_text}."
            yield Verdict(receivable, first.outcome, first.code, text, inputs)
        else:
            text = f"{first.message} The same holds for {more} more lines." if more else first.message
            yield Verdict(receivable, first.outcome, first.code, text, inputs, line)


def _first(said: Sequence[Said], most: int) -> tuple[list[Said], list[list[Said]]]:
    """The lines that are told, and for each code those that share a verdict."""
    told: list[Said] = []
    counts: Counter[tuple[Outcome, str]] = Counter()
    rest: dict[tuple[Outcome, str], list[Said]] = {}
    for item in said:
        key = (item.outcome, item.code)
        if item.outcome is not Outcome.PASS and not item.shared:
            counts[key] += 1
            if counts[key] > most:
                rest.setdefault(key, []).append(item)
                continue
        told.append(item)
    return told, list(rest.values())


def _rest(receivable: str, items: Sequence[Said]) -> Verdict:
    first, deductions = items[0], [item.deduct for item in items if item.deduct is not None]
    inputs = clip(each for item in items for each in item.inputs)
    text = (
        f"{first.message} The same is found on {len(items) - 1} more lines, which the table of lines shows."
    )
    deduct = None
    if deductions:
        total = sum((each.amount for each in deductions), Decimal(0))
        deduct = Deduction(deductions[0].step, total, deductions[0].currency)
    return Verdict(receivable, first.outcome, first.code, text, inputs, first.line, None, deduct)
