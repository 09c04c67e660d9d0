"""Registering parties: the operator vouches for them, the ledger learns their handle and key.

1. Alias, name, identifiers and key are checked; what is taken by somebody else is refused.
2. The ledger registers handle and key. A repetition answers "already".
3. The party is stored with a new client secret, which is told once.

Registering the same party again gives it a new secret and changes nothing else.
"""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from sqlalchemy.exc import IntegrityError

from consortium.contract.names import PARTIES_REGISTER
from consortium.documents import PartyId
from consortium.documents.fingerprint import ConsortiumKeys, party_id
from consortium.documents.identifiers import Validity, check_identifier
from consortium.errors import ChanrongError, ConflictError, InvalidInputError
from consortium.identity.client_secrets import hash_client_secret, new_client_secret
from consortium.storage import failpoints
from industry_gateway.outbox.calls import LedgerCalls
from industry_gateway.parties.directory import PartyDirectory, Tenant, primary_of
from industry_gateway.store import parties as statements
from industry_gateway.store.database import Database

MAX_IDENTIFIERS = 16
MAX_NAME_CHARACTERS = 400
OPERATOR = "operator"
"""Name of the gateway's operator; no party may take it."""

_ALIAS = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)

REFRESH_S = 2.0
"""How soon a replica knows a party that another one registered."""

_log = structlog.get_logger(__name__)

failpoints.declare("parties.before_commit", "parties.after_commit")


class PartyRegistry:
    """Registers parties at one gateway."""

    def __init__(
        self,
        database: Database,
        directory: PartyDirectory,
        keys: ConsortiumKeys,
        calls: LedgerCalls,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._directory = directory
        self._keys = keys
        self._calls = calls
        self._clock = clock

    async def load(self) -> None:
        """Reads all parties into the directory."""
        async with self._database.read() as connection:
            self._directory.replace(await statements.load(connection))

    async def follow(self) -> None:
        """Keeps the directory as the database has it, where other replicas register parties, too."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.load()
            except ChanrongError as error:
                _log.warning("parties are not read", reason=error.reason)

    async def register(
        self, alias: str, name: str, identifiers: Sequence[str], public_key: bytes
    ) -> tuple[Tenant, str]:
        """Steps 1 to 3; the party and its client secret.

        :param public_key: SubjectPublicKeyInfo in DER, P-256
        :raises InvalidInputError: what is wrong with the input
        :raises ConflictError: alias or identifier belongs to another party
        """
        tenant = self._checked(alias, name, identifiers, public_key)
        await self.load()  # another replica may have registered meanwhile
        known = self._directory.alias(alias)
        if known is not None and replace(known, secret_hash="") != tenant:
            raise _taken(f"The alias {alias} belongs to another party, or its data differ.")
        if known is None:
            self._refuse_taken(tenant)
            await self._on_ledger(tenant)
        secret = new_client_secret()
        tenant = replace(tenant, secret_hash=hash_client_secret(secret))
        try:
            async with self._database.write() as connection:
                if known is None:
                    await statements.add(connection, tenant, at=int(self._clock()))
                else:
                    await statements.set_secret(connection, alias, tenant.secret_hash)
                failpoints.reach("parties.before_commit")
        except IntegrityError as error:
            raise _taken("The alias or an identifier was just registered for another party.") from error
        failpoints.reach("parties.after_commit")
        await self.load()
        return tenant, secret

    def _checked(self, alias: str, name: str, identifiers: Sequence[str], public_key: bytes) -> Tenant:
        if _ALIAS.fullmatch(alias) is None or alias == OPERATOR:
            raise InvalidInputError(
                "An alias has 1 to 64 lower-case letters, digits, dots, dashes and underscores, and is not"
                f" {OPERATOR}.",
                reason="ALIAS_INVALID",
            )
        name = " ".join(name.split())
        if not 0 < len(name) <= MAX_NAME_CHARACTERS:
            raise InvalidInputError("A party has a legal name.", reason="NAME_INVALID")
        if not 0 < len(identifiers) <= MAX_IDENTIFIERS:
            raise InvalidInputError(
                f"A party has 1 to {MAX_IDENTIFIERS} identifiers.", reason="PARTY_ID_INVALID"
            )
        names = tuple(dict.fromkeys(party_id(each) for each in identifiers))
        for each in names:
            _check(each)
        return Tenant(
            alias=alias,
            name=name,
            handle=self._keys.party_handle(primary_of(names)),
            identifiers=names,
            key_number=1,
            public_key=_checked_key(public_key),
            secret_hash="",
        )

    def _refuse_taken(self, tenant: Tenant) -> None:
        for other in self._directory.all():
            shared = set(other.identifiers) & set(tenant.identifiers)
            if shared or other.handle == tenant.handle:
                raise _taken(f"An identifier belongs to the party {other.alias}.")

    async def _on_ledger(self, tenant: Tenant) -> None:
        spki = base64.b64encode(tenant.public_key).decode()
        key = {"number": tenant.key_number, "alg": "ES256", "spki": spki}
        (result,) = await self._calls.write(PARTIES_REGISTER, [{"party": tenant.handle, "key": key}])
        if result["status"] == "refused":
            raise ConflictError(
                f"The ledger refuses the party: {result.get('message', '')}",
                reason=str(result.get("reason", "CONFLICT")),
                remedy="A party is vouched for by one organisation; ask the one that registered it first.",
            )


def _check(identifier: PartyId) -> None:
    if identifier.scheme == "local":
        raise InvalidInputError(
            "A number that a trading partner gave does not identify a party.", reason="PARTY_ID_INVALID"
        )
    if identifier.scheme not in {"uscc", "lei"}:
        return  # others' check digits are the rules' business: some registers have given out numbers without
    checked = check_identifier(identifier)
    if checked.validity is Validity.INVALID:
        raise InvalidInputError(
            f"{identifier} is not a valid identifier: {checked.reason}", reason="PARTY_ID_INVALID"
        )


def _checked_key(public_key: bytes) -> bytes:
    """The key in the one form that the ledger takes: uncompressed P-256."""
    try:
        key = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad_key() from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise _bad_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _bad_key() -> InvalidInputError:
    return InvalidInputError(
        "The public key is not a P-256 key.",
        reason="KEY_INVALID",
        remedy="Send SubjectPublicKeyInfo in DER, as `openssl pkey -pubout -outform DER` writes it.",
    )


def _taken(message: str) -> ConflictError:
    return ConflictError(
        message, reason="PARTY_EXISTS", remedy="Use another alias, or the data that were registered first."
    )
