"""Settings of a process: a frozen pydantic class, filled from the environment and TOML files.

```python
class TaxSettings(ServiceSettings):
    listen: str = "127.0.0.1:0"
    tls: TlsFiles

settings = load_settings(TaxSettings, Path("tax.toml"))
```
What counts, strongest first: overrides (command line), environment (``CHANRONG_LISTEN``,
``CHANRONG_TLS__KEY``), the last TOML file, the files before it, defaults. Unknown keys in a file are
errors. All errors are told at once, and values never show in them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from consortium.errors import ConfigurationError

ENV_PREFIX = "CHANRONG_"

_file_values: ContextVar[dict[str, Any]] = ContextVar("chanrong_file_values")


class LogSettings(BaseModel):
    """Where the log goes and how much of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Literal["debug", "info", "warning", "error"] = "info"
    # None is standard error.
    file: Path | None = None


class ServiceSettings(BaseSettings):
    """What every process has; each product's settings class adds its own."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        # Names such as model_... are nobody's here.
        protected_namespaces=(),
    )

    log: LogSettings = LogSettings()
    # How long running calls may take to end after SIGTERM.
    grace_s: float = Field(default=10.0, ge=0, le=600)
    # Written when the process serves: {"pid": ..., "ports": {...}}; removed when it ends.
    ready_file: Path | None = None
    # The process ends by itself when this one is gone.
    parent_pid: int | None = Field(default=None, gt=1)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Overrides, environment, files; no .env file and no secrets folder."""
        files = InitSettingsSource(settings_cls, _file_values.get({}))
        return init_settings, env_settings, files


Settings = TypeVar("Settings", bound=BaseSettings)


def load_settings(kind: type[Settings], *files: Path | None, **overrides: Any) -> Settings:
    """Settings from files (later ones win), environment and overrides.

    :raises ConfigurationError: names everything that is wrong, at once
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for file in files:
        if file is not None:
            problems += _merge(values, file)
    if problems:
        raise _error(kind, problems)
    token = _file_values.set(values)
    try:
        return kind(**overrides)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg']}"
            f" ({variable(item['loc'])} or the file's {'.'.join(map(str, item['loc']))})"
            for item in error.errors(include_input=False, include_url=False)
        ]
    except SettingsError as error:
        problems = [str(error)]
    finally:
        _file_values.reset(token)
    raise _error(kind, problems)


def variable(location: tuple[int | str, ...]) -> str:
    """Environment variable that sets the value at a place in the settings."""
    return ENV_PREFIX + "__".join(str(part) for part in location).upper()


def _merge(values: dict[str, Any], file: Path) -> list[str]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        return [f"{file} cannot be read: {error.strerror}"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return [f"{file} is not TOML: {error}"]
    _deep_update(values, content)
    return []


def _deep_update(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        known = values.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            _deep_update(known, value)
        else:
            values[name] = value


def _error(kind: type[BaseSettings], problems: list[str]) -> ConfigurationError:
    listed = "".join(f"\n  {problem}" for problem in problems)
    return ConfigurationError(
        f"{len(problems)} of the settings ({kind.__name__}) cannot be used:{listed}\n",
        remedy="Correct all of them and start again.",
    )
