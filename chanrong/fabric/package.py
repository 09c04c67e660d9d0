"""Chaincode packages of the kind ``ccaas``: where an organisation's peer finds its chaincode server.

```
<label>.tar.gz: metadata.json {"type": "ccaas", "label"}   code.tar.gz: connection.json
```
The same input gives the same bytes, hence the same package id, on every machine.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass

from consortium.errors import ChanrongError

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
"""What a peer takes as a label."""

DIAL_TIMEOUT = "10s"


@dataclass(frozen=True, slots=True)
class Connection:
    """How an organisation's peer reaches its chaincode server. PEM texts; empty ``root_cert``: no TLS."""

    address: str
    root_cert: str = ""
    client_cert: str = ""
    client_key: str = ""
    domain: str = ""

    def to_json(self) -> bytes:
        """``connection.json``."""
        values: dict[str, object] = {
            "address": self.address,
            "dial_timeout": DIAL_TIMEOUT,
            "tls_required": bool(self.root_cert),
        }
        if self.root_cert:
            values["root_cert"] = self.root_cert
        if self.client_cert:
            values |= {
                "client_auth_required": True,
                "client_cert": self.client_cert,
                "client_key": self.client_key,
            }
        if self.domain:
            values["domain"] = self.domain
        return json.dumps(values, indent=2, sort_keys=True).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Package:
    """A chaincode package."""

    label: str
    content: bytes

    @property
    def package_id(self) -> str:
        """What the peer will call it: label and SHA-256 of the file."""
        return f"{self.label}:{hashlib.sha256(self.content).hexdigest()}"


def make_package(label: str, connection: Connection) -> Package:
    """The package of one organisation.

    :raises ChanrongError: reason INVALID_INPUT, a label that peers refuse
    """
    if not LABEL.fullmatch(label):
        raise ChanrongError(
            f"{label!r} cannot be a package's label.",
            reason="INVALID_INPUT",
            remedy="Begin with a letter or digit; then letters, digits and . + _ - only.",
        )
    metadata = json.dumps({"label": label, "type": "ccaas"}).encode() + b"\n"
    code = _archive({"connection.json": connection.to_json()})
    return Package(label, _archive({"metadata.json": metadata, "code.tar.gz": code}))


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz without anything of this machine or moment in it; stored, so that no compressor's version shows."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, 0
            archive.addfile(entry, io.BytesIO(content))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=0, mtime=0) as stream:
        stream.write(raw.getvalue())
    return packed.getvalue()
