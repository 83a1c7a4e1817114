"""The demo assistant's little language: a sentence -> what is wanted. Pure: no board, no geometry, no I/O.

A prompt is cut into clauses ("draw two boxes and connect them"); each clause is tried against the readers below, most
special first. What no reader understands becomes Unknown and is answered honestly.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from agent.demo_changes import (
    read_align,
    read_arrange,
    read_connect,
    read_delete,
    read_duplicate,
    read_label,
    read_move,
    read_recolour,
    read_resize,
    read_rotate,
)
from agent.demo_clauses import Clause, Count, Flow, Hello, MindMap, Target, Undo, Unknown
from agent.demo_create import read_create
from agent.demo_phrases import listed, quoted, read_target, unquoted

MAX_PROMPT = 4000  # characters that are read

_VERBS = (
    r"draw|sketch|create|add|make|insert|connect|link|join|delete|remove|erase|clear|move|shift|nudge|slide|"
    r"re?colou?r|paint|fill|resize|enlarge|grow|shrink|scale|align|arrange|lay|line(?= (?:\w+ )?up)|organi[sz]e|tidy|"
    r"put|place|label|name|rename|write|rotate|turn|duplicate|copy|clone|undo|double|halve|change|set|give|"
    r"distribute|space|spread|number (?=them|the|these)"
)
_CUT = re.compile(
    rf"(?:\s*[,;.!]\s*|\s+)(?:(?:and|then|after that,?)\s+)*(?<=[,;.!\s])(?=(?:please\s+)?(?:{_VERBS})\b)", re.I
)
_JOINT = re.compile(r"[,;.!]|\b(?:and|then)\s*$", re.I)
_POLITE = re.compile(
    r"^(?:(?:please|hey|hi|ok|okay|now|then|and|also|next|assistant)[,!]?\s+|"
    r"(?:can|could|would|will) you (?:please )?|i (?:want|need|would like)(?: you)?(?: to)? |"
    r"i'd like(?: you)?(?: to)? |let'?s )+",
    re.I,
)
_ARROW = re.compile(r"\s*(?:-{1,2}>|=>|→|⟶|➔)\s*")
_FLOW_HEAD = re.compile(
    r"^.*?\b(?:flow ?-?chart|flow|process|pipeline|diagram|chain|steps?|workflow)\b\s*"
    r"(?:(?:from left to right|horizontal(?:ly)?|vertical(?:ly)?|downwards?|top to bottom)\s*)?"
    r"(?:of|for|from|with|that goes|showing|:|-(?!>))*\s*",
    re.I,
)


def parse(prompt: str) -> list[Clause]:
    """What the prompt asks for, in order; never empty."""
    text = " ".join(prompt[:MAX_PROMPT].split()).strip(" .!?")
    whole = read_flow(text) or read_mind_map(text)
    if whole is not None:
        return [whole]
    return [clause for part in cut(text) for clause in read(part)] or [Unknown(text)]


def cut(text: str) -> list[str]:
    """The sentence cut where a new verb begins, but never inside quotes."""
    hidden, words = quoted(text)
    parts: list[str] = []
    start = 0
    for match in _CUT.finditer(hidden):
        # A bare space is no joint: "to make them bigger" stays whole.
        if match.start() > start and _JOINT.search(match[0].strip()):
            parts.append(hidden[start : match.start()])
            start = match.end()
    parts.append(hidden[start:])
    return [unquoted(part, words).strip(" ,;.!") for part in parts if part.strip(" ,;.!")]


def read(text: str) -> list[Clause]:
    """The clauses of one part."""
    text = _POLITE.sub("", text)
    for reader in _READERS:
        found = reader(text)
        if found is not None:
            return [found]
    return list(read_create(text)) or [Unknown(text)]


def read_flow(text: str) -> Flow | None:
    """`flowchart A -> B -> C`, `flowchart with A, B and C`."""
    down = bool(re.search(r"\b(?:vertical|vertically|down(?:wards?)?|top to bottom)\b", text, re.I))
    nodes: list[str] = []
    if _ARROW.search(text):
        nodes = _ARROW.split(_FLOW_HEAD.sub("", text, count=1))
    elif re.search(r"\b(?:flow ?-?chart|workflow|pipeline|process)\b", text, re.I) and not re.match(
        r"(?:move|delete|remove|(?:make|turn|change|paint) the)\b", text, re.I
    ):
        rest = _FLOW_HEAD.sub("", text, count=1)
        nodes = listed(re.sub(r"^(?:the )?steps?:?\s*", "", rest, flags=re.I))
    nodes = [node.strip(" \"'“”.,:") for node in nodes]
    nodes = [node for node in nodes if node][:20]
    return Flow(tuple(nodes), down) if len(nodes) > 1 else None


def read_mind_map(text: str) -> MindMap | None:
    """`mind map about X with a, b, c`."""
    match = re.search(r"\bmind ?-?map\b\s*(?:about|of|for|on|around|:)?\s*(.*)", text, re.I)
    if match is None:
        return None
    topic, _, rest = re.sub(r"\s+(?:with(?: branches)?|having|:)\s+|:\s*", "\0", match[1], count=1).partition("\0")
    branches = tuple(listed(rest))[:12] or ("Idea 1", "Idea 2", "Idea 3", "Idea 4")
    return MindMap(topic.strip(" \"'“”") or "Topic", branches)


def read_undo(text: str) -> Undo | None:
    """`undo`, `take that back`."""
    pattern = r"(?:undo|revert|take (?:that|it|this) back|go back|never ?mind)\b"
    return Undo() if re.match(pattern, text, re.I) else None


def read_hello(text: str) -> Hello | None:
    """A greeting, or a question for what it can do."""
    pattern = r"(?:hi|hello|hey|help|thanks?|good (?:morning|day|evening)|what can you do|wh(?:o|at) are you)\b"
    return Hello() if re.match(pattern, text, re.I) and len(text) < 60 else None


def read_count(text: str) -> Count | None:
    """`how many blue boxes are there?`, `what is on the board?`"""
    match = re.match(r"(?:how many|count)\b(.*)", text, re.I)
    if match is not None:
        return Count(read_target(re.sub(r"\b(?:are|is) there\b|\bdo you see\b|\bdo we have\b", "", match[1])))
    if re.match(r"(?:what(?:'s| is| do you see| shapes)|list|describe)\b", text, re.I):
        return Count(Target())
    return None


_READERS: tuple[Callable[[str], Clause | None], ...] = (
    read_undo,
    read_hello,
    read_count,
    read_delete,
    read_connect,
    read_duplicate,
    read_rotate,
    read_arrange,
    read_align,
    read_label,
    read_move,
    read_recolour,
    read_resize,
)
