"""The rules, by name. Adding one is one module, one line here, one line in a profile, one test file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossverify.rule import Rule

RULES: Mapping[str, Rule[Any]] = {rule.id: rule for rule in ()}
