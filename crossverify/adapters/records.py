"""What became of the records of a load: values that every loader gives and the admin service reports."""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_LISTED_PROBLEMS = 200  # of one load; further ones are counted, so that an answer stays small
MAX_SHOWN_CHARACTERS = 80  # of an offending value


@dataclass(frozen=True, slots=True)
class LoadProblem:
    """A record that could not be taken in.

    :ivar path: file and row, JSON path or element
    :ivar message: what is wrong, with the value, for a person
    :ivar remedy: what to do about it, for a person
    """

    path: str
    message: str
    remedy: str = ""


@dataclass(slots=True)
class LoadReport:
    """Counts and problems of one load; filled while it runs.

    :ivar loaded: records taken in
    :ivar unchanged: records that were there already, or are older than what is there
    :ivar problems: the first problems
    :ivar further_problems: how many more there are
    :ivar datasets: datasets that the file brought records of: their as-of time moves
    """

    loaded: int = 0
    unchanged: int = 0
    problems: list[LoadProblem] = field(default_factory=list)
    further_problems: int = 0
    datasets: set[str] = field(default_factory=set)

    def count(self, *, changed: bool) -> None:
        """Count a good record."""
        if changed:
            self.loaded += 1
        else:
            self.unchanged += 1

    def refuse(self, problem: LoadProblem) -> None:
        """Keep a problem, or only count it when there are many."""
        if len(self.problems) < MAX_LISTED_PROBLEMS:
            self.problems.append(problem)
        else:
            self.further_problems += 1


def shown(value: object) -> str:
    """An offending value, quoted and cut, for a message."""
    text = str(value)
    return repr(text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "...")
