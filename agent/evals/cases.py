"""The cases: a board, a request, what a good model would call, what people do meanwhile, and how it is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.demo_wire import Reply
from agent.evals import oracles as o
from agent.evals.oracles import Oracle
from agent.evals.room import Room

Meddle = Callable[[Room, int], None]
Call = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """One eval. `good` are the steps of a model that does well, without its last words."""

    name: str
    request: str
    good: tuple[tuple[Call, ...], ...]
    judge: tuple[Oracle, ...]
    start: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    selection: tuple[str, ...] = ()
    about: frozenset[str] = frozenset()
    """Shapes of the start that may be changed."""
    meddle: Meddle = lambda _room, _count: None
    held: Mapping[str, str] = field(default_factory=dict)
    answer: str | None = None
    status: str = "completed"

    def replies(self) -> list[Reply]:
        """For the scripted model."""
        return [*(Reply("", calls) for calls in self.good), Reply("Done.")]


def _create(count: int, kind: str, fill: str, at: Callable[[int], tuple[float, float]], *texts: str) -> Call:
    sizes = {"w": 100, "h": 100}
    shapes = [
        {"type": kind, "fill": fill, "x": at(n)[0], "y": at(n)[1], **sizes, "text": texts[n] if texts else ""}
        for n in range(count)
    ]
    return "create", {"shapes": shapes}


def _arrange(count: int, kind: str, fill: str, layout: str, **more: Any) -> tuple[tuple[Call, ...], ...]:
    """Create in a row, then arrange: what the instructions ask for."""
    call = _create(count, kind, fill, lambda n: (140.0 * n, 0.0))
    for n, shape in enumerate(call[1]["shapes"]):
        shape["key"] = f"k{n}"
    return (call,), (("arrange", {"ids": [f"k{n}" for n in range(count)], "layout": layout, **more}),)


def _flow(*texts: str) -> tuple[tuple[Call, ...], ...]:
    nodes = [{"key": f"n{n}", "text": text} for n, text in enumerate(texts)]
    edges = [{"from": f"n{n}", "to": f"n{n + 1}"} for n in range(len(texts) - 1)]
    return ((("diagram", {"nodes": nodes, "edges": edges}),),)


def _set(*ids: str, **values: Any) -> tuple[tuple[Call, ...], ...]:
    return ((("update", {"changes": [{"ids": list(ids), "set": values}]}),),)


def _boxes(**fills: str) -> dict[str, dict[str, Any]]:
    return {name: {"fill": fill, "x": 180 * n - 300, "y": 40 * (n % 2)} for n, (name, fill) in enumerate(fills.items())}


def _once(act: Callable[[Room], None]) -> Meddle:
    """At the assistant's first save: beside its first call, which people have not seen then."""
    return lambda room, count: act(room) if count == 1 else None


def _offline(room: Room, count: int) -> None:
    """Ann loses her network before the first change, edits, and is back at the end."""
    if count == 1:
        room.is_ann_online = False
        room.edit("a", text="Hers", x=-500)


def _paint_and_move(room: Room) -> None:
    room.edit("a", x=-500, y=-200)
    room.edit("c", fill="orange")


