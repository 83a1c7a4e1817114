"""Room names: what a room may be called. docs/spec.md W1."""

from __future__ import annotations

import re
import secrets

MAX_ROOM_NAME = 128  # characters

_NAME = re.compile(r"[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*\Z")
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # no l, o, 0, 1: names are read out on the phone


class BadRoomName(ValueError):
    """No room can have this name; the sentence says why."""


def check_room_name(name: str) -> str:
    """The name. Raises BadRoomName. Names never become file paths."""
    if not 1 <= len(name) <= MAX_ROOM_NAME:
        raise BadRoomName(f"A room's name has 1 to {MAX_ROOM_NAME} characters.")
    if not _NAME.match(name) or ".." in name:
        raise BadRoomName("A room's name has letters, digits, . _ ~ - and / between them, and no two dots in a row.")
    return name


def new_room_name() -> str:
    """About 50 random bits: it cannot be guessed, and can be typed."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))
