"""Three-way merge of a label by words: two who change different words of it both keep theirs.

The browser merges what two people type at once character by character (frontend/src/merge.ts); a model writes a label
anew, where letters that happen to be equal mean nothing.
"""

from __future__ import annotations

import re

_WORDS = re.compile(r"\s+|[^\s]+")


def merge_words(base: str, mine: str, theirs: str) -> str | None:
    """The change base -> mine laid onto theirs; None when both changed the same words."""
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    before, own, other = (_WORDS.findall(text) for text in (base, mine, theirs))
    own_start, own_stop = _differing(before, own)
    start, stop = _differing(before, other)
    insert = own[own_start : len(own) - (len(before) - own_stop)]
    if own_start >= stop:
        shift = len(other) - len(before)
        return "".join([*other[: own_start + shift], *insert, *other[own_stop + shift :]])
    if own_stop <= start:
        return "".join([*other[:own_start], *insert, *other[own_stop:]])
    return None


def _differing(before: list[str], after: list[str]) -> tuple[int, int]:
    """The one stretch of `before`, [start, stop), in which the two differ."""
    shortest = min(len(before), len(after))
    start = next((i for i in range(shortest) if before[i] != after[i]), shortest)
    rest = shortest - start
    end = next((i for i in range(rest) if before[-1 - i] != after[-1 - i]), rest)
    return start, len(before) - end
