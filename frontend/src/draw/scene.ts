/**
 * The shapes as SVG, driven by document events. Only what lies near the view has a node; everything else (places,
 * lines, order) comes from the model, so whoever asks need not know what is drawn just now.
 */
import { signal } from '@preact/signals';
import type { Camera } from '../camera';
import type { Canvas, Shape } from '../canvas';
import { oncePerFrame } from '../frames';
import {
  type Box,
  bounds,
  contains,
  type Line,
  type Placement,
  type Point,
  smoothPath,
  touches,
  union,
} from '../geometry';
import type { Player } from '../presence';
import { strokeOf } from './colour';
import { Links } from './links';
import { Live, type Override } from './live';
import { Nodes } from './nodes';
import { body, connectorBody, inkReach, placing } from './shape';
import { Stage } from './stage';
import { node } from './svg';
import { forgetWidths } from './text';

export { type Override, shifted } from './live';

/** What somebody proposes, or is about to make: a shape as it would be. */
export interface Ghost {
  shape: Shape;
  kind: 'change' | 'delete' | 'preview';
}

/** A shape older than this was not made just now, whatever the sync says. */
const JUST_MADE_MS = 10_000;
/** Boards with fewer shapes are drawn whole, and anew at each step of the camera: nothing is gained by less. */
const MANY = 300;
/** How far beyond the view shapes are drawn, in views: a pan shows them before it has to draw more. */
const MARGIN = 0.4;
/** What is drawn may be this many views wide; past that, nodes go. */
const MOST_DRAWN = 4;
/** Below it the usual words are under 3 px high, and laying them out is half of drawing a full board. */
const READABLE_ZOOM = 0.2;
/** Words on a connector reach at most this far from its line, px. */
const LABEL_REACH = 120;
/** What drawing more shapes may take of one frame: while the camera moves, and otherwise (the browser lays out all of
 * them after each part, so the first picture of 5 000 is there sooner in few parts). */
const MOVING_BUDGET_MS = 5;
const RESTING_BUDGET_MS = 200;

export class Scene {
  readonly root: HTMLElement;
  /** counts redraws: the overlay follows it */
  readonly version = signal(0);
  /** true once the first content is there: what comes later is news */
  isLive = false;

  readonly #stage: Stage;
  readonly #nodes = new Nodes();
  readonly #live: Live;
  readonly #links: Links;
  readonly #drafts = node('g', { class: 'drafts', 'aria-hidden': 'true' });
  readonly #proposals = node('g', { class: 'drafts', 'aria-hidden': 'true' });
  /** proposed shapes that the document lacks: connectors of a proposal end on them */
  #absent: ReadonlyMap<string, Shape> = new Map();
  /** what a shape covers, ink included, as far as it was asked for */
  readonly #covers = new Map<string, Box>();
  /** the part of the board whose shapes have nodes; null = all of it */
  #area: Box | null = null;
  #hasWords = true;
  /** shapes of that part that have no node yet, or not the one that they should have */
  readonly #waiting = new Set<string>();
  /** changed by others since the last frame, and which of these were made just now */
  readonly #dirty = new Set<string>();
  readonly #fresh = new Set<string>();
  #ghost: SVGGElement | null = null;

