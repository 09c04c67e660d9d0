"""Settings of the reference credit bureau (征信)."""

from __future__ import annotations

from pydantic import Field

from crossverify.adapters.serving import AdapterSettings


class CreditSettings(AdapterSettings):
    """As all reference institutions'; see ``AdapterSettings``."""

    institution: str = Field(default="Reference credit bureau", min_length=1, max_length=120)
