"""Connection profiles: what is read from them, and what is said when they cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from consortium.errors import ConfigurationError
from consortium.identity.ca import CertificateAuthority
from consortium.ledger.profile import load_profile

CA = CertificateAuthority.create("tlsca.org1", "Org1").cert_pem.decode()
OTHER_CA = CertificateAuthority.create("tlsca.org2", "Org2").cert_pem.decode()


def profile(**changes: Any) -> dict[str, Any]:
    """A profile as Fabric's tools write it, of two organisations."""
    made: dict[str, Any] = {
        "name": "test-network-org1",
        "version": "1.0.0",
        "client": {
            "organization": "Org1",
            "connection": {"timeout": {"peer": {"endorser": "300"}, "orderer": "300"}},
        },
        "channels": {"trade": {"orderers": ["orderer"], "peers": {"peer0.org2": None, "peer0.org1": {}}}},
        "organizations": {
            "Org2": {"mspid": "Org2MSP", "peers": ["peer0.org2"]},
            "Org1": {"mspid": "Org1MSP", "peers": ["peer0.org1"], "certificateAuthorities": ["ca.org1"]},
        },
        "peers": {
            "peer0.org2": {"url": "grpcs://127.0.0.1:9051", "tlsCACerts": {"pem": OTHER_CA}},
            "peer0.org1": {
                "url": "grpcs://localhost:7051",
                "tlsCACerts": {"pem": [CA]},
                "grpcOptions": {"ssl-target-name-override": "peer0.org1", "keep-alive-time": "0s"},
            },
        },
        "certificateAuthorities": {"ca.org1": {"url": "https://localhost:7054", "caName": "ca-org1"}},
        "orderers": {"orderer": {"url": "grpcs://localhost:7050"}},
    }
    return made | changes


def write(folder: Path, content: dict[str, Any], name: str = "profile.yaml") -> Path:
    file = folder / name
    file.write_text(json.dumps(content) if name.endswith(".json") else yaml.safe_dump(content))
    return file


@pytest.mark.parametrize("name", ["profile.yaml", "profile.json"])
def test_own_peers_come_first(tmp_path: Path, name: str) -> None:
    read = load_profile(write(tmp_path, profile(), name))

    mine, theirs = read.endpoints(channel="trade")

    assert read.msp_id == "Org1MSP"
    assert (mine.target, mine.msp_id, mine.override) == ("localhost:7051", "Org1MSP", "peer0.org1")
    assert (theirs.target, theirs.msp_id, theirs.override) == ("127.0.0.1:9051", "Org2MSP", "")
    assert (mine.tls_root, theirs.tls_root) == (CA.encode(), OTHER_CA.encode())
    assert read.endpoints(msp_id="Org2MSP") == (theirs, mine)


def test_certificates_in_files_beside_the_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "ca.pem").write_text(CA)
    monkeypatch.setenv("TLS_FOLDER", str(tmp_path / "tls"))
    peers = {
        "peer0.org1": {"url": "grpcs://a:1", "tlsCACerts": {"path": "tls/ca.pem"}},
        "peer0.org2": {"url": "grpcs://b:2", "tlsCACerts": {"path": "${TLS_FOLDER}/ca.pem"}},
    }

    found = load_profile(write(tmp_path, profile(peers=peers))).endpoints()

    assert [endpoint.tls_root for endpoint in found] == [CA.encode()] * 2


def test_a_client_certificate_for_mutual_tls(tmp_path: Path) -> None:
    issued = CertificateAuthority.create("tlsca", "Org1").issue("client")
    pair = {"cert": {"pem": issued.cert_pem.decode()}, "key": {"pem": issued.key_pem.decode()}}
    client = {"organization": "Org1", "tlsCerts": {"client": pair}}

    endpoint = load_profile(write(tmp_path, profile(client=client))).endpoints()[0]

    assert (endpoint.client_certificate, endpoint.client_key) == (issued.cert_pem, issued.key_pem)


def test_without_tls_and_without_channels(tmp_path: Path) -> None:
    peers = {"peer0.org1": {"url": "grpc://[::1]:7051"}, "peer0.org2": {"url": "grpc://b:2"}}

    found = load_profile(write(tmp_path, profile(peers=peers, channels=None, version=1.0))).endpoints(
        channel="any"
    )

    assert [(item.target, item.tls_root) for item in found] == [("[::1]:7051", None), ("b:2", None)]


