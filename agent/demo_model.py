"""The demo assistant: rules instead of a model, behind the same wire, reading the same request. Labelled as no AI.

It keeps nothing between requests. The wishes come from the prompt, how far it got from the calls that have outputs,
what is there from the lines of the board. Each wish is one step; then one sentence that says how it went.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from agent import demo_acts as acts
from agent import demo_draw, demo_words
from agent.demo_acts import LOOK, Act
from agent.demo_board import DemoBoard, noun_of, read_board, read_output
from agent.demo_clauses import (
    Align,
    Arrange,
    Clause,
    Connect,
    Count,
    Create,
    Delete,
    Duplicate,
    Flow,
    Hello,
    Label,
    MindMap,
    Move,
    Recolour,
    Resize,
    Rotate,
    Undo,
    Unknown,
)
from agent.demo_language import parse
from agent.demo_wire import Reply
from agent.model import Item, StepRequest, text_of

HELP = (
    "I am the demo assistant: I follow simple rules and am not an AI. Try “draw three red circles in a row”, "
    "“make the blue ones bigger”, “connect them”, “arrange the notes in a grid”, “label them A, B and C”, "
    "“flowchart Idea -> Draft -> Done” or “undo”. To talk to a real model, set OPENAI_API_KEY and start again."
)
SORRY = "I am the demo assistant and follow simple rules, so I did not understand “{}”. " + HELP.partition(". ")[2]

Step = Callable[[DemoBoard], Act]


def answer(request: StepRequest) -> Reply:
    """The demo assistant's answer to one request."""
    prompt, since = split_prompt(request.items)
    board = read_board(request.items)
    clauses = parse(prompt)
    steps, remarks = plan(clauses, board)
    outputs = [group for group in output_groups(since) if not _is_look(group)]
    failure = next((error for group in outputs for error in map(_error, group) if error), None)
    if failure:
        return Reply(f"That did not work: {failure}")
    if len(outputs) < len(steps):
        act = steps[len(outputs)](board)
        if act == LOOK and any(_is_look(group) for group in output_groups(since)):
            act = Act("I looked at the whole board and found nothing like that.")
        known = {str(tool.get("name")): tool for tool in request.tools}
        if any(name not in known for name, _ in act.calls):
            return Reply("I cannot do that here: the tool for it is missing.")
        calls = tuple((name, complete(arguments, known[name])) for name, arguments in act.calls)
        return Reply(act.text, calls)
    done = _summary(outputs)
    return Reply(" ".join([*([done] if outputs else []), *remarks]) or "Done.")


def split_prompt(items: Sequence[Item]) -> tuple[str, list[Item]]:
    """The last request of a person, and the items after it."""
    for at in range(len(items) - 1, -1, -1):
        text = text_of(items[at])
        if items[at].get("role") == "user" and text and "<board " not in text:
            head, _, body = text.partition("\n")
            return (body if head.endswith(" asks:") else text), list(items[at + 1 :])
    return "", list(items)


def output_groups(items: Iterable[Item]) -> list[list[tuple[Item, Item]]]:
    """(call, output) pairs, grouped by the step that asked for them."""
    calls: dict[str, Item] = {}
    groups: list[list[tuple[Item, Item]]] = []
    is_new_step = True
    for item in items:
        call_id = str(item.get("call_id"))
        if item.get("type") == "function_call":
            calls[call_id] = item
            is_new_step = True
        elif item.get("type") == "function_call_output" and call_id in calls:
            if is_new_step:
                groups.append([])
                is_new_step = False
            groups[-1].append((calls[call_id], item))
    return groups


def plan(clauses: Sequence[Clause], board: DemoBoard) -> tuple[list[Step], list[str]]:
    """What to do, one entry a step, and what is only said."""
    steps: list[Step] = []
    remarks: list[str] = []
    position = 0
    while position < len(clauses):
        clause = clauses[position]
        position += 1
        if isinstance(clause, Create):
            block = [clause]
            while position < len(clauses) and _goes_with(clauses[position], clause):
                block.append(clauses[position])  # type: ignore[arg-type] # _goes_with: a Create
                position += 1
            steps.append(lambda b, block=block: demo_draw.draw(block, b))  # type: ignore[misc] # bound default
        elif isinstance(clause, Count | Hello | Unknown):
            remarks.append(_remark(clause, board))
        else:
            steps.extend(_steps(clause))
    return steps, remarks


