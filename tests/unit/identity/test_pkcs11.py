"""Keys in a token: with a token made of Python always, with SoftHSM where the machine has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from consortium.errors import ConfigurationError
from consortium.identity.ca import CertificateAuthority
from consortium.identity.files import write_file
from consortium.identity.msp import load_identity
from consortium.identity.pkcs11 import PIN_VARIABLE
from consortium.identity.signer import Ed25519Signer, P256Signer, is_low_s, verify_signature
from tests.support import softhsm

CA = CertificateAuthority.create("ca", "IndustryAMSP")


class FakeError(Exception):
    """Root of the library's errors."""


class LoggedInError(FakeError):
    """Somebody in this process has logged in already."""


class FakeToken:
    """A token with one key, which forgets its sessions when it is told to."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> None:
        self.key = key
        self.opened = 0
        self.broken = 0
        self.logged_in = False
        self.asked: list[dict[str, Any]] = []

    def open(self, user_pin: str = "") -> FakeToken:
        if user_pin and self.logged_in:
            raise LoggedInError
        if not self.logged_in and user_pin != "1234":
            raise FakeError("PinIncorrect")
        self.logged_in = True
        self.opened += 1
        return self

    def get_key(self, **named: Any) -> FakeToken:
        self.asked.append(named)
        return self

    def close(self) -> None:
        self.logged_in = False

    def sign(self, data: bytes, mechanism: str) -> bytes:
        if self.broken:
            self.broken -= 1
            raise FakeError("SessionHandleInvalid")
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            assert mechanism == "EDDSA"
            return self.key.sign(data)
        assert mechanism == "ECDSA"
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(Prehashed(hashes.SHA256()))))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def install(monkeypatch: pytest.MonkeyPatch, token: FakeToken) -> None:
    """Puts a library with one token in the extra's place."""

    def get_token(token_label: str) -> FakeToken:
        if token_label != "chanrong":
            raise FakeError("NoSuchToken")
        return token

    library = SimpleNamespace(
        lib=lambda module: SimpleNamespace(get_token=get_token),
        PKCS11Error=FakeError,
        UserAlreadyLoggedIn=LoggedInError,
        Mechanism=SimpleNamespace(ECDSA="ECDSA", EDDSA="EDDSA"),
        ObjectClass=SimpleNamespace(PRIVATE_KEY="private"),
    )
    monkeypatch.setitem(sys.modules, "pkcs11", library)


def folder_of(folder: Path, certificate: bytes, **changes: str) -> Path:
    """An MSP folder whose key is in a token."""
    says = {"module": "/hsm.so", "token": "chanrong", "key_id": "01", "pin_file": "pin"} | changes
    write_file(folder / "signcerts" / "cert.pem", certificate)
    text = "".join(f'{name} = "{value}"\n' for name, value in says.items() if value)
    write_file(folder / "keystore" / "key.toml", text.encode())
    write_file(folder / "keystore" / "pin", b"1234\n")
    return folder


@pytest.mark.parametrize("signer", [P256Signer.generate(), Ed25519Signer.generate()])
def test_an_identity_whose_key_is_in_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signer: P256Signer | Ed25519Signer
) -> None:
    token = FakeToken(signer.key)
    install(monkeypatch, token)
    certificate = CA.issue("gateway", ou="client", key=signer).cert_pem

    identity = load_identity(folder_of(tmp_path, certificate), "IndustryAMSP")

    for number in range(20):  # half of all signatures come with a high S
        message = b"message %d" % number
        signature = identity.sign(message)
        assert verify_signature(signer.spki, message, signature)
        assert isinstance(signer, Ed25519Signer) or is_low_s(signature)
    assert token.asked == [{"object_class": "private", "id": b"\x01"}]


