/**
 * D8 by random histories: two people on replicas that meet now and then make, edit, nudge, relabel, group, connect and
 * remove shapes, undo and redo. `UNDO_HISTORIES=2000 npx vitest run test/undo-random.test.ts` is the long form,
 * `UNDO_SEED=n` runs one.
 */
import { expect, it } from 'vitest';
import * as Y from 'yjs';
import { Canvas, type Edit, type Shape, same } from '../src/canvas';
import { History } from '../src/history';

const HISTORIES = Number(process.env.UNDO_HISTORIES ?? 60);
const ONLY = process.env.UNDO_SEED;
const STEPS = 60;

/** mulberry32: small, and the same everywhere. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Everything stored, by shape and field: what an undo can touch. */
function stored(canvas: Canvas): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [id, shape] of canvas.doc.getMap<Y.Map<unknown>>('shapes')) {
    for (const [field, value] of shape) found.set(`${id} ${field}`, value ?? null);
  }
  return found;
}

const changed = (before: Map<string, unknown>, after: Map<string, unknown>): string[] =>
  [...after].filter(([key, value]) => !same(before.get(key), value)).map(([key]) => key);

class Player {
  readonly canvas: Canvas;
  readonly history: History;
  constructor(readonly doc: Y.Doc) {
    this.canvas = new Canvas(doc);
    this.history = new History(this.canvas);
  }

  readonly #values = new Map<string, Set<string>>();
  /** shapes that this person removed by hand */
  readonly removed = new Set<string>();

  /** Remembers what stands now in these places as written by this page. */
  note(keys: Iterable<string>): void {
    const now = stored(this.canvas);
    for (const key of keys) {
      const known = this.#values.get(key) ?? new Set();
      this.#values.set(key, known.add(JSON.stringify(now.get(key) ?? null)));
    }
  }

  /** Whether a value in a place is one that this page wrote there. */
  wrote(key: string, value: unknown): boolean {
    return this.#values.get(key)?.has(JSON.stringify(value ?? null)) ?? false;
  }
}

class Play {
  readonly players: readonly [Player, Player];
  readonly rng: () => number;

