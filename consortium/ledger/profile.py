"""Connection profiles: the common JSON or YAML description of a Fabric network, version 1.

Tools of Fabric write one for each organisation. Of what stands in it, a Gateway client needs where the peers
are and how their certificates are checked::

    version: 1.0.0
    client: {organization: Org1}
    organizations:
      Org1: {mspid: Org1MSP, peers: [peer0.org1.example.com]}
    peers:
      peer0.org1.example.com:
        url: grpcs://localhost:7051
        tlsCACerts: {path: tls/org1-ca.pem}          # or {pem: "-----BEGIN ..."}
        grpcOptions: {ssl-target-name-override: peer0.org1.example.com}
    channels:
      chanrong: {peers: {peer0.org1.example.com: {}}}

Everything else (orderers, certificate authorities, time-outs of older clients) is passed over: a gateway peer
finds the orderers itself. Paths are relative to the file; ``${NAME}`` is taken from the environment.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import yaml
from cryptography import x509
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from consortium.errors import ConfigurationError
from consortium.ledger.connection import Endpoint

MAX_PROFILE_BYTES: Final = 4 * 1024 * 1024
DEFAULT_CHANNEL: Final = "_default"
"""Name under which a profile may describe every channel that it does not name."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_OVERRIDES = ("ssl-target-name-override", "hostnameOverride", "grpc.ssl_target_name_override")
_REMEDY: Final = "Correct what is named, or have the profile made again by the network's operator."


def _list(value: object) -> object:
    """YAML leaves "peers:" without value null."""
    return [] if value is None else value


def _map(value: object) -> object:
    """Names without contents are null in YAML; a list of names is a map without contents."""
    if value is None:
        return {}
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {item: {} for item in value}
    return (
        {name: {} if item is None else item for name, item in value.items()}
        if isinstance(value, dict)
        else value
    )


def _version(value: object) -> object:
    """YAML reads 1.0 as a number."""
    return str(value) if isinstance(value, int | float) else value


