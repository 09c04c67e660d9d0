"""Identifiers "scheme:value" as institutions compare them, whatever the writing."""

from __future__ import annotations

import unicodedata


def normal_id(identifier: str) -> str:
    """Lower-case scheme, value in NFKC, upper case and without blanks, as ``PartyId`` has it.

    Empty when the text has no scheme or no value.
    """
    scheme, _, value = identifier.partition(":")
    value = "".join(unicodedata.normalize("NFKC", value).upper().split())
    return f"{scheme.strip().lower()}:{value}" if value and scheme.strip() else ""
