"""Where another project has its say: who may come in, which updates are taken, what happens after a change.

Subclass Hooks and give an instance to `create_app(hooks=...)`.
"""

from __future__ import annotations

from typing import Any

from pycrdt import Doc
from starlette.requests import HTTPConnection

from sync.auth import Access, Authority


class Hooks:
    """What the server does when nobody says otherwise. Methods run on the event loop: be quick, do not block."""

    def __init__(self, authority: Authority | None = None) -> None:
        self._authority = authority if authority is not None else Authority("")

    def sign_in(self, connection: HTTPConnection) -> Access | None:
        """Who a request or WebSocket comes from, by sessions of your own. None: its token is looked at."""
        return None

    def authorise(self, token: str | None, room: str | None, now: float) -> Access:
        """What `token` allows; `room` is None where all rooms are meant. `now` is Unix seconds. Raises NotAllowed."""
        if room is None:
            return self._authority.access(token, now)
        return self._authority.room_access(token, room, now)

    def before_update(self, room: str, update: bytes, user: str | None) -> None:
        """Look at an update that passed the gate, before it is stored. Raise Refused to close its sender with 4422."""

    def on_change(self, room: str, doc: Doc[Any]) -> None:
        """The document has changed, durably. Read it, do not change it; what this raises is logged."""