def test_another_channel_is_not_guessed(tmp_path: Path) -> None:
    read = load_profile(write(tmp_path, profile()))

    with pytest.raises(ConfigurationError, match=r"channels: there is no 'elsewhere', only trade"):
        read.endpoints(channel="elsewhere")
    default = load_profile(write(tmp_path, profile(channels={"_default": {"peers": {"peer0.org1": {}}}})))
    assert [item.msp_id for item in default.endpoints(channel="elsewhere")] == ["Org1MSP"]


PEER = {"url": "grpcs://a:1", "tlsCACerts": {"pem": CA}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "2.0"}, "version: it is '2.0', only version 1 is known"),
        ({"client": {"organization": "Org9"}}, "client.organization: 'Org9' is not among the organizations"),
        ({"peers": {}}, "peers: Dictionary should have at least 1 item"),
        ({"peers": {"peer0.org1": {}}}, 'peers["peer0.org1"].url: Field required'),
        (
            {"peers": {"peer0.org1": PEER}},
            "organizations.Org2.peers: 'peer0.org2' is not among the peers",
        ),
        (
            {"peers": {"peer0.org1": PEER | {"url": "http://a"}}},
            "peers[\"peer0.org1\"].url: 'http://a' is not of the form grpcs://host:port",
        ),
        (
            {"peers": {"peer0.org1": PEER | {"url": "grpcs://a:99999"}}},
            "peers[\"peer0.org1\"].url: 'grpcs://a:99999' is not of the form grpcs://host:port",
        ),
        (
            {"peers": {"peer0.org1": {"url": "grpcs://a:1"}}},
            'peers["peer0.org1"].tlsCACerts: neither pem nor path, and the url asks for TLS',
        ),
        (
            {"peers": {"peer0.org1": PEER | {"tlsCACerts": {"pem": "nothing"}}}},
            'peers["peer0.org1"].tlsCACerts.pem: no PEM is there that could be used',
        ),
        (
            {"peers": {"peer0.org1": PEER | {"tlsCACerts": {"path": "no.pem"}}}},
            'peers["peer0.org1"].tlsCACerts.path: ',
        ),
        (
            {"peers": {"peer0.org1": PEER | {"tlsCACerts": {"path": "${NOT_SET_ANYWHERE}/a"}}}},
            'peers["peer0.org1"].tlsCACerts.path: NOT_SET_ANYWHERE is not in the environment',
        ),
        (
            {"channels": {"trade": {"peers": ["peer9"]}}},
            "channels.trade.peers: 'peer9' is not among the peers",
        ),
        ({"organizations": {"Org1": {}}}, "organizations.Org1.mspid: Field required"),
        (
            {"client": {"tlsCerts": {"client": {"cert": {"pem": CA}}}}},
            "client.tlsCerts.client: certificate and key belong together",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    file = write(tmp_path, profile(**changes))

    with pytest.raises(ConfigurationError) as caught:
        load_profile(file)
    assert said in caught.value.message
    assert str(file) in caught.value.message


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    peers = {"peer0.org1": {"url": "nowhere"}, "peer0.org2": {"url": "grpcs://b:2"}}

    with pytest.raises(ConfigurationError) as caught:
        load_profile(write(tmp_path, profile(peers=peers, version="3")))
    assert caught.value.message.count("\n  ") == 3


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b"{", "it is no JSON"),
        ("a.yaml", b"a: [", "it is no YAML"),
        ("a.yaml", b"\xff\xfe\xff", "it is no YAML"),
        ("a.yaml", b"!!python/object/apply:os.system [true]", "it is no YAML"),
        ("a.yaml", b"- a list", "file: Input should be"),
        ("a.yaml", b"", "file: Input should be"),
        ("a.yaml", b"&a [*a]", "file: Input should be"),
        ("a.yaml", b"#" * (4 * 1024 * 1024 + 1), "it cannot be read: it is larger than"),
    ],
)
def test_files_that_are_no_profiles(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        load_profile(tmp_path / name)
    assert said in caught.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load_profile(tmp_path / "none.yaml")
