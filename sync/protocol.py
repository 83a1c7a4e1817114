"""The wire: message numbers, close codes and a sans-IO codec. Source: docs/spec.md, sections W and C."""

from __future__ import annotations

from enum import IntEnum


class MessageType(IntEnum):
    """The first varUint of a frame (y-websocket's numbers; 102 and 103 are extensions)."""

    SYNC = 0
    AWARENESS = 1
    AUTH = 2
    QUERY_AWARENESS = 3
    SYNC_STATUS = 102
    BOARD_EVENT = 103


class CloseCode(IntEnum):
    """Why we close a WebSocket. y-websocket 3.1 treats 4400-4499 as final and retries the rest."""

    MALFORMED = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    SUPERSEDED = 4409
    TOO_BIG = 4413
    REFUSED = 4422
    GOING_AWAY = 4503
    SLOW_CONSUMER = 4508
    TOO_MANY_REQUESTS = 4529
    TOO_MANY_CONNECTIONS = 4530
    STORAGE_UNAVAILABLE = 4531
