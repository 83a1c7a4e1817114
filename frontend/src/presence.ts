/**
 * Presence both ways: this person's awareness state, thinned, and everybody else's, read tolerantly (a state is what
 * another client wrote: any field may be missing or wrong).
 */
import { type ReadonlySignal, signal } from '@preact/signals';
import type { Awareness } from 'y-protocols/awareness';
import type { AgentPresence, Presence as Peer, Person, View } from './board';
import { same } from './canvas';
import { MAX_COORDINATE } from './canvas.gen';
import { oncePerFrame } from './frames';
import type { Box, Placement, Point } from './geometry';
import { colourOf } from './me';

/** 25 a second: smooth with an 80 ms glide, and well under the server's 60 a second. */
const SEND_EVERY_MS = 40;
/** A state over 8 KiB is refused by the server; a live line is thinned to this many numbers. */
const LIVE_POINTS = 400;
/** More shapes than this in one gesture are sent as a shift only. */
export const LIVE_BOXES = 40;

/** A live gesture for others to draw; the document gets it at pointer-up. */
export type Drag =
  | { ids: readonly string[]; dx: number; dy: number }
  | { id: string; x: number; y: number; w: number; h: number; rotation: number }
  | { boxes: Record<string, Placement> };

export interface Typing {
  id: string;
  text: string;
}
export interface Drawing {
  points: readonly number[];
  x: number;
  y: number;
  stroke: string;
}

/** A peer with what only the scene needs. */
export interface Player extends Peer {
  cursor: Point | null;
  view: View | null;
  drag: Drag | null;
  typing: Typing | null;
  drawing: Drawing | null;
}

interface MyState {
  user: Person;
  cursor: Point | null;
  selection: readonly string[];
  dragging?: readonly string[];
  drag: Drag | null;
  typing: Typing | null;
  drawing: Drawing | null;
  view: Box | null;
}

/** Farther than from one end of the board to the other nobody drags, and sums of such numbers stay numbers. */
const FAR = 4 * MAX_COORDINATE;
const finite = (value: unknown): value is number => typeof value === 'number' && Math.abs(value) <= FAR;
const record = (value: unknown): Record<string, unknown> | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
const words = (value: unknown, otherwise = ''): string => (typeof value === 'string' ? value : otherwise);

function point(value: unknown): Point | null {
  const found = record(value);
  return found && finite(found.x) && finite(found.y) ? { x: found.x, y: found.y } : null;
}

function view(value: unknown): View | null {
  const found = record(value);
  const at = point(value);
  return found && at && finite(found.w) && finite(found.h) ? { ...at, w: found.w, h: found.h } : null;
}

function placement(value: unknown): Placement | null {
  const box = view(value);
  const rotation = record(value)?.rotation;
  return box && box.w > 0 && box.h > 0 ? { ...box, rotation: finite(rotation) ? rotation : 0 } : null;
}

function drag(value: unknown): Drag | null {
  const found = record(value);
  if (!found) return null;
  if (finite(found.dx) && finite(found.dy)) return { ids: strings(found.ids), dx: found.dx, dy: found.dy };
  const boxes = record(found.boxes);
  if (boxes) {
    const read = Object.entries(boxes).map(([id, box]) => [id, placement(box)] as const);
    return { boxes: Object.fromEntries(read.filter((entry): entry is [string, Placement] => entry[1] !== null)) };
  }
  const place = placement(value);
  return place && typeof found.id === 'string' ? { id: found.id, ...place } : null;
}

function typing(value: unknown): Typing | null {
  const found = record(value);
  return found && typeof found.id === 'string' ? { id: found.id, text: words(found.text) } : null;
}

function drawing(value: unknown): Drawing | null {
  const found = record(value);
  const at = point(value);
  if (!found || !at || !Array.isArray(found.points) || !found.points.every(finite)) return null;
  return { ...at, points: found.points, stroke: words(found.stroke, 'black') };
}

const STATUSES: readonly string[] = ['idle', 'thinking', 'working', 'waiting'];

function agent(value: unknown): AgentPresence | null {
  const found = record(value);
  if (!found) return null;
  return {
    status: (STATUSES.includes(found.status as string) ? found.status : 'idle') as AgentPresence['status'],
    run: typeof found.run === 'string' ? found.run : null,
    targets: strings(found.targets),
    note: words(found.note),
    text: words(found.text),
    model: words(found.model),
    demo: found.demo === true,
  };
}

