"""Compact JWS (RFC 7515) with ES256 only, over payloads as large as a credit package; and keys as JWKS (RFC 7517)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from consortium.errors import ConfigurationError, DeniedError
from consortium.identity.signer import P256Signer

ALGORITHM = "ES256"

MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
"""A package of 1,000 documents has a few; more is not a package."""

MAX_KEYS = 100
"""Keys of one set."""

_REMEDY = "Ask who sent it for it again; check that the key set is the issuer's."


class JwsError(DeniedError):
    """A signature that proves nothing; the reason says why."""

    reason = "SIGNATURE_INVALID"


class _Registry(jws.JWSRegistry):
    # Base64 makes four characters of three bytes.
    max_payload_length = MAX_PAYLOAD_BYTES * 4 // 3 + 4


_REGISTRY = _Registry(algorithms=[ALGORITHM])


def sign_jws(payload: bytes, key: P256Signer, kid: str, *, typ: str = "JWT", detached: bool = False) -> str:
    """Sign bytes.

    :param kid: name of the key within the signer's JWKS
    :param typ: media type without ``application/`` (RFC 7515, 4.1.9), so that no token passes for another kind
    :param detached: leave the payload out (RFC 7515, appendix F), for who keeps it beside the signature
    """
    header = {"alg": ALGORITHM, "kid": kid, "typ": typ}
    token = jws.serialize_compact(header, payload, _private(key), registry=_REGISTRY)
    return jws.detach_content(token) if detached else token


def verify_jws(
    token: str, jwks: Mapping[str, Any], *, typ: str = "JWT", payload: bytes | None = None
) -> tuple[bytes, str]:
    """The payload of a token and the kid of the key that signed it.

    Checked in order: 1. size and form; 2. header: ES256, the expected ``typ``, a ``kid`` and nothing more;
    3. the key set holds exactly one P-256 key of that kid; 4. the signature.

    :param payload: what a detached signature is over
    :raises JwsError: SIGNATURE_MALFORMED, SIGNATURE_UNKNOWN_KEY or SIGNATURE_INVALID
    """
    try:
        parsed = jws.extract_compact(_attached(token, payload), registry=_REGISTRY)  # 1
        header = parsed.headers()
    except (JoseError, ValueError) as error:
        raise JwsError(
            "The signed text is no compact JWS.", reason="SIGNATURE_MALFORMED", remedy=_REMEDY
        ) from error
    if set(header) != {"alg", "kid", "typ"} or header["alg"] != ALGORITHM or header["typ"] != typ:  # 2
        raise JwsError(
            f"The signature's header is not that of {ALGORITHM} over {typ}.",
            reason="SIGNATURE_MALFORMED",
            remedy=_REMEDY,
        )
    key = _find(jwks, header["kid"])  # 3
    try:
        verified = jws.validate_compact(parsed, key, registry=_REGISTRY)  # 4
    except (JoseError, ValueError) as error:
        raise JwsError("The signature cannot be checked.", remedy=_REMEDY) from error
    if not verified or parsed.payload is None:
        raise JwsError("The signature does not fit the content.", remedy=_REMEDY)
    return parsed.payload, str(header["kid"])


def public_jwks(keys: Mapping[str, P256Signer]) -> dict[str, Any]:
    """Public key set of kid -> key."""
    return {"keys": [public_jwk(key, kid) for kid, key in keys.items()]}


def public_jwk(key: P256Signer, kid: str) -> dict[str, Any]:
    """Public key as JWK."""
    jwk = _private(key).as_dict(private=False)
    return {
        **{name: jwk[name] for name in ("kty", "crv", "x", "y")},
        "kid": kid,
        "use": "sig",
        "alg": ALGORITHM,
    }


def load_jwks(text: bytes, origin: str) -> dict[str, Any]:
    """Read a public key set.

    :param origin: where it comes from, for the message
    :raises ConfigurationError: not a key set of P-256 public keys with distinct kids
    """
    try:
        content = json.loads(text)
        keys = content["keys"]
        kids = [key["kid"] for key in keys]
        good = (
            0 < len(keys) <= MAX_KEYS
            and len(set(kids)) == len(kids)
            and all(key["kty"] == "EC" and key["crv"] == "P-256" and "d" not in key for key in keys)
        )
        KeySet.import_key_set({"keys": keys})
    except (ValueError, KeyError, TypeError, JoseError) as error:
        raise ConfigurationError(
            f"{origin} is no JSON Web Key Set.", remedy="Write one as RFC 7517 says."
        ) from error
    if not good:
        raise ConfigurationError(
            f"{origin} must hold public P-256 keys, each with a kid of its own.",
            remedy="Export the public keys only.",
        )
    return cast("dict[str, Any]", content)


def _find(jwks: Mapping[str, Any], kid: object) -> ECKey:
    found = [key for key in jwks.get("keys", ()) if isinstance(kid, str) and key.get("kid") == kid]
    if len(found) != 1 or found[0].get("crv") != "P-256":
        raise JwsError(
            "The signature is by a key that the key set does not hold.",
            reason="SIGNATURE_UNKNOWN_KEY",
            remedy=_REMEDY,
        )
    try:
        return ECKey.import_key(found[0])
    except (JoseError, ValueError) as error:
        raise JwsError(
            "The signer's key in the key set is broken.", reason="SIGNATURE_UNKNOWN_KEY", remedy=_REMEDY
        ) from error


def _attached(token: str, payload: bytes | None) -> bytes:
    if payload is None:
        return token.encode("ascii")
    parts = token.encode("ascii").split(b".")
    if len(parts) != 3 or parts[1]:
        raise ValueError("not detached")
    return b".".join([parts[0], base64.urlsafe_b64encode(payload).rstrip(b"="), parts[2]])


@lru_cache(maxsize=32)
def _private(key: P256Signer) -> ECKey:
    return ECKey.import_key(key.to_pem())
