"""What is printed while the server runs: lines for people or JSON, one a record, with what it was about.

No line holds content, a token or a query string. Exceptions are named with where they came from; what they say is left
out, since a library's messages quote what they choked on (those whose words are ours or the system's are kept).
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Literal, TextIO, get_args
from uuid import uuid4

Kind = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LEVELS: tuple[Level, ...] = get_args(Level)
MAX_CAUSES = 5
SPOKEN = (
    "StoreError", "SettingsError", "Refused", "Rejected", "NotAllowed", "ServerAway", "BadRoomName",
    "AttributeError", "ImportError", "NameError",
)  # fmt: skip
"""Exceptions that are sentences of our own, or name parts of programs."""
HIDDEN = "[...]"

_ABOUT: ContextVar[Mapping[str, object]] = ContextVar("coplayer_log", default=MappingProxyType({}))
_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_SECRETS = (
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]*(\.[\w-]*)?"), HIDDEN),  # a JWT
    (re.compile(r"(?i)\bBearer\s+[^\s\"',]+"), f"Bearer {HIDDEN}"),
    (re.compile(r"(?i)\b(token|secret|password|passwd|api[_-]?key|authorization)(\"?\s*[=:]\s*\"?)[^\s\"'&,}]+"),
     rf"\1\2{HIDDEN}"),
    (re.compile(r"\b(sk|pk|key|tok)[-_][A-Za-z0-9_\-*]{6,}"), HIDDEN),
    (re.compile(r"(\w://[^\s:/@]*):[^\s@]+@"), rf"\1:{HIDDEN}@"),
    (re.compile(r"(?<=[\w/~.%-])\?[^\s\"'<>?=]*=[^\s\"'<>]*"), f"?{HIDDEN}"),
)  # fmt: skip


def request_id(given: str | None) -> str:
    """The caller's own where it is a plain word of at most 128 characters, else a new one."""
    return given if given is not None and _SANE_ID.fullmatch(given) else uuid4().hex


def bind(**about: object) -> None:
    """Add to what is said with each line of this task and those it starts; None is left out."""
    _ABOUT.set({**_ABOUT.get(), **{name: value for name, value in about.items() if value is not None}})


@contextmanager
def bound(**about: object) -> Iterator[None]:
    """As `bind`, inside this context."""
    mark = _ABOUT.set({**_ABOUT.get(), **about})
    try:
        yield
    finally:
        _ABOUT.reset(mark)


def about() -> Mapping[str, object]:
    """What is bound here."""
    return _ABOUT.get()


class Scrubber:
    """Takes out secrets: those of the settings by their letters, others by their looks."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted((re.escape(secret) for secret in secrets if len(secret) >= 6), key=len, reverse=True)
        self._known = re.compile("|".join(known)) if known else None

    def __call__(self, text: str) -> str:
        """The text without them."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, replacement in _SECRETS:
            text = pattern.sub(replacement, text)
        return text


class _Formatter(logging.Formatter):
    """What both kinds have in common."""

    def __init__(self, scrub: Scrubber) -> None:
        super().__init__()
        self._scrub = scrub

    def _message(self, record: logging.LogRecord) -> str:
        text = record.getMessage().strip()
        if record.name == "asyncio":  # below its first line it shows objects, and with them what exceptions say
            text = text.partition("\n")[0]
        return self._scrub(text)

    def _fields(self, record: logging.LogRecord) -> dict[str, object]:
        more = getattr(record, "fields", {})
        return {name: self._scrub(v) if isinstance(v, str) else v for name, v in {**_ABOUT.get(), **more}.items()}

    def _failure(self, record: logging.LogRecord) -> str:
        return self._scrub(told(record.exc_info[1])) if record.exc_info and record.exc_info[1] else ""


class TextFormatter(_Formatter):
    """`time LEVEL logger: message key=value ...`, then the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        fields = " ".join(f"{name}={_word(value)}" for name, value in self._fields(record).items())
        line = f"{_time(record)} {record.levelname} {record.name}: {_plain(self._message(record))}"
        failure = self._failure(record)
        return line + (f"  {fields}" if fields else "") + (f"\n{failure}" if failure else "")


class JsonFormatter(_Formatter):
    """One object a line: `time`, `level`, `logger`, `message`, then what it was about, `exception` and `traceback`."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        own: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record),
        }
        entry = {**self._fields(record), **own}
        if failure := self._failure(record):
            assert record.exc_info is not None
            kind = record.exc_info[0]
            entry |= {"exception": kind.__name__ if kind is not None else "", "traceback": failure}
        return json.dumps(dict(sorted(entry.items(), key=lambda pair: pair[0] not in own)), default=str)


def told(error: BaseException) -> str:
    """A traceback in the usual form, without the words of exceptions that may quote content."""
    blocks: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(blocks) < MAX_CAUSES:
        seen.add(id(current))
        blocks.append(_block(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    if isinstance(error, BaseExceptionGroup):
        blocks = [told(part) for part in error.exceptions[:MAX_CAUSES]] + blocks[:1]
    return "\nand so:\n".join(reversed(blocks)) if len(blocks) > 1 else blocks[0]


def _block(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    is_spoken = isinstance(error, OSError) or any(base.__name__ in SPOKEN for base in kind.__mro__)
    return f"Traceback (most recent call last):\n{_frames(error.__traceback__)}{name}" + (
        f": {_plain(str(error))}" if is_spoken else ""
    )


def _frames(trace: TracebackType | None) -> str:
    return "".join(traceback.format_tb(trace))


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(text: str) -> str:
    """On one line: nobody writes lines of their own into the log."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _word(value: object) -> str:
    text = str(value)
    return text if re.fullmatch(r"[\w./~:@+-]+", text, re.ASCII) else json.dumps(text)


def configure(kind: Kind, level: Level, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Print all records of this process, uvicorn's and libraries' included, to stderr in this form."""
    scrub = Scrubber(secrets)
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JsonFormatter(scrub) if kind == "json" else TextFormatter(scrub))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("httpx", "httpx2", "httpcore", "openai", "websockets", "uvicorn"):  # at `info` they tell of addresses
        logging.getLogger(name).setLevel(max(logging.WARNING, getattr(logging, level.upper())))


def with_fields(**fields: Any) -> dict[str, Any]:
    """For `extra=` of one record."""
    return {"fields": fields}
