"""JSON Patch (RFC 6902) and merge patch (RFC 7396) on plain values.

Our own, and not a library's, for its bounds: a few `copy` operations double a document until memory ends.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MAX_OPERATIONS = 10_000
MAX_POINTER = 16  # steps; documents are three deep, plain values a little more
MAX_COPIED_BYTES = 16 * 2**20  # of all `copy` operations of one patch


class PatchError(ValueError):
    """The patch is malformed or does not fit the document; the sentence names the operation."""


class PatchTestFailed(PatchError):
    """A `test` operation found another value."""


def merge_patch(document: Any, patch: Any) -> Any:
    """The document after a merge patch: null removes, maps merge, everything else replaces. Changes nothing itself."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(document: Any, operations: object) -> Any:
    """The document after all operations in order. Raises PatchError: nothing of it counts."""
    if not isinstance(operations, list) or len(operations) > MAX_OPERATIONS:
        raise PatchError(f"A JSON Patch is a list of at most {MAX_OPERATIONS} operations.")
    patched = _Patched(copy.deepcopy(document))
    for number, operation in enumerate(operations):
        try:
            patched.apply(operation)
        except PatchTestFailed as error:
            raise PatchTestFailed(f"Operation {number}: {error}") from None
        except PatchError as error:
            raise PatchError(f"Operation {number}: {error}") from None
    return patched.root


class _Patched:
    def __init__(self, root: Any) -> None:
        self.root = root
        self._copied = 0

    def apply(self, operation: object) -> None:
        if not isinstance(operation, Mapping) or not isinstance(operation.get("op"), str):
            raise PatchError("is not an object with `op` and `path`")
        name, path = operation["op"], _pointer(operation.get("path"))
        apply: Callable[[Mapping[str, Any], list[str]], None] | None = {
            "add": lambda o, at: self._add(at, copy.deepcopy(_value(o))),
            "remove": lambda o, at: self._remove(at),
            "replace": lambda o, at: self._replace(at, copy.deepcopy(_value(o))),
            "move": self._move,
            "copy": self._copy,
            "test": self._test,
        }.get(name)
        if apply is None:
            raise PatchError(f"there is no operation {name!r}")
        apply(operation, path)

    def _get(self, path: Sequence[str]) -> Any:
        value = self.root
        for step in path:
            value = _child(value, step)
        return value

    def _add(self, path: list[str], value: Any) -> None:
        if not path:
            self.root = value
            return
        parent = self._get(path[:-1])
        if isinstance(parent, dict):
            parent[path[-1]] = value
        elif isinstance(parent, list):
            parent.insert(len(parent) if path[-1] == "-" else _index(path[-1], len(parent)), value)
        else:
            raise PatchError(f"/{'/'.join(path[:-1])} holds no members")

    def _remove(self, path: list[str]) -> Any:
        if not path:
            raise PatchError("the whole document cannot be removed")
        parent, value = self._get(path[:-1]), self._get(path)
        del parent[_index(path[-1], len(parent) - 1) if isinstance(parent, list) else path[-1]]
        return value

    def _replace(self, path: list[str], value: Any) -> None:
        if not path:
            self.root = value
            return
        parent, _ = self._get(path[:-1]), self._get(path)
        parent[_index(path[-1], len(parent) - 1) if isinstance(parent, list) else path[-1]] = value

    def _move(self, operation: Mapping[str, Any], path: list[str]) -> None:
        source = _pointer(operation.get("from"))
        if path[: len(source)] == source and len(path) > len(source):
            raise PatchError("a value cannot be moved into itself")
        if path == source:
            self._get(path)
        else:
            self._add(path, self._remove(source))

    def _copy(self, operation: Mapping[str, Any], path: list[str]) -> None:
        value = self._get(_pointer(operation.get("from")))
        self._copied += len(json.dumps(value))
        if self._copied > MAX_COPIED_BYTES:
            raise PatchError(f"copies more than {MAX_COPIED_BYTES} bytes")
        self._add(path, copy.deepcopy(value))

    def _test(self, operation: Mapping[str, Any], path: list[str]) -> None:
        if not same(self._get(path), _value(operation)):
            raise PatchTestFailed(f"/{'/'.join(path)} has another value")


def same(a: Any, b: Any) -> bool:
    """Equal as JSON: 3 is 3.0, true is not 1."""
    if a is b:  # most of a patched document
        return True
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b) and isinstance(a, str) == isinstance(b, str)


def _value(operation: Mapping[str, Any]) -> Any:
    if "value" not in operation:
        raise PatchError("has no `value`")
    return operation["value"]


def _pointer(text: object) -> list[str]:
    """The steps of a JSON pointer (RFC 6901)."""
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError(f"{text!r} is not a JSON pointer: begin with /, or leave it empty")
    steps = [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]
    if len(steps) > MAX_POINTER:
        raise PatchError(f"a pointer has at most {MAX_POINTER} steps")
    return steps


def _child(value: Any, step: str) -> Any:
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list):
        return value[_index(step, len(value) - 1)]
    raise PatchError(f"there is no {step!r}")


def _index(step: str, last: int) -> int:
    if not (step.isascii() and step.isdigit()) or (len(step) > 1 and step[0] == "0") or len(step) > 9:
        raise PatchError(f"{step!r} is not an index")
    if int(step) > last:
        raise PatchError(f"there is no element {step}")
    return int(step)
