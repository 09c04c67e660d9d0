"""JWS: round trip of large payloads, and everything else refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import OctKey

from consortium.errors import ConfigurationError
from consortium.identity.jws import JwsError, load_jwks, public_jwk, public_jwks, sign_jws, verify_jws
from consortium.identity.signer import P256Signer

KEY, OTHER = P256Signer.generate(), P256Signer.generate()
JWKS = public_jwks({"k1": KEY, "k2": OTHER})


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _reason(token: str, jwks: dict[str, Any] = JWKS, **options: Any) -> str:
    with pytest.raises(JwsError) as caught:
        verify_jws(token, jwks, **options)
    return caught.value.reason


@given(st.binary(max_size=500))
def test_payloads_come_back_with_the_signers_kid(payload: bytes) -> None:
    assert verify_jws(sign_jws(payload, KEY, "k1"), JWKS) == (payload, "k1")
    assert verify_jws(sign_jws(payload, OTHER, "k2"), JWKS) == (payload, "k2")


def test_a_package_of_megabytes_fits_attached_and_detached() -> None:
    payload = b'{"a":"' + b"x" * 5_000_000 + b'"}'
    assert verify_jws(sign_jws(payload, KEY, "k1"), JWKS)[0] == payload
    detached = sign_jws(payload, KEY, "k1", detached=True)
    assert len(detached) < 300
    assert verify_jws(detached, JWKS, payload=payload)[0] == payload


def test_a_detached_signature_is_over_its_payload_only() -> None:
    detached = sign_jws(b"this", KEY, "k1", detached=True)
    assert _reason(detached, payload=b"that") == "SIGNATURE_INVALID"
    assert _reason(detached) == "SIGNATURE_INVALID"
    assert _reason(sign_jws(b"this", KEY, "k1"), payload=b"this") == "SIGNATURE_MALFORMED"


def test_another_keys_signature_under_this_kid() -> None:
    assert _reason(sign_jws(b"x", OTHER, "k1")) == "SIGNATURE_INVALID"


def test_a_changed_payload() -> None:
    head, _, signature = sign_jws(b"amount 1", KEY, "k1").split(".")
    assert _reason(f"{head}.{_b64(b'amount 9')}.{signature}") == "SIGNATURE_INVALID"


def test_an_unknown_kid_and_an_ambiguous_one() -> None:
    assert _reason(sign_jws(b"x", KEY, "k9")) == "SIGNATURE_UNKNOWN_KEY"
    twice = {"keys": [public_jwk(KEY, "k1"), public_jwk(OTHER, "k1")]}
    assert _reason(sign_jws(b"x", KEY, "k1"), twice) == "SIGNATURE_UNKNOWN_KEY"


def test_a_token_of_another_type() -> None:
    token = sign_jws(b"x", KEY, "k1", typ="at+jwt")
    assert _reason(token, typ="package+jws") == "SIGNATURE_MALFORMED"


def test_no_algorithm_and_the_public_key_as_a_password() -> None:
    header = _b64(json.dumps({"alg": "none", "kid": "k1", "typ": "JWT"}).encode())
    assert _reason(f"{header}.{_b64(b'x')}.") in {"SIGNATURE_MALFORMED", "SIGNATURE_INVALID"}
    secret = OctKey.import_key(json.dumps(JWKS["keys"][0]))
    forged = joserfc_jws.serialize_compact({"alg": "HS256", "kid": "k1", "typ": "JWT"}, b"x", secret)
    assert _reason(forged) == "SIGNATURE_MALFORMED"


@pytest.mark.parametrize(
    "more", [{"crit": ["x"], "x": 1}, {"b64": False, "crit": ["b64"]}, {"jku": "http://x"}]
)
def test_headers_that_say_more_are_refused(more: dict[str, Any]) -> None:
    _, payload, signature = sign_jws(b"x", KEY, "k1").split(".")
    header = _b64(json.dumps({"alg": "ES256", "kid": "k1", "typ": "JWT", **more}).encode())
    assert _reason(f"{header}.{payload}.{signature}") == "SIGNATURE_MALFORMED"


@given(st.text(max_size=200))
def test_any_text_is_judged_and_raises_nothing_else(text: str) -> None:
    with pytest.raises(JwsError):
        verify_jws(text, JWKS)


@pytest.mark.parametrize(
    "token", ["", "..", "a.b", "a.b.c.d", "e30.e30.e30", "W10.e30.e30", "bnVsbA.e30.e30"]
)
def test_forms_that_are_none(token: str) -> None:
    assert _reason(token) == "SIGNATURE_MALFORMED"


def test_key_sets_are_checked_when_loaded() -> None:
    good = json.dumps(JWKS).encode()
    assert load_jwks(good, "file")["keys"][0]["kid"] == "k1"
    private = {"keys": [{**public_jwk(KEY, "k1"), "d": "AAAA"}]}
    twice = {"keys": [public_jwk(KEY, "k1")] * 2}
    rsa = {"keys": [{"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"}]}
    off_curve = {"keys": [{**public_jwk(KEY, "k1"), "x": _b64(b"\x01" * 32)}]}
    wrong: list[Any] = [private, twice, rsa, off_curve, {}, [], {"keys": []}, {"keys": [1]}, {"keys": [{}]}]
    for content in wrong:
        with pytest.raises(ConfigurationError):
            load_jwks(json.dumps(content).encode(), "file")
    with pytest.raises(ConfigurationError):
        load_jwks(b"\xff", "file")


def test_public_keys_hold_nothing_private() -> None:
    assert set(public_jwk(KEY, "k1")) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
