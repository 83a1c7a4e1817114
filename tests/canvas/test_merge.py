"""Laying one's change of a label onto what others made of it meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.canvas.merge import merge_words

TEXTS = st.lists(st.sampled_from(["Login", "page", "now", "  ", "\n", "🙂", "ß"]), max_size=6).map(" ".join)

CASES = [
    ("Login", "Sign in", "Login with passkeys", "Sign in with passkeys"),
    ("Login", "Login page", "New: Login", "New: Login page"),
    ("red green blue", "RED green blue", "red green BLUE", "RED green BLUE"),
    ("red green blue", "red green BLUE", "RED green blue", "RED green BLUE"),
    ("", "Login", "Login", "Login"),
    ("Login", "Sign in", "Passkeys", None),
    ("Login", "Sign in", "", None),
    ("a b c d", "a X Y d", "a b Z d", None),
    ("a b", "a b c", "a b d", "a b d c"),
]


@pytest.mark.parametrize(("base", "mine", "theirs", "both"), CASES)
def test_t11_two_who_change_different_words_both_keep_theirs(
    base: str, mine: str, theirs: str, both: str | None
) -> None:
    assert merge_words(base, mine, theirs) == both


@given(base=TEXTS, other=TEXTS)
def test_t11_who_changed_nothing_takes_nothing_away(base: str, other: str) -> None:
    assert merge_words(base, base, other) == other
    assert merge_words(base, other, base) == other
    assert merge_words(base, other, other) == other


@given(base=TEXTS)
def test_t11_what_one_puts_before_and_the_other_behind_is_both_there(base: str) -> None:
    if base.strip():
        assert merge_words(base, f"top\t{base}", f"{base}\tend") == f"top\t{base}\tend"
        assert merge_words(base, f"{base}\tend", f"top\t{base}") == f"top\t{base}\tend"
