/** What keys, menus and the style bar do to the selection. */
import type { Edit, Shape } from '../canvas';
import { newId } from '../canvas';
import type { End, PALETTE, ShapeFields } from '../canvas.gen';
import { shifted } from '../draw/scene';
import type { Editor } from '../editor';
import { type Box, union } from '../geometry';
import { me } from '../me';
import { fitted } from './text-size';

const unlocked = (editor: Editor): Shape[] => editor.selected().filter((shape) => !shape.locked);

export function remove(editor: Editor): void {
  const shapes = unlocked(editor);
  const inside = editor.canvas.descendants(shapes.map((shape) => shape.id));
  const ids = new Set([...shapes.map((shape) => shape.id), ...inside]);
  editor.commit([...ids].map((id) => ({ id, fields: { deleted: true } })));
}

export function selectAll(editor: Editor): void {
  editor.select(editor.canvas.shapes().map((shape) => shape.id));
}

export function nudge(editor: Editor, dx: number, dy: number): void {
  const shapes = unlocked(editor);
  const inside = editor.canvas.descendants(shapes.map((shape) => shape.id));
  const all = [...shapes, ...[...inside].flatMap((id) => editor.canvas.get(id) ?? [])];
  const edits = [...new Map(all.map((shape) => [shape.id, shape])).values()].map((shape) => ({
    id: shape.id,
    fields: shifted(shape, dx, dy),
  }));
  editor.commit(edits, `nudge:${[...editor.selection.peek()].sort().join()}`);
}

/** Copies with new ids; ends and parents among them point at the copies. */
export function copies(editor: Editor, shapes: readonly Shape[], dx: number, dy: number): Edit[] {
  const ids = new Map(shapes.map((shape) => [shape.id, newId()]));
  const end = (value: End | null): End | null =>
    value?.id === undefined ? value : { ...value, id: ids.get(value.id) ?? value.id };
  let z = editor.canvas.topZ();
  return shapes.map((shape) => {
    const {
      id,
      run: _run,
      call: _call,
      draft: _draft,
      deleted: _deleted,
      ...rest
    } = { ...shape, ...shifted(shape, dx, dy) };
    const fields: Partial<ShapeFields> = { ...rest, z, by: me.peek().id, at: Date.now() };
    if (shape.type === 'connector') {
      for (const place of ['x', 'y', 'w', 'h'] as const) delete fields[place];
      Object.assign(fields, { from: end(rest.from), to: end(rest.to) });
    }
    if (shape.parent) fields.parent = ids.get(shape.parent) ?? shape.parent;
    for (const empty of ['parent', 'group', 'from', 'to'] as const) if (fields[empty] === null) delete fields[empty];
    if (shape.type !== 'draw') delete fields.points;
    z = editor.canvas.zBetween(z, null);
    return { id: ids.get(id)!, create: true, fields };
  });
}

function withInside(editor: Editor, shapes: readonly Shape[]): Shape[] {
  const ids = new Set(shapes.map((shape) => shape.id));
  for (const id of editor.canvas.descendants(ids)) ids.add(id);
  return editor.canvas.shapes().filter((shape) => ids.has(shape.id));
}

export function duplicate(editor: Editor): void {
  const edits = copies(editor, withInside(editor, editor.selected()), 16, 16);
  editor.commit(edits);
  editor.select(edits.map((edit) => edit.id));
}

/** The selection as text for the clipboard, null when nothing is selected. */
export function serialise(editor: Editor): string | null {
  const shapes = withInside(editor, editor.selected());
  return shapes.length ? JSON.stringify({ coplayer: 1, shapes }) : null;
}

/** Pastes shapes or plain words in the middle of the view. */
export function paste(editor: Editor, text: string): void {
  const view = editor.camera.view();
  const middle = { x: view.x + view.w / 2, y: view.y + view.h / 2 };
  const shapes = parseShapes(text);
  if (shapes) {
    const box = union(shapes.filter((shape) => shape.type !== 'connector')) ?? { ...middle, w: 0, h: 0 };
    const isVisible =
      box.x < view.x + view.w && box.x + box.w > view.x && box.y < view.y + view.h && box.y + box.h > view.y;
    const dx = isVisible ? 24 : Math.round(middle.x - box.x - box.w / 2);
    const dy = isVisible ? 24 : Math.round(middle.y - box.y - box.h / 2);
    const edits = copies(editor, shapes, dx, dy);
    editor.commit(edits);
    editor.select(edits.map((edit) => edit.id));
  } else if (text.trim()) {
    const words = text.trim().slice(0, 20_000);
    const size = fitted({ type: 'text', text: '', w: 20, h: 28, font_size: 15 } as Shape, words);
    const at: Box = { x: Math.round(middle.x), y: Math.round(middle.y), w: size.w ?? 160, h: size.h ?? 28 };
    editor.select([editor.create({ type: 'text', text: words, ...at })]);
  }
}

function parseShapes(text: string): Shape[] | null {
  if (!text.startsWith('{"coplayer":1,')) return null;
  try {
    const found = JSON.parse(text) as { shapes?: unknown };
    return Array.isArray(found.shapes) ? found.shapes.filter((s): s is Shape => typeof s?.id === 'string') : null;
  } catch {
    return null; // words that merely look like ours
  }
}

/** Moves the selection one step or all the way through the stack. */
export function reorder(editor: Editor, where: 'up' | 'down' | 'top' | 'bottom'): void {
  const stack = editor.canvas.shapes();
  const ids = editor.selection.peek();
  const chosen = stack.filter((shape) => ids.has(shape.id));
  const others = stack.filter((shape) => !ids.has(shape.id));
  if (!chosen.length || !others.length) return;
  const at = others.filter((other) => stack.indexOf(other) < stack.indexOf(chosen[0]!)).length;
  const slot = { up: Math.min(others.length, at + 1), down: Math.max(0, at - 1), top: others.length, bottom: 0 }[where];
  let below = others[slot - 1]?.z ?? null;
  const above = others[slot]?.z ?? null;
  const edits = chosen.map((shape) => {
    below = editor.canvas.zBetween(below, above);
    return { id: shape.id, fields: { z: below } };
  });
  editor.commit(edits);
}

/** The fields that a colour sets: shapes take it as fill and line, lines and texts as line, notes as paper. */
function colourFields(type: ShapeFields['type'], colour: string): Partial<ShapeFields> {
  if (type === 'note') return { fill: colour };
  if (type === 'text' || type === 'draw' || type === 'connector') return { stroke: colour };
  if (type === 'frame') return { stroke: colour };
  return colour === 'none' ? { fill: 'none' } : { fill: colour, stroke: colour };
}

export function recolour(editor: Editor, colour: (typeof PALETTE)[number] | 'none'): void {
  restyle(editor, (shape) => colourFields(shape.type, colour));
}

/** Writes style fields and remembers them for the next shape of the type. */
export function restyle(editor: Editor, fieldsOf: (shape: Shape) => Partial<ShapeFields>): void {
  const shapes = unlocked(editor);
  editor.commit(
    shapes.map((shape) => {
      const fields = fieldsOf(shape);
      editor.styles.set(shape.type, { ...editor.styles.get(shape.type), ...fields });
      const size = 'font_size' in fields ? fitted({ ...shape, ...fields }, shape.text) : {};
      return { id: shape.id, fields: { ...fields, ...size } };
    }),
  );
}