  constructor(
    readonly canvas: Canvas,
    readonly camera: Camera,
  ) {
    this.#live = new Live(canvas, (id) => this.#draw([id]));
    this.#links = new Links((id) => {
      const shape = canvas.find(id) ?? this.#absent.get(id);
      return shape && this.#live.over(shape);
    });
    const isFull = (): boolean => this.#nodes.size + this.#waiting.size > MANY;
    this.#stage = new Stage(camera, isFull, () => this.#look());
    this.root = this.#stage.root;
    this.#stage.world.append(this.#nodes.layer, this.#proposals, this.#drafts);
    canvas.onChange((ids, transaction) => {
      for (const id of ids) {
        this.#live.release(id);
        this.#dirty.add(id);
        if (this.isLive && !transaction.local && this.#isJustMade(id)) this.#fresh.add(id);
      }
      if (transaction.local) this.#drawDirty();
      else this.#drawSoon();
    });
    this.root.addEventListener('focusin', (event) => this.#focused(event));
    this.#draw(canvas.shapes().map((shape) => shape.id));
    // Words laid out before a font came are laid out anew. `fonts.ready` would not do: it may be kept before the first
    // word asks for a font, and each script's part of the font comes when it is first used.
    document.fonts?.addEventListener('loadingdone', () => {
      forgetWidths();
      this.redraw();
    });
  }

  readonly #drawSoon = oncePerFrame(() => this.#drawDirty());
  readonly #drawMore = oncePerFrame(() => this.#fill());

  /** Draws the shapes anew whose words break into other lines than before: a font came. */
  redraw(): void {
    const ids = this.#nodes.spoil();
    if (ids.length) this.#draw(ids);
  }

  /** The shape as it looks now, live gestures included. */
  look(id: string): Shape | undefined {
    const shape = this.canvas.get(id);
    return shape && this.#live.over(shape);
  }

  place(id: string): Placement | null {
    const shape = this.look(id);
    if (!shape) return null;
    if (shape.type !== 'connector') return shape;
    const line = this.#links.line(id);
    const box = line && union([point(line.start), point(line.end)]);
    return box ? { ...box, rotation: 0 } : null;
  }

  line(id: string): Line | undefined {
    return this.#links.line(id) ?? undefined;
  }

  // ---- live gestures

  /** This person's live gesture; empty ends it. */
  override(fields: ReadonlyMap<string, Override>): void {
    this.#draw(this.#live.mine(fields));
  }

  /** The shape whose words are in the text editor instead. */
  setEditing(id: string | null): void {
    this.#nodes.setEditing(id);
  }

  /** Other people's live gestures. */
  follow(players: readonly Player[]): void {
    this.#draw(this.#live.follow(players));
    const drafts = players.flatMap((player) => draft(player));
    if (drafts.length || this.#drafts.firstChild) this.#drafts.replaceChildren(...drafts);
  }

  /** Changes that are proposed and not yet made, and what the assistant is about to make, over the shapes. */
  propose(ghosts: readonly Ghost[]): void {
    this.#absent = new Map(ghosts.flatMap(({ shape }) => (this.canvas.find(shape.id) ? [] : [[shape.id, shape]])));
    this.#proposals.replaceChildren(...ghosts.flatMap((ghost) => this.#outline(ghost)));
  }

  #outline({ shape, kind }: Ghost): SVGElement[] {
    const group = node('g', { class: 'proposed', 'data-proposal': shape.id, 'data-kind': kind });
    const line = shape.type === 'connector' ? this.#links.between(shape) : null;
    if (shape.type === 'connector' && !line) return [];
    if (line) group.append(...connectorBody(shape, line));
    else {
      group.setAttribute('transform', placing(shape));
      const { w, h } = shape;
      if (kind === 'delete') group.append(node('path', { d: `M0 0L${w} ${h}M${w} 0L0 ${h}`, class: 'crossed' }));
      else group.append(...body(shape));
    }
    return [group];
  }

  /** A shape that this person is drawing and that is not in the document yet; null takes it away. */
  ghost(shape: Shape | null): void {
    this.#ghost?.remove();
    this.#ghost = null;
    if (!shape) return;
    const line = shape.type === 'connector' ? this.#links.between(shape) : null;
    if (shape.type === 'connector' && !line) return;
    const group = node('g', { class: 'ghost' });
    if (line) group.append(...connectorBody(shape, line));
    else {
      group.setAttribute('transform', placing(shape));
      group.append(...body(shape));
    }
    this.#ghost = group;
    this.#stage.world.append(group);
  }

  // ---- drawing

  #drawDirty(): void {
    if (!this.#dirty.size) return;
    const ids = [...this.#dirty];
    const fresh = [...this.#fresh].filter((id) => !this.#nodes.has(id));
    this.#dirty.clear();
    this.#fresh.clear();
    this.#draw(ids);
    for (const id of fresh) this.#greet(id);
  }

  #draw(ids: Iterable<string>): void {
    const wave = this.#links.touch(ids);
    if (!wave.size) return;
    const isCulled = this.canvas.shapes().length > MANY;
    for (const id of wave) {
      this.#covers.delete(id);
      const shape = this.look(id);
      if (!shape) {
        this.#nodes.remove(id);
        this.#waiting.delete(id);
      } else if (this.#nodes.has(id)) this.#update(shape);
      else if (this.#area ? touches(this.#area, this.#coverOf(shape)) : !isCulled) this.#waiting.add(id);
    }
    if (isCulled === (this.#area === null)) this.#cull();
    else this.#fill();
    this.version.value = this.version.peek() + 1;
  }

  #update(shape: Shape): void {
    const line = shape.type === 'connector' ? (this.#links.line(shape.id) ?? null) : null;
    this.#nodes.update(shape, this.canvas.get(shape.id) ?? shape, line, this.#hasWords);
  }

  /** The view moved: draws what came near. What went far away loses its node only when the camera is at rest. */
  #look(): void {
    const view = this.camera.view();
    const area = this.#area;
    const isCovered = area ? contains(area, view) : this.canvas.shapes().length <= MANY;
    const isTooMuch = area !== null && (area.w > view.w * MOST_DRAWN || this.#hasWords !== this.#isReadable());
    if (this.#stage.isFrozen ? isCovered : isCovered && !isTooMuch && !this.#stage.hasRested()) return;
    this.#cull();
  }

  /** Whether words are large enough on the screen to be worth drawing, on a full board. */
  #isReadable(): boolean {
    return this.canvas.shapes().length <= MANY || this.camera.port.peek().zoom >= READABLE_ZOOM;
  }

  /** Decides anew which shapes have nodes. */
  #cull(): void {
    const shapes = this.canvas.shapes();
    const view = this.camera.view();
    this.#area = shapes.length > MANY ? grown(view, MARGIN) : null;
    if (!this.#stage.isFrozen) this.#hasWords = this.#isReadable();
    this.#waiting.clear();
    const margin: string[] = [];
    const stay = this.#area ? this.#pinned(shapes) : new Set<string>();
    for (const shape of shapes) {
      const { id } = shape;
      const cover = this.#area && this.#coverOf(shape);
      const isWanted = !this.#area || !cover || touches(this.#area, cover) || stay.has(id);
      if (this.#nodes.has(id)) {
        if (!isWanted && !this.#stage.isFrozen) this.#nodes.remove(id);
        else if (this.#nodes.hasWords(id) !== this.#hasWords) margin.push(id);
      } else if (!isWanted) continue;
      else if (cover && !touches(view, cover)) margin.push(id);
      else this.#waiting.add(id);
    }
    for (const id of margin) this.#waiting.add(id); // after what is in sight
    this.#fill();
  }

  /** Draws what waits, as far as it fits into this frame; the rest in the next. */
  #fill(): void {
    const until = performance.now() + (this.#stage.isFrozen ? MOVING_BUDGET_MS : RESTING_BUDGET_MS);
    for (const id of this.#waiting) {
      this.#waiting.delete(id);
      const shape = this.look(id);
      if (shape) this.#update(shape);
      if (performance.now() > until) break;
    }
    this.#nodes.sort(this.canvas.shapes());
    if (this.#waiting.size) this.#drawMore();
  }

  /** What a shape covers as it looks now. */
  #coverOf(stored: Shape): Box {
    const known = this.#covers.get(stored.id);
    if (known) return known;
    const shape = this.#live.over(stored);
    const line = shape.type === 'connector' ? this.#links.line(shape.id) : null;
    // A curve stays inside the hull of its ends and the points it leaves and arrives from; so does an elbow.
    const hull = line ? [line.start, line.end, line.startFrom, line.endFrom].map(point) : [];
    const cover = shape.type === 'connector' ? grownBy(union(hull) ?? bounds(shape), LABEL_REACH) : inkReach(shape);
    this.#covers.set(stored.id, cover);
    return cover;
  }

  // ---- the keyboard

  /** Shapes that keep their nodes out of sight: those that Tab reaches next, from outside and from where the focus is. */
  #pinned(shapes: readonly Shape[]): Set<string> {
    const found = new Set([shapes[0]!.id, shapes.at(-1)!.id]);
    const focus = document.activeElement?.closest<SVGElement>('[data-shape-id]')?.dataset.shapeId;
    const at = focus === undefined ? -1 : shapes.findIndex((shape) => shape.id === focus);
    if (at >= 0) for (const shape of shapes.slice(Math.max(0, at - 1), at + 2)) found.add(shape.id);
    return found;
  }

  /** The neighbours of the shape in focus get nodes before the next Tab, and the view goes to where it is. */
  #focused(event: FocusEvent): void {
    const target = event.target instanceof Element ? event.target : null;
    const id = target?.closest<SVGElement>('[data-shape-id]')?.dataset.shapeId;
    const stored = id ? this.canvas.get(id) : undefined;
    if (!stored || !this.#area) return;
    this.#cull();
    const cover = this.#coverOf(stored);
    const view = this.camera.view();
    if (touches(view, cover) || !target?.matches(':focus-visible')) return;
    const { zoom } = this.camera.port.peek();
    this.camera.set({ x: cover.x + cover.w / 2 - view.w / 2, y: cover.y + cover.h / 2 - view.h / 2, zoom });
  }

  // ---- what the assistant made

  #isJustMade(id: string): boolean {
    const shape = this.canvas.get(id);
    return Boolean(shape?.run) && !this.#nodes.has(id) && Math.abs(Date.now() - shape!.at) < JUST_MADE_MS;
  }

  /** Fades it in with a glow; a later change of its look ends that. */
  #greet(id: string): void {
    const group = this.#nodes.group(id);
    group?.classList.add('made');
    group?.addEventListener('animationend', (event) => {
      if (event.animationName === 'halo') group.classList.remove('made');
    });
  }
}

const point = ({ x, y }: Point): Box => ({ x, y, w: 0, h: 0 });
const grownBy = ({ x, y, w, h }: Box, by: number): Box => ({ x: x - by, y: y - by, w: w + 2 * by, h: h + 2 * by });
const grown = ({ x, y, w, h }: Box, share: number): Box => ({
  x: x - w * share,
  y: y - h * share,
  w: w * (1 + 2 * share),
  h: h * (1 + 2 * share),
});

/** A line that somebody else is drawing. */
function draft(player: Player): SVGElement[] {
  if (player.isMe || !player.drawing) return [];
  const { x, y, points, stroke } = player.drawing;
  const attributes = { transform: `translate(${x} ${y})`, class: 'draft-line', stroke: strokeOf(stroke) };
  return [node('path', { d: smoothPath(points), ...attributes })];
}
