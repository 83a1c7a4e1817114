"""What every test may use: asyncio as the only backend, and the real server as a process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.postgres import NoPostgres, Postgres, running_postgres
from tests.support.server import Server

pytest.register_assert_rewrite("sync.testing")
settings.register_profile("short", deadline=None)  # a busy machine is no bug
settings.register_profile("long", max_examples=4_000, deadline=None)  # pytest --hypothesis-profile=long
settings.load_profile("short")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of this test's own. A traceback in its output fails the test, whatever the test itself saw."""
    with Server(tmp_path / "data") as running:
        yield running
    assert "Traceback" not in running.output, running.output


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL; without its binaries the test is skipped, and fails in CI, which installs them."""
    try:
        with running_postgres() as server:
            yield server
    except NoPostgres as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side, those of a file stay together, and one process has all browsers: two at a time take
    so much of two cores that people's gestures come too late."""
    for item in items:
        group = "browser" if item.get_closest_marker("browser") else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_configure(config: pytest.Config) -> None:
    """The whole suite, or a part of it, against servers with room workers: `pytest tests/interop --room-workers 1`."""
    if workers := config.getoption("--room-workers"):
        Server.of_all = ("--workers", str(workers))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Counts that a quick run keeps small."""
    parser.addoption("--room-workers", type=int, default=0, help="processes that servers keep `any` rooms in")
    parser.addoption("--shuffles", type=int, default=600, help="orders of honest updates to try")
    parser.addoption("--attacks", type=int, default=1_500, help="hostile updates to show gate and library together")
    parser.addoption("--mutations", type=int, default=4000, help="broken updates to show the two readers of the gate")
    parser.addoption("--frames", type=int, default=2_000, help="streams of WebSocket frames, cut and broken at random")
    parser.addoption("--races", type=int, default=300, help="joins and leaves that race with a room's unloading")
    parser.addoption("--schedules", type=int, default=40, help="afternoons of people and the assistant on one board")
    parser.addoption("--places", type=int, default=1, help="of the three moments in a run at which each fault is met")
    parser.addoption("--injections", type=int, default=10, help="texts with orders that an obedient model is shown")
    parser.addoption("--offsets", type=int, default=12, help="random bytes at which each model stream is cut")
    parser.addoption("--gestures", type=int, default=30, help="random gestures of three people while links break")
    parser.addoption("--gesture-seed", type=int, default=1, help="which gestures and faults these are")
    parser.addoption("--forgeries", type=int, default=500, help="tokens that were changed somewhere")
    parser.addoption("--reader-frames", type=int, default=1_000, help="frames by somebody who may not change the board")
    parser.addoption("--names", type=int, default=3_000, help="names that somebody may give a room")
    parser.addoption("--kills", type=int, default=2, help="SIGKILLs of the assistant's process at random moments")
    parser.addoption(
        "--silence", type=float, default=3, help="seconds that a board behind nginx is quiet; 25 as shipped"
    )