def test_a_session_that_is_lost_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = P256Signer.generate()
    token = FakeToken(signer.key)
    install(monkeypatch, token)
    certificate = CA.issue("gateway", ou="client", key=signer).cert_pem
    identity = load_identity(folder_of(tmp_path, certificate), "IndustryAMSP")

    token.broken = 1
    assert verify_signature(signer.spki, b"m", identity.sign(b"m"))
    assert token.opened == 2
    token.broken = 2
    with pytest.raises(ConfigurationError, match=r"Key 01 in token 'chanrong'.*SessionHandleInvalid"):
        identity.sign(b"m")


def test_two_identities_of_one_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = P256Signer.generate()
    install(monkeypatch, FakeToken(signer.key))
    folder = folder_of(tmp_path, CA.issue("gateway", ou="client", key=signer).cert_pem)

    identities = [load_identity(folder, "IndustryAMSP") for _ in range(2)]

    for identity in identities:
        assert verify_signature(signer.spki, b"m", identity.sign(b"m"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"token": "other"}, "NoSuchToken"),
        ({"token": ""}, "token: Field required"),
        ({"key_id": "0g"}, "key_id: String should match"),
        ({"pin_file": "none"}, "none cannot be read"),
        ({"pin_file": ""}, f"{PIN_VARIABLE} is not set"),
        ({"colour": "red"}, "colour: Extra inputs"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], said: str
) -> None:
    signer = P256Signer.generate()
    install(monkeypatch, FakeToken(signer.key))
    monkeypatch.delenv(PIN_VARIABLE, raising=False)
    certificate = CA.issue("gateway", ou="client", key=signer).cert_pem

    with pytest.raises(ConfigurationError, match=said):
        load_identity(folder_of(tmp_path, certificate, **changes), "IndustryAMSP")


def test_the_pin_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = P256Signer.generate()
    install(monkeypatch, FakeToken(signer.key))
    certificate = CA.issue("gateway", ou="client", key=signer).cert_pem
    folder = folder_of(tmp_path, certificate, pin_file="", key_id="", key_label="gateway")

    monkeypatch.setenv(PIN_VARIABLE, "9999")
    with pytest.raises(ConfigurationError, match=r"Key gateway .* PinIncorrect"):
        load_identity(folder, "IndustryAMSP")
    monkeypatch.setenv(PIN_VARIABLE, "1234")
    assert load_identity(folder, "IndustryAMSP").signer.spki == signer.spki


def test_a_key_of_another_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeToken(P256Signer.generate().key))
    certificate = CA.issue("gateway", ou="client").cert_pem

    with pytest.raises(ConfigurationError, match="is not the certificate's"):
        load_identity(folder_of(tmp_path, certificate), "IndustryAMSP")


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    certificate = CA.issue("gateway", ou="client").cert_pem

    with pytest.raises(ConfigurationError, match="python-pkcs11 is not installed"):
        load_identity(folder_of(tmp_path, certificate), "IndustryAMSP")


def test_nobody_else_loads_the_extra() -> None:
    modules = "consortium.ledger.gateway, consortium.identity.msp, consortium.identity.pkcs11"
    check = f"import sys, {modules}; sys.exit('pkcs11' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.skipif(bool(softhsm.missing()), reason=softhsm.missing())
def test_softhsm(tmp_path: Path) -> None:
    msp, signer, environment = softhsm.make_token(tmp_path, CA)
    # SoftHSM reads its configuration once per process, so that it is another one that signs.
    script = """
import sys
from pathlib import Path
from consortium.identity.msp import load_identity
identity = load_identity(Path(sys.argv[1]), "IndustryAMSP")
print("\\n".join(identity.sign(b"message").hex() for _ in range(20)))
"""
    ran = subprocess.run(
        [sys.executable, "-c", script, str(msp)],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )

    signatures = [bytes.fromhex(line) for line in ran.stdout.split()]
    assert len(signatures) == 20
    for signature in signatures:
        assert is_low_s(signature)
        assert verify_signature(signer.spki, b"message", signature)
