"""Records of institutions as strict models: unknown fields refused, mistakes told with field and value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from consortium.documents.identifiers import is_uscc
from crossverify.adapters.ids import normal_id
from crossverify.adapters.records import shown

_SHOWN_MISTAKES: Final = 3


class StrictRecord(BaseModel):
    """Base of records."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _identifier(value: object) -> object:
    if not isinstance(value, str):
        return value
    bare = value.strip().upper()
    found = f"uscc:{bare}" if is_uscc(bare) else normal_id(value)
    if not found.isprintable() or not found:
        raise ValueError("an identifier is written scheme:value, such as uscc:91310000MA1FL0000X")
    return found


Identifier = Annotated[str, BeforeValidator(_identifier), Field(max_length=240, strict=True)]
"""Identifier "scheme:value"; a bare unified social credit code may come without its scheme."""

Flag = Annotated[bool, Field(strict=True)]


def mistakes(error: ValidationError, values: Mapping[str, Any]) -> str:
    """The first mistakes of a record, with field and value, for a person."""
    found = error.errors(include_url=False)
    parts = []
    for item in found[:_SHOWN_MISTAKES]:
        where = "/".join(str(step) for step in item["loc"])
        value = _value_at(values, item["loc"])
        parts.append(f"{where or 'record'}{'' if value is None else ' ' + shown(value)}: {item['msg']}")
    more = len(found) - _SHOWN_MISTAKES
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")


def _value_at(values: Any, path: tuple[int | str, ...]) -> Any:
    for step in path:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            return None
    return None if isinstance(values, dict | list) else values
