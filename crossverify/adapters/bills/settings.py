"""Settings of the reference commercial-paper exchange (票交所)."""

from __future__ import annotations

from pydantic import Field

from crossverify.adapters.serving import AdapterSettings


class BillsSettings(AdapterSettings):
    """As all reference institutions'; see ``AdapterSettings``."""

    institution: str = Field(default="Reference commercial-paper exchange", min_length=1, max_length=120)
