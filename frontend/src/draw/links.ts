/** Which connectors end on which shapes, and their lines. Lines are made when somebody asks, not when they change. */
import type { Shape } from '../canvas';
import type { End } from '../canvas.gen';
import { connect, type EndPlace, type Line } from '../geometry';

export class Links {
  /** shape -> connectors that end on it */
  readonly #ends = new Map<string, Set<string>>();
  /** connector -> the shapes that it ends on */
  readonly #bound = new Map<string, readonly string[]>();
  readonly #lines = new Map<string, Line | null>();

  constructor(
    /** A shape as it looks now, tombstones included: connectors keep to where a removed shape last was. */
    readonly look: (id: string) => Shape | undefined,
  ) {}

  /** These shapes changed, or look different now; returns them together with the connectors that end on them. */
  touch(ids: Iterable<string>): Set<string> {
    const wave = new Set(ids);
    for (const id of [...wave]) for (const connector of this.#ends.get(id) ?? []) wave.add(connector);
    for (const id of wave) {
      this.#lines.delete(id);
      this.#index(id);
    }
    return wave;
  }

  /** The line of a connector; null when an end is missing, undefined when it is no connector. */
  line(id: string): Line | null | undefined {
    const known = this.#lines.get(id);
    if (known !== undefined) return known;
    const shape = this.look(id);
    if (shape?.type !== 'connector' || shape.deleted) return undefined;
    const line = this.between(shape);
    this.#lines.set(id, line);
    return line;
  }

  /** The line between the ends of a connector that need not be on the board yet. */
  between(shape: Shape): Line | null {
    const from = this.#end(shape.from);
    const to = this.#end(shape.to);
    return from && to ? connect(from, to, shape.route) : null;
  }

  #index(id: string): void {
    for (const end of this.#bound.get(id) ?? []) this.#ends.get(end)?.delete(id);
    this.#bound.delete(id);
    const shape = this.look(id);
    if (shape?.type !== 'connector' || shape.deleted) return;
    const bound = [shape.from, shape.to].flatMap((end) => (end?.id === undefined ? [] : [end.id]));
    this.#bound.set(id, bound);
    for (const end of bound) this.#ends.set(end, (this.#ends.get(end) ?? new Set()).add(id));
  }

  #end(end: End | null): EndPlace | null {
    if (!end) return null;
    if (end.id === undefined) return { at: { x: end.x ?? 0, y: end.y ?? 0 } };
    const shape = this.look(end.id);
    if (!shape || shape.type === 'connector') return null;
    return { type: shape.type, place: shape, anchor: end.anchor ?? 'auto' };
  }
}
