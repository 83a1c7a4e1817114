import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { Canvas } from '../src/canvas';
import { History, undoCalls } from '../src/history';

function fill(doc: Y.Doc, root: string, entries: Record<string, Record<string, unknown>>): void {
  doc.transact(() => {
    for (const [id, fields] of Object.entries(entries)) doc.getMap(root).set(id, new Y.Map(Object.entries(fields)));
  });
}

/** Two replicas that see each other at once. */
function pair(): [Canvas, Canvas] {
  const docs = [new Y.Doc(), new Y.Doc()] as const;
  docs[0].on('update', (update, origin) => origin !== 'link' && Y.applyUpdate(docs[1], update, 'link'));
  docs[1].on('update', (update, origin) => origin !== 'link' && Y.applyUpdate(docs[0], update, 'link'));
  return [new Canvas(docs[0]), new Canvas(docs[1])];
}

const rect = { type: 'rect', x: 0, y: 0, w: 100, h: 50, fill: 'slate' } as const;

it('takes calls back in one transaction, their marks included', () => {
  const doc = new Y.Doc();
  fill(doc, 'shapes', { s: { ...rect, x: 10 } });
  fill(doc, 'calls', { 'r.1': { run: 'r', seq: 1, status: 'done', changes: { s: { x: [0, 10] } }, created: [] } });
  let updates = 0;
  doc.on('update', () => updates++);
  const report = undoCalls(new Canvas(doc), ['r.1'], 'ann', 2000);
  expect(updates).toBe(1);
  expect(report).toMatchObject({ restored: 1, text: 'Took back 1 change.' });
});

describe("a person's own steps", () => {
  it('go back and forth, one gesture a step', () => {
    const canvas = new Canvas(new Y.Doc());
    const history = new History(canvas);
    const edit = canvas.fresh(rect, 'me', 1);
    history.commit([edit]);
    history.commit([{ id: edit.id, fields: { x: 30, y: 40 } }]);
    history.undo();
    expect(canvas.get(edit.id)).toMatchObject({ x: 0, y: 0 });
    history.undo();
    expect(canvas.get(edit.id)).toBeUndefined();
    expect(history.canUndo.value).toBe(false);
    history.redo();
    history.redo();
    expect(canvas.get(edit.id)).toMatchObject({ x: 30, y: 40 });
    expect(history.canRedo.value).toBe(false);
  });

  it('do not undo what somebody else did to the same field since, and say so', () => {
    const [mine, theirs] = pair();
    const told: string[] = [];
    const history = new History(mine, (report) => told.push(report.text));
    const edit = mine.fresh({ ...rect, text: 'Login' }, 'me', 1);
    history.commit([edit]);
    history.commit([{ id: edit.id, fields: { x: 10, fill: 'blue' } }]);
    theirs.apply([{ id: edit.id, fields: { fill: 'red' } }]);
    history.undo();
    expect(mine.get(edit.id)).toMatchObject({ x: 0, fill: 'red' });
    expect(told).toEqual(['Took back 1 change. Kept the colour of Login: changed since.']);
  });

  it('keep a shape that somebody else has changed since it was made', () => {
    const [mine, theirs] = pair();
    const history = new History(mine);
    const edit = mine.fresh(rect, 'me', 1);
    history.commit([edit]);
    theirs.apply([{ id: edit.id, fields: { text: 'ours' } }]);
    const report = history.undo();
    expect(mine.get(edit.id)?.text).toBe('ours');
    expect(report?.kept).toEqual([[edit.id, 'text', 'changed since']]);
  });

  it('keep it also when it came back by redo', () => {
    const [mine, theirs] = pair();
    const history = new History(mine);
    const edit = mine.fresh(rect, 'me', 1);
    history.commit([edit]);
    history.undo();
    history.redo();
    theirs.apply([{ id: edit.id, fields: { text: 'ours' } }]);
    history.undo();
    expect(mine.get(edit.id)?.text).toBe('ours');
  });

  it('leave the steps of other people alone', () => {
    const [mine, theirs] = pair();
    const history = new History(mine);
    const edit = theirs.fresh(rect, 'them', 1);
    theirs.apply([edit]);
    expect(history.canUndo.value).toBe(false);
    history.undo();
    expect(mine.get(edit.id)).toBeDefined();
  });

  it('with one tag are one step', () => {
    const canvas = new Canvas(new Y.Doc());
    const history = new History(canvas);
    const edit = canvas.fresh(rect, 'me', 1);
    history.commit([edit]);
    history.commit([{ id: edit.id, fields: { text: 'a' } }], 'text');
    history.commit([{ id: edit.id, fields: { text: 'ab' } }], 'text');
    history.undo();
    expect(canvas.get(edit.id)?.text).toBe('');
  });

  it('skip a step that others have overwritten wholly, so that the key is not dead', () => {
    const [mine, theirs] = pair();
    const history = new History(mine);
    const edit = mine.fresh(rect, 'me', 1);
    history.commit([edit]);
    history.commit([{ id: edit.id, fields: { y: 5 } }]);
    history.commit([{ id: edit.id, fields: { x: 10 } }]);
    theirs.apply([{ id: edit.id, fields: { x: 99 } }]);
    history.undo();
    expect(mine.get(edit.id)).toMatchObject({ x: 99, y: 0 });
  });
});
