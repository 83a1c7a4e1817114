import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { Canvas, isColour, same } from '../src/canvas';

function stored(fields: Record<string, unknown>): Canvas {
  const doc = new Y.Doc();
  doc.getMap('shapes').set('s', new Y.Map(Object.entries(fields)));
  return new Canvas(doc);
}

describe('reading', () => {
  it('takes the default for a missing or wrong field and carries on', () => {
    const canvas = stored({
      type: 'blob',
      x: 'left',
      y: Number.NaN,
      w: -5,
      fill: 'javascript:alert(1)',
      text: 7,
      points: 'x',
    });
    expect(canvas.get('s')).toMatchObject({ type: 'rect', x: 0, y: 0, w: 100, fill: 'none', text: '', points: [] });
  });
  it('passes over an entry that is no map', () => {
    const doc = new Y.Doc();
    doc.getMap('shapes').set('s', 'a string');
    expect(new Canvas(doc).shapes()).toEqual([]);
  });
  it('orders by z, then by id, and leaves tombstones out', () => {
    const doc = new Y.Doc();
    for (const [id, z, deleted] of [
      ['b', 'a1', false],
      ['a', 'a1', false],
      ['c', 'a0', false],
      ['d', 'a0', true],
    ] as const) {
      doc.getMap('shapes').set(id, new Y.Map<unknown>(Object.entries({ z, deleted })));
    }
    expect(new Canvas(doc).shapes().map((shape) => shape.id)).toEqual(['c', 'a', 'b']);
  });
  it('sees what another replica writes, one field at a time', () => {
    const one = stored({ x: 1, fill: 'red' });
    const two = new Canvas(new Y.Doc());
    Y.applyUpdate(two.doc, Y.encodeStateAsUpdate(one.doc));
    const heard: string[][] = [];
    two.onChange((ids) => heard.push([...ids]));
    one.apply([{ id: 's', fields: { x: 50 } }]);
    Y.applyUpdate(two.doc, Y.encodeStateAsUpdate(one.doc));
    expect(two.get('s')).toMatchObject({ x: 50, fill: 'red' });
    expect(heard).toEqual([['s']]);
  });
});

describe('writing', () => {
  it('writes only the fields that change', () => {
    const canvas = stored({ x: 1, y: 2 });
    const written = canvas.apply([{ id: 's', fields: { x: 1, y: 3, deleted: false } }]);
    expect(written.changes).toEqual([{ id: 's', field: 'y', before: 2, after: 3 }]);
  });
  it('is one transaction, and none when nothing changes', () => {
    const canvas = stored({ x: 1 });
    let updates = 0;
    canvas.doc.on('update', () => updates++);
    canvas.apply([{ id: 's', fields: { x: 5, y: 6 } }]);
    canvas.apply([{ id: 's', fields: { x: 5 } }]);
    expect(updates).toBe(1);
  });
  it('keeps a move and a recolouring made at the same moment', () => {
    const one = stored({ x: 0, fill: 'red' });
    const two = new Canvas(new Y.Doc());
    Y.applyUpdate(two.doc, Y.encodeStateAsUpdate(one.doc));
    one.apply([{ id: 's', fields: { x: 200 } }]);
    two.apply([{ id: 's', fields: { fill: 'blue' } }]);
    Y.applyUpdate(one.doc, Y.encodeStateAsUpdate(two.doc));
    Y.applyUpdate(two.doc, Y.encodeStateAsUpdate(one.doc));
    expect(one.get('s')).toMatchObject({ x: 200, fill: 'blue' });
    expect(two.get('s')).toEqual(one.get('s'));
  });
  it('does not write a value that the schema forbids', () => {
    const canvas = stored({ x: 1 });
    canvas.apply([{ id: 's', fields: { x: Number.POSITIVE_INFINITY, fill: 'url(#x)', w: 0 } }]);
    expect(canvas.doc.getMap('shapes').toJSON()).toEqual({ s: { x: 1 } });
  });
  it('does not bring an unknown shape to life', () => {
    const canvas = stored({ x: 1 });
    expect(canvas.apply([{ id: 'ghost', fields: { x: 5 } }]).changes).toEqual([]);
  });
});

describe('z keys', () => {
  it('stack new shapes on top', () => {
    const canvas = stored({ z: 'a5' });
    expect(canvas.topZ() > 'a5').toBe(true);
    expect(canvas.bottomZ() < 'a5').toBe(true);
  });
  it('go on when a stored key is malformed or two are equal', () => {
    const canvas = stored({ z: '!!' });
    expect(canvas.topZ()).toBe('a0');
    expect(canvas.zBetween('a1', 'a1').length).toBeGreaterThan(0);
  });
});

it('finds every shape in a frame, and does not hang on a cycle', () => {
  const doc = new Y.Doc();
  const parents = { a: null, b: 'a', c: 'b', x: 'y', y: 'x' };
  for (const [id, parent] of Object.entries(parents))
    doc.getMap('shapes').set(id, new Y.Map<unknown>([['parent', parent]]));
  const canvas = new Canvas(doc);
  expect([...canvas.descendants(['a'])].sort()).toEqual(['b', 'c']);
  expect([...canvas.descendants(['x'])].sort()).toEqual(['x', 'y']);
});

it('takes absent and null for the same, and compares values deeply', () => {
  expect(same(undefined, null)).toBe(true);
  expect(same({ id: 'a', x: [1, 2] }, { x: [1, 2], id: 'a' })).toBe(true);
  expect(same([1], { 0: 1 })).toBe(false);
  expect(same(0, null)).toBe(false);
});

it('knows a colour from other strings', () => {
  for (const good of ['red', 'none', '#a1B2c3', 'hsl(10, 20%, 30%)']) expect(isColour(good)).toBe(true);
  for (const bad of ['crimson', '#abc', 'url(#a)', 'hsl(10, 20%, 30%);x:y', '#a1b2c3\n', 4])
    expect(isColour(bad)).toBe(false);
});
