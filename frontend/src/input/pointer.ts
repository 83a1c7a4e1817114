/** Pointers, wheel and pinch on the canvas: which gesture starts, and where it is. */
import type { DEFAULT_SIZE, ShapeType } from '../canvas.gen';
import type { Editor } from '../editor';
import type { HandleName, Point } from '../geometry';
import { DRAG_THRESHOLD, drawBox, type Gesture, type Keys, marquee, move, pan, pen, rotate, stretch } from './gestures';
import { withGroups } from './groups';
import { link, relink } from './linking';

const keysOf = (event: MouseEvent): Keys => ({
  shift: event.shiftKey,
  alt: event.altKey,
  ctrl: event.ctrlKey || event.metaKey,
});

/** The shape that a DOM event hit. */
const hitId = (target: EventTarget | null): string | null =>
  target instanceof Element ? (target.closest<SVGElement>('[data-shape-id]')?.dataset.shapeId ?? null) : null;

/** A finger that rests this long on one place asks for the menu; what iOS and Android take for it, too. */
const LONG_PRESS_MS = 500;

export class Pointers {
  #gesture: Gesture | null = null;
  #down: { event: PointerEvent; isDrag: boolean; onClick: (() => void) | null } | null = null;
  readonly #touches = new Map<number, Point>();
  #isSpace = false;
  #longPress: ReturnType<typeof setTimeout> | undefined;
  /** a pen was used here: fingers then only move the board, so that a resting hand draws nothing */
  #hasPen = false;

