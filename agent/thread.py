"""The conversation as the model reads it: what was said before, then the request. Board and tools come from elsewhere.

Earlier runs are told in words (what was asked, what was answered, which shapes changed), not call by call: a thread
stays short and can be answered whatever became of them.
"""

from __future__ import annotations

from typing import Any

from pycrdt import Doc
from pycrdt import Map as YMap

from agent.ledger import Ledger
from agent.lines import clean
from agent.model import Item
from agent.proposals import outcome
from agent.records import Prompt, RunState
from sync.canvas.canvas import read_json
from sync.canvas.conversation import RUN_ENDED, RunId
from sync.canvas.history import logged_calls

MAX_EARLIER = 8  # runs of the thread that are told
MAX_WORDS = 1500  # characters of one of their messages
MAX_IDS = 60  # shapes named of one run


def request_item(prompt: Prompt) -> Item:
    """The request itself. The asker's name is on a line of its own, so that a body cannot speak for another."""
    return {"role": "user", "content": f"{_name(prompt.name)} asks:\n{clean(prompt.body, 8000)}"}


def earlier_items(ledger: Ledger, run: RunState) -> list[Item]:
    """The last few runs of the thread before this one, oldest first."""
    runs = [state for key in _keys(ledger.doc, "runs") if (state := ledger.state(key)) is not None]
    before = [
        s
        for s in runs
        if s.thread == run.thread and s.status in RUN_ENDED and s.id != run.id and (s.at, s.id) < (run.at, run.id)
    ]
    before.sort(key=lambda state: (state.at, state.id))
    items: list[Item] = []
    for state in before[-MAX_EARLIER:]:
        prompt = ledger.prompt(state)
        if prompt is None or state.turn == 0:
            continue
        items.append({"role": "user", "content": f"{_name(prompt.name)} asks:\n{clean(prompt.body, MAX_WORDS)}"})
        items.append({"role": "assistant", "content": _told(ledger.doc, state)})
    return items


def words_of(doc: Doc[Any], run: RunId) -> list[str]:
    """What the assistant said in a run, in order."""
    found: list[tuple[int, str]] = []
    messages: YMap[Any] = doc.get("messages", type=YMap)
    for key in _keys(doc, "messages"):
        if key.startswith(f"{run}.m") and key[len(run) + 2 :].isdigit():
            entry = messages.get(key)
            raw = read_json(entry) if isinstance(entry, YMap) else None
            if isinstance(raw, dict) and isinstance(raw.get("body"), str):
                found.append((int(key[len(run) + 2 :]), raw["body"]))
    return [body for _, body in sorted(found)]


def _told(doc: Doc[Any], state: RunState) -> str:
    calls = logged_calls(doc, state.id)
    # In the order they were made: a document keeps the keys of a JSON value in no order.
    done = [call for call in calls if call.status == "done"]
    touched = list(dict.fromkeys(shape for call in done for shape in [*call.created, *sorted(call.changes)]))
    lines = [clean("\n".join(words_of(doc, state.id)), MAX_WORDS)]
    if any(call.status == "undone" for call in calls):
        lines.append("[people took this back]")
    if state.status != "completed":
        lines.append(f"[{state.status}]")
    if state.proposes:
        lines += outcome(doc, done)
    elif touched:
        lines.append(f"[changed: {' '.join(touched[-MAX_IDS:])}]")
    return "\n".join(line for line in lines if line) or "[no answer]"


def _name(name: str) -> str:
    return " ".join(clean(name, 60).split()) or "Somebody"


def _keys(doc: Doc[Any], root: str) -> list[str]:
    entries: YMap[Any] = doc.get(root, type=YMap)
    return list(entries.keys())
