/**
 * The state of one person's board: canvas, history, presence, camera, tool, selection. Input changes it, the scene and
 * the chrome show it.
 */
import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import { Camera } from './camera';
import { byOrder, Canvas, type Edit, type Shape } from './canvas';
import type { ShapeFields, ShapeType } from './canvas.gen';
import { Scene } from './draw/scene';
import { oncePerFrame } from './frames';
import { type Box, bounds, contains, type Placement, type Point, union } from './geometry';
import { History, label } from './history';
import { withGroups } from './input/groups';
import type { Guide } from './input/snap';
import { Labels } from './labels';
import { me } from './me';
import { Presence } from './presence';
import type { Room } from './room';

export type Tool = 'select' | 'hand' | Exclude<ShapeType, 'frame'> | 'frame';

/** Fields a person chose in the style bar: the next shape starts with them. */
type Styled = 'fill' | 'stroke' | 'stroke_width' | 'dashed' | 'opacity' | 'font_size' | 'text_align' | 'route';
export type Style = Partial<Pick<ShapeFields, Styled | 'start_head' | 'end_head'>>;

export interface Notice {
  text: string;
  action?: { label: string; run: () => void };
}

/** A larger selection is told in part: an awareness state has room for 8 KiB. */
const MOST_TOLD = 200;

const readTitle = (value: unknown): string => (typeof value === 'string' ? value : '');

export class Editor {
  readonly canvas: Canvas;
  readonly history: History;
  readonly labels: Labels;
  readonly presence: Presence;
  readonly camera = new Camera();
  readonly scene: Scene;

  readonly tool = signal<Tool>('select');
  readonly selection = signal<ReadonlySet<string>>(new Set());
  /** the group that a double-click went into: its shapes are picked one by one */
  readonly inside = signal<string | null>(null);
  /** where the menu of the selection is open, px of the page */
  readonly menuAt = signal<Point | null>(null);
  /** the shape whose text is being edited */
  readonly editing = signal<string | null>(null);
  /** a pointer gesture is going on: the style bar steps aside */
  readonly busy = signal(false);
  readonly marquee = signal<Box | null>(null);
  readonly guides = signal<readonly Guide[]>([]);
  /** the shape that a connector would be bound to, or the frame that would take what is moved */
  readonly target = signal<string | null>(null);
  /** the shape that an arrow drawn by keyboard begins at */
  readonly linkFrom = signal<string | null>(null);
  /** shapes that the panel points at */
  readonly highlighted = signal<readonly string[]>([]);
  readonly dialog = signal<'help' | 'export' | null>(null);
  readonly panelOpen = signal(true);
  readonly notice = signal<Notice | null>(null);
  readonly spoken = signal('');
  readonly following = signal<number | null>(null);
  /** counts document changes, others' once a frame: computed values that read shapes depend on it */
  readonly version = signal(0);
  readonly isEmpty = computed(() => this.version.value >= 0 && this.canvas.shapes().length === 0);
  readonly title: ReadonlySignal<string>;
  readonly styles = new Map<ShapeType, Style>();

  constructor(readonly room: Room) {
    this.canvas = new Canvas(room.doc);
    this.history = new History(this.canvas, (report) => {
      this.notice.value = { text: report.text };
    });
    this.labels = new Labels(this.canvas);
    this.presence = new Presence(room.awareness, me.peek());
    this.scene = new Scene(this.canvas, this.camera);
    const changed = (): void => {
      this.version.value = this.version.peek() + 1;
    };
    const changedSoon = oncePerFrame(changed);
    this.canvas.onChange((ids, transaction) => {
      // Others' changes come one message each, 100 a second from a busy assistant: they are shown once a frame.
      if (transaction.local) changed();
      else changedSoon();
      this.#dropGone(ids);
    });
    const meta = room.doc.getMap('meta');
    const title = signal(readTitle(meta.get('title')));
    meta.observe(() => {
      title.value = readTitle(meta.get('title'));
    });
    this.title = title;
    effect(() => {
      document.title = `${title.value || 'Untitled board'} · coplayer`;
    });
    this.tool.subscribe(() => {
      this.linkFrom.value = null;
    });
    me.subscribe((user) => this.presence.set({ user }));
    this.selection.subscribe((ids) => this.presence.set({ selection: [...ids].slice(0, MOST_TOLD) }));
    this.presence.players.subscribe((players) => this.scene.follow(players));
  }

  setTitle(title: string): void {
    if (this.canWrite) this.room.doc.getMap('meta').set('title', title);
  }

