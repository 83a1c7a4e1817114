"""The WebSocket class that uvicorn is given: ASGI as every server offers it, and the raw transport as an extension.

`scope["extensions"]["coplayer.raw"] = {"transport": RawTransport}` (sync/connection.py): the application accepts as
usual, then attaches a receiver and may return; from then on the connection has no task and no queue. Where the
extension is missing or off (`COPLAYER_RAW_TRANSPORT=0`), `receive` and `send` do the same, under any ASGI server.
"""

from __future__ import annotations

import asyncio
import random
import socket as sockets
from collections.abc import Callable
from time import perf_counter
from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from sync import websocket as ws
from sync.connection import RAW, Receiver
from sync.outgoing import Outgoing, framed
from sync.protocol import CloseCode
from sync.turns import turns_of

CLOSE_TIMEOUT_S = 10.0  # for the peer's answer to our close frame
LINGER_S = 5.0  # a peer that has not read what was sent to it so long after its connection ended gets no more of it
DISCARD_S = 2.0  # what a peer whose frames are wrong still sends is thrown away, so that it can read why
FEW = 3  # messages of one connection that are handled without a look at the clock
TURN_S = 0.002  # after them it goes on for so long before others have their turn; a full read holds thousands
BIG_BYTES = (
    2**16
)  # that come at once wait for a turn: the end of a message of 16 MB may be among them, which takes 10 ms
SERVICE_RESTART = 1012


