"""Work that takes a core for long: on a thread of its own, one piece after the other.

Rules over thousands of documents, signatures and ciphers over megabytes would stop the event loop; several at once
would only share one interpreter, and each hold its megabytes meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_THREAD: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="heavy")


async def heavy(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Does it there; its result or its error."""
    return await asyncio.get_running_loop().run_in_executor(_THREAD, partial(work, *args, **kwargs))