  /** Somebody deleted what was selected or edited. */
  #dropGone(ids: ReadonlySet<string>): void {
    const selected = this.selection.peek();
    const gone = [...ids].filter((id) => selected.has(id) && !this.canvas.get(id));
    if (gone.length) this.select([...selected].filter((id) => !gone.includes(id)));
  }

  /** The board coordinates of a DOM event. */
  boardPoint(event: { clientX: number; clientY: number }): Point {
    const { left, top } = this.scene.root.getBoundingClientRect();
    return this.camera.toWorld({ x: event.clientX - left, y: event.clientY - top });
  }

  /** The topmost shape under a DOM event that passes. */
  shapeAt(event: { clientX: number; clientY: number }, passes: (shape: Shape) => boolean = () => true): string | null {
    for (const element of document.elementsFromPoint(event.clientX, event.clientY)) {
      const id = element.closest<SVGElement>('[data-shape-id]')?.dataset.shapeId;
      const shape = id ? this.canvas.get(id) : undefined;
      if (shape && passes(shape)) return shape.id;
    }
    return null;
  }

  /** The topmost shape that a connector can be bound to. */
  shapeUnder(event: { clientX: number; clientY: number }, except?: string): string | null {
    return this.shapeAt(event, (shape) => shape.type !== 'connector' && shape.id !== except);
  }

  get canWrite(): boolean {
    return this.room.canWrite.peek();
  }

  select(ids: Iterable<string>): void {
    const next = new Set(
      [...ids].filter((id) => {
        const shape = this.canvas.get(id);
        return shape && !shape.draft; // a proposal is decided on, not edited
      }),
    );
    const now = this.selection.peek();
    if (next.size === now.size && [...next].every((id) => now.has(id))) return;
    this.selection.value = next;
  }

  /** Selects shapes together with their groups, as a click on them does. */
  pick(ids: Iterable<string>): void {
    this.select(withGroups(this.canvas, ids, this.inside.peek()));
  }

  /** Selected live shapes, lowest first. Reactive. */
  selected(): Shape[] {
    void this.version.value;
    const shapes = [...this.selection.value].flatMap((id) => this.canvas.get(id) ?? []);
    return shapes.sort(byOrder); // only these: a full board has thousands, and this is asked for at each redraw
  }

  /** Writes a gesture: one transaction, one step of undo. */
  commit(edits: readonly Edit[], tag: string | null = null): void {
    if (this.canWrite && edits.length) this.history.commit(edits, tag);
  }

  /** Makes a shape in the person's chosen style and returns its id. */
  create(fields: Partial<ShapeFields> & Pick<ShapeFields, 'type'>): string {
    const style = this.styles.get(fields.type) ?? {};
    const edit = this.canvas.fresh({ ...style, ...fields }, me.peek().id, Date.now());
    const adopted: Edit[] = [];
    if (fields.type === 'frame') {
      edit.fields.z = this.canvas.bottomZ();
      adopted.push(...this.#lyingIn(edit.fields as Box).map((id) => ({ id, fields: { parent: edit.id } })));
    } else if (fields.type !== 'connector') {
      const parent = this.frameAt(edit.fields as Box, edit.id);
      if (parent) edit.fields.parent = parent;
    }
    this.commit([edit, ...adopted]);
    return edit.id;
  }

  /** Shapes that a frame drawn around them takes in: those wholly inside that no other frame holds. */
  #lyingIn(frame: Box): string[] {
    const isFree = (s: Shape): boolean =>
      s.type !== 'frame' && s.type !== 'connector' && !s.parent && !s.locked && !s.draft;
    return this.canvas.shapes().flatMap((shape) => (isFree(shape) && contains(frame, bounds(shape)) ? shape.id : []));
  }

  /** The topmost frame that holds the middle of a box. */
  frameAt(box: Box, except: string, outside: ReadonlySet<string> = new Set()): string | null {
    const x = box.x + box.w / 2;
    const y = box.y + box.h / 2;
    const frames = this.canvas
      .shapes()
      .filter((s) => s.type === 'frame' && !s.draft && s.id !== except && !outside.has(s.id));
    const found = frames.filter((f) => x >= f.x && x <= f.x + f.w && y >= f.y && y <= f.y + f.h);
    return found.at(-1)?.id ?? null;
  }

  /** Where a shape is on the board now, live gestures included; a connector's is the box of its line. */
  place(id: string): Placement | null {
    return this.scene.place(id);
  }

  boundsOf(ids: Iterable<string>): Box | null {
    const boxes: Box[] = [];
    for (const id of ids) {
      const place = this.place(id);
      if (place) boxes.push(bounds(place));
    }
    return union(boxes);
  }

  zoomTo(ids: Iterable<string>): void {
    const box = this.boundsOf(ids);
    if (box) this.camera.fit(box, Math.max(1, this.camera.port.peek().zoom));
  }

  /** 100 %, about the middle of the view. */
  zoomFull(): void {
    this.camera.zoomBy(1 / this.camera.port.peek().zoom);
  }

  fit(): void {
    const all = this.canvas.shapes();
    const made = all.filter((shape) => !shape.draft);
    const box = this.boundsOf((made.length ? made : all).map((shape) => shape.id));
    if (box) this.camera.fit(box);
    else this.camera.fit({ x: -100, y: -100, w: 200, h: 200 });
  }

  label(id: string): string {
    return label(this.canvas, id);
  }
}