class WebSocket(WebSocketsSansIOProtocol):
    """uvicorn does the handshake and the plain ASGI side; frames are read and written here."""

    offers_raw = False
    reader: ws.Reader | None = None
    """None before the handshake, and when nothing more of the peer is read."""
    receiver: Receiver | None = None
    is_attached = False
    is_discarding = False
    is_queued = False
    """It has sent more than is handled at once: it is not read on, and what is left waits for its turn."""
    is_over = False
    """Nothing more is written: a close frame was, or the socket is gone."""
    pong: bytes | None = None
    """The answer to the last ping of a peer that does not read."""

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Small messages go out at once, however the listening socket was made."""
        super().connection_made(transport)
        raw: sockets.socket | None = transport.get_extra_info("socket")
        if raw is not None and raw.family in (sockets.AF_INET, sockets.AF_INET6):
            raw.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """The handshake, then frames."""
        if self.reader is None:
            if self.is_discarding:
                return
            head, end, data = data.partition(b"\r\n\r\n")
            super().data_received(head + end)
            if self.handshake_initiated:
                self.reader = ws.Reader(self.config.ws_max_size)
            if self.reader is None or not data:
                return
        self.reader.feed(data)
        if self.is_queued:
            self.transport.pause_reading()
        elif len(data) > BIG_BYTES:
            self.queue_up()
        else:
            self.read()

    def pause_writing(self) -> None:
        """The buffer is full."""
        super().pause_writing()
        if self.receiver is not None and not self.is_over:
            self.receiver.paused()

    def resume_writing(self) -> None:
        """The buffer has drained."""
        super().resume_writing()
        if self.is_over:
            self.lose()  # it has read all, the goodbye included
            return
        if self.pong is not None:
            self.transport.write(self.pong)
            self.pong = None
        if self.receiver is not None:
            self.receiver.resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.mute()
        super().connection_lost(exc)
        self.lose()

    # reading

    def read(self, few: int = FEW, end: float = 0.0) -> None:
        """The messages that have come, some of them at a time: until `end`, looking at the clock after a few each."""
        reader = self.reader
        if reader is None:
            return
        try:
            while True:
                for _ in range(few):
                    frame = reader.next()
                    if frame is None:
                        return
                    opcode, payload = frame
                    if opcode == ws.BINARY and self.receiver is not None and not self.close_sent:
                        self.receiver.received(payload)
                    else:
                        self.handle_frame(opcode, payload)
                    if self.is_discarding or (self.read_paused and not self.close_sent):
                        return
                now = perf_counter()
                if not end:
                    end = now + TURN_S
                elif now >= end:
                    break
        except ws.Broken as broken:
            self.fail(broken)
        else:
            self.queue_up()

    def queue_up(self) -> None:
        """Wait for a turn."""
        if not self.is_queued:
            self.is_queued = True
            self.transport.pause_reading()
            turns_of(self.loop).wait(self.has_turn)

    def has_turn(self) -> None:
        """Others have had theirs."""
        self.is_queued = False
        self.read_on(1, perf_counter() + TURN_S)

    def read_on(self, few: int = FEW, end: float = 0.0) -> None:
        """What has come already; when nothing of it is left, what comes."""
        if self.may_read:
            self.read(few, end)
            if self.may_read:
                self.transport.resume_reading()

    @property
    def may_read(self) -> bool:
        """Nothing keeps it from it: its turn, a limit, the application, its end."""
        return not (self.is_queued or self.read_paused or self.transport.is_closing())

    def handle_frame(self, opcode: int, payload: bytes) -> None:
        """Control frames, and messages for ASGI. Raises Broken."""
        match opcode:
            case ws.PING:
                pong = framed(payload, ws.PONG)
                if self.is_over:
                    pass
                elif self.writable.is_set():
                    self.transport.write(pong)
                else:
                    self.pong = pong
            case ws.PONG:
                self.ponged(payload)
            case ws.CLOSE:
                self.closed_by_peer(*ws.close_code(payload))
            case ws.CONTINUATION:
                pass
            case _ if self.close_sent:
                pass
            case ws.TEXT if self.receiver is not None:
                self.receiver.received(b"")
            case _:
                data: ASGIReceiveEvent = (
                    {"type": "websocket.receive", "text": payload.decode()}
                    if opcode == ws.TEXT
                    else {"type": "websocket.receive", "bytes": payload}
                )
                self.queue.put_nowait(data)
                self.read_paused = True
                self.transport.pause_reading()

    async def receive(self) -> ASGIReceiveEvent:
        """ASGI: one message at a time; what came behind it stays unread."""
        message = await super().receive()
        if not self.read_paused:
            self.read()
        return message

    # writing

    async def send(self, message: ASGISendEvent) -> None:
        """ASGI."""
        if not self.handshake_complete or self.close_sent or self.initial_response is not None:
            await super().send(message)
            return
        await self.writable.wait()
        if self.is_over or self.transport.is_closing():
            raise ClientDisconnected
        match message["type"]:
            case "websocket.send":
                data = message.get("bytes")
                text = message.get("text")
                if data is not None:
                    self.transport.write(framed(data))
                elif text is not None:
                    self.transport.write(framed(text.encode(), ws.TEXT))
            case "websocket.close":
                code, reason = message.get("code", 1000), message.get("reason", "") or ""
                self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
                self.say_close(code, reason)
            case kind:
                raise RuntimeError(f"Expected ASGI message 'websocket.send' or 'websocket.close', but got '{kind}'.")

    def write(self, item: Outgoing) -> None:
        """See Link. What comes after the end is dropped; a room must not fail for one of its sockets."""
        if self.is_over:
            return
        try:
            self.transport.write(item.wire)
        except RuntimeError:  # uvloop, of a transport that has just been closed
            self.mute()
            self.transport.abort()

    @property
    def sender(self) -> Callable[[bytes], object]:
        """See Link."""
        return self.transport.write

    def unsent_bytes(self) -> int:
        """See Link."""
        return self.transport.get_write_buffer_size()

    def close(self, code: int, reason: str) -> None:
        """See Link."""
        if not self.is_over:
            self.say_close(code, reason)

    def hold(self) -> None:
        """See Tap."""
        self.read_paused = True
        self.transport.pause_reading()

    def go_on(self) -> None:
        """See Tap."""
        if self.read_paused:
            self.read_paused = False
            self.loop.call_soon(self.read_on)

    def attach(self, receiver: Receiver) -> None:
        """See RawTransport."""
        self.is_attached = True
        self.receiver = receiver
        if self.reader is not None:  # what announces more is not waited for: 40 such frames were 1.3 GB
            self.reader.bound(receiver.max_bytes, CloseCode.TOO_BIG)
        if self.is_over:
            receiver.muted()
        if not self.writable.is_set():
            receiver.paused()
        while not self.queue.empty():
            message = self.queue.get_nowait()
            if message["type"] == "websocket.receive":
                receiver.received(message.get("bytes") or b"")
        if self.is_over or self.transport.is_closing():
            self.loop.call_soon(self.lose)
        elif self.read_paused:
            self.read_paused = False
            self.loop.call_soon(self.read_on)

    # the end

    def say_close(self, code: int, reason: str) -> None:
        """Send a close frame and wait for the peer's. What it does not read in time is thrown away."""
        self.stop_keepalive()
        self.close_sent = True
        self.mute()
        self.transport.set_write_buffer_limits(0)  # so that the end of writing is told
        self.transport.write(framed(ws.close_payload(code, reason), ws.CLOSE))
        self.close_timer = self.loop.call_later(CLOSE_TIMEOUT_S, self.transport.close)
        if self.transport.get_write_buffer_size():
            self.loop.call_later(LINGER_S, self.let_go)
        else:
            self.loop.call_soon(self.lose)
        if self.read_paused:
            self.read_paused = False
            self.loop.call_soon(self.read_on)

    def mute(self) -> bool:
        """Nothing more is written from now on. Was it so before?"""
        was, self.is_over = self.is_over, True
        if self.receiver is not None:
            self.receiver.muted()
        return was

    def let_go(self) -> None:
        """Whatever is still unsent is given up."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def closed_by_peer(self, code: int, reason: str) -> None:
        """Its close frame: an answer to ours, or to be answered."""
        self.reader, self.is_discarding = None, True
        has_said_goodbye = self.mute()
        if not has_said_goodbye:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
            self.transport.write(framed(ws.close_payload(code, ""), ws.CLOSE))
        self.end()

    def fail(self, broken: ws.Broken) -> None:
        """The peer broke the protocol: it is told, and what it still sends is read and thrown away.

        A socket that is closed with something unread is reset, and then the peer never reads why.
        """
        self.reader, self.is_discarding = None, True
        has_said_goodbye = self.mute()
        if not has_said_goodbye:
            if self.receiver is not None:
                self.receiver.failed(broken.code)
            self.queue.put_nowait({"type": "websocket.disconnect", "code": broken.code, "reason": broken.reason})
            self.transport.write(framed(ws.close_payload(broken.code, broken.reason), ws.CLOSE))
            self.close_sent = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.transport.resume_reading()
            self.loop.call_later(DISCARD_S, self.transport.abort)
            self.stop_keepalive()
            self.loop.call_soon(self.lose)
        else:
            self.end()

    def end(self) -> None:
        """Close the socket when what is unsent has gone out, or after a while."""
        self.stop_keepalive()
        self.loop.call_soon(self.lose)
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(LINGER_S, self.transport.abort)

    def lose(self) -> None:
        """Tell the receiver, once, that it is over."""
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.lost()

    def shutdown(self) -> None:
        """uvicorn stops, and nobody has said goodbye to this one."""
        if self.handshake_complete and not self.close_sent:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": SERVICE_RESTART})
            self.say_close(SERVICE_RESTART, "")
            self.transport.close()
        else:
            super().shutdown()

    # signs of life

    def send_keepalive_ping(self) -> None:
        """A half-open socket is noticed when no answer comes."""
        self.ping_timer = None
        if self.is_over or self.transport.is_closing():
            return
        self.pending_ping_payload = random.randbytes(4)
        self.ping_sent_at = self.loop.time()
        self.transport.write(framed(self.pending_ping_payload, ws.PING))
        if self.ping_timeout is not None:
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
        else:
            self.schedule_ping()

    def ponged(self, payload: bytes) -> None:
        """Any other answer than the one to the last ping means nothing."""
        if payload == self.pending_ping_payload:
            self.pending_ping_payload = None
            if self.pong_timer is not None:
                self.pong_timer.cancel()
                self.pong_timer = None
                self.schedule_ping()

    def keepalive_timeout(self) -> None:
        """A peer that does not answer pings does not read a goodbye either."""
        self.transport.abort()

    async def run_asgi(self) -> None:
        """The application; when it has attached a receiver, the connection outlives it."""
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except BaseException:  # as uvicorn's: whatever it was, it ends this connection and no other
            self.logger.exception("Exception in ASGI application\n")
            self.send_500_response()
            self.is_attached = False
        else:
            if not self.handshake_complete:
                self.logger.error("ASGI callable returned without completing handshake.")
                self.send_500_response()
        if self.is_attached:
            self.forget()
        elif self.close_timer is None:
            self.end()

    def forget(self) -> None:
        """What only the handshake and ASGI needed: most of a connection's memory. A queue has four deques."""
        writable = Flag(self.writable.is_set())
        kept = {name: value for name, value in vars(self).items() if name not in _OF_THE_HANDSHAKE}
        vars(self).clear()  # a smaller table of names, too
        vars(self).update(kept, queue=NOWHERE, writable=writable)


class Flag:
    """An asyncio.Event that nobody waits for."""

    __slots__ = ("_is_set",)

    def __init__(self, is_set: bool) -> None:
        self._is_set = is_set

    def set(self) -> None:
        """As asyncio's."""
        self._is_set = True

    def clear(self) -> None:
        """As asyncio's."""
        self._is_set = False

    def is_set(self) -> bool:
        """As asyncio's."""
        return self._is_set


class Nowhere:
    """The queue of a connection that ASGI does not read any more."""

    def put_nowait(self, item: object) -> None:
        """Forgets it."""


NOWHERE = Nowhere()
_OF_THE_HANDSHAKE = frozenset(
    (
        "app",
        "app_state",
        "asgi_version",
        "config",
        "conn",
        "curr_msg_data_type",
        "default_headers",
        "frames",
        "initial_response",
        "request",
        "response",
        "root_path",
        "scheme",
        "scope",
        "server",
    )
)


class RawWebSocket(WebSocket):
    """The same, and offers its raw transport."""

    offers_raw = True

    def handle_connect(self, event: Any) -> None:
        """As uvicorn's; the application's task has not begun yet."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"][RAW] = {"transport": self}
