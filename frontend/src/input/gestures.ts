/** What a pointer does between down and up. The document is written once, at the end; until then it is a picture. */
import type { Shape } from '../canvas';
import type { ShapeFields, ShapeType } from '../canvas.gen';
import { DEFAULT_SIZE, DEFAULT_STYLE, DEFAULTS, MAX_POINTS } from '../canvas.gen';
import type { Override } from '../draw/scene';
import { shifted } from '../draw/scene';
import type { Editor } from '../editor';
import {
  type Box,
  bounds,
  boxOf,
  centre,
  type HandleName,
  type Placement,
  type Point,
  resize,
  scaleInto,
  simplify,
  touches,
} from '../geometry';
import { type Drag, LIVE_BOXES, thin } from '../presence';
import { snap, snapResize } from './snap';
import { textHeight } from './text-size';

export interface Keys {
  shift: boolean;
  alt: boolean;
  ctrl: boolean;
}
/** A gesture gets board coordinates. `cancel` leaves everything as it was. */
export interface Gesture {
  move(at: Point, keys: Keys, event: PointerEvent): void;
  end(at: Point, keys: Keys, event: PointerEvent): void;
  cancel(): void;
}

/** Screen px before a press becomes a drag. */
export const DRAG_THRESHOLD = 3;

/** Shows a live change here and to the others, and takes the picture away at the end. */
class Live {
  constructor(readonly editor: Editor) {}

  show(fields: ReadonlyMap<string, Override>, drag: Drag): void {
    this.editor.busy.value = true;
    this.editor.scene.override(fields);
    this.editor.presence.set({ dragging: [...fields.keys()].slice(0, 200), drag });
  }

  stop(): void {
    this.editor.busy.value = false;
    this.editor.guides.value = [];
    this.editor.target.value = null;
    this.editor.scene.override(new Map());
    this.editor.presence.set({ dragging: undefined, drag: null });
    this.editor.presence.flush();
  }
}

export function pan(editor: Editor, start: PointerEvent): Gesture {
  let last = { x: start.clientX, y: start.clientY };
  editor.following.value = null;
  return {
    move(_at, _keys, event) {
      editor.camera.pan(event.clientX - last.x, event.clientY - last.y);
      last = { x: event.clientX, y: event.clientY };
    },
    end() {},
    cancel() {},
  };
}

/** Moves the selection and what lies in selected frames. Snaps to neighbours unless Ctrl is held. */
export function move(editor: Editor, from: Point): Gesture {
  const live = new Live(editor);
  const roots = editor.selected().filter((shape) => !shape.locked);
  const inside = editor.canvas.descendants(roots.map((shape) => shape.id));
  const ids = new Set([...roots.map((shape) => shape.id), ...inside]);
  const shapes = [...ids].flatMap((id) => editor.scene.look(id) ?? []);
  const box = editor.boundsOf(ids);
  let shift = { x: 0, y: 0 };
  const isLoose = (shape: Shape): boolean =>
    !inside.has(shape.id) && shape.type !== 'connector' && shape.type !== 'frame';
  const frameUnder = (shape: Shape): string | null =>
    editor.frameAt({ ...shape, ...shifted(shape, shift.x, shift.y) } as Shape, shape.id, ids);
  /** The frame that would take in what is moved, if that is news. */
  const entering = (): string | null => {
    const loose = shapes.find(isLoose);
    const frame = loose ? frameUnder(loose) : null;
    return frame !== loose?.parent ? frame : null;
  };
  return {
    move(at, keys) {
      const free = { x: at.x - from.x, y: at.y - from.y };
      const isLevel = Math.abs(free.x) > Math.abs(free.y);
      const dx = keys.shift && !isLevel ? 0 : free.x;
      const dy = keys.shift && isLevel ? 0 : free.y;
      const held = keys.ctrl || !box ? null : snap(editor, box, dx, dy, ids);
      shift = { x: Math.round(held?.dx ?? dx), y: Math.round(held?.dy ?? dy) };
      editor.guides.value = held?.guides ?? [];
      const fields = new Map(shapes.map((shape) => [shape.id, shifted(shape, shift.x, shift.y)]));
      editor.target.value = entering();
      live.show(fields, { ids: [...ids], dx: shift.x, dy: shift.y });
    },
    end() {
      if (shift.x || shift.y) {
        const edits = shapes.map((shape) => {
          const fields: Override = shifted(shape, shift.x, shift.y);
          if (isLoose(shape)) fields.parent = frameUnder(shape);
          return { id: shape.id, fields };
        });
        editor.commit(edits);
      }
      live.stop();
    },
    cancel: () => live.stop(),
  };
}

