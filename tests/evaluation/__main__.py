"""``python -m tests.evaluation``: what `make evaluate` runs."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace

from rich.console import Console

from tests.evaluation.markdown import markdown
from tests.evaluation.run import QUICK, Size, run, to_json
from tests.evaluation.show import show


def main() -> int:
    """Evaluates and prints; always 0 when it could be done: figures are for people to judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same report")
    parser.add_argument("--honest", type=int, help="honest receivables to judge, at least")
    parser.add_argument("--cases", type=int, help="cases of each kind of fraud")
    parser.add_argument("--json", action="store_true", help="one JSON value on stdout")
    parser.add_argument("--markdown", action="store_true", help="the tables of docs/evaluation.md")
    parser.add_argument("--quick", action="store_true", help="a small run, in one process")
    given = parser.parse_args()
    size = QUICK if given.quick else Size()
    if given.honest is not None:
        size = replace(size, honest=given.honest)
    if given.cases is not None:
        size = replace(size, cases=given.cases)
    errors = Console(stderr=True)
    report = run(given.seed, size, tell=lambda text: errors.print(f"[dim]{text} …[/dim]"))
    if given.json:
        json.dump(to_json(report), sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
    elif given.markdown:
        sys.stdout.write(markdown(to_json(report)))
    else:
        show(report, Console(width=None if sys.stdout.isatty() else 160))
    return 0


if __name__ == "__main__":
    sys.exit(main())
