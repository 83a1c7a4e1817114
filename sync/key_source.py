"""Where public keys come from: a file, read once, or an address, asked again when it may have new ones."""

from __future__ import annotations

import logging
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx2

from sync.auth import Authority
from sync.keys import BadKeys, Keys, read_keys
from sync.settings import SettingsError

log = logging.getLogger(__name__)

FETCH_TIMEOUT_S = 10.0
FETCH_AGAIN_S = 3_600.0  # so long a key that was withdrawn is still believed
FETCH_PAUSE_S = 30.0  # tokens with unknown keys, a flood of them perhaps, cost no more than a fetch in this time
RETRY_S = 5.0  # while no keys are known at all
MAX_BYTES = 2**20


def is_address(source: str) -> bool:
    """Is it fetched over HTTP, and not read from a file?"""
    return urlsplit(source).scheme in ("http", "https")


def keys_from_file(path: str) -> Keys:
    """Raises SettingsError."""
    try:
        return read_keys(Path(path).expanduser().read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"COPLAYER_JWT_KEYS: {path} cannot be read: {error}.") from None
    except BadKeys as error:
        raise SettingsError(f"COPLAYER_JWT_KEYS: {path}: {error}") from None


async def fetch(url: str) -> Keys:
    """Raises BadKeys, or httpx2.HTTPError."""
    async with httpx2.AsyncClient(timeout=FETCH_TIMEOUT_S) as client, client.stream("GET", url) as answer:
        answer.raise_for_status()
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > MAX_BYTES:
                raise BadKeys(f"The answer is longer than {MAX_BYTES} bytes.")
    try:
        return read_keys(body.decode())
    except UnicodeDecodeError:
        raise BadKeys("The answer is not text.") from None


async def keep_fresh(authority: Authority, url: str) -> None:
    """Fetch at once, every hour, and when a token names a key that is not known. Never returns."""
    while True:
        try:
            authority.keys = await fetch(url)
        except (BadKeys, httpx2.HTTPError, httpx2.InvalidURL) as error:  # the keys that are known go on counting
            log.warning("the keys for tokens could not be fetched from %s: %s", url, str(error) or type(error).__name__)
        authority.lacks_key = anyio.Event()
        await anyio.sleep(RETRY_S if authority.keys is None else FETCH_PAUSE_S)
        if authority.keys is not None:
            with anyio.move_on_after(FETCH_AGAIN_S - FETCH_PAUSE_S):
                await authority.lacks_key.wait()
