"""Logs: JSON lines, and nothing in them that must not be."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import IntegrityError

from consortium.errors import DeniedError, InvalidInputError
from consortium.rpc.logging import MAX_TEXT_CHARACTERS, REDACTED, configure_logging, describe, redact
from consortium.rpc.settings import LogSettings

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Lines]:
    """Logging into a file, set back afterwards; gives what was logged."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    path = tmp_path / "logs" / "service.log"
    configure_logging("sample", LogSettings(level="info", file=path))
    yield lambda: [json.loads(line) for line in path.read_text().splitlines()]
    root.handlers[:], root.level = handlers, level
    structlog.configure(**config)


def test_a_line_says_when_who_and_what(lines: Lines) -> None:
    structlog.get_logger("x").info("registered", fingerprint="ab", block=7)
    structlog.get_logger("x").debug("not at this level")
    logging.getLogger("library").warning("something %s", "odd")
    first, second = lines()
    assert first["event"] == "registered"
    assert (first["fingerprint"], first["block"], first["service"], first["level"]) == (
        "ab",
        7,
        "sample",
        "info",
    )
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["logger"], second["service"]) == ("something odd", "library", "sample")


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "client_secret",
        "access_token",
        "Authorization",
        "private_key",
        "key_pem",
        "master_key",
        "body",
        "document",
        "payload",
        "seller",
        "legal_name",
        "set_cookie",
    ],
)
def test_secrets_bodies_and_names_are_replaced_at_any_depth(name: str) -> None:
    event = {name: "hunter2", "outer": {"inner": [{name: {"more": "hunter2"}}]}}
    cleaned = redact(None, "info", event)
    assert "hunter2" not in str(cleaned)
    assert cleaned[name] == REDACTED


def test_bytes_are_counted_and_long_texts_cut() -> None:
    cleaned = redact(None, "info", {"data": b"hunter2", "text": "x" * 5000, "number": 5, "nothing": None})
    assert cleaned["data"] == "<7 bytes>"
    assert len(cleaned["text"]) < MAX_TEXT_CHARACTERS + 10
    assert (cleaned["number"], cleaned["nothing"]) == (5, None)


def test_exceptions_tell_kind_and_place_and_causes(lines: Lines) -> None:
    try:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise DeniedError("The consent was revoked.") from error
    except DeniedError:
        structlog.get_logger("x").exception("failed")
    (line,) = lines()
    outer, inner = line["exception"]
    assert (outer["kind"], outer["message"]) == ("consortium.errors.DeniedError", "The consent was revoked.")
    assert inner["kind"] == "builtins.KeyError"
    assert any("test_logging.py" in place for place in outer["at"])


def test_exceptions_that_quote_input_do_not_in_a_log() -> None:
    class Model(BaseModel):
        amount: int

    with pytest.raises(ValidationError) as caught:
        Model.model_validate({"amount": "Secret Trading"})
    assert "Secret" in str(caught.value)
    assert "Secret" not in str(describe(caught.value))
    assert "amount" in describe(caught.value)[0]["message"]
    statement = IntegrityError("insert into x values (?)", {"name": "Secret"}, ValueError("unique"))
    assert "Secret" not in str(describe(statement))
    postgres = IntegrityError("", {}, ValueError("duplicate key\nDETAIL:  Key (name)=(Secret) exists."))
    assert "Secret" not in str(describe(postgres))
    assert describe(InvalidInputError("Secret Trading"))[0]["message"] == "INVALID_INPUT"


def test_groups_and_endless_chains_end() -> None:
    group = ExceptionGroup("several", [ValueError("a"), ValueError("b")])
    assert len(describe(group)[0]["inside"]) == 2
    first: Exception = ValueError("0")
    for number in range(50):
        following = ValueError(str(number))
        following.__cause__ = first
        first = following
    assert len(describe(first)) == 10


def test_a_log_that_cannot_be_written_stops_nothing(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.stream._file.close()
    structlog.get_logger("x").info("lost")
    logging.getLogger("library").warning("lost, too")
    assert lines() == []
