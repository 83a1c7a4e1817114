/** D1: readers never throw and never run what they read, whatever stands in a document. */
import { expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { Camera } from '../src/camera';
import { Canvas, type FieldName } from '../src/canvas';
import { DEFAULTS, SHAPE_TYPES } from '../src/canvas.gen';
import { Scene } from '../src/draw/scene';
import { readState } from '../src/presence';

const TAGS = new Set(['g', 'rect', 'ellipse', 'polygon', 'path', 'text', 'tspan']);
const FIELDS = Object.keys(DEFAULTS) as FieldName[];
const MARKUP = ['<script>hack()</script>', '"><img src=x onerror=hack()>', '<svg onload=hack()>', "' onfocus='hack()"];
const COLOURS = [
  'javascript:hack()',
  'url(//evil.test/x)',
  'red;background:url(//evil.test)',
  'var(--x)',
  'expression(hack())',
  'rgb(0 0 0)',
  '#fff',
  'hsl(1,2%,3%);}',
];
const ODD = [
  '\u202eevil\u202c',
  '\u0000',
  '\ud800',
  '\u200b'.repeat(99),
  '%00',
  '\\',
  '$' + '{hack()}',
  '{{hack()}}',
  '__proto__',
];
const VALUES: unknown[] = [
  ...[Number.NaN, Infinity, -Infinity, 1e308, -1e308, 5e-324, -0, 2 ** 53, 20n, true, false, null, undefined, ''],
  ...MARKUP,
  ...COLOURS,
  ...ODD,
  ...[
    [],
    {},
    [[[]]],
    { id: 7 },
    { id: '"]' },
    { x: Number.NaN, y: 0 },
    { x: 1e308, y: 1 },
    new Uint8Array(9),
    [1, 2, 3],
  ],
  ...[
    [Number.NaN, 0],
    ['a', 'b'],
    [1e308, -1e308, 0, 0],
    'x'.repeat(1_000_000),
    { anchor: 'top' },
    { id: 's', anchor: '<' },
  ],
];

/** What is wrong with a drawn board: elements, attributes and numbers that our drawing never makes. */
function faults(root: Element): string[] {
  const found: string[] = [];
  for (const element of root.querySelectorAll('svg *')) {
    if (!TAGS.has(element.tagName)) found.push(`element ${element.tagName}`);
    for (const { name, value } of element.attributes) {
      if (/^on|href|^src$/i.test(name)) found.push(`attribute ${name}`);
      const isTold = name === 'aria-label' || name === 'data-shape-id' || name === 'data-z';
      if (!isTold && /NaN|Infinity|undefined|url\(|javascript|evil/i.test(value))
        found.push(`${name}=${value.slice(0, 80)}`);
    }
  }
  return found;
}

/** Draws shapes of these fields, few enough at a time that all of them get nodes. */
async function draw(entries: readonly Record<string, unknown>[]): Promise<void> {
  for (let start = 0; start < entries.length; start += 200) {
    const doc = new Y.Doc();
    const shapes = doc.getMap('shapes');
    doc.transact(() => {
      entries.slice(start, start + 200).forEach((fields, i) => {
        shapes.set(`${i}`, new Y.Map(Object.entries(fields)));
      });
      shapes.set('s', new Y.Map(Object.entries({ type: 'rect' })));
    });
    const canvas = new Canvas(doc);
    const scene = new Scene(canvas, new Camera());
    scene.redraw();
    const drawn = (): number => scene.root.querySelectorAll('[data-shape-id]').length;
    await vi.waitFor(() => expect(drawn()).toBe(canvas.shapes().length), { timeout: 20_000, interval: 5 });
    expect(faults(scene.root)).toEqual([]);
    for (const id of shapes.keys()) scene.place(id);
  }
}

it('D1 any value in any field is drawn as something sensible', async () => {
  await draw(FIELDS.flatMap((field) => VALUES.map((value) => ({ type: 'rect', text: 'a', [field]: value }))));
}, 60_000);

it.each(SHAPE_TYPES)(
  'D1 a %s of which every field is odd is drawn as something sensible',
  async (type) => {
    const own = type === 'connector' ? { from: { x: 0, y: 0 }, to: { id: 's' } } : {};
    await draw(VALUES.map((value) => ({ ...Object.fromEntries(FIELDS.map((field) => [field, value])), ...own, type })));
  },
  60_000,
);

it('D1 ids, parents and ends may be anything, in circles too', () => {
  const doc = new Y.Doc();
  const shapes = doc.getMap('shapes');
  const ids = [...MARKUP, ...COLOURS, ...ODD, '', '"]', 'constructor', 'toString'];
  doc.transact(() => {
    ids.forEach((id, i) => {
      const next = ids[(i + 1) % ids.length]!;
      const fields = {
        type: i % 2 ? 'frame' : 'connector',
        parent: next,
        group: next,
        from: { id: next },
        to: { id },
        z: id,
      };
      shapes.set(id, new Y.Map(Object.entries({ ...fields, text: id })));
    });
    shapes.set('not a map', 'text');
    shapes.set('not a map either', [1]);
  });
  const canvas = new Canvas(doc);
  const scene = new Scene(canvas, new Camera());
  expect(faults(scene.root)).toEqual([]);
  expect(canvas.descendants([ids[1]!]).size).toBeLessThanOrEqual(ids.length);
  expect(canvas.topZ()).toBeTypeOf('string');
  expect(canvas.bottomZ()).toBeTypeOf('string');
  for (const id of ids) scene.override(new Map([[id, { x: 5 }]]));
});

it('numbers far beyond the board in the state of somebody else are left out', () => {
  const far = {
    cursor: { x: 1, y: 1e308 },
    drag: { ids: ['s'], dx: 1e308, dy: 0 },
    view: { x: 0, y: 0, w: 1e308, h: 1 },
  };
  const state = { user: { id: 'u' }, ...far, drawing: { x: 0, y: 0, points: [1e308, -1e308] } };
  expect(readState(1, false, state)).toMatchObject({ cursor: null, drag: null, view: null, drawing: null });
});
