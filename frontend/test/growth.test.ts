/**
 * How a document grows: three people draw on replicas that meet now and then, through the board's own write and undo
 * code, and what is left is compared with the same shapes written once. `GROWTH_GESTURES=10000 npx vitest run
 * test/growth.test.ts` is an hour of drawing; benchmarks/growth.py prints its figures.
 */
import { expect, it } from 'vitest';
import * as Y from 'yjs';
import { Canvas, type Shape } from '../src/canvas';
import { History } from '../src/history';

const GESTURES = Number(process.env.GROWTH_GESTURES ?? 600);
const MOST = 2.5;
const WORDS = 'plan the login server queue cache of user data and send it to the next step when done'.split(' ');
const COLOURS = ['slate', 'red', 'blue', 'green', 'yellow', 'violet'];

let state = 7;
/** The same numbers everywhere (a linear congruence of Numerical Recipes). */
function chance(): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}
const upTo = (most: number): number => Math.floor(chance() * most);
const pick = <T>(from: readonly T[]): T => from[upTo(from.length)]!;

class Person {
  readonly doc = new Y.Doc();
  readonly canvas = new Canvas(this.doc);
  readonly history = new History(this.canvas);

  /** updates that the others have not seen */
  readonly outbox: Uint8Array[] = [];

  constructor(readonly name: string) {
    this.doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== 'link') this.outbox.push(update);
    });
  }

  #create(): void {
    const place = { x: upTo(4000), y: upTo(3000) };
    const kind = chance();
    const shapes = this.canvas.shapes();
    const at = 1_790_000_000_000 + upTo(3_600_000);
    if (kind < 0.15) {
      const points = Array.from({ length: 40 }, (_, i) => [i * 4, upTo(60)]).flat();
      this.history.commit([this.canvas.fresh({ type: 'draw', ...place, w: 160, h: 60, points }, this.name, at)]);
    } else if (kind < 0.35 && shapes.length > 2) {
      const ends = { from: { id: pick(shapes).id }, to: { id: pick(shapes).id } };
      this.history.commit([this.canvas.fresh({ type: 'connector', ...ends }, this.name, at)]);
    } else {
      const type = pick(['rect', 'ellipse', 'note', 'diamond', 'text'] as const);
      this.history.commit([this.canvas.fresh({ type, ...place, w: 160, h: 90 }, this.name, at)]);
    }
  }

  /** A label is written while it is typed, once a second. */
  #type(shape: Shape): void {
    let text = shape.text && chance() < 0.5 ? `${shape.text} ` : '';
    for (let second = 1 + upTo(3); second > 0; second--) {
      text += `${pick(WORDS)} ${pick(WORDS)} `;
      this.history.commit([{ id: shape.id, fields: { text: text.trim().slice(0, 200) } }], `text:${shape.id}`);
    }
    this.history.seal();
  }

  gesture(): void {
    const { canvas, history } = this;
    const shapes = canvas.shapes();
    const what = chance();
    if (!shapes.length || what < 0.16) {
      this.#create();
      return;
    }
    const shape = pick(shapes);
    const { id } = shape;
    if (what < 0.5) {
      const moved = [shape, ...(chance() < 0.2 ? [pick(shapes), pick(shapes)] : [])];
      const [dx, dy] = [upTo(400) - 200, upTo(400) - 200];
      history.commit(moved.map((each) => ({ id: each.id, fields: { x: each.x + dx, y: each.y + dy } })));
    } else if (what < 0.6) history.commit([{ id, fields: { w: 40 + upTo(300), h: 40 + upTo(200) } }]);
    else if (what < 0.7) history.commit([{ id, fields: { fill: pick(COLOURS), stroke: pick(COLOURS) } }]);
    else if (what < 0.82) this.#type(shape);
    else if (what < 0.87) history.commit([{ id, fields: { deleted: true } }]);
    else if (what < 0.9) history.commit([{ id, fields: { z: canvas.topZ() } }]);
    else if (what < 0.96) history.undo();
    else history.redo();
  }
}

/** What each has written reaches the others. */
function meet(people: readonly Person[]): void {
  for (const person of people) {
    for (const other of people) {
      if (other !== person) for (const update of person.outbox) Y.applyUpdate(other.doc, update, 'link');
    }
    person.outbox.length = 0;
  }
}

/** The bytes of a document with these shapes, written once; only what is not as it is anyway. */
function fresh(canvas: Canvas, ids: readonly string[]): number {
  const doc = new Y.Doc();
  doc.transact(() => {
    for (const id of ids) {
      const map = new Y.Map<unknown>();
      for (const field of canvas.storedFields(id)) map.set(field, canvas.raw(id, field));
      doc.getMap('shapes').set(id, map);
    }
  });
  return Y.encodeStateAsUpdate(doc).length;
}

it(`D5 ${GESTURES} gestures of three people leave less than ${MOST} times what the same state takes written once`, () => {
  const people = ['ann', 'ben', 'cat'].map((name) => new Person(name));
  for (let i = 0; i < GESTURES; i++) {
    pick(people).gesture();
    if (chance() < 0.3) meet(people);
  }
  meet(people);
  const { canvas, doc } = people[0]!;
  const live = canvas.shapes().map((shape) => shape.id);
  const all = [...doc.getMap('shapes').keys()];
  const size = Y.encodeStateAsUpdate(doc).length;
  const once = fresh(canvas, all);
  const withoutRemoved = fresh(canvas, live);
  const kb = (bytes: number): string => `${(bytes / 1000).toFixed(0)} KB`;
  process.stdout.write(
    `${GESTURES} gestures: ${live.length} shapes and ${all.length - live.length} removed ones take ${kb(size)}; ` +
      `written once ${kb(once)} (x${(size / once).toFixed(2)}), without the removed ones ${kb(withoutRemoved)} ` +
      `(x${(size / withoutRemoved).toFixed(2)})\n`,
  );
  expect(size / once).toBeLessThan(MOST);
}, 600_000);
