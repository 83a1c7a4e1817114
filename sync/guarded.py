"""Calls of the CRDT library with bytes that came from outside. It is written in Rust, and an unsafe parser to us: what
fails there comes up as a BaseException, which no `except Exception` sees and which would end the server.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager


class LibraryFailed(Exception):
    """The library gave up in the middle; the documents that it was at are not to be trusted any more."""


@contextmanager
def guarded() -> Iterator[None]:
    """Everything that comes out of the library raises LibraryFailed; being cancelled or ended is passed on."""
    try:
        yield
    except (CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise LibraryFailed(f"{type(error).__name__}: {error}") from error
