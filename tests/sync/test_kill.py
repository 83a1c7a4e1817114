"""Deaths at random moments, the short form; `benchmarks/kill.py --rounds 200` is the long one."""

from __future__ import annotations

import pytest

from benchmarks.durability.victim import place
from benchmarks.kill import run
from tests.support.postgres import Postgres

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]


async def test_s2_s5_nothing_acknowledged_is_lost_when_the_server_dies_again_and_again_while_it_compacts() -> None:
    with place("sqlite") as victim:
        totals = await run(victim, rounds=6, writers=5, seed=8)
    assert totals.is_clean, totals
    assert "Traceback" not in victim.server.output, victim.server.output


async def test_s11_the_same_on_postgresql_which_dies_along_at_last(postgres: Postgres) -> None:
    with place("postgres", postgres) as victim:
        totals = await run(victim, rounds=3, writers=5, seed=9, database_every=3)
    assert totals.is_clean, totals
