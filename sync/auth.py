"""Who may do what: a token becomes an Access. `now` is passed in. docs/spec.md, section A.

Tokens are JWTs (PyJWT, HS256 with COPLAYER_SECRET). Without a secret the server is open, and bound to loopback.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import jwt

from sync.protocol import CloseCode, ProtocolError

Role = Literal["read", "write", "agent", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
ALGORITHM = "HS256"
MAX_TOKEN_BYTES = 8 * 1024  # a JWT of ours has 300
LEEWAY_S = 5  # clocks differ


class NotAllowed(ProtocolError):
    """The token is missing, wrong or for something else; `code` is a close code, `status` the HTTP status."""

    @property
    def status(self) -> int:
        """401 or 403."""
        return 401 if self.code is CloseCode.UNAUTHORIZED else 403


@dataclass(frozen=True, slots=True)
class Access:
    """What a token allows. `room` is a name, or a prefix that ends with `*`."""

    user: str | None
    name: str | None
    role: Role
    room: str = "*"
    expires_at: float = math.inf
    """Unix seconds, leeway included."""

    def covers(self, room: str) -> bool:
        """Is it for this room?"""
        return room.startswith(self.room[:-1]) if self.room.endswith("*") else room == self.room

    @property
    def can_write(self) -> bool:
        """May it change documents?"""
        return self.role != "read"


OPEN = Access(None, None, "admin")


class Authority:
    """Reads and makes tokens. An empty secret lets everybody do everything."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    @property
    def is_open(self) -> bool:
        """Does it ask for no tokens?"""
        return not self._secret

    def access(self, token: str | None, now: float) -> Access:
        """Raises NotAllowed (4401)."""
        if self.is_open:
            return OPEN
        if not token:
            raise NotAllowed(CloseCode.UNAUTHORIZED, "Sign in: this server needs a token.")
        if len(token) > MAX_TOKEN_BYTES:
            raise NotAllowed(CloseCode.UNAUTHORIZED, "The token is too long.")
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                leeway=LEEWAY_S,
                options={"require": ["exp", "room", "access"], "verify_exp": False, "verify_nbf": False},
            )
        except jwt.InvalidTokenError:
            raise NotAllowed(CloseCode.UNAUTHORIZED, "The token is not valid.") from None
        expires, starts = claims["exp"], claims.get("nbf", 0)
        if not isinstance(expires, int | float) or now > expires + LEEWAY_S:
            raise NotAllowed(CloseCode.UNAUTHORIZED, "The token has expired; ask for a new link.")
        if not isinstance(starts, int | float) or now < starts - LEEWAY_S:
            raise NotAllowed(CloseCode.UNAUTHORIZED, "The token is not valid yet.")
        return _access(claims, float(expires) + LEEWAY_S)

    def room_access(self, token: str | None, room: str, now: float) -> Access:
        """Raises NotAllowed (4401, 4403)."""
        access = self.access(token, now)
        if not access.covers(room):
            raise NotAllowed(CloseCode.FORBIDDEN, "The token is for another board.")
        return access

    def mint(self, access: Access, now: float, lifetime_s: float) -> str:
        """A token for `access`. Raises ValueError on an open server, where it would mean nothing."""
        if self.is_open:
            raise ValueError("Set COPLAYER_SECRET first: without it the server asks for no tokens.")
        claims = {"room": access.room, "access": access.role, "iat": int(now), "exp": int(now + lifetime_s)}
        if access.user is not None:
            claims["sub"] = access.user
        if access.name is not None:
            claims["name"] = access.name
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)


def _access(claims: dict[str, object], expires_at: float) -> Access:
    role, room, user, name = claims["access"], claims["room"], claims.get("sub"), claims.get("name")
    if role not in ROLES or not isinstance(room, str) or not room:
        raise NotAllowed(CloseCode.UNAUTHORIZED, "The token is not valid.")
    return Access(
        user=user if isinstance(user, str) else None,
        name=name if isinstance(name, str) else None,
        role=ROLES[ROLES.index(role)],
        room=room,
        expires_at=expires_at,
    )
