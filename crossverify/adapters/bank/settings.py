"""Settings of the reference bank (银行)."""

from __future__ import annotations

from pydantic import Field

from crossverify.adapters.serving import AdapterSettings


class BankSettings(AdapterSettings):
    """As all reference institutions'; see ``AdapterSettings``."""

    institution: str = Field(default="Reference bank", min_length=1, max_length=120)