/** Resizes the selection by one of its eight handles. */
export function stretch(editor: Editor, handle: HandleName, from: Point): Gesture {
  const live = new Live(editor);
  const shapes = editor
    .selected()
    .filter((shape) => shape.type !== 'connector' && !shape.locked)
    .flatMap((shape) => editor.scene.look(shape.id) ?? []);
  const only = shapes.length === 1 ? shapes[0] : undefined;
  const ids = new Set(shapes.map((shape) => shape.id));
  const box = editor.boundsOf(ids);
  // A turned shape has no edges to line up, a text follows its words, and several at a corner keep their ratio.
  const hasEdges = only ? !only.rotation && only.type !== 'text' : handle.length === 1;
  const resized = (start: Box, drag: Point): Box =>
    resize({ ...start, rotation: 0 }, handle, drag, { keepRatio: false, fromCentre: false });
  let result = new Map<string, Placement>();
  return {
    move(at, keys) {
      const options = { keepRatio: keys.shift, fromCentre: keys.alt };
      const drag = { x: at.x - from.x, y: at.y - from.y };
      const isFree = keys.ctrl || keys.shift || keys.alt;
      const held = box && hasEdges && !isFree ? snapResize(editor, resized(box, drag), handle, ids) : null;
      drag.x += held?.dx ?? 0;
      drag.y += held?.dy ?? 0;
      editor.guides.value = held?.guides ?? [];
      if (only) result = new Map([[only.id, whole(fitText(only, resize(only, handle, drag, options), handle))]]);
      else if (box) {
        const start = { ...box, rotation: 0 };
        const after = resize(start, handle, drag, { ...options, keepRatio: keys.shift || handle.length === 2 });
        result = new Map(shapes.map((shape) => [shape.id, whole(scaleInto(shape, box, after))]));
      }
      const first = [...result][0];
      if (!first) return;
      const boxes = Object.fromEntries([...result].slice(0, LIVE_BOXES));
      live.show(result, only ? { id: first[0], ...first[1] } : { boxes });
    },
    end() {
      const fields = ({ x, y, w, h }: Placement) => ({ x, y, w, h });
      editor.commit([...result].map(([id, place]) => ({ id, fields: fields(place) })));
      live.stop();
    },
    cancel: () => live.stop(),
  };
}

const whole = (place: Placement): Placement => ({
  x: Math.round(place.x),
  y: Math.round(place.y),
  w: Math.max(1, Math.round(place.w)),
  h: Math.max(1, Math.round(place.h)),
  rotation: place.rotation,
});

/** Words flow: a text's height follows from its width. */
function fitText(shape: Shape, place: Placement, handle: HandleName): Placement {
  if (shape.type !== 'text') return place;
  const h = textHeight({ ...shape, w: place.w });
  return { ...place, h, y: handle.includes('n') ? shape.y + shape.h - h : shape.y };
}

/** Turns one shape about its centre; Shift in steps of 15 degrees. */
export function rotate(editor: Editor, from: Point): Gesture {
  const live = new Live(editor);
  const shape = editor.selected().filter((s) => s.type !== 'connector' && !s.locked)[0];
  const c = shape ? centre(shape) : from;
  const angle = (at: Point): number => (Math.atan2(at.y - c.y, at.x - c.x) * 180) / Math.PI;
  const begin = angle(from);
  let rotation = shape?.rotation ?? 0;
  return {
    move(at, keys) {
      if (!shape) return;
      const raw = shape.rotation + angle(at) - begin;
      const step = keys.shift ? 15 : 1;
      rotation = (((Math.round(raw / step) * step) % 360) + 360) % 360;
      const { id, x, y, w, h } = shape;
      live.show(new Map([[id, { rotation }]]), { id, x, y, w, h, rotation });
    },
    end() {
      if (shape) editor.commit([{ id: shape.id, fields: { rotation } }]);
      live.stop();
    },
    cancel: () => live.stop(),
  };
}

/** A lasso: everything it touches is selected; a frame only when it lies wholly inside. */
export function marquee(editor: Editor, from: Point, keep: ReadonlySet<string>): Gesture {
  return {
    move(at) {
      editor.busy.value = true;
      const area = boxOf(from, at);
      editor.marquee.value = area;
      const caught = editor.canvas.shapes().filter((shape) => isCaught(editor, shape, area));
      editor.pick([...keep, ...caught.map((shape) => shape.id)]);
    },
    end: () => stopMarquee(editor),
    cancel: () => stopMarquee(editor),
  };
}

