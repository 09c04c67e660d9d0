"""Standard Webhooks (standardwebhooks.com): how a receiver knows that a message is ours, and not an old
one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

SECRET_BYTES = 32
PREFIX = "whsec_"


def new_secret() -> bytes:
    """A fresh secret for one endpoint."""
    return os.urandom(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """A secret as its owner is told it."""
    return PREFIX + base64.b64encode(secret).decode()


def headers(secret: bytes, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of a message.

    :param at: seconds since 1970 UTC, of this attempt: receivers refuse what is older than some minutes
    """
    signed = f"{message_id}.{at}.".encode() + body
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
