"""A Yjs document server. "Saved" means on disk.

Names are imported when first used: an assistant that needs only `sync.canvas` does not load a web server.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync.app import create_app
    from sync.gate import Refused
    from sync.hooks import Hooks
    from sync.hub import Hub
    from sync.provider import connect
    from sync.settings import Settings
    from sync.store import Store

__all__ = ("Hooks", "Hub", "Refused", "Settings", "Store", "connect", "create_app")

_HOMES = {
    "Hooks": "sync.hooks",
    "Hub": "sync.hub",
    "Refused": "sync.gate",
    "Settings": "sync.settings",
    "Store": "sync.store",
    "connect": "sync.provider",
    "create_app": "sync.app",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'sync' has no attribute {name!r}")
