"""The one root of every error that Chanrong raises on purpose.

An error has a stable, machine-readable ``reason`` (upper case, never changed once published), a message that says
what is wrong and where, and a remedy that says what the caller can do about it. ``consortium.rpc.errors`` is the only
place that maps reasons to gRPC and HTTP status; an error is logged once, at the edge.
"""

from __future__ import annotations

from collections.abc import Mapping


class ChanrongError(Exception):
    """Root error.

    :param reason: stable name such as ``CONSENT_REVOKED``
    :param message: what is wrong and where, for a person
    :param remedy: what the caller can do about it, for a person; empty when there is nothing
    :param details: further machine-readable facts; never document bodies, names or secrets
    """

    reason = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        remedy: str = "",
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or type(self).reason
        self.remedy = remedy
        self.details: dict[str, str] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class InvalidInputError(ChanrongError):
    """The caller's input is wrong and has to be changed before it is sent again."""

    reason = "INVALID_INPUT"


class DeniedError(ChanrongError):
    """The caller may not do this."""

    reason = "DENIED"


class UnauthenticatedError(ChanrongError):
    """Nobody knows who the caller is."""

    reason = "UNAUTHENTICATED"


class NotFoundError(ChanrongError):
    """What was asked for is not there, or not there for this caller."""

    reason = "NOT_FOUND"


class ConflictError(ChanrongError):
    """What was asked for contradicts what is there."""

    reason = "CONFLICT"


class UnavailableError(ChanrongError):
    """A part that is needed does not answer now; nothing was done and the same call may be repeated."""

    reason = "UNAVAILABLE"


class OverloadedError(ChanrongError):
    """A limit was reached; the same call may be repeated later."""

    reason = "OVERLOADED"


class OutcomeUnknownError(ChanrongError):
    """Whether it was done is not known yet; it is being resolved and must not be done again under another name."""

    reason = "OUTCOME_UNKNOWN"


class ConfigurationError(ChanrongError):
    """The configuration of a process is wrong; the message lists every mistake at once."""

    reason = "CONFIGURATION"
