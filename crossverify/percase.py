"""What several rules need of one case, reckoned once.

A case is evaluated by one thread and then dropped; what is kept here goes with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from crossverify.case import Case

T = TypeVar("T")


def per_case(function: Callable[[Case], T]) -> Callable[[Case], T]:
    """Keeps the result of a pure function of a case for as long as the case lives.

    :param function: its result must not hold the case itself, or neither is ever freed
    """
    kept: WeakKeyDictionary[Case, T] = WeakKeyDictionary()

    @wraps(function)
    def once(case: Case) -> T:
        try:
            return kept[case]
        except KeyError:
            found = kept[case] = function(case)
            return found

    return once