  constructor(
    readonly editor: Editor,
    readonly element: HTMLElement,
  ) {
    element.addEventListener('pointerdown', (event) => this.#start(event));
    element.addEventListener('pointermove', (event) => this.#move(event));
    element.addEventListener('pointerup', (event) => this.#end(event));
    element.addEventListener('pointercancel', (event) => {
      this.#touches.delete(event.pointerId);
      this.cancel();
    });
    element.addEventListener('pointerleave', () => editor.presence.set({ cursor: null }));
    // Shapes are reached with Tab, too; a press of the pointer selects by itself.
    element.addEventListener('focusin', (event) => {
      const id = hitId(event.target);
      if (id && event.target instanceof Element && event.target.matches(':focus-visible')) editor.pick([id]);
    });
    element.addEventListener('dblclick', (event) => this.#doubleClick(event));
    element.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    element.addEventListener('contextmenu', (event) => {
      event.preventDefault();
      // A finger's long press has its own clock: not every browser sends this event for it.
      if (!(event instanceof PointerEvent && event.pointerType === 'touch')) this.#openMenu(event);
    });
    // Focus stays where it is: a press on the board is not a click on a control.
    element.addEventListener('mousedown', (event) => event.preventDefault());
  }

  set isSpace(down: boolean) {
    this.#isSpace = down;
    this.element.classList.toggle('panning', down);
  }

  get isBusy(): boolean {
    return this.#gesture !== null;
  }

  /** Ends the gesture without an effect. True when there was one. */
  cancel(): boolean {
    clearTimeout(this.#longPress);
    const was = this.#gesture;
    was?.cancel();
    this.#gesture = null;
    this.#down = null;
    return was !== null;
  }

  #start(event: PointerEvent): void {
    const { editor } = this;
    if (event.target instanceof Element && event.target.closest('.text-editor')) return;
    if (editor.editing.peek()) editor.editing.value = null;
    const active = document.activeElement;
    if (active instanceof HTMLElement) active.blur();
    if (event.pointerType === 'touch') this.#touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (event.pointerType === 'pen') this.#hasPen = true;
    if (this.#touches.size === 2) {
      this.cancel();
      this.#gesture = this.#pinch();
      this.#down = { event, isDrag: true, onClick: null };
      return;
    }
    if (this.#gesture || event.button > 1) return;
    this.element.setPointerCapture(event.pointerId);
    this.#down = { event, isDrag: false, onClick: null };
    this.#gesture = this.#choose(event);
    if (this.#gesture) this.#waitForLongPress(event);
    else this.#down = null;
  }

  #choose(event: PointerEvent): Gesture | null {
    const { editor } = this;
    const at = editor.boardPoint(event);
    const tool = editor.tool.peek();
    if (event.button === 1 || this.#isSpace || tool === 'hand') return pan(editor, event);
    const handle = event.target instanceof Element ? event.target.closest<SVGElement>('[data-handle]') : null;
    if (handle?.dataset.handle && editor.canWrite) return this.#grab(handle.dataset.handle, at);
    if (tool === 'select') return this.#selectOrMove(event, at);
    if (!editor.canWrite || (this.#hasPen && event.pointerType === 'touch')) return pan(editor, event);
    editor.select([]);
    if (tool === 'draw') return pen(editor, at);
    if (tool === 'connector') return link(editor, at, event);
    return drawBox(editor, tool satisfies ShapeType as keyof typeof DEFAULT_SIZE, at);
  }

  #grab(handle: string, at: Point): Gesture {
    const { editor } = this;
    if (handle === 'rotate') return rotate(editor, at);
    if (handle === 'from' || handle === 'to') return relink(editor, editor.selected()[0]?.id ?? '', handle);
    return stretch(editor, handle as HandleName, at);
  }

  #selectOrMove(event: PointerEvent, at: Point): Gesture {
    const { editor } = this;
    const id = hitId(event.target);
    const shape = id ? editor.canvas.get(id) : undefined;
    const before = editor.selection.peek();
    if (!shape || shape.group !== editor.inside.peek()) editor.inside.value = null;
    if (!shape || shape.locked) {
      // A locked shape can be clicked but not dragged: a lasso may begin on it, as on the empty board.
      this.#down!.onClick = () => editor.select(shape ? [...(event.shiftKey ? before : []), shape.id] : []);
      if (event.pointerType === 'touch') return pan(editor, event);
      if (!event.shiftKey) editor.select([]);
      return marquee(editor, at, event.shiftKey ? before : new Set());
    }
    const hit = withGroups(editor.canvas, [shape.id], editor.inside.peek());
    if (event.shiftKey) {
      const rest = [...before].filter((each) => !hit.has(each));
      editor.select(before.has(shape.id) ? rest : [...before, ...hit]);
    } else if (!before.has(shape.id)) editor.select(hit);
    else this.#down!.onClick = () => editor.select(hit);
    return editor.canWrite ? move(editor, at) : pan(editor, event);
  }

  #move(event: PointerEvent): void {
    const { editor } = this;
    const at = editor.boardPoint(event);
    if (this.#touches.has(event.pointerId)) this.#touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    editor.presence.set({ cursor: { x: Math.round(at.x), y: Math.round(at.y) } });
    const down = this.#down;
    if (!this.#gesture || !down) {
      if (editor.tool.peek() === 'connector') editor.target.value = editor.shapeUnder(event);
      return;
    }
    if (!down.isDrag) {
      const far = Math.hypot(event.clientX - down.event.clientX, event.clientY - down.event.clientY);
      if (far < DRAG_THRESHOLD) return;
      down.isDrag = true;
    }
    this.#gesture.move(at, keysOf(event), event);
  }

  #end(event: PointerEvent): void {
    this.#touches.delete(event.pointerId);
    clearTimeout(this.#longPress);
    const gesture = this.#gesture;
    const down = this.#down;
    if (!gesture || !down) return;
    this.#gesture = null;
    this.#down = null;
    gesture.end(this.editor.boardPoint(event), keysOf(event), event);
    if (!down.isDrag) down.onClick?.();
  }

  /** The menu of what lies under the pointer; it is selected when it was not. */
  #openMenu(event: MouseEvent): void {
    const { editor } = this;
    const id = editor.shapeAt(event);
    if (!id) editor.select([]);
    else if (!editor.selection.peek().has(id)) editor.pick([id]);
    editor.menuAt.value = { x: event.clientX, y: event.clientY };
  }

  #waitForLongPress(event: PointerEvent): void {
    clearTimeout(this.#longPress);
    if (event.pointerType !== 'touch' || this.editor.tool.peek() !== 'select') return;
    this.#longPress = setTimeout(() => {
      if (!this.#down || this.#down.isDrag || this.#touches.size !== 1) return;
      this.cancel();
      this.#openMenu(event);
    }, LONG_PRESS_MS);
  }

  /** Two fingers: pan and zoom at once. */
  #pinch(): Gesture {
    const { camera } = this.editor;
    const box = this.element.getBoundingClientRect();
    const state = (): { middle: Point; apart: number } => {
      const [a, b] = [...this.#touches.values()];
      if (!a || !b) return { middle: { x: 0, y: 0 }, apart: 1 };
      return {
        middle: { x: (a.x + b.x) / 2 - box.left, y: (a.y + b.y) / 2 - box.top },
        apart: Math.max(10, Math.hypot(a.x - b.x, a.y - b.y)),
      };
    };
    let last = state();
    return {
      move: () => {
        if (this.#touches.size < 2) return;
        const next = state();
        camera.pan(next.middle.x - last.middle.x, next.middle.y - last.middle.y);
        camera.zoomAt(next.middle, (camera.port.peek().zoom * next.apart) / last.apart);
        last = next;
      },
      end() {},
      cancel() {},
    };
  }

  #doubleClick(event: MouseEvent): void {
    const { editor } = this;
    if (editor.tool.peek() !== 'select' || !editor.canWrite) return;
    // Not the event's target: a captured pointer makes the canvas the target of its clicks.
    const id = editor.shapeAt(event);
    const shape = id ? editor.canvas.get(id) : undefined;
    if (shape) {
      const { group } = shape;
      if (group && group !== editor.inside.peek()) {
        editor.inside.value = group;
        editor.select([shape.id]);
      } else if (shape.type !== 'draw') editor.editing.value = shape.id;
      return;
    }
    const at = editor.boardPoint(event);
    const made = editor.create({ type: 'text', x: Math.round(at.x), y: Math.round(at.y - 14), w: 20, h: 28 });
    editor.select([made]);
    editor.editing.value = made;
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const { camera } = this.editor;
    this.editor.following.value = null;
    // Lines and pages in pixels; 16 and 400 are what browsers scroll for them.
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    if (event.ctrlKey || event.metaKey) {
      const box = this.element.getBoundingClientRect();
      const step = Math.max(-60, Math.min(60, event.deltaY * unit));
      camera.zoomAt(
        { x: event.clientX - box.left, y: event.clientY - box.top },
        camera.port.peek().zoom * Math.exp(-step * 0.01),
      );
    } else if (event.shiftKey && !event.deltaX) camera.pan(-event.deltaY * unit, 0);
    else camera.pan(-event.deltaX * unit, -event.deltaY * unit);
  }
}
