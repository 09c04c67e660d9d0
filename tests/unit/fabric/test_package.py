"""A chaincode package is the same bytes for the same input, in the form that peers take."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import pytest

from chanrong.fabric.package import Connection, make_package
from consortium.errors import ChanrongError

TLS = Connection(
    "127.0.0.1:9999", root_cert="ROOT", client_cert="CERT", client_key="KEY", domain="cc.example"
)


def unpacked(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        assert all(member.mtime == 0 and member.uid == 0 and not member.uname for member in archive)
        return {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]


def test_form() -> None:
    files = unpacked(make_package("chanrong_1.0", TLS).content)
    assert list(files) == ["metadata.json", "code.tar.gz"]
    assert json.loads(files["metadata.json"]) == {"type": "ccaas", "label": "chanrong_1.0"}
    inner = unpacked(files["code.tar.gz"])
    assert json.loads(inner["connection.json"]) == {
        "address": "127.0.0.1:9999",
        "dial_timeout": "10s",
        "tls_required": True,
        "root_cert": "ROOT",
        "client_auth_required": True,
        "client_cert": "CERT",
        "client_key": "KEY",
        "domain": "cc.example",
    }


def test_without_tls() -> None:
    inner = unpacked(unpacked(make_package("a", Connection("h:1")).content)["code.tar.gz"])
    assert json.loads(inner["connection.json"]) == {
        "address": "h:1",
        "dial_timeout": "10s",
        "tls_required": False,
    }


def test_same_bytes_and_id() -> None:
    first, again = make_package("a_1", TLS), make_package("a_1", TLS)
    assert first.content == again.content
    assert first.package_id == f"a_1:{hashlib.sha256(first.content).hexdigest()}"
    # Written down: another machine, Python or zlib makes these bytes too.
    assert first.package_id == "a_1:fb90671167c47de1bfea4b886fb6a4bc560cd2fa034675a5d4d51267cfa9a629"


def test_every_organisation_has_its_own() -> None:
    assert make_package("a", TLS).package_id != make_package("a", Connection("127.0.0.1:9998")).package_id


@pytest.mark.parametrize("label", ["", "a b", "_a", "/a", "a:b", "a\n"])
def test_labels_that_peers_refuse(label: str) -> None:
    with pytest.raises(ChanrongError, match="label"):
        make_package(label, TLS)
