"""Public keys of who signs tokens elsewhere: an identity provider, a program of the operator's. docs/spec.md, A7.

A file or an address gives them, as PEM or as a JWK set (RFC 7517). Each kind of key has its algorithms, and a token is
checked with no other: one signed with a public key as if it were a secret is not valid.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

MAX_KEYS = 100
MIN_RSA_BITS = 2048
CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


class BadKeys(ValueError):
    """The text holds no key that can be used; the sentence says why."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key and the algorithms that may be checked with it; `id` is its `kid`, None for a PEM."""

    id: str | None
    key: Any
    algorithms: tuple[str, ...]


class Keys:
    """Those that are known now."""

    def __init__(self, keys: tuple[PublicKey, ...]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, header: Mapping[str, Any]) -> PublicKey | None:
        """The key for a token with this header: by `kid`, or the only one of its algorithm."""
        kid, algorithm = header.get("kid"), header.get("alg")
        fitting = [key for key in self._keys if algorithm in key.algorithms]
        if kid is not None and any(key.id is not None for key in fitting):
            fitting = [key for key in fitting if key.id == kid]
        return fitting[0] if len(fitting) == 1 else None


def read_keys(text: str) -> Keys:
    """From a PEM public key, or a JWK set. Keys that cannot sign are left out. Raises BadKeys."""
    if text.lstrip().startswith("-----BEGIN"):
        try:
            key = load_pem_public_key(text.encode())
        except ValueError as error:
            raise BadKeys(f"The PEM is not a public key: {error}.") from None
        return Keys((PublicKey(None, key, _algorithms(key)),))
    try:
        found = json.loads(text)
        entries = found["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadKeys('It is neither a PEM public key nor a JWK set ({"keys": [...]}).') from None
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise BadKeys(f"`keys` must be a list of at most {MAX_KEYS}.")
    keys = tuple(found for found in map(_jwk, entries) if found is not None)
    if not keys:
        raise BadKeys("The JWK set has no RSA, EC or Ed25519 key for signatures.")
    return Keys(keys)


def _jwk(entry: object) -> PublicKey | None:
    """None for what is no public key for signatures: secrets above all, which must not verify anything here."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or entry.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    public = {name: value for name, value in entry.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "oth")}
    try:
        key = jwt.PyJWK.from_dict(public).key
        algorithms = _algorithms(key)
    except (jwt.PyJWKError, jwt.InvalidKeyError, BadKeys, ValueError, TypeError):
        return None
    named = entry.get("alg")
    if named is not None:
        algorithms = tuple(algorithm for algorithm in algorithms if algorithm == named)
    kid = entry.get("kid")
    return PublicKey(kid if isinstance(kid, str) else None, key, algorithms) if algorithms else None


def _algorithms(key: object) -> tuple[str, ...]:
    """Raises BadKeys."""
    match key:
        case RSAPublicKey() if key.key_size >= MIN_RSA_BITS:
            return ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
        case RSAPublicKey():
            raise BadKeys(f"The RSA key has {key.key_size} bits; {MIN_RSA_BITS} are the least.")
        case EllipticCurvePublicKey() if key.curve.name in CURVES:
            return (CURVES[key.curve.name],)
        case Ed25519PublicKey():
            return ("EdDSA",)
        case _:
            raise BadKeys("The key is of a kind that signs no tokens here: RSA, EC (P-256, P-384, P-521) or Ed25519.")
