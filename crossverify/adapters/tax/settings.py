"""Settings of the reference tax authority (税务)."""

from __future__ import annotations

from pydantic import Field

from crossverify.adapters.serving import AdapterSettings


class TaxSettings(AdapterSettings):
    """As all reference institutions'; see ``AdapterSettings``."""

    institution: str = Field(default="Reference tax authority", min_length=1, max_length=120)
