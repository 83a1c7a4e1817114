"""Real Yjs clients whose updates a map or board room must never refuse (docs/spec.md G5, G11, W8): undo, copies,
reconnects, deletions. `./dev bench honest --updates 1000000` for more of them."""

from __future__ import annotations

from benchmarks import honest
from frontend.build import Node


def test_g5_no_update_of_real_yjs_clients_is_refused_and_all_end_with_the_same(node: Node) -> None:
    """Raises where somebody, the log or the snapshot has something else."""
    sessions = honest.run(400, seed=9)
    assert sessions.tally.updates >= 400
    assert sessions.tally.stored > 200
    assert sessions.refusals == []
