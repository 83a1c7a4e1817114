"""Connections to PostgreSQL that open when needed and come back by themselves; its errors as StoreErrors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import anyio
import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus

from sync.store import StoreError

T = TypeVar("T")
Connection = AsyncConnection[tuple[Any, ...]]

CONNECT_TIMEOUT_S = 5
LOCK_TIMEOUT_S = 5  # somebody's LOCK TABLE is told to people instead of waited for in silence
STATEMENT_TIMEOUT_S = 30


class Unfit(StoreError):
    """The server lives and refuses these values: others of the same group may be fine."""


class Links:
    """At most `limit` connections, opened when needed; one that fails takes the idle ones with it."""

    def __init__(self, url: str, limit: int) -> None:
        self._url = url
        self._idle: list[Connection] = []
        self._limit = anyio.CapacityLimiter(limit)

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """What `work` returns. Raises StoreError; what `work` did is rolled back then.

        A connection that has died while idle is no fault of the store: then `work` runs again, on a new one.
        """
        async with self._limit:
            while self._idle:
                try:
                    return await self._run_on(self._idle.pop(), work)
                except _Dead:
                    await self.close()
            try:
                return await self._run_on(await _connect(self._url), work)
            except _Dead as dead:
                raise _translated(dead.cause) from dead.cause
            except psycopg.Error as error:
                raise _translated(error) from error

    async def _run_on(self, connection: Connection, work: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            return await work(connection)
        except psycopg.Error as error:
            if connection.closed or isinstance(error, psycopg.InterfaceError):
                raise _Dead(error) from error
            raise _translated(error) from error
        finally:
            if not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE:
                self._idle.append(connection)
            else:
                await connection.close()

    async def close(self) -> None:
        """Closes the idle ones."""
        while self._idle:
            await self._idle.pop().close()


class _Dead(Exception):
    """The connection is gone."""

    def __init__(self, cause: psycopg.Error) -> None:
        super().__init__(str(cause))
        self.cause = cause


@asynccontextmanager
async def one_moment(connection: Connection) -> AsyncIterator[None]:
    """Reads inside see the rooms as they were at one moment: no row comes or goes between them."""
    async with connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def _translated(error: psycopg.Error) -> StoreError:
    sentence = (str(error).strip().splitlines() or [type(error).__name__])[0]
    kind = Unfit if isinstance(error, psycopg.DataError | psycopg.IntegrityError) else StoreError
    return kind(f"The database did not take it: {sentence.rstrip('.')}.")


async def _connect(url: str) -> Connection:
    connection = await AsyncConnection.connect(
        url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, tcp_user_timeout=1000 * CONNECT_TIMEOUT_S
    )
    await connection.execute(
        f"SET synchronous_commit = on; SET lock_timeout = '{LOCK_TIMEOUT_S}s';"
        f" SET statement_timeout = '{STATEMENT_TIMEOUT_S}s'".encode()
    )
    return connection
