/** Drawing without a pointer: a shape at the middle of the view, a connector between two shapes that are focused in turn. */
import { DEFAULT_SIZE } from '../canvas.gen';
import type { Editor } from '../editor';
import { type Box, bounds, type Point, touches } from '../geometry';
import { TYPE_WORDS } from '../history';

const GAP = 80;
/** After so many places that are taken the shape comes to the middle all the same. */
const TRIES = 12;

/** The middle of what is seen between the islands. */
function middle(editor: Editor): Point {
  const { camera } = editor;
  const { w, h } = camera.size.peek();
  const { top, right, bottom, left } = camera.inset;
  return camera.toWorld({ x: (left + w - right) / 2, y: (top + h - bottom) / 2 });
}

/** The middle, or the next place to the right of it where nothing lies. */
function freePlace(editor: Editor, w: number, h: number): Box {
  const at = middle(editor);
  const box = { x: Math.round(at.x - w / 2), y: Math.round(at.y - h / 2), w, h };
  const others = editor.canvas.shapes().filter((shape) => shape.type !== 'connector' && shape.type !== 'frame');
  let free = box;
  for (let i = 0; i < TRIES; i++) {
    const taken = others.find((shape) => touches(bounds(shape), free));
    if (!taken) return free;
    const right = bounds(taken);
    free = { ...free, x: Math.ceil(right.x + right.w) + GAP };
  }
  return box;
}

/** What Enter does while a tool is chosen. False when that is nothing. */
export function createByKeyboard(editor: Editor): boolean {
  const tool = editor.tool.peek();
  if (!editor.canWrite || tool === 'select' || tool === 'hand' || tool === 'draw') return false;
  if (tool === 'connector') return connectByKeyboard(editor);
  const [w, h] = DEFAULT_SIZE[tool];
  const id = editor.create({ type: tool, ...freePlace(editor, w, h) });
  editor.tool.value = 'select';
  finish(editor, id, `${TYPE_WORDS[tool]} added. Press Enter to write in it.`);
  if (tool === 'text' || tool === 'note') editor.editing.value = id;
  return true;
}

/** A tool was chosen by keyboard: Enter is the board's now, not the button's, and is told of. */
export function toolByKeyboard(editor: Editor): void {
  const tool = editor.tool.peek();
  if (tool === 'select' || tool === 'hand' || tool === 'draw') return;
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  if (tool === 'connector') beginLink(editor);
  else editor.spoken.value = `${TYPE_WORDS[tool]}: press Enter to draw it in the middle of the view.`;
}

/** The arrow tool begins at the selected shape. */
function beginLink(editor: Editor): void {
  const [only, ...others] = editor.selected();
  if (!only || others.length || only.type === 'connector') return;
  editor.linkFrom.value = only.id;
  editor.spoken.value = `Arrow from ${editor.label(only.id)}. Move to another shape with Tab and press Enter.`;
}

function connectByKeyboard(editor: Editor): boolean {
  const chosen = editor.selected().filter((shape) => shape.type !== 'connector');
  const from = chosen.length === 2 ? chosen[0]!.id : editor.linkFrom.peek();
  const to = chosen.at(-1)?.id;
  if (!from || !to || from === to || chosen.length > 2) {
    editor.spoken.value = 'Move to the shape where the arrow ends with Tab, then press Enter.';
    return true;
  }
  const id = editor.create({ type: 'connector', from: { id: from }, to: { id: to } });
  editor.tool.value = 'select';
  finish(editor, id, `Connected ${editor.label(from)} to ${editor.label(to)}.`);
  return true;
}

function finish(editor: Editor, id: string, words: string): void {
  editor.linkFrom.value = null;
  editor.select([id]);
  focusShape(editor, id);
  editor.spoken.value = words;
}

/** Where Tab goes on from. */
export function focusShape(editor: Editor, id: string): void {
  const node = editor.scene.root.querySelector<SVGElement>(`[data-shape-id="${CSS.escape(id)}"]`);
  node?.focus({ preventScroll: true });
}
