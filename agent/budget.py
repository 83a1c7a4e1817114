"""What a room allows and what was spent there: the room's `policy`, the operator's settings, the counts by day.

The room's policy can only tighten what the operator's settings give. What is spent is counted in the document, under
the day (UTC), the assistant and the person, in the transaction that keeps the step (U1): a step that is asked again
after a crash is counted once, as its effects are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pycrdt import Doc
from pycrdt import Map as YMap

from agent.model import Usage
from agent.records import Prompt, number, safe, text
from agent.settings import Prices, Settings
from sync.canvas.canvas import Canvas, read_json
from sync.canvas.conversation import RunError
from sync.canvas.history import logged_calls

MAX_ID = 128  # characters of a person's id in a key
COUNTED = ("in", "out", "cached", "calls", "cost")
"""What an entry of `usage` counts beside its `day`, `agent` and, for one person, `by`.

Tokens of input and output, those of the input that came from a cache, tool calls, and money where prices are set.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """What people have set for a room; a missing or wrong value restricts nothing (D6)."""

    agent_enabled: bool = True
    who_may_ask: frozenset[str] | None = None
    """User ids; None: everyone."""
    max_calls: int | None = None
    """Tool calls of one run."""
    max_shapes: int | None = None
    """Shapes that one run makes."""
    tokens_per_day: int | None = None
    """Input and output of all assistants in the room."""
    propose: bool = False
    """Every run only proposes."""

    def calls(self, settings: Settings) -> int:
        """Tool calls a run may make."""
        return min(settings.max_calls, self.max_calls if self.max_calls is not None else settings.max_calls)

    def tokens(self, settings: Settings) -> int | None:
        """Tokens the room may use in a day, None without a cap."""
        caps = [cap for cap in (settings.room_tokens_per_day or None, self.tokens_per_day) if cap is not None]
        return min(caps, default=None)


def read_policy(doc: Doc[Any]) -> Policy:
    """The policy of a room as it stands."""
    raw = read_json(doc.get("policy", type=YMap))
    raw = raw if isinstance(raw, dict) else {}
    who = raw.get("who_may_ask")
    return Policy(
        agent_enabled=raw.get("agent_enabled") is not False,
        who_may_ask=frozenset(w for w in who if isinstance(w, str)) if isinstance(who, list) else None,
        max_calls=_limit(raw.get("max_calls")),
        max_shapes=_limit(raw.get("max_shapes")),
        tokens_per_day=_limit(raw.get("tokens_per_day")),
        propose=raw.get("propose") is True,
    )


def refusal(doc: Doc[Any], settings: Settings, by: str, now_ms: int) -> RunError | None:
    """Why no further step may be asked for this person now, None when it may."""
    policy = read_policy(doc)
    if not policy.agent_enabled:
        return _no("agent_off", "The assistant is switched off in this room.")
    if policy.who_may_ask is not None and by not in policy.who_may_ask:
        return _no("not_allowed", "In this room only some people may ask the assistant, and you are not among them.")
    cap = policy.tokens(settings)
    if cap is not None and (spent := tokens_of_day(doc, now_ms)) >= cap:
        return _no("budget_room", f"This room has used {spent:,} of its {cap:,} tokens for today (UTC).")
    own = settings.person_tokens_per_day
    if own and (spent := tokens_of_day(doc, now_ms, by)) >= own:
        return _no("budget_person", f"You have used {spent:,} of your {own:,} tokens in this room for today (UTC).")
    return None


def too_many_shapes(canvas: Canvas, run: str) -> str | None:
    """Why a call's new shapes are too many for its run, None when they are not. `canvas` has them staged."""
    limit = read_policy(canvas.doc).max_shapes
    if limit is None or not canvas.created:
        return None
    made = sum(len(call.created) for call in logged_calls(canvas.doc, run) if call.status == "done")
    if made + len(canvas.created) <= limit:
        return None
    return (
        f"in this room one run makes at most {limit} shapes; this one has made {made} and wants {len(canvas.created)}"
    )


def spend(doc: Doc[Any], agent: str, prompt: Prompt | None, used: Usage, calls: int, prices: Prices, at: int) -> None:
    """Count a step for its day, and for the person who asked. Call it inside the transaction that keeps the step."""
    counts = {
        "in": used.input_tokens, "out": used.output_tokens, "cached": used.cached_tokens, "calls": calls,
        "cost": prices.cost(used.input_tokens, used.cached_tokens, used.output_tokens),
    }  # fmt: skip
    day = day_of(at)
    _add(doc, f"{day}:{agent}", {"day": day, "agent": agent}, counts)
    if prompt is not None and prompt.by:
        by = safe(prompt.by, MAX_ID)
        _add(doc, f"{day}:{agent}:{by}", {"day": day, "agent": agent, "by": by}, counts)


def tokens_of_day(doc: Doc[Any], now_ms: int, by: str | None = None) -> int:
    """Input and output tokens of the day: of everybody, or for one person."""
    person = None if by is None else safe(by, MAX_ID)
    found = (entry for entry in _entries(doc, day_of(now_ms)) if (text(entry.get("by")) or None) == person)
    return int(sum(max(0.0, number(entry.get("in"))) + max(0.0, number(entry.get("out"))) for entry in found))


def day_of(at_ms: int) -> str:
    """The day in UTC, `2026-11-22`."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()


def _add(doc: Doc[Any], key: str, names: Mapping[str, str], counts: Mapping[str, float]) -> None:
    usage: YMap[Any] = doc.get("usage", type=YMap)
    entry = usage.get(key)
    if not isinstance(entry, YMap):
        usage[key] = YMap({**names, **{name: value for name, value in counts.items() if value or name != "cost"}})
        return
    for name in COUNTED:
        if counts[name]:
            entry[name] = round(number(entry.get(name)) + counts[name], 6)


def _entries(doc: Doc[Any], day: str) -> Iterator[Mapping[str, Any]]:
    usage: YMap[Any] = doc.get("usage", type=YMap)
    for key in usage.keys():  # noqa: SIM118 - a Y.Map is no dict
        entry = usage.get(key) if key.startswith(f"{day}:") else None
        raw = read_json(entry) if isinstance(entry, YMap) else None
        if isinstance(raw, dict):
            yield raw


def _limit(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else None


def _no(code: str, message: str) -> RunError:
    return RunError(code=code, message=message, retryable=False)
