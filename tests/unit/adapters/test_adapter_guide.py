"""What docs/adapters.md says of settings and limits is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from crossverify.adapters.kinds import ADAPTERS
from crossverify.adapters.template.settings import TemplateSettings
from crossverify.sources.asking import STREAM_FROM, AskingLimits

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "adapters.md").read_text()


def test_the_settings_of_the_template_are_settings() -> None:
    block = next(each for each in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL) if "listen" in each)
    values = tomllib.loads(block)
    settings = TemplateSettings.model_validate(values)
    assert settings.institution == values["institution"]


def test_every_limit_of_asking_is_told_with_its_default() -> None:
    limits = AskingLimits()
    for name in AskingLimits.model_fields:
        row = next(line for line in TEXT.splitlines() if f"`{name}`" in line)
        assert f"{getattr(limits, name):,g}" in row
    assert f"from {STREAM_FROM} questions" in TEXT


def test_every_kind_and_every_file_is_named() -> None:
    assert all(f"| {kind} (" in TEXT for kind in ADAPTERS)
    for path in (ROOT / "crossverify" / "adapters" / "template").glob("[a-z]*.py"):
        assert f"`{path.name}`" in TEXT
