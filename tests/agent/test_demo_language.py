"""The demo assistant's little language: what is understood, and as what."""

from __future__ import annotations

import pytest

from agent import demo_words as w
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
    Place,
    Recolour,
    Resize,
    Rotate,
    Target,
    Undo,
    Unknown,
)
from agent.demo_language import parse


def kind(noun: str) -> w.Kind:
    found = w.kind(noun)
    assert found is not None
    return found


THEM, ALL, SELECTED = Target(pronoun="them"), Target(pronoun="all"), Target(pronoun="selected")
CIRCLE, BOX, NOTE, SQUARE = kind("circle"), kind("box"), kind("note"), kind("square")


def the(noun: str, **more: str) -> Target:
    return Target(kind=kind(noun), **more)  # type: ignore[arg-type] # strings only


UNDERSTOOD: dict[str, list[Clause]] = {
    # drawing
    "draw three red circles in a row": [Create(3, CIRCLE, ("red",), layout="row")],
    "please draw five triangles in a column": [Create(5, kind("triangle"), layout="column")],
    "can you draw six pink diamonds in a circle?": [Create(6, kind("diamond"), ("pink",), layout="circle")],
    "create a 3x4 grid of yellow notes": [Create(12, NOTE, ("yellow",), layout="grid", columns=3)],
    "draw 2 rows of 5 small blue squares": [Create(10, SQUARE, ("blue",), scale=0.6, layout="grid", columns=5)],
    'add a big green diamond labelled "Yes"': [Create(1, kind("diamond"), ("green",), ("Yes",), 1.6)],
    "draw red, green and blue circles": [Create(3, CIRCLE, ("red", "green", "blue"))],
    "draw a circle, a square and a triangle": [Create(1, CIRCLE), Create(1, SQUARE), Create(1, kind("triangle"))],
    "a red box and a blue circle side by side": [
        Create(1, BOX, ("red",), layout="row"),
        Create(1, CIRCLE, ("blue",), layout="row"),
    ],
    "three purple ovals": [Create(3, kind("oval"), ("violet",))],
    "make a bigger box": [Create(1, BOX, scale=1.5)],
    "draw a 200x100 red rectangle": [Create(1, kind("rectangle"), ("red",), size=(200, 100))],
    "add three sticky notes: Plan, Build, Ship": [Create(3, kind("sticky"), labels=("Plan", "Build", "Ship"))],
    "add a note that says buy milk, eggs": [Create(1, NOTE, labels=("buy milk, eggs",))],
    "draw four boxes labelled North, South, East and West in a row": [
        Create(4, BOX, labels=("North", "South", "East", "West"), layout="row")
    ],
    "draw a circle at 100, 200": [Create(1, CIRCLE, place=Place(point=(100, 200)))],
    "put a circle next to the box": [Create(1, CIRCLE, place=Place("right", the("box")))],
    "draw 100 circles": [Create(100, CIRCLE)],
    "write Hello": [Create(1, kind("text"), labels=("Hello",))],
    "draw a box. It should be red.": [Create(1, BOX, ("red",))],
    # connecting
    "connect them": [Connect(THEM)],
    "connect Start to End": [Connect(Target(label="Start"), Target(label="End"))],
    "connect the circles in a ring": [Connect(the("circle"), closed=True)],
    "connect them with lines": [Connect(THEM, arrows=False)],
    "draw an arrow from the red box to the blue circle": [
        Connect(the("box", colour="red"), the("circle", colour="blue"))
    ],
    "draw two boxes and connect them": [Create(2, BOX), Connect(THEM)],
    "draw three circles and connect them with arrows, then make them green": [
        Create(3, CIRCLE),
        Connect(THEM),
        Recolour(THEM, ("green",)),
    ],
    "flowchart A -> B -> C": [Flow(("A", "B", "C"))],
    "Idea → Draft → Done": [Flow(("Idea", "Draft", "Done"))],
    "draw a flowchart: start, review and publish": [Flow(("start", "review", "publish"))],
    "make a flowchart with Start, Check and End": [Flow(("Start", "Check", "End"))],
    "draw a vertical flowchart A -> B": [Flow(("A", "B"), down=True)],
    "mind map about coffee with taste, price, places": [MindMap("coffee", ("taste", "price", "places"))],
    # colours and sizes
    "make the circle red": [Recolour(the("circle"), ("red",))],
    "make the red circles blue": [Recolour(the("circle", colour="red"), ("blue",))],
    "make them red and blue": [Recolour(THEM, ("red", "blue"))],
    "turn the selected shapes green": [Recolour(SELECTED, ("green",))],
    "paint everything pink": [Recolour(ALL, ("pink",))],
    "change the color of the circles to green": [Recolour(the("circle"), ("green",))],
    "give the box a red outline": [Recolour(the("box"), ("red",), "stroke")],
    "color the circles in rainbow colors": [Recolour(the("circle"), w.RAINBOW)],
    "recolour the biggest circle to orange": [Recolour(the("circle", pick="biggest"), ("orange",))],
    "make the blue ones bigger": [Resize(Target(colour="blue"), 1.5)],
    "make the box twice as big": [Resize(the("box"), 2.0)],
    "make everything smaller": [Resize(ALL, 0.67)],
    "make the selected shape wider": [Resize(SELECTED, 1.5, "x")],
    "double the size of the circles": [Resize(the("circle"), 2.0)],
    "scale them by 2": [Resize(THEM, 2.0)],
    "scale them to 50%": [Resize(THEM, 0.5)],
    "resize the box to 200x100": [Resize(the("box"), size=(200, 100))],
    "shrink it": [Resize(THEM, 0.67)],
    # places
    "move them left by 50": [Move(THEM, (-50, 0))],
    "move the red circle to the right": [Move(the("circle", colour="red"), (120, 0))],
    "move everything up": [Move(ALL, (0, -120))],
    "move the circle to 100, 200": [Move(the("circle"), place=Place(point=(100, 200)))],
    "move the Login box above the note": [Move(the("box", label="Login"), place=Place("above", the("note")))],
    "move it to the middle": [Move(THEM, place=Place("middle"))],
    "align them left": [Align(THEM, "left")],
    "align the boxes to the top": [Align(the("box"), "top")],
    "arrange the notes in a grid": [Arrange(the("note"), "grid")],
    "put them in a circle": [Arrange(THEM, "circle")],
    "line them up in a row": [Arrange(THEM, "row")],
    "space them out evenly": [Arrange(THEM, "row")],
    "rotate them by 45 degrees": [Rotate(THEM, 45)],
    "duplicate the note": [Duplicate(the("note"))],
    # words
    "label them A, B and C": [Label(THEM, ("A", "B", "C"))],
    "label the boxes Login and Sign up": [Label(the("box"), ("Login", "Sign up"))],
    "rename the box to Login": [Label(the("box"), ("Login",))],
    'write "Hello world" on the note': [Label(the("note"), ("Hello world",))],
    'change the text of the box to "Sign in"': [Label(the("box"), ("Sign in",))],
    "number them": [Label(THEM, ("1..",))],
    # taking away, asking
    "delete the red circles": [Delete(the("circle", colour="red"))],
    "remove the selected ones": [Delete(SELECTED)],
    "delete the last one": [Delete(Target(pick="last"))],
    "clear the board": [Delete(ALL)],
    "delete everything": [Delete(ALL)],
    "undo": [Undo()],
    "take that back": [Undo()],
    "how many blue circles are there?": [Count(the("circle", colour="blue"))],
    "what is on the board?": [Count(Target())],
    "hello": [Hello()],
    "what can you do?": [Hello()],
    # honest
    "draw a cat": [Unknown("draw a cat")],
    "write me a poem about rivers": [Unknown("write me a poem about rivers")],
    "swap the circles": [Unknown("swap the circles")],
    "": [Unknown("")],
}


@pytest.mark.parametrize("prompt", UNDERSTOOD)
def test_a_prompt_is_understood_as(prompt: str) -> None:
    assert parse(prompt) == UNDERSTOOD[prompt]


def test_words_in_quotes_are_never_taken_for_wishes() -> None:
    (only,) = parse('add a note saying "delete everything, then draw a red box"')
    assert only == Create(1, NOTE, labels=("delete everything, then draw a red box",))


@pytest.mark.parametrize("prompt", ["a" * 100_000, "draw " * 5000, '"' * 3000, "( and , -> " * 900, "1 2 3 x " * 900])
def test_a_strange_prompt_takes_no_time_and_always_means_something(prompt: str) -> None:
    assert parse(prompt)
