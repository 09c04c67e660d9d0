"""The helper process: reads and prepares documents, and nothing else. ``python -m industry_gateway.intake.helper``

It is told the consortium's keys and the registered parties by its gateway over standard input, and answers on
standard output (``frames``). It ends when its input does: a gateway that is killed leaves none behind.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import Any, BinaryIO, Final

import orjson

from consortium.documents.fingerprint import ConsortiumKeys
from industry_gateway.formats import parse
from industry_gateway.intake import frames
from industry_gateway.intake.prepare import Preparer
from industry_gateway.intake.reading import Readied, readied
from industry_gateway.parties.directory import PartyDirectory

COLLECT_EVERY: Final = 256
"""Frames between two collections of cycles."""


def serve(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Answers frames until there are no more."""
    first = _next(incoming)
    if first is None:
        return
    directory = PartyDirectory()
    preparer = Preparer(ConsortiumKeys.from_json(first[1]), directory)
    outgoing.write(frames.frame([frames.HELLO]))
    outgoing.flush()
    count = 0
    while (found := _next(incoming)) is not None:
        count += 1
        if count % COLLECT_EVERY == 0:
            gc.collect()
        head, blob = found
        if head[0] == frames.TENANTS:
            directory.replace(frames.tenant_of(row) for row in head[1])
            continue
        try:
            answer = _answer(preparer, head, blob)
        except Exception as error:  # noqa: BLE001
            # A defect costs the push that met it, not the helper. What it says may quote the document.
            answer = frames.frame([frames.FAILED, type(error).__name__])
        outgoing.write(answer)
        outgoing.flush()


def _answer(preparer: Preparer, head: list[Any], blob: bytes) -> bytes:
    tenant = frames.tenant_of(head[1])
    groups: list[list[Readied]] = []
    for source in frames.sources_of(head[2], blob):
        items = parse(source.content, format=source.format or None, label=source.label)
        groups.append([readied(preparer, tenant, item, None, {}) for item in items])
    return frames.answer_frame(groups)


def _next(incoming: BinaryIO) -> tuple[list[Any], bytes] | None:
    prefix = incoming.read(frames.PREFIX.size)
    if len(prefix) < frames.PREFIX.size:
        return None
    head, blob = frames.PREFIX.unpack(prefix)
    content = incoming.read(head + blob)
    if len(content) < head + blob:
        return None
    return orjson.loads(content[:head]), content[head:]


def main() -> None:
    """Answers on what was standard output; anything that prints goes to the log instead."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the gateway's: it ends us when it is done
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Slices leave next to no cycles: looking for them after every few hundred objects is a third of the work.
    gc.disable()
    gc.freeze()
    try:
        serve(sys.stdin.buffer, outgoing)
    except BrokenPipeError:
        os._exit(0)


if __name__ == "__main__":
    main()
