"""Document bodies at rest: each under a data key of its own, these under a master key outside the database.

A body is stored as two columns: ``wrapped_key`` and ``ciphertext``. Setting ``wrapped_key`` to NULL erases
the body for good, wherever else copies of the ciphertext are. The document's id is authenticated with both,
so that neither can be moved to another row.

Forms (version 1): ``wrapped_key`` = 01 | master key number (4 bytes) | nonce (12) | AES-256-GCM(data key)
(48); ``ciphertext`` = 01 | nonce (12) | AES-256-GCM(body). Nonces are random; a master key wraps at most
2^32 data keys (NIST SP 800-38D), after which the operator adds the next one.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, ConfigDict, ValidationError

from consortium.errors import ChanrongError, ConfigurationError, NotFoundError
from consortium.identity.files import write_file

KEY_BYTES = 32
NONCE_BYTES = 12

_VERSION = b"\x01"
_NUMBER_BYTES = 4
_HEAD = 1 + _NUMBER_BYTES
_WRAPPED_BYTES = _HEAD + NONCE_BYTES + KEY_BYTES + 16
_KEY_AAD = b"chanrong-key|1|"
_BODY_AAD = b"chanrong-body|1|"


class Sealed(NamedTuple):
    """A body as it is stored."""

    wrapped_key: bytes
    ciphertext: bytes


class BodyTamperedError(ChanrongError):
    """A stored body, its key or its id was changed, or is another document's."""

    reason = "BODY_TAMPERED"


class _MasterKeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    current: int
    keys: dict[int, str]


class BodyVault:
    """Seals and opens bodies.

    :param keys: number -> master key of 32 bytes; old ones stay as long as rows are wrapped by them
    :param current: number of the one that wraps new data keys
    :raises ConfigurationError: a key of another length, or no current one
    """

    def __init__(self, keys: Mapping[int, bytes], current: int) -> None:
        if current not in keys:
            raise ConfigurationError(
                f"Master key {current} is not there.", remedy="Add it, or change current."
            )
        for number, key in keys.items():
            if len(key) != KEY_BYTES or not 0 <= number < 2 ** (8 * _NUMBER_BYTES):
                raise ConfigurationError(
                    f"Master key {number} is not a numbered key of {KEY_BYTES} bytes.",
                    remedy=f"Write {2 * KEY_BYTES} hexadecimal digits.",
                )
        self._masters = {number: AESGCM(key) for number, key in keys.items()}
        self._current = current
        self._head = _VERSION + current.to_bytes(_NUMBER_BYTES, "big")

    @classmethod
    def load(cls, path: Path) -> BodyVault:
        """Read a master key file: JSON ``{"current": 1, "keys": {"1": "<64 hex digits>"}}``, mode 0600.

        :raises ConfigurationError: unreadable, readable by others, or not of that form
        """
        try:
            mode = path.stat().st_mode
            content = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"The master key file {path} cannot be read: {error.strerror}.", remedy="Check the path."
            ) from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigurationError(
                f"The master key file {path} is open to others.", remedy=f"chmod 600 {path}"
            )
        try:
            parsed = _MasterKeyFile.model_validate_json(content)
            keys = {number: bytes.fromhex(key) for number, key in parsed.keys.items()}
        except (ValidationError, ValueError) as error:
            raise ConfigurationError(
                f"The master key file {path} is not of the right form.",
                remedy='Write {"current": 1, "keys": {"1": "<64 hexadecimal digits>"}}.',
            ) from error
        return cls(keys, parsed.current)

    @staticmethod
    def create_file(path: Path) -> None:
        """Write a master key file with one new random key, mode 0600."""
        content = {"current": 1, "keys": {"1": os.urandom(KEY_BYTES).hex()}}
        write_file(path, json.dumps(content).encode("ascii") + b"\n", private=True)

    def seal(self, document_id: str, body: bytes) -> Sealed:
        """Encrypt a body under a new data key."""
        return self.seal_many(((document_id, body),))[0]

    def seal_many(self, items: Iterable[tuple[str, bytes]]) -> list[Sealed]:
        """Encrypt (document id, body) pairs, in order; randomness is drawn once for all."""
        pairs = list(items)
        step = KEY_BYTES + 2 * NONCE_BYTES
        random = os.urandom(step * len(pairs))
        master = self._masters[self._current]
        sealed: list[Sealed] = []
        for position, (document_id, body) in enumerate(pairs):
            at = position * step
            key = random[at : at + KEY_BYTES]
            key_nonce = random[at + KEY_BYTES : at + KEY_BYTES + NONCE_BYTES]
            nonce = random[at + KEY_BYTES + NONCE_BYTES : at + step]
            name = document_id.encode()
            wrapped = self._head + key_nonce + master.encrypt(key_nonce, key, _KEY_AAD + self._head + name)
            ciphertext = _VERSION + nonce + AESGCM(key).encrypt(nonce, body, _BODY_AAD + name)
            sealed.append(Sealed(wrapped, ciphertext))
        return sealed

    def open(self, document_id: str, wrapped_key: bytes | None, ciphertext: bytes) -> bytes:
        """Decrypt a body.

        :param wrapped_key: None once the body was erased
        :raises NotFoundError: reason BODY_ERASED
        :raises BodyTamperedError: anything does not fit
        :raises ConfigurationError: the master key it is under is not there
        """
        if wrapped_key is None:
            raise NotFoundError("The document's body was erased.", reason="BODY_ERASED")
        key = self._unwrap(document_id, wrapped_key)
        start = 1 + NONCE_BYTES
        if ciphertext[:1] != _VERSION or len(ciphertext) < start:
            raise _tampered(document_id)
        try:
            return AESGCM(key).decrypt(
                ciphertext[1:start], ciphertext[start:], _BODY_AAD + document_id.encode()
            )
        except InvalidTag as error:
            raise _tampered(document_id) from error

    def rewrap(self, document_id: str, wrapped_key: bytes) -> bytes:
        """The same data key under the current master key; the body stays as it is.

        :raises BodyTamperedError: the wrapped key does not fit the id
        """
        key = self._unwrap(document_id, wrapped_key)
        nonce = os.urandom(NONCE_BYTES)
        aad = _KEY_AAD + self._head + document_id.encode()
        return self._head + nonce + self._masters[self._current].encrypt(nonce, key, aad)

    def needs_rewrap(self, wrapped_key: bytes) -> bool:
        """Whether a data key is under an older master key."""
        return not wrapped_key.startswith(self._head)

    def _unwrap(self, document_id: str, wrapped_key: bytes) -> bytes:
        if len(wrapped_key) != _WRAPPED_BYTES or wrapped_key[:1] != _VERSION:
            raise _tampered(document_id)
        head = wrapped_key[:_HEAD]
        number = int.from_bytes(head[1:], "big")
        master = self._masters.get(number)
        if master is None:
            raise ConfigurationError(
                f"Document {document_id} is under master key {number}, which is not there.",
                remedy="Put that key back into the master key file.",
            )
        nonce = wrapped_key[_HEAD : _HEAD + NONCE_BYTES]
        aad = _KEY_AAD + head + document_id.encode()
        try:
            return master.decrypt(nonce, wrapped_key[_HEAD + NONCE_BYTES :], aad)
        except InvalidTag as error:
            raise _tampered(document_id) from error


def _tampered(document_id: str) -> BodyTamperedError:
    return BodyTamperedError(
        f"The stored body of document {document_id} was changed.",
        remedy="Restore the row from a backup and look into who changed it.",
    )
