"""Who comes in, and as whom: by somebody else's sign-in or a token, less what was taken back. docs/spec.md A9, A12."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

import anyio
from starlette.requests import HTTPConnection

from sync.auth import ROLES, Access, NotAllowed, covers
from sync.hooks import Hooks
from sync.protocol import CloseCode
from sync.revocations import Level, Revocation, Revocations
from sync.settings import Settings
from sync.store import Store, StoreError

log = logging.getLogger(__name__)

PEER = "coplayer.peer"
"""Key of a scope: (host, port) of the peer itself; servers put the forwarded address into `client`."""
MAX_USER = 128  # characters of a person's id
POLL_S = 2.0  # how soon this process hears of what another one took back
KEPT_S = 366 * 24 * 3600
"""How long a revocation is kept: no token that we make lives longer."""


class Admission:
    """Of one hub. `changed` is called when something was taken back or given again: connections may be open."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        hooks: Hooks,
        clock: Callable[[], float],
        changed: Callable[[Revocations], None] = lambda revocations: None,
    ) -> None:
        self._settings = settings
        self.revocations = Revocations()
        self._store = store
        self._hooks = hooks
        self._clock = clock
        self._changed = changed

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

    async def read(self) -> None:
        """Look into the store. Raises StoreError."""
        if self.revocations.replace(await self._store.revocations(int(self._clock() * 1000))):
            self._changed(self.revocations)

    async def keep_reading(self) -> None:
        """Other processes may share the store: another server, the room workers."""
        while True:
            await anyio.sleep(POLL_S)
            try:
                await self.read()
            except StoreError as error:
                log.debug("what was taken back cannot be read: %s", error)

    async def revoke(self, room: str, user: str | None, token: str | None, access: Level) -> Revocation:
        """Take access back, on open connections too; `room` may be a prefix and `*`. Raises StoreError."""
        now = self._clock()
        revocation = Revocation(
            secrets.token_hex(8), room, user, token, access, int(now * 1000), int((now + KEPT_S) * 1000)
        )
        await self._store.revoke(revocation)
        self.revocations.replace([*self.revocations, revocation])
        self._changed(self.revocations)
        return revocation

    async def unrevoke(self, number: str) -> bool:
        """Give it back; was it taken? Raises StoreError."""
        was_there = await self._store.unrevoke(number)
        self.revocations.replace([revocation for revocation in self.revocations if revocation.id != number])
        self._changed(self.revocations)
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
