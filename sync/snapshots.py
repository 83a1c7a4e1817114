"""Whether a snapshot may take the place of the log it was made from (docs/spec.md S5)."""

from __future__ import annotations

from typing import Any

from pycrdt import Doc

from sync.gate import Gate, NotReady, Profile, Refused
from sync.guarded import LibraryFailed, guarded
from sync.protocol import decode_state_vector


def flaw_of(snapshot: bytes, state: bytes, profile: Profile) -> str | None:
    """Why not, in words without content; None when it passes the gate and reads back with the state vector `state`.

    Uses documents of its own, so any thread may ask.
    """
    gate, replica = Gate(profile), Doc[Any]()
    try:
        gate.admit(snapshot, is_stored=True)
    except NotReady as lacking:
        return f"the gate misses {lacking.missing}"
    except Refused as refused:
        return f"the gate refuses it: {refused}"
    try:
        with guarded():
            replica.apply_update(snapshot)
    except LibraryFailed as failure:
        return f"the library fails on it: {failure}"
    wanted, read = decode_state_vector(state), decode_state_vector(replica.get_state())
    if read != wanted:
        return f"it reads back as {_difference(read, wanted)}"
    if gate.known != wanted:
        return f"the gate knows {_difference(gate.known, wanted)}"
    return None


def _difference(found: dict[Any, int], wanted: dict[Any, int]) -> str:
    clients = sorted(c for c in found.keys() | wanted.keys() if found.get(c, 0) != wanted.get(c, 0))
    return ", ".join(f"client {c} to {found.get(c, 0)} of {wanted.get(c, 0)}" for c in clients[:5])
