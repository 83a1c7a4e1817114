/**
 * Editing words in place. What is typed goes to the others through awareness; the document gets it on blur, Enter or
 * one second after the last key, merged three ways with what others wrote meanwhile.
 */
import { effect } from '@preact/signals';
import type { Shape } from '../canvas';
import { MAX_TEXT } from '../canvas.gen';
import { inkOn } from '../draw/colour';
import { textInk, textWidth, weightOf } from '../draw/shape';
import { FAMILY, LINE_HEIGHT } from '../draw/text';
import type { Editor } from '../editor';
import { merge3, splice } from '../merge';
import { focusShape } from './by-keyboard';
import { fitted } from './text-size';

const WRITE_AFTER_MS = 1000;
const FRAME_NAME_PX = 12;

/** Opens a text field whenever `editor.editing` names a shape. */
export function mountTextEditor(editor: Editor, layer: HTMLElement): () => void {
  let close: (() => void) | null = null;
  return effect(() => {
    const id = editor.editing.value;
    close?.();
    close = id ? open(editor, layer, id) : null;
  });
}

/** The field for a frame's name, where the name stands. */
function placeName(editor: Editor, field: HTMLTextAreaElement, frame: Shape): void {
  const { zoom } = editor.camera.port.value;
  const at = editor.camera.toScreen({ x: frame.x + 2, y: frame.y - 8 - FRAME_NAME_PX });
  Object.assign(field.style, {
    width: `${Math.max(120, frame.w)}px`,
    height: `${FRAME_NAME_PX * LINE_HEIGHT}px`,
    font: `500 ${FRAME_NAME_PX}px/${LINE_HEIGHT} ${FAMILY}`,
    textAlign: 'left',
    color: 'var(--text-2)',
    left: `${at.x}px`,
    top: `${at.y}px`,
    transformOrigin: '0 0',
    transform: `scale(${zoom}) rotate(${frame.rotation}deg)`,
  });
}

function open(editor: Editor, layer: HTMLElement, id: string): (() => void) | null {
  const shape = editor.canvas.get(id);
  if (!shape || !editor.canWrite || shape.locked) {
    queueMicrotask(() => {
      editor.editing.value = null;
    });
    return null;
  }
  // Whoever came from the shape with the keyboard goes on from there.
  const isByKeyboard = document.activeElement instanceof SVGElement;
  const field = document.createElement('textarea');
  field.className = 'text-editor';
  field.dataset.testid = 'text-editor';
  field.setAttribute('aria-label', `Text of ${editor.label(id)}`);
  field.maxLength = MAX_TEXT;
  field.spellcheck = false;
  field.value = shape.text;
  let base = shape.text;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tag = `text:${id}:${Date.now()}`;

  const write = (): void => {
    clearTimeout(timer);
    const now = editor.canvas.get(id);
    if (!now || field.value === base) return;
    const text = merge3(base, field.value, now.text).slice(0, MAX_TEXT);
    base = text;
    editor.commit([{ id, fields: { text, ...fitted(now, text) } }], tag);
    editor.labels.wrote(id, now.text);
  };
  const place = (): void => {
    const now = editor.scene.look(id);
    if (!now) return;
    const { zoom } = editor.camera.port.value;
    if (now.type === 'frame') {
      placeName(editor, field, now);
      return;
    }
    const line = editor.scene.line(id);
    const size = line ? Math.min(now.font_size, 13) : now.font_size;
    const width = line ? 200 : now.type === 'text' ? Math.max(now.w, 12) + 8 : textWidth(now);
    const middle = editor.camera.toScreen(line ? line.middle : { x: now.x + now.w / 2, y: now.y + now.h / 2 });
    const isTop = now.type === 'note' || now.type === 'text';
    Object.assign(field.style, {
      width: `${width}px`,
      font: `${weightOf(now)} ${size}px/${LINE_HEIGHT} ${FAMILY}`,
      textAlign: line ? 'center' : now.text_align,
      color: now.type === 'note' ? inkOn(now.fill) : textInk(now),
      left: `${middle.x}px`,
      top: `${middle.y}px`,
      height: '0',
    });
    const tall = field.scrollHeight;
    field.style.height = `${tall}px`;
    const padding = now.type === 'note' ? 14 : 0;
    const offsetY = isTop ? -now.h / 2 + padding : now.type === 'triangle' ? now.h * 0.14 - tall / 2 : -tall / 2;
    const offsetX = isTop ? -now.w / 2 + padding : -width / 2;
    field.style.transformOrigin = '0 0';
    field.style.transform = `scale(${zoom}) rotate(${now.rotation}deg) translate(${offsetX}px, ${offsetY}px)`;
  };
  const grow = (): void => {
    const now = editor.canvas.get(id);
    if (now) editor.scene.override(new Map([[id, { text: field.value, ...fitted(now, field.value) }]]));
  };
  const onInput = (): void => {
    grow();
    place();
    editor.presence.set({ typing: { id, text: field.value.slice(0, 2000) } });
    clearTimeout(timer);
    timer = setTimeout(write, WRITE_AFTER_MS);
  };
  const finish = (): void => {
    if (editor.editing.peek() === id) editor.editing.value = null;
  };
  const onKey = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === 'Escape' || (event.key === 'Enter' && !event.shiftKey && !event.isComposing)) {
      event.preventDefault();
      finish();
      if (isByKeyboard) focusShape(editor, id);
    }
  };
  /** Somebody wrote the label meanwhile: lay one's own unsaved words onto theirs, the caret stays where it was. */
  const onRemote = (): void => {
    const now = editor.canvas.get(id);
    if (!now) finish();
    if (!now || now.text === base) return;
    const merged = merge3(base, field.value, now.text);
    base = now.text;
    if (merged !== field.value) {
      const moved = splice(field.value, merged);
      const caret = (at: number): number => (at > moved.at ? at + moved.insert.length - moved.remove : at);
      const [start, end] = [caret(field.selectionStart), caret(field.selectionEnd)];
      field.value = merged;
      field.setSelectionRange(start, end);
    }
    grow();
    place();
  };

  field.addEventListener('input', onInput);
  field.addEventListener('keydown', onKey);
  field.addEventListener('blur', finish);
  for (const type of ['pointerdown', 'wheel', 'copy', 'cut', 'paste'] as const) {
    field.addEventListener(type, (event) => event.stopPropagation());
  }
  const forget = editor.canvas.onChange((ids) => {
    if (ids.has(id)) onRemote();
  });
  layer.append(field);
  editor.scene.setEditing(id);
  const unplace = effect(() => {
    void editor.scene.version.value;
    place();
  });
  field.focus({ preventScroll: true });
  field.select();

  return () => {
    write();
    forget();
    unplace();
    field.removeEventListener('blur', finish);
    field.remove();
    editor.scene.setEditing(null);
    editor.scene.override(new Map());
    editor.presence.set({ typing: null });
    editor.presence.flush();
    const now = editor.canvas.get(id);
    // A text without words would be an invisible thing to trip over.
    if (now?.type === 'text' && !now.text.trim()) editor.commit([{ id, fields: { deleted: true } }], tag);
    editor.history.seal();
  };
}
