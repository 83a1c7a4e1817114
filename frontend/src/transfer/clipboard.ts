/** Copy and paste. The clipboard holds the shapes as JSON of our own kind and, for everybody else, their words. */
import type { Editor } from '../editor';
import { pasteShapes, pasteWords } from '../input/actions';
import { boardJson, CLIPBOARD_TYPE, parseBoard, withInside } from './board-json';

/** What was copied last on this page: pages may read only the words of the system's clipboard without a key press. */
let copied: { json: string; words: string } | null = null;

/** Puts the selection on the clipboard. False when nothing is selected. */
export function copyInto(editor: Editor, data: DataTransfer): boolean {
  const shapes = withInside(editor.canvas, editor.selected());
  if (!shapes.length) return false;
  const json = boardJson(shapes, editor.title.peek(), (id) => editor.scene.line(id));
  const words = shapes
    .map((shape) => shape.text.trim())
    .filter(Boolean)
    .join('\n');
  // Shapes without words travel as JSON: another browser's page drops our own kind.
  copied = { json, words: words || json };
  data.setData('text/plain', copied.words);
  data.setData(CLIPBOARD_TYPE, json);
  return true;
}

export function pasteData(editor: Editor, data: DataTransfer): void {
  pasteText(editor, data.getData(CLIPBOARD_TYPE) || data.getData('text/plain'));
}

function pasteText(editor: Editor, text: string): void {
  const shapes = parseBoard(text);
  if (shapes) pasteShapes(editor, shapes);
  else pasteWords(editor, text);
}

/** Pastes from a menu: the browser may ask the person first, and may say no. */
export async function pasteAsked(editor: Editor): Promise<void> {
  let text: string | null = null;
  try {
    text = await navigator.clipboard.readText();
  } catch {
    // Forbidden, or a page without https: what was copied here is still known.
    if (!copied) editor.notice.value = { text: 'This browser lets a page paste only with Ctrl V.' };
  }
  if (copied && (text === null || text === copied.words)) pasteText(editor, copied.json);
  else if (text !== null) pasteText(editor, text);
}
