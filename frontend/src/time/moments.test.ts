import { describe, expect, it } from 'vitest';
import type { CallEntry } from '../panel/read';
import { difference, framesOf, shapesOf } from './moments';

const call = (seq: number, fields: Partial<CallEntry>): CallEntry => ({
  id: `r.${seq}`,
  run: 'r',
  seq,
  tool: 'update',
  status: 'done',
  changes: {},
  created: [],
  output: '',
  label: '',
  at: 100 + seq,
  ms: 1,
  undo: null,
  ...fields,
});

describe('difference', () => {
  it('counts a tombstone as deleted and one that came back as made', () => {
    const before = { a: { x: 1 }, b: { x: 1 }, c: { x: 1, deleted: true }, d: { x: 1 } };
    const after = { a: { x: 2 }, b: { x: 1, deleted: true }, c: { x: 1, deleted: false }, d: { x: 1 } };
    expect(difference(before, after)).toEqual({ made: ['c'], changed: ['a'], removed: ['b'] });
  });

  it('says nothing of a shape that was made and deleted in between', () => {
    expect(difference({}, { a: { deleted: true } })).toEqual({ made: [], changed: [], removed: [] });
  });
});

describe('the frames of a run', () => {
  const calls = [
    call(1, { created: ['r.1.0'], changes: { 'r.1.0': { type: [null, 'rect'], x: [null, 0] } } }),
    call(2, { status: 'error', changes: {} }),
    call(3, { changes: { 'r.1.0': { x: [0, 50] }, old: { fill: ['red', 'blue'], dashed: [null, true] } } }),
    call(4, { changes: { old: { fill: ['blue', 'green'], deleted: [null, true] } } }),
  ];
  const now = {
    'r.1.0': { type: 'rect', x: 999, at: 101 },
    old: { type: 'note', x: 7, fill: 'pink', dashed: true, deleted: true, at: 1 },
    bystander: { type: 'note', at: 2 },
    later: { type: 'note', at: 5000 },
  };

  it('shows before the run what its first calls found, and nothing that it or anybody made later', () => {
    const [start] = framesOf(calls, now);
    expect(start).toEqual({
      old: { type: 'note', x: 7, fill: 'red', at: 1 },
      bystander: { type: 'note', at: 2 },
    });
  });

  it('shows after each call what that call wrote, whatever happened to it since', () => {
    const frames = framesOf(calls, now);
    expect(frames).toHaveLength(5);
    expect(frames[1]!['r.1.0']).toEqual({ type: 'rect', x: 0 });
    expect(frames[2]).toBe(frames[1]);
    expect(frames[3]!['r.1.0']!.x).toBe(50);
    expect(frames[3]!.old).toEqual({ type: 'note', x: 7, fill: 'blue', dashed: true, at: 1 });
    expect(frames[4]!.old).toMatchObject({ fill: 'green', deleted: true });
    expect(frames[1]!.old!.fill).toBe('red'); // an earlier frame is not written over
  });

  it('does without shapes that the document has lost', () => {
    expect(framesOf([call(1, { changes: { gone: { x: [1, 2] } } })], {})).toEqual([{}, {}]);
  });
});

describe('shapesOf', () => {
  it('leaves out what is no shape', () => {
    expect(shapesOf({ shapes: { a: { x: 1 }, b: 3, c: null, d: [] } })).toEqual({ a: { x: 1 } });
    expect(shapesOf(null)).toEqual({});
    expect(shapesOf({ shapes: 'no' })).toEqual({});
  });
});
