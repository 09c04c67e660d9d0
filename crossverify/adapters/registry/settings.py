"""Settings of the reference movable-property registry (中登)."""

from __future__ import annotations

from pydantic import Field

from crossverify.adapters.serving import AdapterSettings


class RegistrySettings(AdapterSettings):
    """As all reference institutions'; see ``AdapterSettings``. Whoever may ask may also file for itself."""

    institution: str = Field(default="Reference movable-property registry", min_length=1, max_length=120)