  constructor(seed: number) {
    this.rng = random(seed);
    const docs = [new Y.Doc(), new Y.Doc()] as const;
    docs.forEach((doc, i) => {
      doc.clientID = 2 ** 20 + i + 1;
    });
    this.players = [new Player(docs[0]), new Player(docs[1])];
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.rng() * from.length)]!;
  }

  #number(most: number): number {
    return Math.floor(this.rng() * most);
  }

  meet(): void {
    const [a, b] = this.players;
    Y.applyUpdate(b.doc, Y.encodeStateAsUpdate(a.doc, Y.encodeStateVector(b.doc)));
    Y.applyUpdate(a.doc, Y.encodeStateAsUpdate(b.doc, Y.encodeStateVector(a.doc)));
  }

  #fresh(canvas: Canvas): Edit[] {
    const shapes = canvas.shapes();
    const solid = shapes.filter((shape) => shape.type !== 'connector');
    const place = { x: this.#number(500), y: this.#number(500) };
    switch (this.#number(5)) {
      case 0:
        return [canvas.fresh({ type: 'frame', ...place, w: 400, h: 300, text: 'Frame' }, 'me', 1)];
      case 1: {
        const ends = { from: solid.length ? { id: this.#pick(solid).id } : place, to: { x: 1, y: this.#number(9) } };
        return [canvas.fresh({ type: 'connector', ...ends }, 'me', 1)];
      }
      case 2:
        return [canvas.fresh({ type: 'draw', ...place, points: [0, 0, this.#number(9), 5] }, 'me', 1)];
      case 3:
        return [1, 2, 3].map(() => canvas.fresh({ type: 'note', ...place, group: 'g1', text: 'three' }, 'me', 1));
      default:
        return [canvas.fresh({ type: 'rect', ...place, text: this.#pick(['', 'Login', 'Sync']) }, 'me', 1)];
    }
  }

  #fields(shape: Shape, canvas: Canvas): Edit['fields'] {
    const frames = canvas.shapes().filter((other) => other.type === 'frame');
    const other = this.#pick(canvas.shapes());
    switch (this.#number(9)) {
      case 0:
        return { x: this.#number(500), y: this.#number(500) };
      case 1:
        return { fill: this.#pick(['red', 'blue', 'green']), stroke: this.#pick(['red', 'blue', 'none']) };
      case 2:
        return { deleted: true };
      case 3:
        return { parent: frames.length ? this.#pick(frames).id : null };
      case 4:
        return { group: this.#pick([null, 'g1', 'g2']) };
      case 5:
        return { text: `${shape.text}${this.#number(10)}` };
      case 6:
        return shape.type === 'connector' ? { to: { id: other.id } } : { w: 10 + this.#number(90), rotation: 15 };
      case 7:
        return { z: this.rng() < 0.5 ? canvas.topZ() : canvas.bottomZ() };
      default:
        return { locked: this.rng() < 0.5, opacity: this.#number(10) / 10 };
    }
  }

  #edit(player: Player): void {
    const { canvas, history } = player;
    const live = canvas.shapes();
    if (!live.length || this.rng() < 0.25) {
      this.#commit(player, this.#fresh(canvas), null);
      return;
    }
    const chosen = new Set([this.#pick(live), this.#pick(live), this.#pick(live)].slice(0, 1 + this.#number(3)));
    const edits = [...chosen].map((shape) => ({ id: shape.id, fields: this.#fields(shape, canvas) }));
    const tag = this.#pick([null, null, null, 'text:1', 'nudge:1']);
    this.#commit(player, edits, tag);
    if (this.rng() < 0.2) history.seal();
  }

  #commit(player: Player, edits: Edit[], tag: string | null): void {
    const { changes, created } = player.history.commit(edits, tag);
    player.note(changes.map(({ id, field }) => `${id} ${field}`));
    for (const id of created) player.note([`${id} deleted`]); // its absence is this page's, too
    for (const { id, field } of changes) if (field === 'deleted') player.removed.add(id);
  }

  /** An undo or a redo: goes over values that this page wrote, and removes only what nobody else has changed. */
  #turn(player: Player, way: 'undo' | 'redo'): { touched: string[]; kept: Set<string> } {
    const before = stored(player.canvas);
    const report = player.history[way]();
    const after = stored(player.canvas);
    const touched = changed(before, after);
    expect(touched.length > 0).toBe((report?.restored ?? 0) > 0);
    for (const key of touched) {
      expect([way, key, before.get(key), player.wrote(key, before.get(key))]).toEqual([
        way,
        key,
        before.get(key),
        true,
      ]);
    }
    for (const id of touched.flatMap((key) => (key.endsWith(' deleted') ? key.split(' ')[0]! : []))) {
      if (after.get(`${id} deleted`) !== true || player.removed.has(id)) continue;
      const others = [...after].filter(([key, value]) => {
        const isField = key.startsWith(`${id} `) && !key.endsWith(' deleted') && value !== null;
        return isField && !player.wrote(key, value);
      });
      expect([way, 'removed', others]).toEqual([way, 'removed', []]);
    }
    player.note(touched);
    return { touched, kept: new Set(report?.kept.map(([id]) => id)) };
  }

  /** There and back again: the way back leads to where it was, but for what it says that it kept. */
  #back(player: Player, way: 'undo' | 'redo'): void {
    const before = stored(player.canvas);
    const { touched } = this.#turn(player, way);
    if (!touched.length) return;
    const there = stored(player.canvas);
    const { kept } = this.#turn(player, way === 'undo' ? 'redo' : 'undo');
    const back = stored(player.canvas);
    for (const key of touched) {
      if (kept.has(key.split(' ')[0]!)) return;
      expect([key, back.get(key) ?? null]).toEqual([key, before.get(key) ?? null]);
    }
    this.#turn(player, way);
    expect(changed(there, stored(player.canvas))).toEqual([]);
  }

  step(): void {
    const player = this.#pick(this.players);
    const chance = this.rng();
    if (chance < 0.5) this.#edit(player);
    else if (chance < 0.68) this.#back(player, 'undo');
    else if (chance < 0.8) this.#back(player, 'redo');
    else this.meet();
  }

  alone(player: Player): void {
    this.#edit(player);
  }

  end(): void {
    this.meet();
    const [a, b] = this.players;
    expect(a.canvas.shapes()).toEqual(b.canvas.shapes());
    for (const player of this.players) {
      while (player.history.canUndo.value) this.#turn(player, 'undo');
      this.meet();
    }
    expect(a.canvas.shapes()).toEqual(b.canvas.shapes());
  }
}

const seeds = ONLY === undefined ? Array.from({ length: HISTORIES }, (_, i) => i) : [Number(ONLY)];

it(`D8 undo and redo take back one's own and nothing else, in ${seeds.length} random histories of two people`, () => {
  for (const seed of seeds) {
    const play = new Play(seed);
    try {
      for (let i = 0; i < STEPS; i++) play.step();
      play.end();
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}, 600_000);

it('D8 everything undone and redone is what it was, one person alone', () => {
  for (const seed of seeds.slice(0, Math.ceil(seeds.length / 4))) {
    const play = new Play(seed);
    const [ann] = play.players;
    for (let i = 0; i < STEPS; i++) play.alone(ann);
    const end = ann.canvas.shapes();
    while (ann.history.canUndo.value) ann.history.undo();
    expect([seed, ann.canvas.shapes()]).toEqual([seed, []]);
    while (ann.history.canRedo.value) ann.history.redo();
    expect([seed, ann.canvas.shapes()]).toEqual([seed, end]);
  }
}, 600_000);
