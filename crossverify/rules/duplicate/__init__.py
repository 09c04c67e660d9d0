"""Rules of the family duplicate, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.duplicate.dup_crossdoc import DupCrossdoc
from crossverify.rules.duplicate.dup_exact import DupExact
from crossverify.rules.duplicate.dup_similar import DupSimilar

RULES: Final[tuple[Rule[Any], ...]] = (DupCrossdoc(), DupExact(), DupSimilar())
