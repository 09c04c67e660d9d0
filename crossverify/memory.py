"""Working on thousands of documents at once: half a million small values."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def few_collections() -> Iterator[None]:
    """No garbage collection meanwhile: so many values are made, none in cycles, that looking for some again and again
    takes a third of the time. Reference counts free what is not needed as ever.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
