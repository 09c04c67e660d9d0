"""Access tokens of the REST side: JWTs (RFC 9068) signed with ES256, valid for minutes, telling organisation and role.

A token is only ever accepted by the gateway that issued it (``iss`` and ``aud`` are its name).
"""

from __future__ import annotations

import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consortium.errors import UnauthenticatedError
from consortium.identity.directory import Caller
from consortium.identity.jws import JwsError, public_jwks, sign_jws, verify_jws
from consortium.identity.signer import P256Signer

TOKEN_SECONDS = 600
"""Validity of a token: long enough for a batch of pushes, short enough to need no revocation."""

LEEWAY_SECONDS = 30
"""Clocks of two replicas may differ by this much."""

MAX_TOKEN_CHARACTERS = 4096
MAX_REMEMBERED = 1024
"""Tokens whose signature was checked already."""

TOKEN_TYPE = "at+jwt"  # noqa: S105 -- the media type of RFC 9068

_REMEDY = "Get a new token from /oauth2/token."


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    iss: str
    aud: str
    sub: str = Field(min_length=1)
    org: str = Field(min_length=1)
    role: str = Field(min_length=1)
    iat: int
    exp: int
    jti: str


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token and how long it is valid, seconds."""

    token: str
    expires_in: int


class TokenIssuer:
    """Issues tokens.

    :param name: of the gateway, such as "industry-a"; becomes ``iss`` and ``aud``
    :param key: shared by the gateway's replicas
    :param kid: of the key; a new key gets a new one
    :param now: clock, seconds since 1970 UTC
    """

    def __init__(
        self,
        name: str,
        key: P256Signer,
        kid: str,
        *,
        seconds: int = TOKEN_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._key = key
        self._kid = kid
        self._seconds = seconds
        self._now = now

    def issue(self, caller: Caller) -> IssuedToken:
        """A token that says: this is ``caller``."""
        moment = int(self._now())
        claims = _Claims(
            iss=self._name,
            aud=self._name,
            sub=caller.name,
            org=caller.org,
            role=caller.role,
            iat=moment,
            exp=moment + self._seconds,
            jti=secrets.token_hex(8),
        )
        payload = json.dumps(claims.model_dump()).encode()
        return IssuedToken(sign_jws(payload, self._key, self._kid, typ=TOKEN_TYPE), self._seconds)

    def verifier(self) -> TokenVerifier:
        """A verifier of this issuer's tokens."""
        return TokenVerifier(self._name, public_jwks({self._kid: self._key}), now=self._now)


class TokenVerifier:
    """Checks tokens.

    :param jwks: public keys; during a change of keys the old and the new one
    """

    def __init__(self, name: str, jwks: Mapping[str, Any], *, now: Callable[[], float] = time.time) -> None:
        self._name = name
        self._jwks = jwks
        self._now = now
        self._known: OrderedDict[str, _Claims] = OrderedDict()

    def verify(self, token: str) -> Caller:
        """Who a token stands for.

        :raises UnauthenticatedError: TOKEN_INVALID, TOKEN_EXPIRED
        """
        claims = self._known.get(token)
        if claims is None:
            claims = self._check(token)
            self._known[token] = claims
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        moment = self._now()
        if moment > claims.exp + LEEWAY_SECONDS:
            raise UnauthenticatedError("The token has expired.", reason="TOKEN_EXPIRED", remedy=_REMEDY)
        if moment < claims.iat - LEEWAY_SECONDS:
            raise _invalid()
        return Caller(claims.org, claims.sub, claims.role)

    def _check(self, token: str) -> _Claims:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise _invalid()
        try:
            payload, _ = verify_jws(token, self._jwks, typ=TOKEN_TYPE)
            claims = _Claims.model_validate_json(payload)
        except (JwsError, ValidationError) as error:
            raise _invalid() from error
        if claims.iss != self._name or claims.aud != self._name:
            raise _invalid()
        return claims


def _invalid() -> UnauthenticatedError:
    return UnauthenticatedError("The token is not valid here.", reason="TOKEN_INVALID", remedy=_REMEDY)
