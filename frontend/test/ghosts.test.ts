/** What is drawn as ghosts: pending changes of runs, and what a call that is still being written will do (R14, R17). */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { Canvas } from '../src/canvas';
import { accept } from '../src/drafts';
import { ghostsOf } from '../src/ghosts';
import { proposalsOf } from '../src/proposals';

const map = (fields: object): Y.Map<unknown> => new Y.Map(Object.entries(fields));

function board(): { doc: Y.Doc; canvas: Canvas } {
  const doc = new Y.Doc();
  doc.transact(() => {
    doc.getMap('shapes').set('a', map({ type: 'rect', x: 0, fill: 'red', w: 100, h: 60 }));
    doc.getMap('shapes').set('b', map({ type: 'note', x: 300, text: 'Hello' }));
    doc.getMap('shapes').set('g', map({ type: 'ellipse', x: 500, draft: 'r' }));
    doc.getMap('runs').set('r', map({ propose: true, status: 'completed' }));
    const common = { run: 'r', status: 'done', created: [] };
    const green = { a: { fill: ['red', 'green'] } };
    doc.getMap('calls').set('r.1', map({ ...common, seq: 1, at: 1, proposed: ['a'], changes: green }));
    const gone = { b: { deleted: [null, true] } };
    doc.getMap('calls').set('r.2', map({ ...common, seq: 2, at: 2, proposed: ['b'], changes: gone }));
    const made = { g: { type: [null, 'ellipse'], x: [null, 500] } };
    doc.getMap('calls').set('r.3', map({ ...common, seq: 3, at: 3, proposed: [], created: ['g'], changes: made }));
  });
  return { doc, canvas: new Canvas(doc) };
}

const frame = (): Promise<void> => new Promise((resolve) => requestAnimationFrame(() => resolve()));

describe('R14: what is proposed', () => {
  it('is listed by run, ghosts first, and drawn as it would be, ghosts aside: those are shapes already', () => {
    const { doc, canvas } = board();
    const proposals = proposalsOf(doc).value;
    expect(proposals.get('r')?.open.map(({ id, kind }) => [id, kind])).toEqual([
      ['g', 'new'],
      ['a', 'change'],
      ['b', 'delete'],
    ]);
    const ghosts = ghostsOf(canvas, proposals, []);
    expect(ghosts.map(({ shape, kind }) => [shape.id, kind, shape.fill])).toEqual([
      ['a', 'change', 'green'],
      ['b', 'delete', ghosts[1]!.shape.fill],
    ]);
    expect(canvas.get('a')?.fill).toBe('red');
  });

  it('is not drawn where somebody has changed the field, and goes when it is accepted', async () => {
    const { doc, canvas } = board();
    const proposals = proposalsOf(doc);
    doc.getMap<Y.Map<unknown>>('shapes').get('a')!.set('fill', 'blue');
    await frame();
    expect(ghostsOf(canvas, proposals.value, []).map(({ shape }) => shape.id)).toEqual(['b']);
    accept(doc, 'r', null, 'ben', 9);
    await frame();
    expect(proposals.value.get('r')).toEqual({ open: [], accepted: ['a', 'b', 'g'] });
    expect(ghostsOf(canvas, proposals.value, [])).toEqual([]);
  });
});

describe('R17: what a call will do', () => {
  it('is shown over the defaults for a new shape, over what is there for another, whatever else stands in it', () => {
    const { canvas } = board();
    const preview = {
      call: 'r.9',
      shapes: {
        'r.9.0': { type: 'diamond', x: 40, w: -3, text: 'Soon' },
        a: { x: 77 },
        b: { deleted: true },
        odd: 'no fields',
      },
    };
    const ghosts = ghostsOf(canvas, new Map(), [preview, { shapes: null }, 'nonsense', null]);
    expect(ghosts.map(({ shape, kind }) => [shape.id, kind, shape.x])).toEqual([
      ['r.9.0', 'preview', 40],
      ['a', 'preview', 77],
      ['b', 'delete', 300],
    ]);
    expect(ghosts[0]!.shape).toMatchObject({ type: 'diamond', text: 'Soon' });
    expect(ghosts[0]!.shape.w).toBeGreaterThan(0);
    expect(ghosts[1]!.shape.fill).toBe('red');
  });
});
