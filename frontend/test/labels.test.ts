import { expect, it } from 'vitest';
import * as Y from 'yjs';
import { Canvas } from '../src/canvas';
import { Labels } from '../src/labels';

interface Peer {
  canvas: Canvas;
  labels: Labels;
}

function peers(ids: readonly number[]): Peer[] {
  const first = new Y.Doc();
  first.getMap('shapes').set('s', new Y.Map(Object.entries({ type: 'rect', text: 'middle' })));
  return ids.map((id) => {
    const doc = new Y.Doc();
    doc.clientID = id;
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(first));
    const canvas = new Canvas(doc);
    return { canvas, labels: new Labels(canvas) };
  });
}

function write({ canvas, labels }: Peer, text: string): void {
  const base = canvas.get('s')!.text;
  canvas.apply([{ id: 's', fields: { text } }]);
  labels.wrote('s', base);
}

/** Everybody gets everything, again and again until nothing more comes of it. */
async function meet(all: readonly Peer[]): Promise<string[]> {
  for (let round = 0; round < 4; round++) {
    for (const to of all) {
      for (const from of all) {
        const known = Y.encodeStateVector(to.canvas.doc);
        if (from !== to) Y.applyUpdate(to.canvas.doc, Y.encodeStateAsUpdate(from.canvas.doc, known));
      }
    }
    await Promise.resolve();
  }
  return all.map((peer) => peer.canvas.get('s')!.text);
}

it.each([
  [1, 2],
  [2, 1],
])('keeps the words of both who wrote at the same moment (client ids %i, %i)', async (a, b) => {
  const [ann, ben] = peers([a, b]) as [Peer, Peer];
  write(ann, 'start middle');
  write(ben, 'middle end');
  expect(await meet([ann, ben])).toEqual(['start middle end', 'start middle end']);
});

it('lets somebody who has read the words take them away again', async () => {
  const [ann, ben] = peers([2, 1]) as [Peer, Peer];
  write(ann, 'start middle');
  await meet([ann, ben]);
  write(ben, 'middle');
  expect(await meet([ann, ben])).toEqual(['middle', 'middle']);
});

it('knows a later write through one in between', async () => {
  const [ann, ben, cat] = peers([3, 2, 1]) as [Peer, Peer, Peer];
  write(ann, 'start middle');
  await meet([ann, ben]);
  write(ben, 'middle!');
  await meet([ben, cat]);
  write(cat, 'other');
  expect(await meet([ann, cat])).toEqual(['other', 'other']);
});

it('converges when three write at once', async () => {
  const all = peers([5, 9, 7]);
  write(all[0]!, 'a middle');
  write(all[1]!, 'middle b');
  write(all[2]!, 'middle c');
  const texts = await meet(all);
  expect(new Set(texts).size).toBe(1);
  for (const word of ['a', 'b', 'c', 'middle']) expect(texts[0]).toContain(word);
});
