"""Access that was taken back before its token ends: kept in the store, judged here. docs/spec.md A9. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from sync.auth import Access, NotAllowed, covers
from sync.protocol import CloseCode

Level = Literal["none", "read"]
LEVELS: tuple[Level, ...] = get_args(Level)
TAKEN_BACK = "Your access to this board was taken back; ask for a new link."
NOW_READ_ONLY = "You may only read this board now."


@dataclass(frozen=True, slots=True)
class Revocation:
    """What was taken back, by person (`user`), by token (its `jti`), or from everybody but admins. Times: Unix ms.

    `room` is a name, or a prefix that ends with `*`. `access` is what is left. A person who is given a new token after
    `at` may come back with it. After `until` no token that it is about is good any more, and it is forgotten.
    """

    id: str
    room: str
    user: str | None
    token: str | None
    access: Level
    at: int
    until: int

    def applies(self, access: Access, room: str) -> bool:
        """Is it about who comes with `access` to `room`?"""
        if not covers(self.room, room):
            return False
        if self.token is not None:
            return access.token == self.token
        if access.issued_at * 1000 > self.at:
            return False
        return access.user == self.user if self.user is not None else access.role != "admin"


@dataclass(slots=True)
class Revocations:
    """Those in force, by whom they name."""

    _all: dict[str, Revocation] = field(default_factory=dict)
    _by_user: dict[str, list[Revocation]] = field(default_factory=dict)
    _by_token: dict[str, list[Revocation]] = field(default_factory=dict)
    _by_room: list[Revocation] = field(default_factory=list)

    def __iter__(self) -> Iterator[Revocation]:
        return iter(self._all.values())

    def replace(self, revocations: Iterable[Revocation]) -> bool:
        """Take these instead; False when they are the same."""
        new = {revocation.id: revocation for revocation in revocations}
        if new.keys() == self._all.keys():
            return False
        self._all = new
        self._by_user, self._by_token, self._by_room = {}, {}, []
        for revocation in new.values():
            if revocation.token is not None:
                self._by_token.setdefault(revocation.token, []).append(revocation)
            elif revocation.user is not None:
                self._by_user.setdefault(revocation.user, []).append(revocation)
            else:
                self._by_room.append(revocation)
        return True

    def judge(self, access: Access, room: str) -> Access:
        """What is left of `access` in `room`. Raises NotAllowed (4403)."""
        if not self._all:
            return access
        about = [
            *self._by_room,
            *(self._by_user.get(access.user, ()) if access.user is not None else ()),
            *(self._by_token.get(access.token, ()) if access.token is not None else ()),
        ]
        left = [revocation.access for revocation in about if revocation.applies(access, room)]
        if "none" in left:
            raise NotAllowed(CloseCode.FORBIDDEN, TAKEN_BACK)
        return replace(access, role="read") if left else access
