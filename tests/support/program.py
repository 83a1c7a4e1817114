"""A program of ours as a child process: started, waited for, killed or asked to stop."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
REPOSITORY = Path(__file__).resolve().parents[2]


class ProgramError(Exception):
    """The program did not do what the test waits for; the message holds what it printed."""


def clean_environ(**extra: str) -> dict[str, str]:
    """The environment without what a person has set for coplayer or a model."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COPLAYER_", "OPENAI_"))}
    return {**kept, **extra}


class Program:
    """`python <arguments>` in a process group of its own; its output is kept, line by line."""

    def __init__(self, arguments: Sequence[str], environ: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-u", *arguments],
            cwd=REPOSITORY,
            env=environ or clean_environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._is_over = False
        self._reader = threading.Thread(target=self._read, name=f"output of {arguments}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        """Of the program itself, not of its children."""
        return self._process.pid

    @property
    def output(self) -> str:
        """Everything printed so far, stdout and stderr as they came."""
        with self._changed:
            return "\n".join(self._lines)

    @property
    def is_running(self) -> bool:
        """It has not ended yet."""
        return self._process.poll() is None

    def wait_for_line(self, pattern: str, timeout_s: float = START_TIMEOUT_S) -> re.Match[str]:
        """The first line printed, before or after now, that the pattern matches. Raises ProgramError."""

        def found() -> re.Match[str] | None:
            return next((match for line in self._lines if (match := re.search(pattern, line))), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._is_over, timeout_s)
            match = found()
        if match is None:
            raise ProgramError(f"no line matches {pattern!r} in:\n{self.output}")
        return match

    def kill(self) -> None:
        """SIGKILL to the program and all its children: nothing is flushed, nobody is told."""
        self._signal_group(signal.SIGKILL)
        self._end()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Asks it to stop and returns its exit status. Raises ProgramError when it does not."""
        if self.is_running:
            self._process.send_signal(how)
        try:
            return self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise ProgramError(f"still runs {STOP_TIMEOUT_S:g} s after {how.name}:\n{self.output}") from error
        finally:
            self._signal_group(signal.SIGKILL)
            self._end()

    def _signal_group(self, which: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, which)
        except ProcessLookupError:
            return  # it and its children are gone already

    def _end(self) -> None:
        self._process.wait(STOP_TIMEOUT_S)
        self._reader.join(STOP_TIMEOUT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
