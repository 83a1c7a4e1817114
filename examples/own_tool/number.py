from typing import ClassVar

from agent import Agent, Canvas, Ids, Result, Tool, ToolContext, editables, several


class Number(Tool):
    """Number shapes in the order given: 1., 2., ... before each label."""

    name: ClassVar[str] = "number"
    ids: Ids

    def stage(self, canvas: Canvas, context: ToolContext) -> Result:
        shapes = editables(canvas, context, self.ids)
        for n, shape in enumerate(shapes, 1):
            canvas.set(shape.id, "text", f"{n}. {shape.text}")
        return Result({"numbered": self.ids}, f"Numbered {several(shapes)}", tuple(shape.id for shape in shapes))


if __name__ == "__main__":
    Agent(tools=[Number]).run()
