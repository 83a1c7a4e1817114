/** Keys of the board. `SHORTCUTS` is what the help shows, so it cannot say something else. */
import type { Editor, Tool } from '../editor';
import { copyInto, pasteData } from '../transfer/clipboard';
import { duplicate, nudge, remove, reorder, selectAll, toggleLock } from './actions';
import { createByKeyboard, toolByKeyboard } from './by-keyboard';
import { group, ungroup } from './groups';
import type { Pointers } from './pointer';

export const TOOL_KEYS: Readonly<Record<string, Tool>> = {
  v: 'select',
  h: 'hand',
  r: 'rect',
  o: 'ellipse',
  d: 'diamond',
  a: 'connector',
  p: 'draw',
  t: 'text',
  n: 'note',
  f: 'frame',
};

export const SHORTCUTS: readonly (readonly [
  group: string,
  rows: readonly (readonly [what: string, keys: string])[],
])[] = [
  [
    'Tools',
    [
      ['Select', 'V'],
      ['Move the board', 'H or Space'],
      ['Rectangle', 'R'],
      ['Ellipse', 'O'],
      ['Diamond', 'D'],
      ['Arrow', 'A'],
      ['Pen', 'P'],
      ['Text', 'T'],
      ['Note', 'N'],
      ['Frame', 'F'],
      ['Ask the assistant', '/'],
      ['Comment', 'C'],
    ],
  ],
  [
    'Edit',
    [
      ['Undo', 'Ctrl Z'],
      ['Redo', 'Ctrl Shift Z'],
      ['Copy, cut, paste', 'Ctrl C, X, V'],
      ['Duplicate', 'Ctrl D'],
      ['Group, ungroup', 'Ctrl (Shift) G'],
      ['Lock, unlock', 'Ctrl Shift L'],
      ['Select all', 'Ctrl A'],
      ['Edit the text', 'Enter'],
      ['Draw by keyboard', 'Tool, Enter'],
      ['Connect two', 'A, Tab, Enter'],
      ['Delete', 'Delete'],
      ['Nudge (by 10)', 'Arrows (Shift)'],
      ['Back, forward', '[ ]'],
    ],
  ],
  [
    'View',
    [
      ['Zoom', 'Ctrl wheel, + −'],
      ['Move (far)', 'Arrows (Shift)'],
      ['100 %', 'Shift 0'],
      ['Everything', 'Shift 1'],
      ['Selection', 'Shift 2'],
      ['This list', '?'],
    ],
  ],
];

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** How far an arrow key moves the view while nothing is selected, screen px. */
const PAN_PX = 60;
const PAN_FAR_PX = 300;

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Listens on the window; `ask` is what `/` and `C` do. */
export function mountKeyboard(editor: Editor, pointers: Pointers, ask: (isComment?: boolean) => void): void {
  addEventListener('keydown', (event) => {
    if (isTyping(event.target) || event.defaultPrevented) return;
    const isDone = event.ctrlKey || event.metaKey ? withControl(editor, event) : plain(editor, pointers, ask, event);
    if (isDone) event.preventDefault();
  });
  addEventListener('keyup', (event) => {
    if (event.key === ' ') pointers.isSpace = false;
  });
  addEventListener('blur', () => {
    pointers.isSpace = false;
  });
  for (const type of ['copy', 'cut'] as const) {
    addEventListener(type, (event) => {
      if (isTyping(event.target)) return;
      if (!event.clipboardData || !copyInto(editor, event.clipboardData)) return;
      event.preventDefault();
      if (type === 'cut' && editor.canWrite) remove(editor);
    });
  }
  addEventListener('paste', (event) => {
    if (isTyping(event.target) || !editor.canWrite) return;
    if (event.clipboardData) pasteData(editor, event.clipboardData);
    event.preventDefault();
  });
}

