"""Settings of the template: what every adapter's process needs, and what this institution needs beside it."""

from __future__ import annotations

from pydantic import Field

from crossverify.adapters.serving import AdapterSettings


class TemplateSettings(AdapterSettings):
    """As all adapters'; see ``AdapterSettings``. Add the institution's address, credentials (as files), and limits.

    :ivar institution: its name, told in every answer
    """

    institution: str = Field(default="Template institution", min_length=1, max_length=120)
