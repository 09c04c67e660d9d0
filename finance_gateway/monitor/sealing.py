"""How what is watched of a package is stored: packed and sealed, under another name than the package's file."""

from __future__ import annotations

import zlib
from typing import Final

from consortium.storage.crypto import BodyVault, Sealed
from finance_gateway.monitor.watched import Watched

PACKING: Final = 1
"""Level of zlib."""


def seal(vault: BodyVault, package_id: str, watched: Watched) -> Sealed:
    """As it is stored."""
    return vault.seal(_name(package_id), zlib.compress(watched.to_bytes(), PACKING))


def unseal(vault: BodyVault, package_id: str, wrapped_key: bytes | None, content: bytes) -> Watched:
    """Reads what :func:`seal` made.

    :raises ChanrongError: it was erased or changed, see :meth:`BodyVault.open`
    """
    return Watched.from_bytes(zlib.decompress(vault.open(_name(package_id), wrapped_key, content)))


def _name(package_id: str) -> str:
    return f"{package_id}/watched"
