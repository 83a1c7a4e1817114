"""Who is here and how much they use: one account a person over all connections, places in a room, buckets by key.

A person is a token's `sub`; without one, an address; whoever comes from this machine, or through a proxy that does not
say for whom, is nobody in particular and has an account a connection. docs/spec.md A10.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address, ip_network

from starlette.requests import HTTPConnection

from sync.limits import BURST_MINUTES, CONNECTS_BURST_S, ROOMS_BURST_MINUTES, Account, Bucket, Buckets, Spending
from sync.live import Agent
from sync.members import Holder
from sync.settings import Settings


class Guests:
    """Of one hub; `now` is any clock in seconds that does not go back."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connects = Buckets(settings.max_connects_per_s, CONNECTS_BURST_S)
        self._rooms = Buckets(settings.max_new_rooms_per_minute / 60, ROOMS_BURST_MINUTES * 60)
        self._accounts: dict[str, Account] = {}
        self._places: Counter[tuple[str, str]] = Counter()
        self._without = Account(Bucket(0, 0))

    def may_connect(self, address: str | None, now: float) -> bool:
        """Another connection from there?"""
        return self._connects.take(address, now)

    def may_make_room(self, holder: Holder, now: float) -> bool:
        """Another room by them?"""
        return self._settings.is_private or self._rooms.take(_key(holder), now)

    def has_place(self, room: str, holder: Holder) -> bool:
        """May they have another connection to this room?"""
        key, most = _key(holder), self._settings.max_user_connections
        return key is None or not most or self._places[room, key] < most

    def enter(self, room: str, holder: Holder, agent: Agent | None) -> Spending:
        """They take a place; `leave` gives it back. An assistant that has a token for that is not limited."""
        key = _key(holder)
        if key is not None:
            self._places[room, key] += 1
        is_assistant = agent is not None and self._settings.asks_for_tokens
        if self._settings.is_private or (is_assistant and holder.access.role in ("agent", "admin")):
            return Spending(self._without, None)
        account = None if key is None else self._accounts.get(key)
        if account is None:
            account = Account(Bucket(self._settings.max_growth_bytes_per_minute / 60, BURST_MINUTES * 60))
            self._accounts[key or f"nobody {id(account)}"] = account
        account.users += 1
        return Spending(account, self._settings)

    def leave(self, room: str, holder: Holder, spending: Spending) -> None:
        """A connection has ended."""
        key = _key(holder)
        if key is not None:
            self._places[room, key] -= 1
            if not self._places[room, key]:
                del self._places[room, key]
        spending.account.users -= 1

    def fill(self, passed_s: float) -> None:
        """Time has passed; who has left and owes nothing is forgotten."""
        for key, account in tuple(self._accounts.items()):
            account.growth.fill(passed_s)
            if account.users <= 0 and account.growth.is_full:
                del self._accounts[key]


def address_of(connection: HTTPConnection, settings: Settings) -> str | None:
    """Where somebody comes from; None for this machine itself, and for proxies that do not say for whom they ask.

    Of IPv6 it is the network: one customer has 2^64 addresses.
    """
    address = connection.client.host if connection.client is not None else ""
    try:
        host = ip_address(address)
    except ValueError:  # a Unix socket, a test client
        return None
    host = getattr(host, "ipv4_mapped", None) or host
    if host.is_loopback or settings.trusts(str(host)):
        return None
    return str(host) if host.version == 4 else str(ip_network((host.packed[:8] + bytes(8), 64)))


def _key(holder: Holder) -> str | None:
    """A person, an address, or nobody."""
    if holder.access.user is not None:
        return f"user {holder.access.user}"
    return None if holder.address is None else f"at {holder.address}"
