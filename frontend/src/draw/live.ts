/** Live gestures, one's own and other people's: they lie over the document as overrides until the document has them. */
import type { Canvas, Shape } from '../canvas';
import type { End, ShapeFields } from '../canvas.gen';
import type { Drag, Player } from '../presence';

/** Fields of a shape as they look while a gesture goes on. */
export type Override = Partial<ShapeFields>;

/** The document change comes after the durable write, the end of the drag does not wait: hold the picture meanwhile. */
const HOLD_MS = 600;

/** What a shift of a shape writes: its place, or the free ends of a connector. */
export function shifted(shape: Shape, dx: number, dy: number): Override {
  if (shape.type !== 'connector') return { x: shape.x + dx, y: shape.y + dy };
  const end = (e: End | null): End | null => (e && e.id === undefined ? { x: (e.x ?? 0) + dx, y: (e.y ?? 0) + dy } : e);
  return { from: end(shape.from), to: end(shape.to) };
}

export class Live {
  #mine: ReadonlyMap<string, Override> = new Map();
  #theirs = new Map<string, Override>();
  readonly #held = new Map<string, { fields: Override; timer: ReturnType<typeof setTimeout> }>();
  /** changed in the document since gestures were last looked at: how theirs ended is known */
  readonly #settled = new Set<string>();
  /** where a shape lay when somebody's drag began, by client */
  readonly #bases = new Map<number, Map<string, Shape>>();

  constructor(
    readonly canvas: Canvas,
    /** Called when the picture of a shape is held no longer. */
    readonly onRelease: (id: string) => void,
  ) {}

  /** A stored shape as it looks now: the same object when nothing lies over it. */
  over(shape: Shape): Shape {
    const held = this.#held.get(shape.id)?.fields;
    const theirs = this.#theirs.get(shape.id);
    const mine = this.#mine.get(shape.id);
    return held || theirs || mine ? { ...shape, ...held, ...theirs, ...mine } : shape;
  }

  /** This person's gesture; empty ends it. Returns whose look changes. */
  mine(fields: ReadonlyMap<string, Override>): Set<string> {
    const ids = new Set([...this.#mine.keys(), ...fields.keys()]);
    this.#mine = fields;
    return ids;
  }

  /** Other people's gestures. Returns whose look changes. */
  follow(players: readonly Player[]): Set<string> {
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
    for (const [id, fields] of before) if (!next.has(id) && !this.#settled.has(id)) this.#hold(id, fields);
    this.#settled.clear();
    return new Set([...before.keys(), ...next.keys()]);
  }

  /** The document has a shape's change: nothing is held for it any more. */
  release(id: string): void {
    this.#settled.add(id);
    this.#drop(id);
  }

  #drop(id: string): void {
    clearTimeout(this.#held.get(id)?.timer);
    this.#held.delete(id);
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
    this.#drop(id);
    const timer = setTimeout(() => {
      this.#held.delete(id);
      this.onRelease(id);
    }, HOLD_MS);
    this.#held.set(id, { fields, timer });
  }
}
