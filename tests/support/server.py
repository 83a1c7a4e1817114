"""The real server as a process that a test can kill and start again on the same port and data."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.support.program import Program, clean_environ

ADDRESS_LINE = r"^coplayer: (http://\S+)$"


class Server:
    """`python -m sync` on 127.0.0.1 with a data folder of its own. Methods block; call them from a thread in async code
    when something else must go on meanwhile."""

    program = "sync"
    of_all: tuple[str, ...] = ()
    """Arguments that every server of this run gets (`pytest --room-workers`)."""

    def __init__(self, data: Path, *arguments: str, environ: dict[str, str] | None = None) -> None:
        self.data = data
        self._arguments = arguments
        self._environ = environ or {}
        self._program: Program | None = None
        self._earlier_output = ""
        self._url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._program is not None:
            self.stop()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`; stays the same over restarts."""
        return self._url

    @property
    def sync_url(self) -> str:
        """What a y-websocket client takes as its server: `ws://127.0.0.1:PORT/sync`."""
        return self._url.replace("http", "ws", 1) + "/sync"

    @property
    def hocuspocus_url(self) -> str:
        """What a HocuspocusProvider takes as its url."""
        return self._url.replace("http", "ws", 1) + "/hocuspocus"

    @property
    def pid(self) -> int:
        """Of the server's process."""
        if self._program is None:
            raise RuntimeError("the server does not run")
        return self._program.pid

    @property
    def output(self) -> str:
        """What all starts of this server printed."""
        return self._earlier_output + (self._program.output if self._program else "")

    def wait_for_line(self, pattern: str) -> None:
        """Until this start of the server has printed such a line. Raises ProgramError."""
        if self._program is None:
            raise RuntimeError("the server does not run")
        self._program.wait_for_line(pattern)

    def start(self) -> None:
        """Returns when it accepts connections; the first time on a free port, later on the same one."""
        if self._program is not None:
            raise RuntimeError("the server runs already")
        port = urlsplit(self._url).port or 0
        self._program = Program(
            ["-m", self.program, "--port", str(port), "--data", str(self.data), *self.of_all, *self._arguments],
            environ=clean_environ(**self._environ),
        )
        try:
            self._url = self._program.wait_for_line(ADDRESS_LINE)[1]
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL: what is not on disk is gone."""
        program = self._taken()
        program.kill()
        self._earlier_output += program.output + "\n"

    def stop(self) -> int:
        """SIGTERM, as a service manager stops it; the exit status."""
        program = self._taken()
        try:
            return program.stop()
        finally:
            self._earlier_output += program.output + "\n"

    def _taken(self) -> Program:
        if self._program is None:
            raise RuntimeError("the server does not run")
        program, self._program = self._program, None
        return program
