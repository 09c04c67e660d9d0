"""Rules of the family consent, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.consent.consent import Consent

RULES: Final[tuple[Rule[Any], ...]] = (Consent(),)
