"""What SQLite and the file functions of `os` do in one folder, as a list of events (tests/support/disk.py).

SQLite reaches files through a VFS, a table of functions. This registers a copy of its own one in which open, delete,
write, truncate and sync tell us first, in the very library that Python's `sqlite3` uses: nothing of what is recorded
knows of it. (APSW can do this in Python, but brings a library of its own, so the store's connections would not pass
through it.)
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.disk import Create, Event, Link, Remove, Rename, Sync, SyncFolder, Truncate, Write

_SYNCS_ITS_FOLDER = 0x800 | 0x80000  # SQLITE_OPEN_MAIN_JOURNAL and _WAL: the first sync of one that it may create
_MAY_CREATE = 0x4  # SQLITE_OPEN_CREATE

_pointer, _int, _int64, _text = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_char_p
_Open = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _pointer, _int, _pointer)
_Delete = ctypes.CFUNCTYPE(_int, _pointer, _text, _int)
_Write = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _int, _int64)
_Truncate = ctypes.CFUNCTYPE(_int, _pointer, _int64)
_Sync = ctypes.CFUNCTYPE(_int, _pointer, _int)


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`."""

    _fields_ = [
        ("iVersion", _int), ("szOsFile", _int), ("mxPathname", _int), ("pNext", _pointer), ("zName", _text),
        ("pAppData", _pointer), ("xOpen", _Open), ("xDelete", _Delete), ("others", _pointer * 14),
    ]  # fmt: skip


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`."""

    _fields_ = [
        ("iVersion", _int), ("xClose", _pointer), ("xRead", _pointer), ("xWrite", _Write), ("xTruncate", _Truncate),
        ("xSync", _Sync), ("others", _pointer * 13),
    ]  # fmt: skip


class CannotRecord(Exception):
    """The SQLite of this Python cannot be reached; the sentence says why."""


class Recorder:
    """Hears of every change of a file in `folder` (of files whose names begin with its path)."""

    def __init__(self, folder: Path) -> None:
        self.events: list[Event] = []
        self._folder = str(folder.resolve()) + os.sep
        self._open: dict[int, tuple[str, int]] = {}
        """Address of an open file of SQLite's -> its name and the flags it was opened with."""

    def name(self, path: object) -> str | None:
        """Within the folder; None for other files."""
        text = os.path.abspath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else ""
        return text.removeprefix(self._folder) if text.startswith(self._folder) else None

    def opened(self, file: int, path: bytes | None, flags: int, was_there: bool) -> None:
        """SQLite has opened a file."""
        name = self.name(path)
        self._open.pop(file, None)
        if name is not None:
            self._open[file] = name, flags
            if not was_there:
                self.events.append(Create(name))

    def written(self, file: int, offset: int, data: bytes) -> None:
        """SQLite writes."""
        if file in self._open:
            self.events.append(Write(self._open[file][0], offset, data))

    def truncated(self, file: int, size: int) -> None:
        """SQLite sets a file's length."""
        if file in self._open:
            self.events.append(Truncate(self._open[file][0], size))

    def synced(self, file: int) -> None:
        """SQLite has synced a file, and with a log's first sync its folder."""
        if file not in self._open:
            return
        name, flags = self._open[file]
        self.events.append(Sync(name))
        if flags & _SYNCS_ITS_FOLDER and flags & _MAY_CREATE:
            self.events.append(SyncFolder())
            self._open[file] = name, 0

    def deleted(self, path: bytes, is_synced: bool) -> None:
        """SQLite removes a file."""
        name = self.name(path)
        if name is not None:
            self.events.append(Remove(name))
            if is_synced:
                self.events.append(SyncFolder())


_recorders: list[Recorder] = []
_kept: list[Any] = []
"""What C code points to; it may still be called when a recording is over."""
_methods: dict[int, _Methods] = {}


def _library() -> ctypes.CDLL:
    """The SQLite that Python's `sqlite3` calls. Raises CannotRecord."""
    import _sqlite3

    try:
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        library.sqlite3_vfs_register.argtypes = [ctypes.POINTER(_Vfs), _int]
        library.sqlite3_libversion.restype = _text
        version = library.sqlite3_libversion().decode()
    except (AttributeError, OSError) as error:
        raise CannotRecord(f"The SQLite of this Python is built into it: {error}.") from error
    if version != sqlite3.sqlite_version:
        raise CannotRecord(f"Another SQLite ({version}) is found than Python's own ({sqlite3.sqlite_version}).")
    if os.name != "posix":
        raise CannotRecord("What a sync means is known here of SQLite's Unix VFS.")
    return library


def _with_ears(original: _Methods) -> _Methods:
    """A copy that tells the recorders before it writes, and after it has synced."""
    copy = _Methods.from_buffer_copy(original)
    write, truncate, sync = original.xWrite, original.xTruncate, original.xSync

    def on_write(file: int, data: int, size: int, offset: int) -> int:
        for recorder in _recorders:
            recorder.written(file, offset, ctypes.string_at(data, size))
        return int(write(file, data, size, offset))

    def on_truncate(file: int, size: int) -> int:
        for recorder in _recorders:
            recorder.truncated(file, size)
        return int(truncate(file, size))

    def on_sync(file: int, flags: int) -> int:
        status = int(sync(file, flags))
        for recorder in _recorders:
            if status == 0:
                recorder.synced(file)
        return status

    copy.xWrite, copy.xTruncate, copy.xSync = _Write(on_write), _Truncate(on_truncate), _Sync(on_sync)
    _kept.append((original, copy, copy.xWrite, copy.xTruncate, copy.xSync))
    return copy


def _ears(original: _Vfs) -> _Vfs:
    copy = _Vfs.from_buffer_copy(original)
    copy.zName = b"recorded"
    open_file, delete = original.xOpen, original.xDelete

    def on_open(vfs: int, path: int | None, file: int, flags: int, out: int | None) -> int:
        name = None if path is None else ctypes.string_at(path)
        was_there = name is None or os.path.exists(name)
        status = int(open_file(vfs, path, file, flags, out))
        if status == 0:
            slot = ctypes.cast(file, ctypes.POINTER(_pointer))
            address = slot[0]
            if address not in _methods:
                _methods[address] = _with_ears(_Methods.from_address(address))
            slot[0] = ctypes.addressof(_methods[address])
            for recorder in _recorders:
                recorder.opened(file, name, flags, was_there)
        return status

    def on_delete(vfs: int, path: bytes, is_synced: int) -> int:
        status = int(delete(vfs, path, is_synced))
        for recorder in _recorders:
            if status == 0:
                recorder.deleted(path, bool(is_synced))
        return status

    copy.xOpen, copy.xDelete = _Open(on_open), _Delete(on_delete)
    _kept.append((original, copy, copy.xOpen, copy.xDelete))
    return copy


@contextmanager
def recording(folder: Path) -> Iterator[Recorder]:
    """Record inside this context; connections that are opened in it are heard until they are closed.

    Raises CannotRecord.
    """
    library = _library()
    default = library.sqlite3_vfs_find(None).contents
    ears = _ears(default)
    recorder = Recorder(folder)
    library.sqlite3_vfs_register(ctypes.byref(ears), 1)
    _recorders.append(recorder)
    try:
        with _listening_to_os(recorder):
            yield recorder
    finally:
        library.sqlite3_vfs_register(ctypes.byref(default), 1)
        _recorders.remove(recorder)


@contextmanager
def _listening_to_os(recorder: Recorder) -> Iterator[None]:
    """`os.rename`, `replace`, `link`, `unlink` and `fsync`, by whoever calls them."""
    originals: dict[str, Callable[..., Any]] = {
        name: getattr(os, name) for name in ("rename", "replace", "link", "unlink", "fsync")
    }

    def two(kind: type[Rename | Link], call: Callable[..., Any]) -> Callable[..., Any]:
        def heard(old: Any, new: Any, *rest: Any, **options: Any) -> Any:
            result = call(old, new, *rest, **options)
            names = recorder.name(old), recorder.name(new)
            if names[0] is not None and names[1] is not None:
                recorder.events.append(kind(names[0], names[1]))
            return result

        return heard

    def unlink(path: Any, *rest: Any, **options: Any) -> None:
        originals["unlink"](path, *rest, **options)
        if (name := recorder.name(path)) is not None:
            recorder.events.append(Remove(name))

    def fsync(number: Any) -> None:
        originals["fsync"](number)
        status = os.fstat(number)
        folder = Path(recorder._folder)
        if os.path.samestat(status, folder.stat()):
            recorder.events.append(SyncFolder())
        for path in folder.iterdir():
            if os.path.samestat(status, path.stat()):
                recorder.events.append(Sync(path.name))
                break

    listeners: dict[str, Callable[..., Any]] = {
        "rename": two(Rename, originals["rename"]),
        "replace": two(Rename, originals["replace"]),
        "link": two(Link, originals["link"]),
        "unlink": unlink,
        "fsync": fsync,
    }
    for name, listener in listeners.items():
        setattr(os, name, listener)
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(os, name, original)
