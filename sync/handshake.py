"""A time limit for the head of an HTTP request, which uvicorn has not: one that drips in would hold its connection."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.auto import AutoHTTPProtocol


def http_within(seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's HTTP, whose clients have so long for a request's head, from the connection's or the request's begin."""

    class TimedHTTP(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes, chosen by what is there
        """As uvicorn's."""

        head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            """A client has connected, and says nothing yet."""
            super().connection_made(transport)
            self.expect_head()

        def data_received(self, data: bytes) -> None:
            """A part of a request: perhaps the first of the next one."""
            if self.head_timer is None and self.is_between_requests:
                self.expect_head()
            super().data_received(data)
            if self.head_timer is not None and not (self.is_between_requests and self.is_still_http):
                self.head_timer.cancel()
                self.head_timer = None

        @property
        def is_still_http(self) -> bool:
            """It has not been upgraded to a WebSocket."""
            return self.transport.get_protocol() is self

        @property
        def is_between_requests(self) -> bool:
            """No request of this connection is being answered."""
            return self.cycle is None or self.cycle.response_complete

        def expect_head(self) -> None:
            """From now on it is waited for."""
            self.head_timer = self.loop.call_later(seconds, self.head_is_late)

        def head_is_late(self) -> None:
            """Nobody waits for the rest of it."""
            self.head_timer = None
            self.transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            """It is gone."""
            if self.head_timer is not None:
                self.head_timer.cancel()
            super().connection_lost(exc)

    return TimedHTTP
