"""The WebSocket endpoint of the y-websocket dialect: who may come in, and as what."""

from __future__ import annotations

from time import monotonic
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.websockets import WebSocket, WebSocketDisconnect

from sync import logs
from sync.auth import Access
from sync.connection import RAW, SocketClosed
from sync.gate import ProfileName
from sync.guests import address_of
from sync.hub import Hub
from sync.limits import TOO_MANY_CONNECTS
from sync.live import Agent
from sync.members import Holder, Member
from sync.multiplex import Grant, Multiplex
from sync.names import BadRoomName, check_room_name
from sync.presence import Identity
from sync.protocol import CloseCode, ProtocolError
from sync.requests import id_headers
from sync.rooms import Rejected
from sync.settings import Settings

OTHER_SITE = "This page is of another site; add it to COPLAYER_ORIGINS."


class StarletteSocket:
    """A Starlette WebSocket as the hub's Socket."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def send(self, data: bytes) -> None:
        """Raises SocketClosed."""
        try:
            await self._websocket.send({"type": "websocket.send", "bytes": data})
        except (WebSocketDisconnect, RuntimeError) as error:  # RuntimeError: it was closed from our side
            raise SocketClosed from error

    async def receive(self) -> bytes:
        """The next frame; a text frame reads as empty, which no message is. Raises SocketClosed."""
        try:
            message = await self._websocket.receive()
        except RuntimeError as error:
            raise SocketClosed from error
        if message["type"] == "websocket.disconnect":
            raise SocketClosed
        return message.get("bytes") or b""

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye."""
        try:
            await self._websocket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise SocketClosed from error


async def serve_sync(websocket: WebSocket) -> None:
    """`/sync/{room}`: accept first, then serve or close with a code (C1); a refused handshake tells nothing."""
    hub: Hub = websocket.app.state.hub
    offered = websocket.scope.get("subprotocols") or []
    await websocket.accept(subprotocol=offered[0] if offered else None, headers=id_headers(websocket.scope))
    socket = StarletteSocket(websocket)
    try:
        try:
            room, member, agent, profile, expires_at = await _admit(websocket, hub)
            is_elsewhere = await hub.connections.is_elsewhere(room, profile, member.holder)
        except (ProtocolError, Rejected) as refusal:
            hub.tally.rejected[refusal.code] += 1
            await socket.close(refusal.code, refusal.reason)
            return
        logs.bind(room=room, user=member.identity.user)
        raw = websocket.scope.get("extensions", {}).get(RAW)
        if raw is not None and not is_elsewhere:
            await hub.connections.adopt(room, raw["transport"], member, agent, profile, expires_at)
        else:
            await hub.connections.serve(room, socket, member, agent, profile, expires_at)
    except SocketClosed:
        return


async def serve_hocuspocus(websocket: WebSocket) -> None:
    """`/hocuspocus`: many documents, each with a token of its own."""
    hub: Hub = websocket.app.state.hub
    await websocket.accept(headers=id_headers(websocket.scope))
    socket = StarletteSocket(websocket)

    address = address_of(websocket, hub.settings)

    def authorize(room: str, token: str) -> Grant:
        try:
            check_room_name(room)
        except BadRoomName as error:
            raise ProtocolError(CloseCode.NOT_FOUND, str(error)) from None
        access = hub.admission.authorise(websocket, token, room)
        member = Member(
            _identity(access, None),
            access.level,
            hears_events=True,
            hears_stateless=True,
            holder=Holder(access, address),
        )
        return Grant(member, access.expires_at)

    try:
        if not hub.guests.may_connect(address, monotonic()):
            hub.tally.rejected[CloseCode.TOO_MANY_REQUESTS] += 1
            await socket.close(CloseCode.TOO_MANY_REQUESTS, TOO_MANY_CONNECTS)
            return
        if not is_own_origin(websocket.headers, hub.settings):
            hub.tally.rejected[CloseCode.FORBIDDEN] += 1
            await socket.close(CloseCode.FORBIDDEN, OTHER_SITE)
            return
        await Multiplex(socket, hub, authorize, lambda room: new_room_profile(room, False, hub.settings)).serve()
    except SocketClosed:
        return


async def _admit(websocket: WebSocket, hub: Hub) -> tuple[str, Member, Agent | None, ProfileName, float]:
    """Raises ProtocolError or Rejected."""
    query = websocket.query_params
    address = address_of(websocket, hub.settings)
    if not hub.guests.may_connect(address, monotonic()):
        raise Rejected(CloseCode.TOO_MANY_REQUESTS, TOO_MANY_CONNECTS)
    if not is_own_origin(websocket.headers, hub.settings):
        raise ProtocolError(CloseCode.FORBIDDEN, OTHER_SITE)
    try:
        room = check_room_name(websocket.path_params["room"])
    except BadRoomName as error:
        raise ProtocolError(CloseCode.NOT_FOUND, str(error)) from None
    access = hub.admission.authorise(websocket, query.get("token"), room)
    agent = _agent(query.get("agent"), query.get("epoch"))
    if agent is not None:
        await hub.leases.check(room, agent)
    is_ours = agent is not None or query.get("coplayer") == "1"
    member = Member(
        identity=_identity(access, agent),
        access=access.level,
        epoch=agent.epoch if agent is not None else None,
        hears_events=query.get("coplayer") == "1",
        holder=Holder(access, address),
    )
    return room, member, agent, new_room_profile(room, is_ours, hub.settings), access.expires_at


def _identity(access: Access, agent: Agent | None) -> Identity:
    """An assistant's id is its slot, whatever token brought it in."""
    if agent is not None:
        return Identity(agent.slot, "agent")
    return Identity(access.user, "human" if access.user is not None else None)


def _agent(slot: str | None, epoch: str | None) -> Agent | None:
    if slot is None and epoch is None:
        return None
    if not slot or epoch is None or not epoch.isascii() or not epoch.isdigit() or len(epoch) > 7:
        raise ProtocolError(CloseCode.FORBIDDEN, "An assistant gives `agent` and the `epoch` of its lease.")
    return Agent(slot, int(epoch))


def new_room_profile(room: str, is_ours: bool, settings: Settings) -> ProfileName:
    """G2: what the operator says; else our own clients make boards, and a stock client brings any schema where
    strangers cannot come in."""
    named = settings.profile_for(room)
    if named is not None:
        return named
    if is_ours:
        return "board"
    return "any" if settings.is_loopback or settings.asks_for_tokens else "map"


def is_own_origin(headers: Headers, settings: Settings) -> bool:
    """Did our own page, a listed one, or no page at all open this? Stops other sites' pages from using a visitor."""
    origin = headers.get("origin")
    if origin is None or origin in settings.origins:
        return True
    try:
        page = urlsplit(origin)
    except ValueError:  # half an IPv6 address
        return False
    return page.scheme in ("http", "https") and page.netloc.lower() == headers.get("host", "").lower() != ""
