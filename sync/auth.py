"""Who may do what: a token becomes an Access. `now` is passed in. docs/spec.md, section A.

Tokens are JWTs (PyJWT): of our own making with COPLAYER_SECRET (HS256), or signed by others whose public keys are known
(COPLAYER_JWT_KEYS). With neither the server is open, and bound to loopback.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import jwt
from jwt.types import Options

from sync.keys import Keys
from sync.protocol import CloseCode, ProtocolError

Role = Literal["read", "comment", "write", "agent", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
ALGORITHM = "HS256"
MAX_TOKEN_BYTES = 8 * 1024  # a JWT of ours has 300
LEEWAY_S = 5  # clocks differ


class NotAllowed(ProtocolError):
    """The token is missing, wrong or for something else; `code` is a close code, `status` the HTTP status."""

    @property
    def status(self) -> int:
        """401, 403, or 503 while nobody can tell."""
        return {CloseCode.UNAUTHORIZED: 401, CloseCode.GOING_AWAY: 503}.get(self.code, 403)


def covers(pattern: str, room: str) -> bool:
    """Is `room` the room that `pattern` names, or below the prefix that ends with its `*`?"""
    return room.startswith(pattern[:-1]) if pattern.endswith("*") else room == pattern


@dataclass(frozen=True, slots=True)
class Access:
    """What a token allows. `room` is a name, or a prefix that ends with `*`."""

    user: str | None
    name: str | None
    role: Role
    room: str = "*"
    expires_at: float = math.inf
    """Unix seconds, leeway included."""
    issued_at: float = -math.inf
    """Unix seconds; long ago where nobody says."""
    token: str | None = None
    """The token's `jti`: by it one link can be taken back."""

    def covers(self, room: str) -> bool:
        """Is it for this room?"""
        return covers(self.room, room)

    @property
    def can_write(self) -> bool:
        """May it change documents?"""
        return self.level == "write"

    @property
    def level(self) -> Literal["read", "comment", "write"]:
        """What it may do with documents."""
        return self.role if self.role in ("read", "comment") else "write"


OPEN = Access(None, None, "admin")
_OPTIONS: Options = {
    "require": ["exp", "room", "access"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}
"""Times are ours to judge, by the clock that is passed in."""


class Signal(Protocol):
    """Something that waits is woken."""

    def set(self) -> None:
        """As an event's."""
        ...


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs tokens elsewhere. Where `audience` or `name` is given, `aud` or `iss` must say the same."""

    audience: str = ""
    name: str = ""


class Authority:
    """Reads and makes tokens. With an empty secret and no issuer everybody may do everything, unless it `is_closed`:
    then nobody, as people are known in another way.

    `keys` are the issuer's; None until they are known.
    """

    def __init__(
        self, secret: str, issuer: Issuer | None = None, keys: Keys | None = None, *, is_closed: bool = False
    ) -> None:
        self._secret = secret
        self._is_closed = is_closed
        self._issuer = issuer
        self.keys = keys
        self.lacks_key: Signal | None = None
        """Set when a token names a key that is not known."""

    @property
    def is_open(self) -> bool:
        """Does it ask for no tokens?"""
        return not self._secret and self._issuer is None and not self._is_closed

    @property
    def can_mint(self) -> bool:
        """Has it a secret to make tokens with?"""
        return bool(self._secret)

    def access(self, token: str | None, now: float) -> Access:
        """Raises NotAllowed (4401)."""
        if self.is_open:
            return OPEN
        if not token:
            raise NotAllowed(CloseCode.UNAUTHORIZED, "Sign in: this server needs a token.")
        if len(token) > MAX_TOKEN_BYTES:
            raise NotAllowed(CloseCode.UNAUTHORIZED, "The token is too long.")
        try:
            claims = self._verified(token)
        except jwt.PyJWTError:
            raise NotAllowed(CloseCode.UNAUTHORIZED, "The token is not valid.") from None
        expires, starts = claims["exp"], claims.get("nbf", 0)
        if not isinstance(expires, int | float) or now > expires + LEEWAY_S:
            raise NotAllowed(CloseCode.UNAUTHORIZED, "The token has expired; ask for a new link.")
        if not isinstance(starts, int | float) or now < starts - LEEWAY_S:
            raise NotAllowed(CloseCode.UNAUTHORIZED, "The token is not valid yet.")
        return _access(claims, float(expires) + LEEWAY_S)

    def _verified(self, token: str) -> dict[str, Any]:
        """The claims of a token whose signature is right, whatever they say. Raises jwt.PyJWTError."""
        header = jwt.get_unverified_header(token)
        if header.get("alg") == ALGORITHM:
            if not self._secret:
                raise jwt.InvalidAlgorithmError("no secret")
            return jwt.decode(token, self._secret, algorithms=[ALGORITHM], options=_OPTIONS)
        if self._issuer is None:
            raise jwt.InvalidAlgorithmError("no issuer")
        if self.keys is None:
            raise NotAllowed(
                CloseCode.GOING_AWAY, "The keys for tokens could not be fetched yet; try again in a moment."
            )
        key = self.keys.find(header)
        if key is None:
            if self.lacks_key is not None:
                self.lacks_key.set()
            raise jwt.InvalidKeyError("unknown key")
        return jwt.decode(
            token,
            key.key,
            algorithms=list(key.algorithms),
            audience=self._issuer.audience or None,
            issuer=self._issuer.name or None,
            options={**_OPTIONS, "verify_aud": bool(self._issuer.audience), "verify_iss": bool(self._issuer.name)},
        )

    def room_access(self, token: str | None, room: str, now: float) -> Access:
        """Raises NotAllowed (4401, 4403)."""
        access = self.access(token, now)
        if not access.covers(room):
            raise NotAllowed(CloseCode.FORBIDDEN, "The token is for another board.")
        return access

    def mint(self, access: Access, now: float, lifetime_s: float) -> str:
        """A token for `access`. Raises ValueError without a secret."""
        if not self.can_mint:
            raise ValueError("Set COPLAYER_SECRET first: without it the server makes no tokens.")
        claims = {"room": access.room, "access": access.role, "iat": round(now, 3), "exp": int(now + lifetime_s)}
        if access.user is not None:
            claims["sub"] = access.user
        if access.name is not None:
            claims["name"] = access.name
        if access.token is not None:
            claims["jti"] = access.token
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)


def _access(claims: dict[str, object], expires_at: float) -> Access:
    role, room, user, name = claims["access"], claims["room"], claims.get("sub"), claims.get("name")
    issued_at, token = claims.get("iat"), claims.get("jti")
    if role not in ROLES or not isinstance(room, str) or not room:
        raise NotAllowed(CloseCode.UNAUTHORIZED, "The token is not valid.")
    return Access(
        user=user if isinstance(user, str) else None,
        name=name if isinstance(name, str) else None,
        role=ROLES[ROLES.index(role)],
        room=room,
        expires_at=expires_at,
        issued_at=issued_at if isinstance(issued_at, int | float) else -math.inf,
        token=token if isinstance(token, str) else None,
    )
