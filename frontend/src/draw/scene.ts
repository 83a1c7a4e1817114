/**
 * The shapes as SVG: one keyed node a shape, driven by document events. Live gestures (one's own and other people's)
 * lie over the document as overrides until the document has them.
 */
import { signal } from '@preact/signals';
import type { Camera } from '../camera';
import type { Canvas, Shape } from '../canvas';
import type { End, ShapeFields } from '../canvas.gen';
import { connect, type EndPlace, type Line, type Placement, smoothPath } from '../geometry';
import { TYPE_WORDS } from '../history';
import type { Drag, Player } from '../presence';
import { strokeOf } from './colour';
import { body, connectorBody, lookOf } from './shape';
import { node, set } from './svg';
import { forgetWidths } from './text';

/** Fields of a shape as they look while a gesture goes on. */
export type Override = Partial<ShapeFields>;

/** The document change comes after the durable write, the end of the drag does not wait: hold the picture meanwhile. */
const HOLD_MS = 600;
/** A shape older than this was not made just now, whatever the sync says. */
const JUST_MADE_MS = 10_000;

/** What a shift of a shape writes: its place, or the free ends of a connector. */
export function shifted(shape: Shape, dx: number, dy: number): Override {
  if (shape.type !== 'connector') return { x: shape.x + dx, y: shape.y + dy };
  const end = (e: End | null): End | null => (e && e.id === undefined ? { x: (e.x ?? 0) + dx, y: (e.y ?? 0) + dy } : e);
  return { from: end(shape.from), to: end(shape.to) };
}

export class Scene {
  readonly root = node('svg', { class: 'scene', role: 'group', 'aria-label': 'Shapes' });
  /** counts redraws: the overlay follows it */
  readonly version = signal(0);
  /** true once the first content is there: what comes later is news */
  isLive = false;

  readonly #world = node('g', { class: 'world' });
  readonly #layer = node('g');
  readonly #drafts = node('g', { class: 'drafts', 'aria-hidden': 'true' });
  readonly #nodes = new Map<string, { group: SVGGElement; look: string; isConnector: boolean }>();
  readonly #lines = new Map<string, Line>();
  /** shape -> connectors that end on it */
  readonly #ends = new Map<string, Set<string>>();
  #mine: ReadonlyMap<string, Override> = new Map();
  #theirs = new Map<string, Override>();
  readonly #held = new Map<string, { fields: Override; timer: ReturnType<typeof setTimeout> }>();
  /** where a shape lay when somebody's drag began, by client */
  readonly #bases = new Map<number, Map<string, Shape>>();
  #editing: string | null = null;
  #ghost: SVGGElement | null = null;

