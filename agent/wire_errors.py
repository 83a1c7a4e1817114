"""What a model server says when it fails -> StepFailed, the same for both wires. No I/O.

Retryable: connection, timeout, truncated, garbage, 408, 409, 429 (but not an empty account), 5xx and the errors a
server names `server_error` or `rate_limit`. Everything else would fail again the same way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agent.model import StepFailed

MAX_SERVER_WORDS = 300  # characters of a server's own message that people see
RETRYABLE_STATUS = frozenset({408, 409, 429})
_TRANSIENT = re.compile(
    r"server_error|internal|overload|unavailable|timeout|rate_limit|too_many_requests|try again", re.I
)
_QUOTA = re.compile(r"insufficient_quota|billing|credit", re.I)
_TOO_LONG = re.compile(r"context_length|context window|maximum context|too many tokens|string_above_max_length", re.I)
_REASONING = re.compile(
    r"invalid_encrypted_content|encrypted content|Item '?(rs|fc|msg)_[^']*'? (not found|of type)", re.I
)
_SECRET = re.compile(r"\b(sk|pk|key|tok)[-_][A-Za-z0-9_\-*]{6,}|Bearer\s+\S+", re.I)


def truncated() -> StepFailed:
    """The stream ended before the model said it was done."""
    return StepFailed("truncated", "The model's answer broke off before its end.", retryable=True)


def garbage(what: str) -> StepFailed:
    """The stream held something that is not an event."""
    return StepFailed("garbage", f"The model's server sent something unreadable ({what}).", retryable=True)


def server_words(message: object) -> str:
    """A server's own message, short and without anything that looks like a key."""
    words = _SECRET.sub("***", " ".join(str(message or "").split()))
    return words[:MAX_SERVER_WORDS]


def failed_from_body(body: Mapping[str, Any]) -> StepFailed:
    """An error object that came inside a stream ({code, type, message}; any of them may be missing)."""
    code, kind = body.get("code"), body.get("type")
    if isinstance(code, int | float) and not isinstance(code, bool) and 400 <= code < 600:
        return failed_from_status(int(code), body)
    words = server_words(body.get("message"))
    names = f"{code or ''} {kind or ''}"
    if _QUOTA.search(names):
        return _quota()
    if _REASONING.search(f"{names} {words}"):
        return _reasoning(words)
    if _TOO_LONG.search(f"{names} {words}"):
        return _too_long(words)
    if "rate_limit" in names:
        return StepFailed("rate_limit", f"The model is being asked too often. {words}".strip(), retryable=True)
    named = bool(code) or (bool(kind) and kind != "error")
    # An error without a name says nothing against another try; nothing of the step has been carried out.
    if not named or _TRANSIENT.search(names):
        return StepFailed("server_error", f"The model's server failed: {words or 'no reason given'}", retryable=True)
    if "content" in names or "policy" in names:
        return StepFailed("content_filter", f"The model's server declined: {words}", retryable=False)
    return StepFailed(
        "bad_request", f"The model's server refused the request: {words or names.strip()}", retryable=False
    )


def failed_from_status(status: int, body: Mapping[str, Any], retry_after_s: float | None = None) -> StepFailed:
    """An HTTP error answer, or an error with an HTTP status inside a stream."""
    words = server_words(body.get("message"))
    names = f"{body.get('code') or ''} {body.get('type') or ''}"
    if status in (401, 403):
        return StepFailed("auth", f"The model's server did not accept the key ({status}). Check OPENAI_API_KEY.", False)
    if status in (402, 429) and (status == 402 or _QUOTA.search(names)):
        return _quota()
    if status == 429:
        return StepFailed("rate_limit", "The model is being asked too often.", True, retry_after_s)
    if _REASONING.search(f"{names} {words}"):
        return _reasoning(words)
    if status == 413 or _TOO_LONG.search(f"{names} {words}"):
        return _too_long(words)
    if status == 404:
        return StepFailed("not_found", f"The model was not found (404). Check COPLAYER_MODEL. {words}".strip(), False)
    if status in RETRYABLE_STATUS or status >= 500:
        return StepFailed("server_error", f"The model's server failed ({status}). {words}".strip(), True, retry_after_s)
    return StepFailed("bad_request", f"The model's server refused the request ({status}). {words}".strip(), False)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds a server asks to wait (`retry-after-ms`, `retry-after` in seconds), None when it does not say."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            value = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if 0 <= value < 24 * 3600:
            return value
    return None


def _quota() -> StepFailed:
    return StepFailed("quota", "The account at the model's server has no credit left.", retryable=False)


def _reasoning(words: str) -> StepFailed:
    return StepFailed("reasoning_refused", f"The model's server refused its own earlier thoughts. {words}", False)


def _too_long(words: str) -> StepFailed:
    return StepFailed("too_long", f"The board and the conversation are too long for this model. {words}".strip(), False)
