"""Signing keys in a hardware security module, through PKCS#11. An extra: ``pip install chanrong[pkcs11]``.

An MSP folder whose ``keystore`` holds ``key.toml`` instead of a private key signs with the module::

    module = "/usr/lib/softhsm/libsofthsm2.so"   # the vendor's PKCS#11 library
    token = "chanrong"                           # the token's label
    key_id = "01"                                # CKA_ID in hex, or: key_label = "gateway"
    pin_file = "pin"                             # beside this file, mode 0600; without it CHANRONG_PKCS11_PIN

P-256 keys sign with CKM_ECDSA over a SHA-256 made here (tokens that hash themselves are rare), Ed25519 keys
with CKM_EDDSA. The library is loaded when a key is opened, never before.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consortium.errors import ConfigurationError
from consortium.identity.signer import is_ed25519, low_s, verify_signature

PIN_VARIABLE: Final = "CHANRONG_PKCS11_PIN"
P256_BYTES: Final = 32
"""Of r, and of s, in a raw signature."""

_TRIAL: Final = b"chanrong: is this the certificate's key?"


class KeyFile(BaseModel):
    """``key.toml``: where the key is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    module: Path
    token: str = Field(min_length=1)
    key_id: str = Field(default="", pattern=r"^([0-9A-Fa-f]{2})*$")
    key_label: str = ""
    pin_file: Path | None = None


class Pkcs11Signer:
    """A key of a token, opened once. Threads take turns: a session does one thing at a time.

    :param key: where it is
    :param pin: the token's user PIN
    :param spki: DER SubjectPublicKeyInfo of the certificate that the key must belong to
    :raises ConfigurationError: library, token or key is not there, the PIN is wrong, or the key is another's
    """

    def __init__(self, key: KeyFile, pin: str, spki: bytes) -> None:
        self._where = key
        self._pin = pin
        self._spki = spki
        self._lock = threading.Lock()
        self._pkcs11 = _library()
        self._private: Any = None
        self._session: Any = None
        with self._lock:
            self._open()
        if not verify_signature(spki, _TRIAL, self.sign(_TRIAL)):
            self.close()
            raise ConfigurationError(
                f"The key in token {key.token!r} is not the certificate's.",
                remedy="Name the key by the id or label under which it was enrolled.",
            )

    @property
    def spki(self) -> bytes:
        """Public key as DER SubjectPublicKeyInfo."""
        return self._spki

    def sign(self, message: bytes) -> bytes:
        """Low-S DER over SHA-256 of the message (P-256), or 64 bytes over the message (Ed25519).

        :raises ConfigurationError: the token is gone, and does not come back when it is opened again
        """
        with self._lock:
            try:
                return self._signed(message)
            except self._pkcs11.PKCS11Error:
                # A token that was unplugged, or whose host restarted, has forgotten the session.
                self._close()
                self._open()
                try:
                    return self._signed(message)
                except self._pkcs11.PKCS11Error as error:
                    raise self._unusable(error) from error

    def close(self) -> None:
        """Ends the session."""
        with self._lock:
            self._close()

    def _signed(self, message: bytes) -> bytes:
        if is_ed25519(self._spki):
            return bytes(self._private.sign(message, mechanism=self._pkcs11.Mechanism.EDDSA))
        digest = hashlib.sha256(message).digest()
        raw = bytes(self._private.sign(digest, mechanism=self._pkcs11.Mechanism.ECDSA))
        r, s = raw[:P256_BYTES], raw[P256_BYTES:]
        return low_s(encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big")))

    def _open(self) -> None:
        where, pkcs11 = self._where, self._pkcs11
        named: dict[str, Any] = {"object_class": pkcs11.ObjectClass.PRIVATE_KEY}
        if where.key_id:
            named["id"] = bytes.fromhex(where.key_id)
        if where.key_label:
            named["label"] = where.key_label
        try:
            token = pkcs11.lib(str(where.module)).get_token(token_label=where.token)
            try:
                self._session = token.open(user_pin=self._pin)
            except pkcs11.UserAlreadyLoggedIn:  # whoever logs in does so for the whole process
                self._session = token.open()
            self._private = self._session.get_key(**named)
        except (pkcs11.PKCS11Error, RuntimeError) as error:  # a library that cannot be loaded
            raise self._unusable(error) from error

    def _close(self) -> None:
        if self._session is not None:
            with contextlib.suppress(self._pkcs11.PKCS11Error):  # it may be gone already
                self._session.close()
            self._session = self._private = None

    def _unusable(self, error: Exception) -> ConfigurationError:
        where = self._where
        key = where.key_id or where.key_label or "the only one"
        said = f"{type(error).__name__} {error}".strip()
        return ConfigurationError(
            f"Key {key} in token {where.token!r} of {where.module} cannot be used: {said}.",
            remedy="Check library, token label, PIN and the key's id or label.",
        )


def open_key(file: Path, spki: bytes) -> Pkcs11Signer:
    """The signer that a ``key.toml`` describes.

    :param spki: of the certificate that the key must belong to
    :raises ConfigurationError: the file or the key cannot be used, or the extra is not installed
    """
    try:
        key = KeyFile.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        pin = _pin(file, key)
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename} cannot be read: {error.strerror}.", remedy="Check the MSP folder."
        ) from error
    except ValidationError as error:
        wrong = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(f"{file}: {wrong}.", remedy="See consortium.identity.pkcs11.") from error
    except ValueError as error:
        raise ConfigurationError(f"{file} is not TOML: {error}.", remedy="Correct it.") from error
    return Pkcs11Signer(key, pin, spki)


def _pin(file: Path, key: KeyFile) -> str:
    if key.pin_file is not None:
        return (file.parent / key.pin_file).read_text(encoding="utf-8").strip()
    pin = os.environ.get(PIN_VARIABLE, "")
    if not pin:
        raise ConfigurationError(
            f"{file} names no pin_file, and {PIN_VARIABLE} is not set.", remedy="Give the token's user PIN."
        )
    return pin


def _library() -> Any:
    """The extra's module, loaded only here."""
    try:
        return import_module("pkcs11")
    except ImportError as error:
        raise ConfigurationError(
            "The key is in a PKCS#11 token, and python-pkcs11 is not installed.",
            remedy="Install chanrong[pkcs11], or requirements/pkcs11.txt.",
        ) from error
