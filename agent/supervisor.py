"""Keeps a child process running: started, restarted with growing pauses when it dies, stopped with us."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 30.0
HEALTHY_S = 60.0  # a child that ran this long starts again with the shortest pause
STOP_TIMEOUT_S = 5.0


class Supervisor:
    """One child. Its stdin is a pipe that we hold: it ends with us even when we are killed."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str], name: str) -> None:
        self._command = list(command)
        self._environ = dict(environ)
        self._name = name
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"supervisor of {name}", daemon=True)

    def start(self) -> None:
        """Start the child and look after it from a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the child, and kill it when it does not."""
        self._stopping.set()
        child = self._child
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S)

    def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping.is_set():
            began = time.monotonic()
            self._child = subprocess.Popen(self._command, env=self._environ, stdin=subprocess.PIPE)
            if self._stopping.is_set():
                self._child.terminate()
            status = self._child.wait()
            if self._child.stdin is not None:
                self._child.stdin.close()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > HEALTHY_S:
                pause_s = FIRST_PAUSE_S
            sys.stderr.write(f"coplayer: the {self._name} ended ({status}), starting it again in {pause_s:g} s\n")
            self._stopping.wait(pause_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)