function stopMarquee(editor: Editor): void {
  editor.marquee.value = null;
  editor.busy.value = false;
}

function isCaught(editor: Editor, shape: Shape, area: Box): boolean {
  const place = editor.place(shape.id);
  if (!place || shape.locked) return false;
  const box = bounds(place);
  if (shape.type !== 'frame') return touches(area, box);
  const { x, y, w, h } = area;
  return x <= box.x && y <= box.y && x + w >= box.x + box.w && y + h >= box.y + box.h;
}

/** A shape that is being drawn, in the style that it will have. */
export function ghostOf(editor: Editor, fields: Override & { type: ShapeType }): Shape {
  const style = (DEFAULT_STYLE as Record<string, Partial<ShapeFields>>)[fields.type] ?? {};
  return { ...DEFAULTS, ...style, ...editor.styles.get(fields.type), ...fields, id: 'ghost' };
}

/** Draws a shape with a box: by dragging, or with one click in its usual size around the pointer. */
export function drawBox(editor: Editor, type: keyof typeof DEFAULT_SIZE, from: Point): Gesture {
  let box: Box | null = null;
  return {
    move(at, keys) {
      const raw = boxOf(from, at);
      const side = Math.max(raw.w, raw.h);
      const square = {
        x: at.x < from.x ? from.x - side : from.x,
        y: at.y < from.y ? from.y - side : from.y,
        w: side,
        h: side,
      };
      const next = keys.shift ? square : raw;
      box = whole({ ...next, rotation: 0 });
      editor.scene.ghost(ghostOf(editor, { type, ...box }));
    },
    end(at, keys, event) {
      if (box) this.move(at, keys, event);
      editor.scene.ghost(null);
      const [w, h] = DEFAULT_SIZE[type];
      const usual = { x: Math.round(from.x - w / 2), y: Math.round(from.y - h / 2), w, h };
      if (type === 'text') usual.x = Math.round(from.x);
      const final =
        box && box.w + box.h > 8 ? { x: box.x, y: box.y, w: Math.max(8, box.w), h: Math.max(8, box.h) } : usual;
      if (type === 'text') final.h = h;
      const id = editor.create({ type, ...final });
      editor.tool.value = 'select';
      editor.select([id]);
      if (type === 'text' || type === 'note') editor.editing.value = id;
    },
    cancel: () => editor.scene.ghost(null),
  };
}

/** A freehand line; what is kept are the points of its centre line. */
export function pen(editor: Editor, from: Point): Gesture {
  const points: Point[] = [from];
  const tolerance = 0.6 / editor.camera.port.peek().zoom;
  const style = { ...DEFAULT_STYLE.draw, ...editor.styles.get('draw') };
  const flat = (kept: readonly Point[], origin: Point): number[] =>
    kept.flatMap((point) => [Math.round(point.x - origin.x), Math.round(point.y - origin.y)]);
  const origin = (): Point => ({
    x: Math.round(points.reduce((least, point) => Math.min(least, point.x), Infinity)),
    y: Math.round(points.reduce((least, point) => Math.min(least, point.y), Infinity)),
  });
  const stop = (): void => {
    editor.scene.ghost(null);
    editor.presence.set({ drawing: null });
    editor.presence.flush();
  };
  return {
    move(at, _keys, event) {
      const finer = event.getCoalescedEvents?.() ?? [];
      if (finer.length) for (const each of finer) points.push(editor.boardPoint(each));
      else points.push(at);
      const o = origin();
      // As it will be kept: nothing jumps when the pen is lifted.
      const shape = flat(simplify(points, tolerance), o);
      const reach = extentOf(shape);
      editor.scene.ghost(ghostOf(editor, { type: 'draw', ...o, ...reach, points: shape }));
      editor.presence.set({ drawing: { points: thin(shape), ...o, stroke: style.stroke } });
    },
    end() {
      const kept = simplify(points, tolerance).slice(0, MAX_POINTS / 2);
      if (kept.length === 1) kept.push({ x: kept[0]!.x + 1, y: kept[0]!.y });
      const o = origin();
      const shape = flat(kept, o);
      editor.create({ type: 'draw', ...o, ...extentOf(shape), points: shape });
      stop();
    },
    cancel: stop,
  };
}

function extentOf(points: readonly number[]): { w: number; h: number } {
  let w = 1;
  let h = 1;
  for (let i = 0; i + 1 < points.length; i += 2) {
    w = Math.max(w, points[i]!);
    h = Math.max(h, points[i + 1]!);
  }
  return { w, h };
}
