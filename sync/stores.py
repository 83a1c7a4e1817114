"""Which store the settings name."""

from __future__ import annotations

from sync.settings import Settings, SettingsError
from sync.sqlite_store import SQLiteStore
from sync.store import Store


def open_store(settings: Settings) -> Store:
    """A store that is yet to be opened (`async with store.open()`). Raises SettingsError."""
    if settings.store.partition("://")[0] not in ("postgresql", "postgres"):
        return SQLiteStore(settings.database, settings.ballast_bytes)
    try:
        from sync.postgres_store import PostgresStore
    except ImportError as error:
        raise SettingsError(
            "COPLAYER_STORE names a PostgreSQL, whose driver is not installed: pip install 'coplayer[postgres]'"
        ) from error
    return PostgresStore(settings.store)
