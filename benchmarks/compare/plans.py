"""What is measured: plans that stand for how rooms are used, one function each."""

from __future__ import annotations

import random

from benchmarks.compare.drawing import Pen, word
from benchmarks.compare.plan import Plan

WARM_UP_S = 1.0
BASE_SHAPES = 100  # a board that is in use


class Sketch:
    """A plan in the making: people who join rooms, draw and point, at moments that are the same in every run."""

    def __init__(self, rooms: int, seed: int = 1) -> None:
        self.plan = Plan(rooms)
        self.random = random.Random(seed)
        self._pens = 0

    def pen(self) -> Pen:
        """Another person's."""
        self._pens += 1
        return Pen(self._pens)

    def base(self, connection: int, shapes: int, at: float = 0.0, step: int = 500) -> None:
        """The room has so many shapes from the beginning."""
        pen, stream = self.pen(), self.plan.stream(connection)
        for first in range(0, shapes, step):
            seq = self.plan.next_seq(stream)
            count = min(step, shapes - first)
            update = pen.draw_many(f"base{stream}.{first}", count, word(stream, seq))
            self.plan.send(at + first / step * 0.01, stream, seq, "update", update)

    def drags(self, connection: int, per_s: float, until: float) -> None:
        """One person makes a shape and drags it until then."""
        pen, stream, name = self.pen(), self.plan.stream(connection), f"drag{connection}"
        at = self.random.uniform(0.1, 0.4)
        seq = self.plan.next_seq(stream)
        self.plan.send(at, stream, seq, "update", pen.draw(name, word(stream, seq)))
        at += self.random.uniform(0, 1 / per_s)
        while (at := at + 1 / per_s) < until:
            seq = self.plan.next_seq(stream)
            self.plan.send(at, stream, seq, "update", pen.drag(name, word(stream, seq)))

    def cursors(self, connection: int, per_s: float, until: float) -> None:
        """One person's pointer moves until then."""
        pen, stream = self.pen(), self.plan.stream(connection)
        at = self.random.uniform(0.1, 0.1 + 1 / per_s)
        while (at := at + 1 / per_s) < until:
            seq = self.plan.next_seq(stream)
            self.plan.send(at, stream, seq, "presence", pen.cursor(word(stream, seq), seq))

    def window(self, seconds: float) -> float:
        """Measured from the end of the warm-up for so long; when people stop."""
        self.plan.marks = [WARM_UP_S, WARM_UP_S + seconds]
        return WARM_UP_S + seconds + 0.2


def fan_out(readers: int, seconds: float) -> Plan:
    """One person drags 60 times a second, the others look on."""
    sketch = Sketch(rooms=1)
    writer = sketch.plan.join(0)
    for _ in range(readers):
        sketch.plan.join(0)
    sketch.base(writer, BASE_SHAPES)
    sketch.drags(writer, 60, sketch.window(seconds))
    sketch.plan.observe_rooms()
    return sketch.plan


def mesh(people: int, seconds: float) -> Plan:
    """Everybody in one room drags a shape and moves the pointer, 30 times a second each."""
    sketch = Sketch(rooms=1)
    everybody = [sketch.plan.join(0) for _ in range(people)]
    sketch.base(everybody[0], BASE_SHAPES)
    end = sketch.window(seconds)
    for person in everybody:
        sketch.drags(person, 30, end)
        sketch.cursors(person, 30, end)
    sketch.plan.observe_rooms()
    return sketch.plan
