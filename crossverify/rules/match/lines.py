"""What rules that judge line by line say, and how it is told in few findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def verdicts(receivable: str, said: Sequence[Said], passed_text: str) -> Iterator[Verdict]:
    """One verdict per code for lines that pass, one for each reason that lines share, and one for each other
    line.

    :param receivable: fingerprint
    :param passed_text: what holds of the lines that pass, such as "have the ordered price"
    """
    groups: dict[tuple[Outcome, str], list[Said]] = {}
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
