"""A user's own settings for the services of a sandbox: what ``chanrong up --config FILE`` hands on.

A key goes to every service that has such a setting, so that one file holds a bank's thresholds and an industry
gateway's packing. A table named after a service (``[bank-a]``) or a kind (``[finance]``, ``[industry]``) goes to that
one only and wins. What no service has is an error, told before anything is started.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chanrong.sandbox.profile import Service
from consortium.errors import ConfigurationError
from consortium.rpc.settings import ServiceSettings, load_settings

KINDS = ("industry", "finance")
NODES = ("orderer", "peer")
"""Fabric's own programs have files of their own."""

REMEDY = "Correct the file that --config names."


@dataclass(frozen=True, slots=True)
class Overrides:
    """Values of a settings file, as they stand there. ``text`` is the file itself."""

    values: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    @classmethod
    def read(cls, path: Path | None) -> Overrides | None:
        """The file's values; None when no file is named.

        :raises ConfigurationError: no such file, or not TOML
        """
        if path is None:
            return None
        try:
            text = path.read_text("utf-8")
            return cls(tomllib.loads(text), text)
        except (OSError, UnicodeDecodeError) as wrong:
            reason = wrong.strerror if isinstance(wrong, OSError) else "it is not UTF-8"
            raise ConfigurationError(f"{path} cannot be read: {reason}.", remedy="Check --config.") from wrong
        except tomllib.TOMLDecodeError as wrong:
            raise ConfigurationError(f"{path} is not TOML: {wrong}.", remedy=REMEDY) from wrong

    def check(self, services: Iterable[Service]) -> None:
        """Whether every key is a setting of some service.

        :raises ConfigurationError: names all that are not
        """
        there = list(services)
        wrong = []
        for key, value in self.values.items():
            if key in KINDS or any(service.name == key for service in there):
                owners = [service for service in there if key in (service.name, service.kind)]
                inner = value if isinstance(value, Mapping) else {"": value}
                wrong += [f"{key}.{name}" for name in inner if not any(_has(o, name) for o in owners)]
            elif not any(_has(service, key) for service in there):
                wrong.append(key)
        if wrong:
            raise ConfigurationError(
                f"No service of the sandbox has the setting {', '.join(wrong)}.", remedy=REMEDY
            )

    def of(self, service: Service) -> dict[str, Any]:
        """What goes to one service."""
        found = {key: value for key, value in self.values.items() if key not in KINDS and _has(service, key)}
        for table in (service.kind, service.name):
            own = self.values.get(table)
            if isinstance(own, Mapping) and (table in KINDS or table == service.name):
                found = merged(found, own)
        return found


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged, other values replaced."""
    result = dict(old)
    for key, value in new.items():
        before = result.get(key)
        both = isinstance(value, Mapping) and isinstance(before, Mapping)
        result[key] = merged(before, value) if both else value  # type: ignore[arg-type]
    return result


def settings_class(service: Service) -> type[ServiceSettings]:
    """The settings of a kind of service. Imported when asked: only a file of a user's own has to be checked."""
    if service.kind == "industry":
        from industry_gateway.config import IndustrySettings

        return IndustrySettings
    if service.kind == "finance":
        from finance_gateway.config import FinanceSettings

        return FinanceSettings
    if service.kind == "adapter":
        from crossverify.adapters.kinds import ADAPTERS

        return ADAPTERS[service.name].settings
    if service.kind == "chaincode":
        from chaincode.hosts.peer import ChaincodeSettings

        return ChaincodeSettings
    from chaincode.hosts.embedded.settings import EmbeddedSettings

    return EmbeddedSettings


def check_values(service: Service, values: Mapping[str, Any]) -> None:
    """Whether a service can start with these settings.

    :raises ConfigurationError: names everything that is wrong
    """
    try:
        load_settings(settings_class(service), **values)
    except ConfigurationError as wrong:
        raise ConfigurationError(f"{service.name}: {wrong.message}", remedy=REMEDY) from wrong


def _has(service: Service, key: str) -> bool:
    return service.kind not in NODES and key in settings_class(service).model_fields