function withControl(editor: Editor, event: KeyboardEvent): boolean {
  switch (event.key.toLowerCase()) {
    case 'z':
    case 'y':
      if (!editor.canWrite) return true; // it may have been taken away since
      if (event.shiftKey || event.key.toLowerCase() === 'y') editor.history.redo();
      else editor.history.undo();
      return true;
    case 'a':
      selectAll(editor);
      return true;
    case 'd':
      duplicate(editor);
      return true;
    case 'g':
      if (event.shiftKey) ungroup(editor);
      else group(editor);
      return true;
    case 'l':
      if (event.shiftKey) toggleLock(editor);
      return event.shiftKey;
    case '=':
    case '+':
      editor.camera.zoomBy(1.2);
      return true;
    case '-':
      editor.camera.zoomBy(1 / 1.2);
      return true;
    case '0':
      editor.zoomFull();
      return true;
    default:
      return false;
  }
}

/** Out of the group that a double-click went into: the whole of it is selected again. */
function leaveGroup(editor: Editor): void {
  editor.inside.value = null;
  editor.pick(editor.selection.peek());
}

/** Digits by their place on the keyboard: Shift makes other characters of them in each country. */
function withShift(editor: Editor, code: string): boolean {
  if (code === 'Digit0') editor.zoomFull();
  else if (code === 'Digit1') editor.fit();
  else if (code === 'Digit2') editor.zoomTo(editor.selection.peek());
  else return false;
  return true;
}

function plain(editor: Editor, pointers: Pointers, ask: (isComment?: boolean) => void, event: KeyboardEvent): boolean {
  const { key } = event;
  if (event.shiftKey && withShift(editor, event.code)) return true;
  const arrow = ARROWS[key];
  if (arrow && editor.selection.peek().size) {
    const step = event.shiftKey ? 10 : 1;
    nudge(editor, arrow[0] * step, arrow[1] * step);
    return true;
  }
  if (arrow && event.target === document.body) {
    const step = event.shiftKey ? PAN_FAR_PX : PAN_PX;
    editor.camera.pan(-arrow[0] * step, -arrow[1] * step);
    return true;
  }
  const onButton = event.target instanceof HTMLElement && event.target.closest('button, a, [role=menu]') !== null;
  switch (key) {
    case ' ':
      if (onButton) return false;
      pointers.isSpace = true;
      return true;
    case 'Escape':
      if (pointers.cancel()) return true;
      if (editor.dialog.peek()) editor.dialog.value = null;
      else if (editor.tool.peek() !== 'select') editor.tool.value = 'select';
      else if (editor.inside.peek()) leaveGroup(editor);
      else if (editor.selection.peek().size) editor.select([]);
      else return false;
      return true;
    case 'Delete':
    case 'Backspace':
      remove(editor);
      return true;
    case 'Enter': {
      if (!onButton && createByKeyboard(editor)) return true;
      const only = editor.selected();
      if (onButton || !editor.canWrite || only.length !== 1 || only[0]!.type === 'draw') return false;
      editor.editing.value = only[0]!.id;
      return true;
    }
    case '[':
      reorder(editor, 'down');
      return true;
    case ']':
      reorder(editor, 'up');
      return true;
    case '{':
      reorder(editor, 'bottom');
      return true;
    case '}':
      reorder(editor, 'top');
      return true;
    case '+':
      editor.camera.zoomBy(1.2);
      return true;
    case '-':
      editor.camera.zoomBy(1 / 1.2);
      return true;
    case '?':
      editor.dialog.value = editor.dialog.peek() === 'help' ? null : 'help';
      return true;
    case '/':
      ask();
      return true;
    case 'c':
    case 'C':
      if (event.altKey || !editor.room.canComment.peek()) return false;
      ask(true);
      return true;
  }
  const tool = TOOL_KEYS[key.toLowerCase()];
  if (!tool || event.altKey) return false;
  if (!editor.canWrite && tool !== 'select' && tool !== 'hand') return false;
  editor.tool.value = tool;
  toolByKeyboard(editor);
  return true;
}
