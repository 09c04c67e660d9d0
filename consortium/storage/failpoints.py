"""Named places at which a test can kill the process, as a power cut would.

``CHANRONG_FAILPOINT=name:count`` ends the process with exit code 137 the ``count``-th time that the named
place is reached; ``name`` alone means the first time. Without the variable a failpoint costs one comparison.
Tests that want all names import the module that declares them and read :func:`declared`.
"""

from __future__ import annotations

import os

VARIABLE = "CHANRONG_FAILPOINT"
EXIT_CODE = 137
"""What a shell reports for a process ended by SIGKILL."""

_declared: set[str] = set()


def _parse(text: str) -> tuple[str, int]:
    name, _, count = text.partition(":")
    return name, int(count) if count else 1


_armed, _left = _parse(os.environ.get(VARIABLE, ""))


def declare(*names: str) -> None:
    """Makes names known to :func:`declared`; modules call it once for their own."""
    _declared.update(names)


def declared() -> frozenset[str]:
    """All names that imported modules have declared."""
    return frozenset(_declared)


def reach(name: str) -> None:
    """Ends the process here when the environment says so; nothing is flushed, closed or rolled back."""
    global _left  # noqa: PLW0603 - the countdown belongs to the process, as its death does
    if name != _armed:
        return
    _left -= 1
    if _left <= 0:
        os._exit(EXIT_CODE)
