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


def busy_rooms(rooms: int, seconds: float, edits_per_s: float = 5.0) -> Plan:
    """Two people a room; they drag in turn, so that each room has so many edits a second."""
    sketch = Sketch(rooms)
    end = sketch.window(seconds)
    for room in range(rooms):
        for person in [sketch.plan.join(room) for _ in range(2)]:
            sketch.drags(person, edits_per_s / 2, end)
    sketch.plan.observe_rooms()
    return sketch.plan


def bursts(transactions: int, shapes: int = 500, readers: int = 20, times: int = 3) -> Plan:
    """An assistant draws so many shapes at once, in one update or in several, a few times; watched is each last one."""
    sketch = Sketch(rooms=1)
    plan = sketch.plan
    writer = plan.join(0)
    for _ in range(readers):
        plan.join(0)
    sketch.base(writer, BASE_SHAPES)
    each = shapes // transactions
    for burst in range(times):
        pen, stream = sketch.pen(), plan.stream(writer)
        for i in range(transactions):
            seq = plan.next_seq(stream)
            update = pen.draw_many(f"burst{burst}.{i}", each, word(stream, seq))
            plan.send(WARM_UP_S + 2.0 * burst, stream, seq, "update", update, is_watched=i in (0, transactions - 1))
    plan.marks = [WARM_UP_S - 0.1, WARM_UP_S + 2.0 * times]
    plan.observe_rooms()
    return plan


def warm_joins(shapes: int, at_once: int, singles: int = 5) -> Plan:
    """Somebody is in a room of so many shapes; some come one after the other, then many at once."""
    sketch = Sketch(rooms=1)
    plan = sketch.plan
    sketch.base(plan.join(0), shapes)
    plan.join(0)
    start = 2.0 + shapes / 10_000
    for i in range(singles):
        plan.join(0, join_at=start + 0.3 * i, is_counted=False)
    rush = start + 0.3 * singles + 0.5
    for _ in range(at_once):
        plan.join(0, join_at=rush, is_counted=False)
    plan.marks = [start - 0.1, rush + 1.0]
    plan.settle_s = 60.0
    plan.observe_rooms(after=rush)
    return plan


def keep(shapes: int) -> Plan:
    """A room of so many shapes, and the time that servers take to write them down by themselves."""
    sketch = Sketch(rooms=1)
    sketch.base(sketch.plan.join(0), shapes)
    sketch.plan.join(0)
    sketch.plan.marks = [sketch.plan.end_s + 0.1, sketch.plan.end_s + 4.0]
    return sketch.plan


def cold_join(kept: Plan) -> Plan:
    """The first who comes into the room of an earlier plan, after the server was started again."""
    plan = Plan(kept.rooms, streams=[0 for _ in kept.streams], sent=list(kept.sent))
    plan.sent_before = dict(enumerate(kept.sent))
    plan.join(0, join_at=0.2, is_counted=False, is_recorded=True)
    plan.marks = [0.1, 0.2]
    plan.settle_s = 60.0
    return plan


def idle(rooms: int, people: int) -> Plan:
    """Rooms in which nobody does anything; memory is read at the one mark."""
    plan = Plan(rooms)
    for _ in range(people):
        for room in range(rooms):
            plan.join(room)
    plan.marks = [3.0]
    return plan


def saved(rooms: int, edits_per_s: float, seconds: float) -> Plan:
    """In each room one person drags and asks after each step whether it is saved; another looks on."""
    sketch = Sketch(rooms)
    end = sketch.window(seconds)
    for room in range(rooms):
        writer = sketch.plan.join(room)
        sketch.plan.join(room)
        sketch.drags(writer, edits_per_s, end)
    for message in sketch.plan.messages:
        message.is_acked = True
    sketch.plan.observe_rooms()
    return sketch.plan


def large_board(shapes: int, seconds: float, readers: int = 10) -> Plan:
    """One person drags on a board of so many shapes, ten look on; then some come one after the other."""
    sketch = Sketch(rooms=1)
    plan = sketch.plan
    writer = plan.join(0)
    for _ in range(readers):
        plan.join(0)
    sketch.base(writer, shapes)
    start = max(WARM_UP_S, 0.5 + shapes / 5_000)
    sketch.drags(writer, 60, start + seconds)
    plan.marks = [start, start + seconds]
    for i in range(3):
        plan.join(0, join_at=start + seconds + 1.0 + i, is_counted=False)
    plan.settle_s = 60.0
    plan.observe_rooms(after=start + seconds + 4.0)
    return plan
