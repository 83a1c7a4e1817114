"""The server's stack, which the library's recursion needs."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from sync.stack import STACK_BYTES, is_raised
from tests.support.program import REPOSITORY
from tests.support.server import Server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Only there a process lays its stack out at its start.")
SAY = "import sync.stack, resource; sync.stack.deepen(); print(*resource.getrlimit(resource.RLIMIT_STACK))"


def limits(shell: str) -> list[int]:
    command = ["sh", "-c", f'{shell}; exec "$0" -c "$1"', sys.executable, SAY]
    said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    return [int(number) for number in said.split()]


def test_g8_the_server_runs_with_a_deep_stack(tmp_path: Path) -> None:
    if not is_raised(*resource.getrlimit(resource.RLIMIT_STACK), resource.RLIM_INFINITY):
        pytest.skip("Here the limit is as high already, or may not be raised.")
    with Server(tmp_path) as server:
        assert resource.prlimit(server.pid, resource.RLIMIT_STACK)[0] == STACK_BYTES


def test_a_program_starts_itself_again_once_with_its_own_arguments() -> None:
    assert limits("ulimit -S -s 8192")[0] in (STACK_BYTES, 8192 * 1024)


def test_a_hard_limit_stays_as_it_is_and_the_program_runs() -> None:
    assert limits("ulimit -s 8192") == [8192 * 1024] * 2


@pytest.mark.parametrize(
    ("soft", "hard", "is_so"),
    [(8, -1, True), (8, STACK_BYTES, True), (8, STACK_BYTES - 1, False), (-1, -1, False), (STACK_BYTES, -1, False)],
)
def test_the_limit_is_raised_only_where_it_is_lower_and_may_be_higher(soft: int, hard: int, is_so: bool) -> None:
    assert is_raised(soft, hard, -1) == is_so
