"""What an operator may set. Read once, at the entry: flag beats environment beats default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from sync import logs
from sync.gate import PROFILE_NAMES, ProfileName


class SettingsError(ValueError):
    """A setting has a value that cannot be used; the sentence says which and what to do."""


def _setting(default: Any, env: str, doc: str) -> Any:
    return field(default=default, metadata={"env": env, "doc": doc})


def default_data() -> Path:
    """Where data rests unless told otherwise: the platform's place for a user's data."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "coplayer"


@dataclass(frozen=True, slots=True)
class Settings:
    """The server's settings. Times in seconds, sizes in bytes."""

    host: str = _setting("127.0.0.1", "COPLAYER_HOST", "Address to listen on. Anything but loopback needs a secret.")
    port: int = _setting(8000, "COPLAYER_PORT", "Port to listen on; 0 picks a free one and prints it.")
    data: Path = field(
        default_factory=default_data, metadata={"env": "COPLAYER_DATA", "doc": "Folder of the embedded database."}
    )
    store: str = _setting(
        "",
        "COPLAYER_STORE",
        "Store URL, `sqlite:///path/file.db` or `postgresql://user:password@host/database`; empty means `coplayer.db`"
        " in data.",
    )
    ballast_bytes: int = _setting(
        64 * 2**20,
        "COPLAYER_BALLAST_BYTES",
        "Space kept back beside the SQLite file while the server runs, given up when the disk is full; 0 for none.",
    )
    secret: str = _setting(
        "", "COPLAYER_SECRET", "Key that signs access tokens (HS256); when set, every client needs one."
    )
    jwt_keys: str = _setting(
        "",
        "COPLAYER_JWT_KEYS",
        "Public keys of who signs tokens elsewhere: a file or an https address, PEM or a JWK set (RSA, EC, Ed25519).",
    )
    jwt_audience: str = _setting("", "COPLAYER_JWT_AUDIENCE", "What `aud` of those tokens must name; empty for any.")
    jwt_issuer: str = _setting("", "COPLAYER_JWT_ISSUER", "What `iss` of those tokens must be; empty for any.")
    user_header: str = _setting(
        "",
        "COPLAYER_USER_HEADER",
        "Header in which a trusted proxy says who somebody is, such as X-Forwarded-User; empty: none is believed.",
    )
    user_access: str = _setting(
        "write", "COPLAYER_USER_ACCESS", "What such people may do on every board: read, comment, write or admin."
    )
    origins: tuple[str, ...] = _setting(
        (), "COPLAYER_ORIGINS", "Web origins besides our own that may connect, separated by commas."
    )
    insecure: bool = _setting(False, "COPLAYER_INSECURE", "Listen on other addresses than loopback without a secret.")
    profiles: tuple[str, ...] = _setting(
        (),
        "COPLAYER_PROFILES",
        "What new rooms hold, as `name=profile` or `prefix*=profile` (any, map, board), by commas.",
    )
    unload_after_s: float = _setting(
        30.0, "COPLAYER_UNLOAD_AFTER_S", "A room without connections leaves memory after this time."
    )
    compact_after_rows: int = _setting(
        2_000, "COPLAYER_COMPACT_AFTER_ROWS", "Log rows after which a room gets a snapshot; bounds the time to load it."
    )
    compact_after_bytes: int = _setting(
        16 * 2**20,
        "COPLAYER_COMPACT_AFTER_BYTES",
        "The same in bytes of those rows, once they are more than the snapshot before: changes may be big.",
    )
    max_message_bytes: int = _setting(
        4 * 2**20, "COPLAYER_MAX_MESSAGE_BYTES", "Largest frame taken from a client (map rooms), else 4413."
    )
    max_any_message_bytes: int = _setting(
        16 * 2**20,
        "COPLAYER_MAX_ANY_MESSAGE_BYTES",
        "Largest frame in rooms of other schemas, which hold files and texts.",
    )
    max_outbox_bytes: int = _setting(
        8 * 2**20, "COPLAYER_MAX_OUTBOX_BYTES", "Unsent bytes of one connection, past which it is closed with 4508."
    )
    max_pending_bytes: int = _setting(
        16 * 2**20, "COPLAYER_MAX_PENDING_BYTES", "Updates of a room that wait for a failing store, past which 4531."
    )
    lag_bytes: int = _setting(
        2**20, "COPLAYER_LAG_BYTES", "Unsent bytes past which a connection gets one fresh difference later instead."
    )
    slow_after_s: float = _setting(
        10.0, "COPLAYER_SLOW_AFTER_S", "A connection that reads nothing of what waits for it so long gets 4508."
    )
    keep_alive_s: float = _setting(
        15.0, "COPLAYER_KEEP_ALIVE_S", "Silence after which a no-op goes out; stock clients give up after 30 s."
    )
    max_room_connections: int = _setting(
        1_000, "COPLAYER_MAX_ROOM_CONNECTIONS", "Connections of one room; the next gets 4530."
    )
    max_connections: int = _setting(
        20_000, "COPLAYER_MAX_CONNECTIONS", "Connections of this process; the next gets 4530."
    )
    max_body_bytes: int = _setting(16 * 2**20, "COPLAYER_MAX_BODY_BYTES", "Largest HTTP request body, else 413.")
    max_user_connections: int = _setting(
        50,
        "COPLAYER_MAX_USER_CONNECTIONS",
        "Connections of one person, or of one address without sign-in, to one room; the next gets 4530.",
    )
    max_connects_per_s: int = _setting(
        20,
        "COPLAYER_MAX_CONNECTS_PER_S",
        "New connections of one address, 30 s' worth at once (an office that comes back); the next get 4529.",
    )
    max_new_rooms_per_minute: int = _setting(
        30,
        "COPLAYER_MAX_NEW_ROOMS_PER_MINUTE",
        "Boards that one person, or one address, makes, 2 minutes' worth at once; then 4529, over HTTP 429.",
    )
    max_updates_per_s: int = _setting(
        200,
        "COPLAYER_MAX_UPDATES_PER_S",
        "Changes of one connection, 10 s' worth at once. Who is quicker is read more slowly, after 30 s of that 4529.",
    )
    max_states_per_s: int = _setting(
        60,
        "COPLAYER_MAX_STATES_PER_S",
        "Presence states relayed of one connection; of what comes beyond, the last goes out within a second.",
    )
    max_growth_bytes_per_minute: int = _setting(
        2**20,
        "COPLAYER_MAX_GROWTH_BYTES_PER_MINUTE",
        "Bytes of changes of one person, 16 minutes' worth at once (days of work offline); beyond, read-only a while.",
    )
    max_work_s_per_minute: float = _setting(
        1.0,
        "COPLAYER_MAX_WORK_S_PER_MINUTE",
        "Seconds of checking changes over 2 KiB, of one connection, 16 minutes' worth at once; beyond, read-only.",
    )
    max_board_bytes: int = _setting(
        10 * 2**20, "COPLAYER_MAX_BOARD_BYTES", "Size of a board or map room's document; beyond, it is read-only."
    )
    max_any_bytes: int = _setting(
        64 * 2**20, "COPLAYER_MAX_ANY_BYTES", "Size of the document of a room of another schema; beyond, read-only."
    )
    max_shapes: int = _setting(
        20_000, "COPLAYER_MAX_SHAPES", "Shapes of a board, deleted ones included until the purge; beyond, read-only."
    )
    max_client_ids: int = _setting(
        50_000, "COPLAYER_MAX_CLIENT_IDS", "Client ids that wrote a room, one for each visit; beyond, it is read-only."
    )
    sign_in_s: float = _setting(
        10.0, "COPLAYER_SIGN_IN_S", "A Hocuspocus socket that has shown no good token by then is closed with 4401."
    )
    handshake_s: float = _setting(
        5.0, "COPLAYER_HANDSHAKE_S", "Time for the head of an HTTP request, a WebSocket's handshake included."
    )
    lease_s: float = _setting(
        30.0, "COPLAYER_LEASE_S", "An assistant that has not renewed its lease for this long may be replaced."
    )
    edit_timeout_s: float = _setting(
        30.0, "COPLAYER_EDIT_TIMEOUT_S", "A change over HTTP that is not on disk after this time is answered with 503."
    )
    version_every_s: float = _setting(
        600.0, "COPLAYER_VERSION_EVERY_S", "A room that is worked on gets a version this often; 0 keeps none by itself."
    )
    metrics_token: str = _setting(
        "",
        "COPLAYER_METRICS_TOKEN",
        "What `/metrics` asks for as `Authorization: Bearer`, so that a scraper needs no rights on rooms; empty: an"
        " admin's token where tokens are asked for.",
    )
    workers: int = _setting(
        0,
        "COPLAYER_WORKERS",
        "Processes for the rooms of the `any` profile, so that an update that breaks the CRDT library ends one of them"
        " and not the server; 0 keeps all rooms in the server's own.",
    )
    worker_timeout_s: float = _setting(
        10.0, "COPLAYER_WORKER_TIMEOUT_S", "A room worker that gives no sign of life for this long is killed."
    )
    worker_memory_bytes: int = _setting(
        2 * 2**30,
        "COPLAYER_WORKER_MEMORY_BYTES",
        "Memory that one room worker may take; one with more is killed. Looked at every second, on Linux; 0: no limit.",
    )
    keep_versions_days: float = _setting(
        0.0,
        "COPLAYER_KEEP_VERSIONS_DAYS",
        "Automatic versions older than this go by themselves, but for a room's newest; 0 keeps the last hundred.",
    )
    keep_damaged_days: float = _setting(
        0.0, "COPLAYER_KEEP_DAMAGED_DAYS", "Rows put aside as damaged go when they were written so long ago; 0: never."
    )
    keep_unused_days: float = _setting(
        0.0, "COPLAYER_KEEP_UNUSED_DAYS", "Rooms that nobody ever wrote into go after this time; 0 keeps them."
    )
    log: str = _setting(
        "text", "COPLAYER_LOG", "What is printed while it runs: `text` for people, or `json`, an object a line."
    )
    log_level: str = _setting(
        "warning",
        "COPLAYER_LOG_LEVEL",
        "The least that is printed: `debug`, `info` (each request too), `warning`, `error`.",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        ("127.0.0.1", "::1"),
        "COPLAYER_TRUSTED_PROXIES",
        "Addresses or networks, by commas, whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    raw_transport: bool = _setting(
        True,
        "COPLAYER_RAW_TRANSPORT",
        "Write frames straight to the sockets; `0` goes through ASGI, as under other servers than uvicorn.",
    )
    drain_s: float = _setting(8.0, "COPLAYER_DRAIN_S", "Time that a stopping server gives its connections and log.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
        """Flags that are not None win over the environment. Raises SettingsError."""
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for spec in fields(cls):
            if flags.get(spec.name) is not None:
                values[spec.name] = flags[spec.name]
            elif text := environ.get(spec.metadata["env"], ""):
                values[spec.name] = _parse(spec.metadata["env"], text, spec.type)
        settings = cls(**values)
        settings._check()
        return settings

    def _check(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SettingsError(f"COPLAYER_PORT is {self.port}; a port is between 0 and 65535.")
        if not (self.is_loopback or self.asks_for_tokens or self.insecure):
            raise SettingsError(
                f"Listening on {self.host} lets others in: set COPLAYER_SECRET to a long random text so that they need"
                " a token, or pass --insecure to let everybody in."
            )
        if (self.jwt_audience or self.jwt_issuer) and not self.jwt_keys:
            raise SettingsError("COPLAYER_JWT_AUDIENCE and COPLAYER_JWT_ISSUER say nothing without COPLAYER_JWT_KEYS.")
        if self.log not in logs.KINDS or self.log_level not in logs.LEVELS:
            raise SettingsError(
                f"COPLAYER_LOG is one of {', '.join(logs.KINDS)}, COPLAYER_LOG_LEVEL one of {', '.join(logs.LEVELS)}."
            )
        if self.user_access not in ("read", "comment", "write", "admin"):
            raise SettingsError(f"COPLAYER_USER_ACCESS is {self.user_access!r}; use read, comment, write or admin.")
        for entry in self.trusted_proxies:
            _check_network(entry)
        if self.secret and len(self.secret.encode()) < 32:
            raise SettingsError("COPLAYER_SECRET is shorter than 32 bytes; make one with: openssl rand -hex 32")
        for entry in self.profiles:
            if entry.partition("=")[2] not in PROFILE_NAMES:
                raise SettingsError(f"COPLAYER_PROFILES has {entry!r}; write name=any, name=map or prefix*=board.")
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
                raise SettingsError(f"{spec.metadata['env']} is {value}; it cannot be below 0.")

    def profile_for(self, room: str) -> ProfileName | None:
        """The profile that `profiles` names for a new room; the first that fits."""
        for pattern, _, profile in (entry.partition("=") for entry in self.profiles):
            if room == pattern or (pattern.endswith("*") and room.startswith(pattern[:-1])):
                return PROFILE_NAMES[PROFILE_NAMES.index(profile)]
        return None

    @property
    def asks_for_tokens(self) -> bool:
        """Does everybody need one, or to be known to a proxy?"""
        return bool(self.secret or self.jwt_keys or self.user_header)

    def trusts(self, address: str | None) -> bool:
        """Is that address a trusted proxy's?"""
        try:
            peer = ip_address(address or "")
        except ValueError:
            return False
        return any(peer in ip_network(entry, strict=False) for entry in self.trusted_proxies)

    @property
    def is_private(self) -> bool:
        """Nobody but this machine's own people: they are not limited, for whom would that protect?"""
        return self.is_loopback and not self.asks_for_tokens

    @property
    def is_loopback(self) -> bool:
        """Is it bound to this machine only?"""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    @property
    def database(self) -> Path:
        """The SQLite file. Raises SettingsError for a store of another kind."""
        if not self.store:
            return self.data.expanduser() / "coplayer.db"
        scheme, separator, rest = self.store.partition(":///")
        if scheme != "sqlite" or not separator or not rest:
            raise SettingsError(
                f"COPLAYER_STORE is {self.store!r}; use sqlite:///path/to/file.db or postgresql://host/database."
            )
        return Path(rest).expanduser()


def _check_network(entry: str) -> None:
    try:
        ip_network(entry)
    except ValueError:
        raise SettingsError(
            f"COPLAYER_TRUSTED_PROXIES has {entry!r}; write addresses or networks, as 10.0.0.0/8."
        ) from None


def _parse(env: str, text: str, kind: object) -> Any:
    try:
        match kind:
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "bool":
                return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
            case "Path":
                return Path(text).expanduser()
            case "tuple[str, ...]":
                return tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
            case _:
                return text
    except (ValueError, KeyError):
        raise SettingsError(f"{env} is {text!r}, which is not a {kind}.") from None
