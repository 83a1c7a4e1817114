"""Who comes in, and as whom: what a token allows, less what was taken back. docs/spec.md A9."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from sync.auth import Access, NotAllowed, covers
from sync.hooks import Hooks
from sync.revocations import Level, Revocation, Revocations
from sync.store import Store

KEPT_S = 366 * 24 * 3600
"""How long a revocation is kept: no token that we make lives longer."""


class Admission:
    """Of one hub."""

    def __init__(self, store: Store, hooks: Hooks, clock: Callable[[], float]) -> None:
        self.revocations = Revocations()
        self._store = store
        self._hooks = hooks
        self._clock = clock

    def authorise(self, token: str | None, room: str | None) -> Access:
        """What `token` allows; `room` is None where all rooms are meant. Raises NotAllowed."""
        access = self._hooks.authorise(token, room, self._clock())
        return access if room is None else self.revocations.judge(access, room)

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


def contains(outer: str, inner: str) -> bool:
    """Does the room, or prefix and `*`, `outer` take in all of `inner`?"""
    if not inner.endswith("*"):
        return covers(outer, inner)
    return outer.endswith("*") and inner.startswith(outer[:-1])
