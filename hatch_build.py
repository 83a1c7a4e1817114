"""Packaging hook: a wheel or an sdist of coplayer carries the built browser client (frontend/build.py)."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "COPLAYER_SKIP_CLIENT"
"""Set to 1: leave the browser client out. `./dev` sets it, because it builds the client itself."""


def _client() -> ModuleType:
    """frontend/build.py, loaded by path: the build environment does not have the tree on its import path."""
    spec = importlib.util.spec_from_file_location("_coplayer_client", Path(__file__).parent / "frontend" / "build.py")
    if spec is None or spec.loader is None:
        raise SystemExit("frontend/build.py is missing: this is not a whole copy of coplayer.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


class ClientHook(BuildHookInterface[Any]):  # type: ignore[misc]  # hatchling is only in build environments
    """Builds the client before files are collected, with node from PyPI where the machine has none."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """node, in the isolated build environment only, and only when it is needed."""
        client = _client()
        if os.environ.get(SKIP) or client.is_fresh() or isinstance(client.node_on_path(), client.Node):
            return []
        return [client.NODE_FROM_PYPI]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises SystemExit with a sentence that says what to do."""
        if os.environ.get(SKIP):
            return
        client = _client()
        try:
            if client.build():
                self.app.display_info("built the browser client into sync/static")
        except client.BuildError as error:
            raise SystemExit(
                f"\nThe browser client cannot be built: {error}\nTo install the server without it, set {SKIP}=1.\n"
            ) from error
