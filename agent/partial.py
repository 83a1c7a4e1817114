"""JSON that is still being written: what of it is whole."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

_CLOSES = {"{": "}", "[": "]"}


class Growing:
    """An object as it streams, read once: `whole` is all of it that will not change any more.

    Whole are the members of the object, and the elements of lists in it, that have been closed. Text that is not JSON
    gives nonsense but no error; who reads `whole` parses it.
    """

    def __init__(self) -> None:
        self.text = ""
        """All of it so far."""
        self._open: list[str] = []
        self._in_string = False
        self._is_escaped = False
        self._kept = 0
        self._closing = ""
        self.count = 0
        """How often `whole` has grown."""

    @property
    def whole(self) -> str:
        """An object with what is whole; empty before anything is."""
        return self.text[: self._kept] + self._closing

    def feed(self, more: str) -> None:
        """The next characters."""
        at = len(self.text)
        self.text += more
        for offset, char in enumerate(more):
            if self._in_string:
                self._in_string = self._is_escaped or char != '"'
                self._is_escaped = char == "\\" and not self._is_escaped
            elif char == '"':
                self._in_string = True
            elif char in _CLOSES:
                self._open.append(char)
            elif char in "}]" and self._open:
                self._open.pop()
                self._close(at + offset + 1)

    def _close(self, end: int) -> None:
        if self._open not in ([], ["{"], ["{", "["]):
            return
        self._kept = end
        self._closing = "".join(_CLOSES[char] for char in reversed(self._open))
        self.count += 1


def with_last_words(text: str) -> dict[str, Any]:
    """The object with all that is there, its last string as far as it is written; empty when it cannot be read."""
    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