def _goes_with(other: Clause, first: Create) -> bool:
    return isinstance(other, Create) and other.place is None and first.place is None and other.layout == first.layout


def _steps(clause: Clause) -> list[Step]:
    match clause:
        case Flow():
            return [lambda b: demo_draw.flow_boxes(clause, b), lambda b: demo_draw.flow_arrows(b.recent)]
        case MindMap():
            return [lambda b: demo_draw.map_boxes(clause, b), lambda b: demo_draw.map_lines(b.recent)]
        case Connect():
            return [lambda b: acts.connect(clause, b)]
        case Recolour():
            return [lambda b: acts.recolour(clause, b)]
        case Resize():
            return [lambda b: acts.resize(clause, b)]
        case Move():
            return [lambda b: acts.move(clause, b)]
        case Delete():
            return [lambda b: acts.delete(clause, b)]
        case Arrange():
            return [lambda b: acts.arrange(clause, b)]
        case Align():
            return [lambda b: acts.align(clause, b)]
        case Label():
            return [lambda b: acts.label(clause, b)]
        case Rotate():
            return [lambda b: acts.rotate(clause, b)]
        case Duplicate():
            return [lambda b: acts.duplicate(clause, b)]
        case Undo():
            return [lambda _: Act("Taking back what I did last.", (("undo", {}),))]
        case Create() | Count() | Hello() | Unknown():
            return []


def _remark(clause: Count | Hello | Unknown, board: DemoBoard) -> str:
    match clause:
        case Hello():
            return HELP
        case Unknown(text):
            return SORRY.format(text if len(text) <= 60 else text[:59] + "…")
        case Count(target):
            if not target.is_vague:
                found = board.find(target)
                words = [target.colour, target.kind.noun if target.kind else "shape"]
                noun = demo_words.plural(len(found), " ".join(word for word in words if word))
                return f"I count {noun}{' in view' if board.unseen else ''}."
            shapes = Counter(noun_of([shape]).removeprefix("1 ") for shape in board.shapes)
            listed = ", ".join(demo_words.plural(n, noun) for noun, n in shapes.most_common(8))
            there = (
                f"There {'is' if board.total == 1 else 'are'} {demo_words.plural(board.total, 'shape')} on the board"
            )
            return f"{there}{f': {listed}' if listed else ''}."


def complete(arguments: Mapping[str, Any], tool: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with null for what a strict schema requires and nobody said."""
    schema = tool.get("parameters")
    required = schema.get("required", ()) if isinstance(schema, Mapping) else ()
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    filled = dict(arguments)
    for name in required:
        if name not in filled:
            filled[name] = _default(properties.get(name, {}))
    return filled


def _default(schema: Mapping[str, Any]) -> Any:
    """Null where it is allowed, else the first choice of a list, else false."""
    kinds = schema.get("type")
    if isinstance(kinds, list) and "null" in kinds:
        return None
    if schema.get("enum"):
        return "lines" if "lines" in schema["enum"] else schema["enum"][0]
    return True if kinds == "boolean" else None


def _is_look(group: Sequence[tuple[Item, Item]]) -> bool:
    return all(call.get("name") == "look" for call, _ in group)


def _error(pair: tuple[Item, Item]) -> str | None:
    output = read_output(pair[1])
    if output.get("ok", True):
        return None
    error = output.get("error")
    words = str(error.get("message") if isinstance(error, dict) else error or "the tool refused")
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def _summary(groups: Sequence[Sequence[tuple[Item, Item]]]) -> str:
    notes = [read_output(output).get("note") for group in groups for _, output in group]
    said = [note for note in notes if isinstance(note, str)]
    if said:
        return f"{said[0][:1].upper()}{said[0][1:]}."
    kept = sum(len(read_output(o).get("kept") or ()) for group in groups for _, o in group)
    return f"Done. I kept {kept} things that were changed since." if kept else "Done."