/** A peer's state, or null when it does not say who it is. */
export function readState(clientId: number, isMe: boolean, value: unknown): Player | null {
  const state = record(value);
  const user = record(state?.user);
  if (!state || !user) return null;
  const kind = user.kind === 'agent' ? 'agent' : 'human';
  const id = words(user.id, String(clientId));
  const colour = words(user.color);
  return {
    clientId,
    isMe,
    user: {
      id,
      kind,
      name: words(user.name, 'Somebody').slice(0, 60),
      color: /^#[0-9a-fA-F]{6}$/.test(colour) ? colour : colourOf(id),
    },
    cursor: point(state.cursor),
    selection: strings(state.selection),
    dragging: strings(state.dragging),
    view: view(state.view),
    agent: kind === 'agent' ? agent(state.agent ?? {}) : null,
    drag: drag(state.drag),
    typing: typing(state.typing),
    drawing: drawing(state.drawing),
  };
}

/** What a list of people shows; the rest changes 25 times a second. */
const lasting = ({ clientId, user, agent, selection, dragging }: Player) => ({
  clientId,
  user,
  agent,
  selection,
  dragging,
});

const rank = (player: Player): number => (player.user.kind === 'agent' ? 0 : player.isMe ? 2 : 1);

export class Presence {
  /** everybody: assistants first, oneself last */
  readonly players: ReadonlySignal<readonly Player[]>;
  /** the same, but silent while only cursors, views and live gestures move: for lists of people */
  readonly here: ReadonlySignal<readonly Player[]>;
  readonly #players = signal<readonly Player[]>([]);
  readonly #here = signal<readonly Player[]>([]);
  /** what was read of each state: only those that changed are read again */
  #known = new Map<number, { state: unknown; player: Player | null }>();
  #state: MyState;
  #sentAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly awareness: Awareness,
    user: Person,
  ) {
    this.players = this.#players;
    this.here = this.#here;
    this.#state = { user, cursor: null, selection: [], drag: null, typing: null, drawing: null, view: null };
    awareness.setLocalState(this.#state);
    const readSoon = oncePerFrame(() => this.#read());
    awareness.on('change', (_changes: unknown, origin: unknown) => {
      // Twenty people who move are 500 messages a second.
      if (origin === 'local') this.#read();
      else readSoon();
    });
    this.#read();
    addEventListener('pagehide', () => awareness.setLocalState(null));
    addEventListener('pageshow', (event) => {
      if (event.persisted) this.flush();
    });
  }

  #read(): void {
    const mine = this.awareness.clientID;
    const known = this.#known;
    this.#known = new Map();
    for (const [id, state] of this.awareness.getStates()) {
      const before = known.get(id);
      const player = before?.state === state ? before.player : readState(id, id === mine, state);
      this.#known.set(id, { state, player });
    }
    const players = [...this.#known.values()].flatMap(({ player }) => player ?? []);
    players.sort((a, b) => rank(a) - rank(b) || a.clientId - b.clientId);
    this.#players.value = players;
    if (!same(players.map(lasting), this.#here.peek().map(lasting))) this.#here.value = players;
  }

  /** Changes this person's state; it goes out within 40 ms. */
  set(fields: Partial<Omit<MyState, 'dragging'>> & { dragging?: readonly string[] | undefined }): void {
    const { dragging, ...rest } = fields;
    const state: MyState = { ...this.#state, ...rest };
    if ('dragging' in fields) {
      if (dragging?.length) state.dragging = dragging;
      else delete state.dragging;
    }
    this.#state = state;
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#sentAt + SEND_EVERY_MS - performance.now());
    if (wait) this.#timer = setTimeout(() => this.flush(), wait);
    else this.flush();
  }

  /** Sends now: a gesture that ends must not trail its own document change. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sentAt = performance.now();
    this.awareness.setLocalState({ ...this.#state });
  }
}

/** A live line thinned so that its state stays small. */
export function thin(points: readonly number[]): number[] {
  const every = Math.ceil(points.length / LIVE_POINTS);
  if (every <= 1) return [...points];
  const kept: number[] = [];
  for (let i = 0; i + 1 < points.length; i += 2 * every) kept.push(points[i]!, points[i + 1]!);
  kept.push(...points.slice(-2));
  return kept;
}
