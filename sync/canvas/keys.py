"""Fractional z keys: strings that sort, with room between any two.

The algorithm, and so every key, is that of npm `fractional-indexing` 3 (rocicorp/fractional-indexing,
`src/index.js`; CC0), which the browser uses: base 62, a length-prefixed integer part ("a0", "b00", "Zz") and a
fraction without trailing zeros. Keys compare as plain strings.
"""

from __future__ import annotations

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FIRST_KEY = "a0"
_SMALLEST_INTEGER = "A" + "0" * 26


def key_between(below: str | None, above: str | None) -> str:
    """A key between two keys; None is the open end. Raises ValueError unless both are keys and below < above."""
    if below is not None:
        _check(below)
    if above is not None:
        _check(above)
    if below is not None and above is not None and below >= above:
        raise ValueError(f"{below!r} does not sort below {above!r}")
    if below is None:
        return FIRST_KEY if above is None else _before(above)
    if above is None:
        whole = _integer_part(below)
        following = _increment(whole)
        return whole + _midpoint(below[len(whole) :], None) if following is None else following
    whole, whole_above = _integer_part(below), _integer_part(above)
    if whole == whole_above:
        return whole + _midpoint(below[len(whole) :], above[len(whole) :])
    following = _increment(whole)
    if following is None:
        raise ValueError("no key above the largest one")
    return following if following < above else whole + _midpoint(below[len(whole) :], None)


def keys_between(below: str | None, above: str | None, count: int) -> list[str]:
    """`count` keys in order between two keys. Raises ValueError as `key_between`."""
    if count <= 0:
        return []
    if count == 1:
        return [key_between(below, above)]
    keys: list[str] = []
    if above is None:
        for _ in range(count):
            keys.append(key_between(keys[-1] if keys else below, None))
        return keys
    if below is None:
        for _ in range(count):
            keys.append(key_between(None, keys[-1] if keys else above))
        return keys[::-1]
    middle = count // 2
    key = key_between(below, above)
    return [*keys_between(below, key, middle), key, *keys_between(key, above, count - middle - 1)]


def is_key(text: str) -> bool:
    """Whether a string is a well-formed key; a stored z that is not still sorts, but nothing is made next to it."""
    try:
        _check(text)
    except ValueError:
        return False
    return True


def _before(above: str) -> str:
    whole = _integer_part(above)
    if whole == _SMALLEST_INTEGER:
        return whole + _midpoint("", above[len(whole) :])
    if whole < above:
        return whole
    previous = _decrement(whole)
    if previous is None:
        raise ValueError("no key below the smallest one")
    return previous


def _midpoint(below: str, above: str | None) -> str:
    """A fraction between two fractions; "" is the smallest, None is above all."""
    if above:
        shared = 0
        while shared < len(above) and (below[shared] if shared < len(below) else "0") == above[shared]:
            shared += 1
        if shared:
            return above[:shared] + _midpoint(below[shared:], above[shared:])
    low = DIGITS.index(below[0]) if below else 0
    high = DIGITS.index(above[0]) if above else len(DIGITS)
    if high - low > 1:
        return DIGITS[(low + high + 1) // 2]  # JavaScript's Math.round: halves go up
    if above and len(above) > 1:
        return above[:1]
    return DIGITS[low] + _midpoint(below[1:], None)


def _integer_length(head: str) -> int:
    if "a" <= head <= "z":
        return ord(head) - ord("a") + 2
    if "A" <= head <= "Z":
        return ord("Z") - ord(head) + 2
    raise ValueError(f"{head!r} does not start a key")


def _integer_part(key: str) -> str:
    length = _integer_length(key[:1] or "?")
    if length > len(key):
        raise ValueError(f"{key!r} is not a key")
    return key[:length]


def _check(key: str) -> None:
    if any(c not in DIGITS for c in key) or key == _SMALLEST_INTEGER:
        raise ValueError(f"{key!r} is not a key")
    if key[len(_integer_part(key)) :].endswith("0"):
        raise ValueError(f"{key!r} is not a key")


def _increment(whole: str) -> str | None:
    head, digits = whole[0], list(whole[1:])
    for i in reversed(range(len(digits))):
        at = DIGITS.index(digits[i]) + 1
        if at < len(DIGITS):
            digits[i] = DIGITS[at]
            return head + "".join(digits)
        digits[i] = "0"
    if head == "z":
        return None
    if head == "Z":
        return "a0"
    grown = chr(ord(head) + 1)
    return grown + "".join([*digits, "0"] if grown > "a" else digits[:-1])


def _decrement(whole: str) -> str | None:
    head, digits = whole[0], list(whole[1:])
    for i in reversed(range(len(digits))):
        at = DIGITS.index(digits[i]) - 1
        if at >= 0:
            digits[i] = DIGITS[at]
            return head + "".join(digits)
        digits[i] = "z"
    if head == "A":
        return None
    if head == "a":
        return "Zz"
    shrunk = chr(ord(head) - 1)
    return shrunk + "".join([*digits, "z"] if shrunk < "Z" else digits[:-1])
