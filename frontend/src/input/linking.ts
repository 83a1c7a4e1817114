/** Drawing connectors and moving their ends: an end on a shape is bound to it. */
import type { End } from '../canvas.gen';
import type { Editor } from '../editor';
import type { Point } from '../geometry';
import { type Gesture, ghostOf } from './gestures';

const endAt = (editor: Editor, at: Point, event: PointerEvent, except?: string): End => {
  const id = editor.shapeUnder(event, except);
  return id ? { id } : { x: Math.round(at.x), y: Math.round(at.y) };
};

/** A connector from where the pointer went down to where it goes up; ends on a shape are bound to it. */
export function link(editor: Editor, from: Point, down: PointerEvent): Gesture {
  const start = endAt(editor, from, down);
  let isDragged = false;
  const stop = (): void => {
    editor.scene.ghost(null);
    editor.target.value = null;
  };
  return {
    move(at, _keys, event) {
      isDragged = true;
      const end = endAt(editor, at, event);
      editor.target.value = end.id ?? start.id ?? null;
      editor.scene.ghost(ghostOf(editor, { type: 'connector', from: start, to: end }));
    },
    end(at, _keys, event) {
      stop();
      const end = endAt(editor, at, event);
      if (!isDragged || (end.id !== undefined && end.id === start.id)) return;
      const id = editor.create({ type: 'connector', from: start, to: end });
      editor.tool.value = 'select';
      editor.select([id]);
    },
    cancel: stop,
  };
}

/** Moves one end of a connector to another shape or a free point. */
export function relink(editor: Editor, id: string, which: 'from' | 'to'): Gesture {
  let end: End | null = null;
  const stop = (): void => {
    editor.scene.override(new Map());
    editor.target.value = null;
    editor.busy.value = false;
  };
  return {
    move(at, _keys, event) {
      end = endAt(editor, at, event, id);
      editor.busy.value = true;
      editor.target.value = end.id ?? null;
      editor.scene.override(new Map([[id, { [which]: end }]]));
    },
    end() {
      if (end) editor.commit([{ id, fields: { [which]: end } }]);
      stop();
    },
    cancel: stop,
  };
}
