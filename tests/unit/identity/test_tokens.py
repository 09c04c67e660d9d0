"""Access tokens and client secrets."""

from __future__ import annotations

import json

import pytest

from consortium.errors import UnauthenticatedError
from consortium.identity.client_secrets import (
    MAX_SECRET_CHARACTERS,
    hash_client_secret,
    new_client_secret,
    verify_client_secret,
)
from consortium.identity.directory import Caller
from consortium.identity.jws import public_jwks, sign_jws
from consortium.identity.signer import P256Signer
from consortium.identity.tokens import LEEWAY_SECONDS, TOKEN_TYPE, TokenIssuer, TokenVerifier

KEY = P256Signer.generate()
CALLER = Caller("IndustryAMSP", "acme", "erp")


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def _reason(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(UnauthenticatedError) as caught:
        verifier.verify(token)
    return caught.value.reason


def test_a_token_tells_its_caller_until_it_expires_also_when_remembered() -> None:
    clock = Clock()
    issuer = TokenIssuer("industry-a", KEY, "k1", seconds=600, now=clock)
    verifier, issued = issuer.verifier(), issuer.issue(CALLER)
    assert issued.expires_in == 600
    assert verifier.verify(issued.token) == CALLER
    clock.now += 600 + LEEWAY_SECONDS
    assert verifier.verify(issued.token) == CALLER
    clock.now += 1
    assert _reason(verifier, issued.token) == "TOKEN_EXPIRED"
    assert _reason(issuer.verifier(), issued.token) == "TOKEN_EXPIRED"


def test_a_token_of_the_future_is_invalid() -> None:
    clock = Clock()
    issuer = TokenIssuer("industry-a", KEY, "k1", now=clock)
    token = issuer.issue(CALLER).token
    clock.now -= LEEWAY_SECONDS + 1
    assert _reason(issuer.verifier(), token) == "TOKEN_INVALID"


def test_another_gateways_token_is_invalid_even_under_the_same_key() -> None:
    token = TokenIssuer("industry-b", KEY, "k1").issue(CALLER).token
    assert _reason(TokenIssuer("industry-a", KEY, "k1").verifier(), token) == "TOKEN_INVALID"


def test_another_key_is_invalid_and_a_change_of_keys_takes_both() -> None:
    new = P256Signer.generate()
    old_token = TokenIssuer("industry-a", KEY, "k1").issue(CALLER).token
    new_token = TokenIssuer("industry-a", new, "k2").issue(CALLER).token
    assert _reason(TokenIssuer("industry-a", new, "k2").verifier(), old_token) == "TOKEN_INVALID"
    both = TokenVerifier("industry-a", public_jwks({"k1": KEY, "k2": new}))
    assert both.verify(old_token) == both.verify(new_token) == CALLER


@pytest.mark.parametrize("change", [{"role": 1}, {"exp": "9"}, {"admin": True}, {"sub": ""}, {"org": None}])
def test_claims_of_another_form_are_invalid(change: dict[str, object]) -> None:
    claims = {
        "iss": "industry-a",
        "aud": "industry-a",
        "sub": "acme",
        "org": "IndustryAMSP",
        "role": "erp",
        "iat": 1_800_000_000,
        "exp": 1_800_000_600,
        "jti": "1",
    }
    verifier = TokenVerifier("industry-a", public_jwks({"k1": KEY}), now=Clock())
    good = sign_jws(json.dumps(claims).encode(), KEY, "k1", typ=TOKEN_TYPE)
    assert verifier.verify(good) == CALLER
    bad = sign_jws(json.dumps(claims | change).encode(), KEY, "k1", typ=TOKEN_TYPE)
    assert _reason(verifier, bad) == "TOKEN_INVALID"
    other_type = sign_jws(json.dumps(claims).encode(), KEY, "k1", typ="JWT")
    assert _reason(verifier, other_type) == "TOKEN_INVALID"


@pytest.mark.parametrize("token", ["", "x", "x" * 5000])
def test_texts_that_are_no_tokens(token: str) -> None:
    assert _reason(TokenIssuer("industry-a", KEY, "k1").verifier(), token) == "TOKEN_INVALID"


def test_secrets_are_checked_by_their_hash() -> None:
    secret = new_client_secret()
    stored = hash_client_secret(secret)
    assert secret not in stored
    assert stored != hash_client_secret(secret)
    assert verify_client_secret(secret, stored)
    assert not verify_client_secret(secret + "x", stored)
    assert not verify_client_secret("", stored)


def test_nobodys_secret_is_checked_as_long_and_never_right() -> None:
    assert not verify_client_secret("anything", None)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "plain",
        "scrypt$14$8$1$!!$!!",
        "scrypt$30$8$1$AAAA$AAAA",
        "scrypt$x$8$1$AAAA$AAAA",
        "bcrypt$1$1$1$a$b",
    ],
)
def test_broken_hashes_let_nobody_in(stored: str) -> None:
    assert not verify_client_secret("", stored)


def test_a_very_long_secret_is_not_hashed() -> None:
    long = "x" * (MAX_SECRET_CHARACTERS + 1)
    assert not verify_client_secret(long, hash_client_secret(long))
