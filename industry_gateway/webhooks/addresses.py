"""Where webhooks may go: never to an address that only this machine or its network can reach (SSRF).

A name is resolved once; every address that it has must be public, and the request goes to the address that
was checked, so that a name which answers differently a moment later gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from consortium.errors import InvalidInputError, UnavailableError

MAX_URL_CHARACTERS = 1_000

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Host and port -> addresses as texts."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked destination.

    :param address: to connect to
    :param host: as the URL names it: for the Host header, SNI and the certificate's name
    """

    scheme: str
    address: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The URL with the address in place of the name."""
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.scheme}://{shown}:{self.port}{self.path}"

    @property
    def authority(self) -> str:
        """What the Host header says."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == (443 if self.scheme == "https" else 80) else f"{shown}:{self.port}"


def checked_url(url: str, *, loopback: bool) -> SplitResult:
    """A URL that could be a webhook's.

    :param loopback: whether this machine is a possible destination (then without TLS, too), as in a sandbox
    :raises InvalidInputError: when it cannot be one
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _invalid("It is no URL.") from error
    if len(url) > MAX_URL_CHARACTERS or not url.isprintable() or not url.isascii() or " " in url:
        raise _invalid("It is too long, or has characters that a URL has not.")
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise _invalid("It has to begin with https://.")
    if not parts.hostname or parts.username is not None or parts.password is not None or port == 0:
        raise _invalid("It names a host, and no user or password.")
    return parts


async def target_of(url: str, *, loopback: bool, resolve: Resolve | None = None) -> Target:
    """Where a URL leads, checked.

    :raises InvalidInputError: when it leads where webhooks may not go
    :raises UnavailableError: when its name cannot be resolved now
    """
    parts = checked_url(url, loopback=loopback)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = await (resolve or _resolve)(host, port)
    except (OSError, UnicodeError) as error:
        raise UnavailableError(
            "The webhook's host cannot be found.", reason="WEBHOOK_HOST_UNKNOWN", remedy="Check its name."
        ) from error
    addresses = [ipaddress.ip_address(each.partition("%")[0]) for each in found]
    if not addresses or not all(_allowed(each, loopback=loopback) for each in addresses):
        raise _invalid("Its host is not on the public internet.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, str(addresses[0]), host, port, path)


def _allowed(address: Address, *, loopback: bool) -> bool:
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if mapped is not None:
        return _allowed(mapped, loopback=loopback)
    if loopback and address.is_loopback:
        return True
    return address.is_global and not address.is_multicast and not address.is_reserved


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def _invalid(why: str) -> InvalidInputError:
    return InvalidInputError(
        f"This is no address for a webhook. {why}",
        reason="WEBHOOK_URL_INVALID",
        remedy="Give an https URL of a host on the public internet.",
    )
