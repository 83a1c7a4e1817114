/** What keys, menus and the style bar do to the selection. */
import type { Edit, Shape } from '../canvas';
import { newId } from '../canvas';
import { DEFAULTS, type End, MAX_TEXT, type PALETTE, type ShapeFields } from '../canvas.gen';
import { shifted } from '../draw/scene';
import type { Editor } from '../editor';
import { bounds, centre, type Point, touches, union } from '../geometry';
import { me } from '../me';
import { withInside } from '../transfer/board-json';
import { groupsOf } from './groups';
import { fitted } from './text-size';

/** How far a pasted copy lies from its original, px. */
const BESIDE = 24;

const unlocked = (editor: Editor): Shape[] => editor.selected().filter((shape) => !shape.locked);

export function remove(editor: Editor): void {
  const shapes = unlocked(editor);
  const inside = editor.canvas.descendants(shapes.map((shape) => shape.id));
  const ids = new Set([...shapes.map((shape) => shape.id), ...inside]);
  editor.commit([...ids].map((id) => ({ id, fields: { deleted: true } })));
}

export function selectAll(editor: Editor): void {
  editor.select(editor.canvas.shapes().flatMap((shape) => (shape.locked ? [] : shape.id)));
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

/** Locks the selection against moves and edits, or unlocks it when all of it is locked. */
export function toggleLock(editor: Editor): void {
  const shapes = editor.selected();
  const locked = !isAllLocked(shapes);
  editor.commit(shapes.map((shape) => ({ id: shape.id, fields: { locked } })));
}

export const isAllLocked = (shapes: readonly Shape[]): boolean =>
  shapes.length > 0 && shapes.every((shape) => shape.locked);

/** Copies with new ids; ends, parents and groups among them point at the copies. A copy is not locked. */
export function copies(editor: Editor, shapes: readonly Shape[], dx: number, dy: number): Edit[] {
  const ids = new Map(shapes.map((shape) => [shape.id, newId()]));
  const groups = new Map([...groupsOf(shapes)].map((group) => [group, newId()]));
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
      locked: _locked,
      ...rest
    } = { ...shape, ...shifted(shape, dx, dy) };
    const fields: Partial<ShapeFields> = { ...rest, z, by: me.peek().id, at: Date.now() };
    if (shape.type === 'connector') {
      for (const place of ['x', 'y', 'w', 'h'] as const) delete fields[place];
      Object.assign(fields, { from: end(rest.from), to: end(rest.to) });
    }
    if (shape.parent) {
      const isHere = editor.canvas.get(shape.parent) !== undefined;
      fields.parent = ids.get(shape.parent) ?? (isHere ? shape.parent : null);
    }
    if (shape.group) fields.group = groups.get(shape.group)!;
    for (const empty of ['parent', 'group', 'from', 'to'] as const) if (fields[empty] === null) delete fields[empty];
    if (shape.type !== 'draw') delete fields.points;
    z = editor.canvas.zBetween(z, null);
    return { id: ids.get(id)!, create: true, fields };
  });
}

export function duplicate(editor: Editor): void {
  const edits = copies(editor, withInside(editor.canvas, editor.selected()), 16, 16);
  editor.commit(edits);
  editor.select(edits.map((edit) => edit.id));
}

/** Adds copies of shapes: about a point, else beside where they were, or in the middle of the view when that is elsewhere. */
export function pasteShapes(editor: Editor, shapes: readonly Shape[], at?: Point): void {
  const view = editor.camera.view();
  const middle = at ?? centre(view);
  const box = union(shapes.filter((shape) => shape.type !== 'connector').map(bounds)) ?? { ...middle, w: 0, h: 0 };
  const isBeside = !at && touches(view, box);
  const dx = isBeside ? BESIDE : Math.round(middle.x - box.x - box.w / 2);
  const dy = isBeside ? BESIDE : Math.round(middle.y - box.y - box.h / 2);
  const edits = copies(editor, shapes, dx, dy);
  editor.commit(edits);
  editor.select(edits.map((edit) => edit.id));
}

/** Adds words as a text in the middle of the view. */
export function pasteWords(editor: Editor, text: string): void {
  const words = text.trim().slice(0, MAX_TEXT);
  if (!words) return;
  const size = fitted({ ...DEFAULTS, id: '', type: 'text', w: 20, h: 28 }, words);
  const middle = centre(editor.camera.view());
  const box = { x: Math.round(middle.x), y: Math.round(middle.y), w: size.w ?? 160, h: size.h ?? 28 };
  editor.select([editor.create({ type: 'text', text: words, ...box })]);
}

/** Moves the selection one step or all the way through the stack. */
export function reorder(editor: Editor, where: 'up' | 'down' | 'top' | 'bottom'): void {
  const stack = editor.canvas.shapes();
  const ids = new Set(unlocked(editor).map((shape) => shape.id));
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
