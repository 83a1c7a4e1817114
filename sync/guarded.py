"""Calls of the CRDT library with bytes that came from outside. It is written in Rust, and an unsafe parser to us: what
fails there comes up as a BaseException, which no `except Exception` sees and which would end the server.
"""

from __future__ import annotations

from asyncio import CancelledError
from types import TracebackType


class LibraryFailed(Exception):
    """The library gave up in the middle; the documents that it was at are not to be trusted any more."""


class _Guard:
    """A class and no generator: entered and left for every update that is applied."""

    __slots__ = ()

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, CancelledError | GeneratorExit | KeyboardInterrupt | SystemExit):
            raise LibraryFailed(f"{type(error).__name__}: {error}") from error


_GUARD = _Guard()


def guarded() -> _Guard:
    """Everything that comes out of the library raises LibraryFailed; being cancelled or ended is passed on."""
    return _GUARD