def _texts(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Pem(_Part):
    """Certificates or a key, written out or in a file."""

    pem: Annotated[list[str], BeforeValidator(_texts)] = []
    path: str = ""


class _Peer(_Part):
    url: str
    tls_ca: _Pem = Field(default=_Pem(), alias="tlsCACerts")
    options: dict[str, Any] = Field(default={}, alias="grpcOptions")


class _Organisation(_Part):
    mspid: str = Field(min_length=1)
    peers: Annotated[list[str], BeforeValidator(_list)] = []


class _Channel(_Part):
    peers: Annotated[dict[str, dict[str, Any]], BeforeValidator(_map)] = {}


class _KeyPair(_Part):
    cert: _Pem = _Pem()
    key: _Pem = _Pem()


class _TlsCerts(_Part):
    client: _KeyPair = _KeyPair()


class _Client(_Part):
    organization: str = ""
    tls: _TlsCerts = Field(default=_TlsCerts(), alias="tlsCerts")


class _File(_Part):
    name: str = ""
    version: Annotated[str, BeforeValidator(_version)]
    client: _Client = _Client()
    organizations: dict[str, _Organisation] = Field(min_length=1)
    peers: dict[str, _Peer] = Field(min_length=1)
    channels: Annotated[dict[str, _Channel], BeforeValidator(_map)] = {}


@dataclass(frozen=True, slots=True)
class ConnectionProfile:
    """What a Gateway client takes from a profile.

    :param file: where it was read from, for messages
    :param msp_id: of the organisation that the profile is for; empty when it names none
    :param peers: every peer by the profile's name for it
    :param channels: channel -> names of the peers that joined it; empty when the profile names no channels
    """

    file: Path
    msp_id: str
    peers: Mapping[str, Endpoint]
    channels: Mapping[str, tuple[str, ...]]

    def endpoints(self, *, channel: str = "", msp_id: str = "") -> tuple[Endpoint, ...]:
        """Gateway peers, an organisation's own first and the others' behind them for when those fail.

        :param channel: only peers that joined it, as far as the profile names channels
        :param msp_id: whose peers come first; empty: the profile's own organisation
        :raises ConfigurationError: the channel is not in the profile, or nobody joined it
        """
        names = tuple(self.peers)
        if channel and self.channels:
            found = self.channels.get(channel, self.channels.get(DEFAULT_CHANNEL))
            if found is None:
                known = ", ".join(sorted(self.channels))
                raise _unusable(self.file, [f"channels: there is no {channel!r}, only {known}"])
            names = found or names
        own = msp_id or self.msp_id
        return tuple(sorted((self.peers[name] for name in names), key=lambda peer: peer.msp_id != own))


def load_profile(file: Path) -> ConnectionProfile:
    """Reads a connection profile; JSON when the file's name ends in ``.json``, YAML otherwise.

    :raises ConfigurationError: everything that is wrong with it, at once, each with its place in the file
    """
    try:
        content = _File.model_validate(_content(file))
    except ValidationError as error:
        problems = [f"{_place(item['loc'])}: {item['msg']}" for item in error.errors(include_url=False)]
        raise _unusable(file, problems) from error
    return _Reader(file, content).read()


class _Reader:
    def __init__(self, file: Path, content: _File) -> None:
        self._file = file
        self._content = content
        self._problems: list[str] = []

    def read(self) -> ConnectionProfile:
        content = self._content
        if content.version.split(".", maxsplit=1)[0] != "1":
            self._problems.append(f"version: it is {content.version!r}, only version 1 is known")
        pair = content.client.tls.client
        certificate = self._pem(pair.cert, "client.tlsCerts.client.cert", _is_certificate)
        key = self._pem(pair.key, "client.tlsCerts.client.key", _is_key)
        if (certificate is None) != (key is None):
            self._problems.append("client.tlsCerts.client: certificate and key belong together")
        owners = self._owners()
        peers = {
            name: self._peer(name, peer, owners.get(name, ""), certificate, key)
            for name, peer in content.peers.items()
        }
        channels = {name: tuple(channel.peers) for name, channel in content.channels.items()}
        for channel, names in channels.items():
            self._known(names, _place(("channels", channel, "peers")))
        msp_id = self._own()
        if self._problems:
            raise _unusable(self._file, self._problems)
        return ConnectionProfile(self._file, msp_id, peers, channels)

    def _own(self) -> str:
        name = self._content.client.organization
        if name and name not in self._content.organizations:
            self._problems.append(f"client.organization: {name!r} is not among the organizations")
            return ""
        return self._content.organizations[name].mspid if name else ""

    def _owners(self) -> dict[str, str]:
        """Peer -> MSP id."""
        owners: dict[str, str] = {}
        for name, organisation in self._content.organizations.items():
            self._known(tuple(organisation.peers), _place(("organizations", name, "peers")))
            owners |= dict.fromkeys(organisation.peers, organisation.mspid)
        return owners

    def _known(self, names: tuple[str, ...], place: str) -> None:
        for name in names:
            if name not in self._content.peers:
                self._problems.append(f"{place}: {name!r} is not among the peers")

    def _peer(
        self, name: str, peer: _Peer, msp_id: str, certificate: bytes | None, key: bytes | None
    ) -> Endpoint:
        place = _place(("peers", name))
        target, with_tls = self._target(peer.url, f"{place}.url")
        roots = self._pem(peer.tls_ca, f"{place}.tlsCACerts", _is_certificate)
        if with_tls and roots is None:
            self._problems.append(f"{place}.tlsCACerts: neither pem nor path, and the url asks for TLS")
        overrides = [str(peer.options[option]) for option in _OVERRIDES if peer.options.get(option)]
        return Endpoint(
            target,
            roots if with_tls else None,
            override=overrides[0] if overrides else "",
            client_certificate=certificate if with_tls else None,
            client_key=key if with_tls else None,
            msp_id=msp_id,
        )

    def _target(self, url: str, place: str) -> tuple[str, bool]:
        parts = urlsplit(url if "://" in url else f"grpcs://{url}")
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if parts.scheme not in ("grpc", "grpcs") or not host or not port:
            self._problems.append(f"{place}: {url!r} is not of the form grpcs://host:port")
            return "", False
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}", parts.scheme == "grpcs"

    def _pem(self, source: _Pem, place: str, good: Callable[[bytes], bool]) -> bytes | None:
        """The bytes meant; None when nothing is said or it cannot be had, which is noted."""
        if source.pem:
            content, where = "\n".join(source.pem).encode(), f"{place}.pem"
        elif source.path:
            where = f"{place}.path"
            read = self._read(source.path, where)
            if read is None:
                return b""  # noted already; not None, which would be said again
            content = read
        else:
            return None
        if not good(content):
            self._problems.append(f"{where}: no PEM is there that could be used")
        return content

    def _read(self, path: str, place: str) -> bytes | None:
        missing = [name for name in _VARIABLE.findall(path) if name not in os.environ]
        if missing:
            self._problems.append(f"{place}: {', '.join(missing)} is not in the environment")
            return None
        file = self._file.parent / _VARIABLE.sub(lambda found: os.environ[found.group(1)], path)
        try:
            return _bounded(file)
        except OSError as error:
            self._problems.append(f"{place}: {file} cannot be read: {error.strerror}")
        return None


def _is_certificate(pem: bytes) -> bool:
    try:
        return bool(x509.load_pem_x509_certificates(pem))
    except ValueError:
        return False


def _is_key(pem: bytes) -> bool:
    return b"PRIVATE KEY-----" in pem


def _bounded(file: Path) -> bytes:
    with file.open("rb") as handle:
        content = handle.read(MAX_PROFILE_BYTES + 1)
    if len(content) > MAX_PROFILE_BYTES:
        raise OSError(0, f"it is larger than {MAX_PROFILE_BYTES} bytes")
    return content


def _content(file: Path) -> object:
    try:
        text = _bounded(file).decode()
        if file.suffix.lower() == ".json":
            return json.loads(text)
        return yaml.safe_load(text)
    except OSError as error:
        raise _unusable(file, [f"it cannot be read: {error.strerror}"]) from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        kind = "JSON" if file.suffix.lower() == ".json" else "YAML"
        raise _unusable(file, [f"it is no {kind}: {' '.join(str(error).split())}"]) from error


def _place(location: tuple[int | str, ...]) -> str:
    """Where in the file: names with dots in brackets, as ``peers["peer0.org1"].url``."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]+", part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text or "file"


def _unusable(file: Path, problems: list[str]) -> ConfigurationError:
    listed = "".join(f"\n  {problem}" for problem in problems)
    return ConfigurationError(f"The connection profile {file} cannot be used:{listed}\n", remedy=_REMEDY)
