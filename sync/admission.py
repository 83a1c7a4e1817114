"""Who comes in, and as whom: by somebody else's sign-in or a token, less what was taken back. docs/spec.md A9, A12."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from starlette.requests import HTTPConnection

from sync.auth import ROLES, Access, NotAllowed, covers
from sync.hooks import Hooks
from sync.protocol import CloseCode
from sync.revocations import Level, Revocation, Revocations
from sync.settings import Settings
from sync.store import Store

PEER = "coplayer.peer"
"""Key of a scope: (host, port) of the peer itself; servers put the forwarded address into `client`."""
MAX_USER = 128  # characters of a person's id
KEPT_S = 366 * 24 * 3600
"""How long a revocation is kept: no token that we make lives longer."""


class Admission:
    """Of one hub."""

    def __init__(self, store: Store, settings: Settings, hooks: Hooks, clock: Callable[[], float]) -> None:
        self._settings = settings
        self.revocations = Revocations()
        self._store = store
        self._hooks = hooks
        self._clock = clock

    def authorise(self, connection: HTTPConnection, token: str | None, room: str | None) -> Access:
        """What a caller may do, by a sign-in or by `token`; `room` is None where all are meant. Raises NotAllowed."""
        access = self._hooks.sign_in(connection) or self._proxied(connection)
        if access is None:
            access = self._hooks.authorise(token, room, self._clock())
        elif room is not None and not access.covers(room):
            raise NotAllowed(CloseCode.FORBIDDEN, "You have no access to this board.")
        return access if room is None else self.revocations.judge(access, room)

    def _proxied(self, connection: HTTPConnection) -> Access | None:
        """Whom a trusted proxy names (A12)."""
        header = self._settings.user_header
        names = connection.headers.getlist(header) if header else []
        if not names or not self._settings.trusts(peer_of(connection)):
            return None
        if len(names) > 1 or not 0 < len(names[0].strip()) <= MAX_USER:
            raise NotAllowed(CloseCode.UNAUTHORIZED, f"The proxy must name one person in {header}.")
        name = names[0].strip()
        return Access(name, name, ROLES[ROLES.index(self._settings.user_access)])

    def allows(self, access: Access, room: str) -> bool:
        """Is this room among those of an access to all rooms, and not taken back?"""
        try:
            self.revocations.judge(access, room)
        except NotAllowed:
            return False
        return access.covers(room)

    async def read(self) -> bool:
        """Look into the store; True when something was taken back or given again. Raises StoreError."""
        return self.revocations.replace(await self._store.revocations(int(self._clock() * 1000)))

    async def revoke(self, room: str, user: str | None, token: str | None, access: Level) -> Revocation:
        """Keep it; from now on nobody comes in who should not. Raises StoreError."""
        now = self._clock()
        revocation = Revocation(
            secrets.token_hex(8), room, user, token, access, int(now * 1000), int((now + KEPT_S) * 1000)
        )
        await self._store.revoke(revocation)
        self.revocations.replace([*self.revocations, revocation])
        return revocation

    async def unrevoke(self, number: str) -> bool:
        """Was there one? Raises StoreError."""
        was_there = await self._store.unrevoke(number)
        self.revocations.replace([revocation for revocation in self.revocations if revocation.id != number])
        return was_there


def peer_of(connection: HTTPConnection) -> str | None:
    """The address at the other end of the wire, whatever a proxy says of whom it asks for."""
    client = connection.scope.get(PEER) or connection.scope.get("client")
    return client[0] if client else None


def contains(outer: str, inner: str) -> bool:
    """Does the room, or prefix and `*`, `outer` take in all of `inner`?"""
    if not inner.endswith("*"):
        return covers(outer, inner)
    return outer.endswith("*") and inner.startswith(outer[:-1])
