"""Stock clients that do nothing, for as long as the other tests take. No event loop has to run for them."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from frontend.build import Node
from tests.interop.yjs_client import NODE_FOLDER


class IdleClient:
    """One process of tests/interop/node/client.mjs, asked in turns."""

    def __init__(
        self, node: Node, server: str, room: str, *, awareness: bool, kind: str = "y-websocket", version: int = 3
    ) -> None:
        self._process = subprocess.Popen(
            [str(node.node), "client.mjs"],
            cwd=NODE_FOLDER,
            env=node.environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._last_id = 0
        try:
            self._ask("make", kind=kind, version=version)
            self._ask("connect", server=server, room=room, awareness=awareness)
        except BaseException:
            self._end()
            raise
        self.connected_at = time.monotonic()

    def _ask(self, action: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._last_id += 1
        print(json.dumps({"id": self._last_id, "do": action, **arguments}), file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self._last_id:
                return answer["result"]
        raise AssertionError(f"the client ended when asked to {action}")

    def state(self) -> dict[str, Any]:
        """As YjsClient.state()."""
        return dict(self._ask("state"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()


class IdleClients:
    """One as it comes, which renews its presence every 15 s, and others without presence, which never send anything."""

    def __init__(self, node: Node, server: str, hocuspocus: str) -> None:
        self._stack = ExitStack()
        enter = self._stack.enter_context
        self.clients = (
            enter(IdleClient(node, server, "idle", awareness=True)),
            enter(IdleClient(node, server, "silent", awareness=False)),
            enter(IdleClient(node, hocuspocus, "silent-4", awareness=False, kind="hocuspocus", version=4)),
            enter(IdleClient(node, hocuspocus, "silent-3", awareness=False, kind="hocuspocus", version=3)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
