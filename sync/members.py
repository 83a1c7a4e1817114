"""What a room knows of a connection: whose it is and what it may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from sync.auth import OPEN, Access
from sync.presence import NOBODY, Identity

AccessLevel = Literal["read", "comment", "write"]


@dataclass(slots=True)
class Holder:
    """What a connection's token allows; a fresh token takes the place of the old one."""

    access: Access = OPEN
    address: str | None = None
    """Where it comes from; None when that says nothing, as of this machine's own."""


@dataclass(frozen=True, slots=True)
class Member:
    """What is known of a connection when it joins."""

    identity: Identity = NOBODY
    access: AccessLevel = "write"
    epoch: int | None = None
    """The lease epoch of an assistant: the one reserved client id it may write."""
    hears_events: bool = False
    """It understands board events: our own client (`?coplayer=1`), or a dialect that translates them."""
    hears_stateless: bool = False
    """It may pass messages on to others that are kept nowhere (H6)."""
    holder: Holder = field(default_factory=Holder, compare=False)
