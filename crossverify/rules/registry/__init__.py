"""Rules of the family registry, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.registry.registry_own import RegistryOwn
from crossverify.rules.registry.registry_prior import RegistryPrior

RULES: Final[tuple[Rule[Any], ...]] = (RegistryPrior(), RegistryOwn())
"""What the movable-property registry answers."""