  constructor(
    readonly canvas: Canvas,
    camera: Camera,
  ) {
    this.#world.append(this.#layer, this.#drafts);
    this.root.append(this.#world);
    camera.port.subscribe(({ x, y, zoom }) => {
      this.#world.setAttribute('transform', `scale(${zoom}) translate(${-x} ${-y})`);
    });
    canvas.onChange((ids, transaction) => {
      for (const id of ids) this.#release(id);
      const fresh = this.isLive && !transaction.local ? this.#justMade(ids) : [];
      this.#draw(ids);
      for (const id of fresh) this.#show(id);
    });
    this.#draw(canvas.shapes().map((shape) => shape.id));
    void document.fonts?.ready.then(() => {
      forgetWidths();
      this.redraw();
    });
  }

  /** Draws every shape anew (a font came). */
  redraw(): void {
    for (const entry of this.#nodes.values()) entry.look = '';
    this.#draw([...this.#nodes.keys()]);
  }

  /** The shape as it looks now, live gestures included. */
  look(id: string): Shape | undefined {
    const shape = this.canvas.get(id);
    return shape && this.#overlaid(shape);
  }

  place(id: string): Placement | null {
    const shape = this.look(id);
    if (!shape) return null;
    if (shape.type !== 'connector') return shape;
    const line = this.#lines.get(id);
    if (!line) return null;
    const { start, end } = line;
    const x = Math.min(start.x, end.x);
    const y = Math.min(start.y, end.y);
    return { x, y, w: Math.abs(start.x - end.x), h: Math.abs(start.y - end.y), rotation: 0 };
  }

  line(id: string): Line | undefined {
    return this.#lines.get(id);
  }

  // ---- overrides

  /** This person's live gesture; empty ends it. */
  override(fields: ReadonlyMap<string, Override>): void {
    const ids = new Set([...this.#mine.keys(), ...fields.keys()]);
    this.#mine = fields;
    this.#draw(ids);
  }

  /** The shape whose words are in the text editor instead. */
  setEditing(id: string | null): void {
    const before = this.#editing;
    this.#editing = id;
    for (const each of [before, id]) if (each) this.#nodes.get(each)?.group.classList.toggle('editing', each === id);
  }

  /** Other people's live gestures. */
  follow(players: readonly Player[]): void {
    const next = new Map<string, Override>();
    const lay = (id: string, fields: Override) => next.set(id, { ...next.get(id), ...fields });
    for (const player of players) {
      if (player.isMe) continue;
      if (player.drag) this.#lay(player.clientId, player.drag, lay);
      else this.#bases.delete(player.clientId);
      if (player.typing) lay(player.typing.id, { text: player.typing.text });
    }
    const here = new Set(players.map((player) => player.clientId));
    for (const id of this.#bases.keys()) if (!here.has(id)) this.#bases.delete(id);
    const before = this.#theirs;
    this.#theirs = next;
    for (const [id, fields] of before) if (!next.has(id)) this.#hold(id, fields);
    this.#draw(new Set([...before.keys(), ...next.keys()]));
    this.#drafts.replaceChildren(...players.flatMap((player) => this.#draft(player)));
  }

  #lay(client: number, drag: Drag, lay: (id: string, fields: Override) => void): void {
    if ('boxes' in drag) {
      for (const [id, box] of Object.entries(drag.boxes)) lay(id, box);
    } else if ('id' in drag) {
      const { id, ...place } = drag;
      lay(id, place);
    } else {
      // A shift is told from where the shape lay when it began: the document may get it before the drag is over.
      const bases = this.#bases.get(client) ?? new Map<string, Shape>();
      this.#bases.set(client, bases);
      for (const id of drag.ids) {
        const base = bases.get(id) ?? this.canvas.get(id);
        if (!base) continue;
        bases.set(id, base);
        lay(id, shifted(base, drag.dx, drag.dy));
      }
    }
  }

  #hold(id: string, fields: Override): void {
    this.#release(id);
    const timer = setTimeout(() => {
      this.#held.delete(id);
      this.#draw([id]);
    }, HOLD_MS);
    this.#held.set(id, { fields, timer });
  }

  #release(id: string): void {
    clearTimeout(this.#held.get(id)?.timer);
    this.#held.delete(id);
  }

  #overlaid(shape: Shape): Shape {
    const held = this.#held.get(shape.id)?.fields;
    const theirs = this.#theirs.get(shape.id);
    const mine = this.#mine.get(shape.id);
    return held || theirs || mine ? { ...shape, ...held, ...theirs, ...mine } : shape;
  }

  #draft(player: Player): SVGElement[] {
    if (player.isMe || !player.drawing) return [];
    const { x, y, points, stroke } = player.drawing;
    const attributes = { transform: `translate(${x} ${y})`, class: 'draft-line', stroke: strokeOf(stroke) };
    return [node('path', { d: smoothPath(points), ...attributes })];
  }

  /** A shape that this person is drawing and that is not in the document yet; null takes it away. */
  ghost(shape: Shape | null): void {
    this.#ghost?.remove();
    this.#ghost = null;
    if (!shape) return;
    const isConnector = shape.type === 'connector';
    const from = isConnector ? this.#end('', shape.from) : null;
    const to = isConnector ? this.#end('', shape.to) : null;
    if (isConnector && !(from && to)) return;
    const group = node('g', { class: 'ghost' });
    if (from && to) group.append(...connectorBody(shape, connect(from, to, shape.route)));
    else {
      group.setAttribute('transform', placing(shape));
      group.append(...body(shape));
    }
    this.#ghost = group;
    this.#world.append(group);
  }

  // ---- nodes

  #draw(ids: Iterable<string>): void {
    const wave = new Set(ids);
    if (!wave.size) return;
    let isOrderStale = false;
    for (const id of [...wave]) for (const connector of this.#ends.get(id) ?? []) wave.add(connector);
    // Connectors last: they ask where the others are.
    const shapes = [...wave].map((id) => [id, this.look(id)] as const);
    shapes.sort((a, b) => Number(a[1]?.type === 'connector') - Number(b[1]?.type === 'connector'));
    for (const [id, shape] of shapes) {
      if (!shape) {
        this.remove(id);
        continue;
      }
      isOrderStale ||= !this.#nodes.has(id) || this.#nodes.get(id)?.group.dataset.z !== shape.z;
      this.update(shape);
    }
    if (isOrderStale) this.#sort();
    this.version.value = this.version.peek() + 1;
  }

  mount(shape: Shape): SVGGElement {
    const group = node('g', { class: 'shape', 'data-shape-id': shape.id, role: 'img', tabindex: 0 });
    this.#nodes.set(shape.id, { group, look: '', isConnector: shape.type === 'connector' });
    this.#layer.append(group);
    return group;
  }

  update(shape: Shape): void {
    const group = this.#nodes.get(shape.id)?.group ?? this.mount(shape);
    const entry = this.#nodes.get(shape.id)!;
    const stored = this.canvas.get(shape.id) ?? shape;
    const isConnector = shape.type === 'connector';
    const line = isConnector ? this.#route(shape) : null;
    const look = line ? `${lookOf(shape)}${line.path}${shape.start_head}${shape.end_head}` : lookOf(shape);
    if (line) group.removeAttribute('transform');
    else group.setAttribute('transform', placing(shape));
    set(group, { 'data-type': shape.type, 'data-z': shape.z, opacity: shape.opacity });
    set(group, isConnector ? {} : { 'data-x': stored.x, 'data-y': stored.y, 'data-w': stored.w, 'data-h': stored.h });
    set(group, { 'data-fill': stored.fill, 'data-stroke': stored.stroke });
    if (look === entry.look) return;
    entry.look = look;
    const inner = node('g', { class: 'body' });
    inner.append(...(isConnector ? (line ? connectorBody(shape, line) : []) : body(shape)));
    group.replaceChildren(inner);
    group.classList.remove('made');
    group.setAttribute('aria-label', describe(shape));
    group.classList.toggle('editing', this.#editing === shape.id);
  }

  /** True when there was such a node. */
  remove(id: string): boolean {
    const entry = this.#nodes.get(id);
    if (!entry) return false;
    entry.group.remove();
    this.#nodes.delete(id);
    this.#lines.delete(id);
    if (entry.isConnector) for (const connectors of this.#ends.values()) connectors.delete(id);
    return true;
  }

  #sort(): void {
    let next = this.#layer.firstChild;
    for (const shape of this.canvas.shapes()) {
      const group = this.#nodes.get(shape.id)?.group;
      if (!group) continue;
      if (group === next) next = next.nextSibling;
      else this.#layer.insertBefore(group, next);
    }
  }

  #route(shape: Shape): Line | null {
    for (const connectors of this.#ends.values()) connectors.delete(shape.id);
    const from = this.#end(shape.id, shape.from);
    const to = this.#end(shape.id, shape.to);
    if (!from || !to) {
      this.#lines.delete(shape.id);
      return null;
    }
    const line = connect(from, to, shape.route);
    this.#lines.set(shape.id, line);
    return line;
  }

  #end(connector: string, end: End | null): EndPlace | null {
    if (!end) return null;
    if (end.id === undefined) return { at: { x: end.x ?? 0, y: end.y ?? 0 } };
    if (connector) this.#ends.set(end.id, (this.#ends.get(end.id) ?? new Set()).add(connector));
    // A removed shape keeps its connectors where it last was: it may come back by undo.
    const shape = this.canvas.find(end.id);
    if (!shape || shape.type === 'connector') return null;
    return { type: shape.type, place: this.#overlaid(shape), anchor: end.anchor ?? 'auto' };
  }

  // ---- what the assistant made

  #justMade(ids: Iterable<string>): string[] {
    const now = Date.now();
    return [...ids].filter((id) => {
      const shape = this.canvas.get(id);
      return shape?.run && !this.#nodes.has(id) && Math.abs(now - shape.at) < JUST_MADE_MS;
    });
  }

  /** Fades it in with a glow; a later change of its look ends that. */
  #show(id: string): void {
    const group = this.#nodes.get(id)?.group;
    group?.classList.add('made');
    group?.addEventListener('animationend', (event) => {
      if (event.animationName === 'halo') group.classList.remove('made');
    });
  }
}

function placing(shape: Shape): string {
  const move = `translate(${shape.x} ${shape.y})`;
  return shape.rotation ? `${move} rotate(${shape.rotation} ${shape.w / 2} ${shape.h / 2})` : move;
}

/** "Rectangle: Sync server", for screen readers. */
function describe(shape: Shape): string {
  const words = shape.text.trim();
  return words ? `${TYPE_WORDS[shape.type]}: ${words}` : TYPE_WORDS[shape.type];
}