MIXED = _boxes(a="blue", b="green", c="blue", d="green")
SOME = _boxes(a="red", b="green", c="yellow")
FIVE = {f"s{n}": {"x": [0, 130, 400, 470, 900][n] - 450, "y": 0, "w": 60} for n in range(5)}
MANY = {f"s{n}": {"x": 120 * (n % 6) - 400, "y": 80 * (n // 6) - 200} for n in range(25)}
LONG = "A label that is long enough to need a second line in a box of the usual width"
ALL = frozenset(MANY)
LINE = {"from": {"id": "k0"}, "to": {"id": "k1"}}

CASES: tuple[Case, ...] = (
    Case("row of circles", "draw three red circles in a row", _arrange(3, "ellipse", "red", "row"),
         (o.made(3, "ellipse", "red"), o.in_line("x"), o.tidy)),
    Case("column of boxes", "draw four blue boxes in a column", _arrange(4, "rect", "blue", "column"),
         (o.made(4, "rect", "blue"), o.in_line("y"), o.tidy)),
    Case("grid of notes", "create a 3x4 grid of yellow notes", _arrange(12, "note", "yellow", "grid", columns=4),
         (o.made(12, "note", "yellow"), o.tidy, lambda room: o.grid(3)(room) and o.grid(4)(room))),
    Case("ring of diamonds", "draw six pink diamonds in a circle", _arrange(6, "diamond", "pink", "circle"),
         (o.made(6, "diamond", "pink"), o.ring, o.tidy)),
    Case("labelled row", "draw four boxes labelled North, South, East and West in a row",
         ((_create(4, "rect", "slate", lambda n: (140.0 * n, 0.0), "North", "South", "East", "West"),),),
         (o.made(4, "rect"), o.labels("North", "South", "East", "West"), o.in_line("x"), o.tidy)),
    Case("text fits", f'add a note that says "{LONG}"',
         ((("create", {"shapes": [{"type": "note", "x": 0, "y": 0, "text": LONG}]}),),),
         (o.made(1, "note"), o.labels(LONG), o.tidy)),
    Case("flowchart", "flowchart Start -> Check -> End", _flow("Start", "Check", "End"),
         (o.labels("Start", "Check", "End"), o.lines(("Start", "Check"), ("Check", "End")), o.tidy)),
    Case("tall flowchart", "draw a vertical flowchart One -> Two -> Three -> Four",
         ((("diagram", {**_flow("One", "Two", "Three", "Four")[0][0][1], "direction": "down"}),),),
         (o.lines(("One", "Two"), ("Two", "Three"), ("Three", "Four")), o.in_line("y"), o.tidy)),
    Case("mind map", "mind map about coffee with taste, price, places",
         ((("diagram", {"nodes": [{"key": k, "text": k} for k in ("coffee", "taste", "price", "places")],
                        "edges": [{"from": "coffee", "to": k} for k in ("taste", "price", "places")]}),),),
         (o.labels("coffee", "taste", "price", "places"), o.tidy,
          o.lines(("coffee", "taste"), ("coffee", "price"), ("coffee", "places")))),
    Case("recolour the blue", "make the blue boxes red", _set("a", "c", fill="red"),
         (o.fields("a", fill="red"), o.fields("c", fill="red"), o.fields("b", fill="green"), o.made(0, "rect")),
         MIXED, about=frozenset("ac")),
    Case("move the blue", "move the blue boxes to the right", ((("move", {"ids": ["a", "c"], "dx": 120}),),),
         (o.moved("ac"), o.fields("b", x=-120, y=40), o.fields("d", x=240, y=40)), MIXED, about=frozenset("ac")),
    Case("resize the selected", "make the selected shape twice as big",
         ((("resize", {"ids": ["b"], "scale_x": 2, "scale_y": 2}),),), (o.fields("b", w=200, h=120),), MIXED, ("b",),
         about=frozenset("b")),
    Case("align", "align the boxes to the top", ((("align", {"ids": ["a", "b", "c"], "edge": "top"}),),),
         (o.fields("a", y=0), o.fields("b", y=0), o.fields("c", y=0), o.alive("a", "b", "c")), SOME,
         about=frozenset("abc")),
    Case("even spacing", "put the boxes in a row", ((("arrange", {"ids": list(FIVE), "layout": "row"}),),),
         (o.in_line("x", o.of_start(*FIVE)), o.alive(*FIVE)), FIVE, about=frozenset(FIVE)),
    Case("label", "rename the red box to Login", ((("set_text", {"id": "a", "text": "Login"}),),),
         (o.fields("a", text="Login"), o.fields("b", text="")), SOME, about=frozenset("a")),
    Case("rotate", "rotate the selected shape by 45 degrees", ((("rotate", {"ids": ["c"], "by": 45}),),),
         (o.fields("c", rotation=45), o.fields("a", rotation=0)), SOME, ("c",), about=frozenset("c")),
    Case("duplicate", "duplicate the red box", ((("duplicate", {"ids": ["a"], "dx": 0, "dy": 150}),),),
         (o.made(1, "rect", "red"), o.tidy), SOME),
    Case("connect", "connect the red box to the yellow box",
         ((("connect", {"connectors": [{"from": {"id": "a"}, "to": {"id": "c"}}]}),),),
         (o.lines(("Red", "Yellow")), o.made(0, "rect")),
         {**SOME, "a": {**SOME["a"], "text": "Red"}, "c": {**SOME["c"], "text": "Yellow"}}),
    Case("delete the red", "delete the red boxes", ((("delete", {"ids": ["a"]}),),), (o.alive("b", "c"),), SOME,
         about=frozenset("a")),
    Case("delete all, agreed", "delete everything", ((("delete", {"ids": list(MANY)}),),), (o.alive(),), MANY,
         about=ALL, answer="Delete"),
    Case("delete all, kept", "delete everything", ((("delete", {"ids": list(MANY)}),),), (o.alive(*MANY),), MANY,
         answer="Keep"),
    Case("only a question", "how many blue boxes are there?", (), (o.made(0, "rect"), o.alive(*MIXED)), MIXED),
    Case("people move it meanwhile", "make the blue boxes red", _set("a", "c", fill="red"),
         (o.fields("a", fill="red", x=-500, y=-200), o.fields("c", fill="orange")), MIXED, about=frozenset("ac"),
         meddle=_once(_paint_and_move)),
    Case("people delete it meanwhile", "make the blue boxes red", _set("a", "c", fill="red"),
         (o.fields("a", deleted=True), o.fields("c", fill="red"), o.alive("b", "c", "d")), MIXED, about=frozenset("ac"),
         meddle=_once(lambda room: room.edit("a", deleted=True))),
    Case("a person is offline", "move the blue boxes to the right", ((("move", {"ids": ["a", "c"], "dx": 120}),),),
         (o.fields("a", x=-500, text="Hers"), o.moved("c")), MIXED, about=frozenset("ac"), meddle=_offline),
    Case("a person drags it", "make the red box blue", _set("a", fill="blue"), (o.fields("a", fill="red"),), SOME,
         about=frozenset("a"), held={"a": "Ann"}),
    Case("stopped", "draw three red circles in a row and connect them",
         (*_arrange(3, "ellipse", "red", "row"), (("connect", {"connectors": [LINE]}),)),
         (lambda room: "" if len(room.made("connector")) == 0 else "it went on after Stop",),
         meddle=_once(Room.stop), status="cancelled"),
)  # fmt: skip
