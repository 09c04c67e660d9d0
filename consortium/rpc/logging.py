"""Logs: one JSON object per line, on standard error or in a file, without secrets, bodies or names.

Log facts as keywords (``log.info("registered", fingerprint=..., block=...)``). Values under a key that says
secret, body or name are replaced, bytes are only counted, and exceptions show where and of what kind, with
a message that pydantic or a database cannot have put a document into.
"""

from __future__ import annotations

import logging
import logging.config
import os
import sys
import traceback
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import orjson
import structlog
from pydantic import ValidationError
from structlog.typing import EventDict, WrappedLogger

from consortium.errors import ChanrongError
from consortium.rpc.errors import loggable
from consortium.rpc.settings import LogSettings

SECRET_WORDS = (
    "password",
    "secret",
    "token",
    "authorization",
    "credential",
    "cookie",
    "private",
    "key_pem",
    "master_key",
    "signature",
)
"""A key that contains one of these holds a secret."""

BODY_KEYS = frozenset(
    {"body", "bodies", "content", "document", "documents", "payload", "request", "response", "xml"}
)
"""Keys that hold documents or messages."""

NAME_KEYS = frozenset(
    {
        "party",
        "party_name",
        "legal_name",
        "trade_name",
        "seller",
        "buyer",
        "payee",
        "address",
        "email",
        "phone",
    }
)
"""Keys that hold names of companies or persons."""

REDACTED = "[redacted]"

MAX_TEXT_CHARACTERS = 2000
"""A longer text in a log is somebody's body."""

MAX_FRAMES = 30
"""Innermost frames kept of a traceback."""

_QUIET = ("uvicorn", "httpx", "httpcore", "aiosqlite", "alembic", "apscheduler")
"""Libraries whose everyday lines say nothing that ours do not."""


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor that replaces what a log must not hold."""
    for name in list(event):
        event[name] = _clean(name, event[name])
    return event


def _clean(name: str, value: Any) -> Any:
    lowered = name.lower()
    if lowered in BODY_KEYS or lowered in NAME_KEYS or any(word in lowered for word in SECRET_WORDS):
        return REDACTED
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT_CHARACTERS else f"{value[:MAX_TEXT_CHARACTERS]}..."
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [_clean(name, item) for item in value]
    return value


def exceptions(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Processor that turns ``exc_info`` into kinds, safe messages and places, back to the first cause."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = describe(error)
    return event


def describe(error: BaseException) -> list[dict[str, Any]]:
    """An exception and its causes as data: kind, message as far as it is safe, frames."""
    chain: list[dict[str, Any]] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 10:
        frames = traceback.extract_tb(current.__traceback__)[-MAX_FRAMES:]
        entry: dict[str, Any] = {
            "kind": f"{type(current).__module__}.{type(current).__qualname__}",
            "message": _safe_message(current),
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        if isinstance(current, BaseExceptionGroup):
            entry["inside"] = [describe(inner) for inner in current.exceptions[:10]]
        chain.append(entry)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _safe_message(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        places = (".".join(map(str, item["loc"])) for item in error.errors(include_input=False))
        return f"{error.error_count()} values of {error.title} are wrong: {', '.join(places)}"[:500]
    if isinstance(error, ChanrongError):
        return loggable(error) or error.reason
    if _is_database_error(error):
        return str(getattr(error, "orig", None) or type(error).__name__).split("DETAIL:")[0].strip()[:500]
    return str(error)[:500]


def _is_database_error(error: BaseException) -> bool:
    # A process that has not loaded SQLAlchemy has none of its errors; loading it takes 8 MB and a while.
    database = sys.modules.get("sqlalchemy.exc")
    return database is not None and isinstance(error, database.SQLAlchemyError)


class _Output:
    """Writes whole lines; a log that cannot be written never stops the service."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        try:
            self._file.write(text)
            self._file.flush()
        except (OSError, ValueError):
            return 0
        return len(text)

    def flush(self) -> None:
        """Every write is flushed already."""


def configure_logging(service: str, settings: LogSettings | None = None) -> None:
    """Send structlog's and the standard library's logs to one place, for the whole process.

    :param service: name that every line carries
    """
    chosen = settings or LogSettings()
    output = _Output(_open(chosen.file))
    level = logging.getLevelNamesMapping()[chosen.level.upper()]

    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
        exceptions,
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(output),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_dumps),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.INFO))
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _open(path: Path | None) -> TextIO:
    if path is None:
        return sys.stderr
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    return os.fdopen(descriptor, "a", encoding="utf-8")


def _dumps(event: MutableMapping[str, Any], **_: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode("utf-8")
