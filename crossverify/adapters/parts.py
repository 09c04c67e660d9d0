"""A long answer in parts: what a server's ``Stream...`` methods send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeVar

from google.protobuf.message import Message

PART_ANSWERS: Final = 100  # of one part

Response = TypeVar("Response", bound=Message)


def in_parts(response: Response, field: str, size: int = PART_ANSWERS) -> Iterator[Response]:
    """A finished response cut into parts, in order; the last one has everything beside the answers.

    :param field: name of its repeated field of answers
    """
    whole: Any = response
    answers = getattr(whole, field)
    start = 0
    while len(answers) - start > size:
        yield type(response)(**{field: answers[start : start + size]})
        start += size
    last: Any = type(response)()
    last.CopyFrom(response)
    del getattr(last, field)[:start]
    yield last
