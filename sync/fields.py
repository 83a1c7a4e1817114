"""Writes the difference between two readings of a document into it, field by field (docs/spec.md, E3).

A map that exists is never set anew, and what does not change is not written: what others write meanwhile stays.
Pure; the caller holds a document of its own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pycrdt import Doc, Map

from sync.json_patch import same

MAX_SAFE_INT = 2**53 - 1  # what a JavaScript number holds exactly; the CRDT library panics beyond 64 bits
MAX_DEPTH = 32  # of one plain value
MAX_KEY = 1_000  # characters of a key

Document = dict[str, Any]


class Unwritable(ValueError):
    """A value that must not be written; the sentence says where and why. Nothing was changed."""


class Rules:
    """What a document's schema asks of writers. These are the rules of documents that nobody knows more about."""

    kept: frozenset[str] = frozenset()
    """Roots that going back to a version leaves as they are."""
    maps: frozenset[str] = frozenset()
    """Roots that hold nothing but maps."""

    def created(self, root: str, key: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields that a new map under a root gets. Raises Unwritable."""
        return fields

    def changed(self, root: str, key: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields of an existing map that change, as they may be written. Raises Unwritable."""
        return fields

    def removed(self, root: str, key: str) -> Mapping[str, Any] | None:
        """Fields to set where a map would go; None takes it away."""
        return None


def read_document(doc: Doc[Any], roots: Iterable[str] = ()) -> Document:
    """Every root map as plain JSON, `roots` even when empty."""
    return {name: json.loads(str(doc.get(name, type=Map))) for name in sorted({*doc.keys(), *roots})}


def write_document(
    doc: Doc[Any], before: Document, after: Any, rules: Rules, roots: frozenset[str] | None = None
) -> int:
    """Make the document, which reads as `before`, read as `after`, in one transaction; how many fields that took.

    `roots` are the only ones there may be. Raises Unwritable: nothing was changed.
    """
    if not isinstance(after, Mapping) or not all(isinstance(value, Mapping) for value in after.values()):
        raise Unwritable("A document is an object of root maps, each an object.")
    if roots is not None and (unknown := sorted(set(after) - roots)):
        raise Unwritable(f"This room has no root type {unknown[0]!r}.")
    writes: list[tuple[str, tuple[str, ...], Any]] = []
    for root in sorted({*before, *after}):
        writes += _root_writes(doc, root, before.get(root, {}), after.get(root, {}), rules)
    with doc.transaction():
        for root, path, value in writes:
            _write(doc.get(root, type=Map), path, value)
    return len(writes)


class Removed:
    """Stands for a key that goes."""


_REMOVED = Removed()


def _root_writes(
    doc: Doc[Any], root: str, before: Mapping[str, Any], after: Mapping[str, Any], rules: Rules
) -> list[tuple[str, tuple[str, ...], Any]]:
    """What to write under one root: (root, path, value). Raises Unwritable."""
    writes: list[tuple[str, tuple[str, ...], Any]] = []
    live: Map[Any] = doc.get(root, type=Map)
    for key in [*before, *(key for key in after if key not in before)]:
        if key in before and key in after and same(before[key], after[key]):
            continue
        stored = live.get(key)
        if key not in after:
            instead = rules.removed(root, key) if isinstance(stored, Map) else None
            if instead is None:
                writes.append((root, (key,), _REMOVED))
            else:
                writes += [(root, (key, name), value) for name, value in _differing(before[key], instead)]
        elif isinstance(stored, Map) and isinstance(after[key], Mapping):
            changes = {name: after[key].get(name, _REMOVED) for name in {**before[key], **after[key]}}
            changed = {n: v for n, v in changes.items() if n not in before[key] or not same(before[key][n], v)}
            values = {n: v for n, v in changed.items() if not isinstance(v, Removed)}
            gone = [n for n in changed if n not in values]
            checked = rules.changed(root, key, values)
            for name, value in [*checked.items(), *((n, _REMOVED) for n in gone)]:
                writes += _field_writes(root, (key, name), stored.get(name), before[key].get(name), value)
        else:
            if stored is not None and not isinstance(stored, Map) and _is_shared(stored):
                raise Unwritable(f"/{root}/{key} is a shared text or list; change it as a Yjs client.")
            value = after[key]
            if root in rules.maps and not isinstance(value, Mapping):
                raise Unwritable(f"/{root}/{key} must be an object.")
            if isinstance(value, Mapping):
                fields = rules.created(root, key, value)
                value = Map({_key(n): _plain(v, f"/{root}/{key}/{n}") for n, v in fields.items()})
            writes.append((root, (_key(key),), _plain(value, f"/{root}/{key}")))
    return writes


def _field_writes(
    root: str, path: tuple[str, ...], stored: Any, before: Any, after: Any
) -> list[tuple[str, tuple[str, ...], Any]]:
    where = f"/{root}/{'/'.join(path)}"
    if isinstance(stored, Map) and isinstance(after, Mapping) and isinstance(before, Mapping):
        writes: list[tuple[str, tuple[str, ...], Any]] = []
        for name in {**before, **after}:
            value = after.get(name, _REMOVED)
            if name not in before or not same(before[name], value):
                writes += _field_writes(root, (*path, name), stored.get(name), before.get(name), value)
        return writes
    if _is_shared(stored) and not isinstance(stored, Map):
        raise Unwritable(f"{where} is a shared text or list; change it as a Yjs client.")
    return [(root, tuple(map(_key, path)), after if isinstance(after, Removed) else _plain(after, where))]


def _differing(before: Any, fields: Mapping[str, Any]) -> list[tuple[str, Any]]:
    known = before if isinstance(before, Mapping) else {}
    return [(name, value) for name, value in fields.items() if name not in known or not same(known[name], value)]


def _is_shared(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "pycrdt"


def _key(key: str) -> str:
    if not key or len(key) > MAX_KEY or _has_half_pair(key):
        raise Unwritable(f"A key has 1 to {MAX_KEY} whole characters.")
    return key


def _plain(value: Any, where: str, depth: int = 0) -> Any:
    """A JSON value that the CRDT library takes. Raises Unwritable."""
    match value:
        case None | bool() | Map():
            return value
        case int():
            if abs(value) > MAX_SAFE_INT:
                raise Unwritable(f"{where}: {str(value)[:20]} is beyond what a number holds exactly.")
            return value
        case float():
            if not math.isfinite(value):
                raise Unwritable(f"{where}: a number must be finite.")
            return int(value) if value.is_integer() and abs(value) <= MAX_SAFE_INT else value
        case str():
            if _has_half_pair(value):
                raise Unwritable(f"{where}: half a surrogate pair is no text.")
            return value
        case list() | tuple() | dict() if depth >= MAX_DEPTH:
            raise Unwritable(f"{where}: nested deeper than {MAX_DEPTH}.")
        case list() | tuple():
            return [_plain(item, where, depth + 1) for item in value]
        case dict():
            return {_key(name): _plain(item, where, depth + 1) for name, item in value.items()}
        case _:
            raise Unwritable(f"{where}: is not a JSON value.")


def _has_half_pair(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _write(root: Map[Any], path: tuple[str, ...], value: Any) -> None:
    target = root
    for step in path[:-1]:
        target = target[step]
    if isinstance(value, Removed):
        del target[path[-1]]
    else:
        target[path[-1]] = value
