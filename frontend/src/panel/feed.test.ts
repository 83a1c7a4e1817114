import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { Feed, type PromptItem } from './feed';
import { ask, call, create, setEntry } from './fixtures';
import { spoken } from './steps';

const settled = (): Promise<void> => new Promise((done) => queueMicrotask(done));

const prompts = (feed: Feed): PromptItem[] => feed.items.filter((item) => item.kind === 'prompt');
const card = (feed: Feed, run: string) => {
  const found = prompts(feed).find((item) => item.run?.id === run)?.run;
  if (!found) throw new Error(`no card for ${run}`);
  return found;
};
const lines = (feed: Feed, run: string): string[] =>
  card(feed, run).entries.map((entry) => (entry.kind === 'step' ? spoken(entry) : `“${entry.body}”`));

describe('the feed', () => {
  it('lists prompts of all people by (at, id), each with its run', () => {
    const doc = new Y.Doc();
    ask(doc, { id: 'r2', body: 'second', at: 20, by: 'u-jo' });
    ask(doc, { id: 'r1b', body: 'tie b', at: 10 });
    ask(doc, { id: 'r1a', body: 'tie a', at: 10 });
    const feed = new Feed(doc);
    expect(prompts(feed).map((item) => [item.body, item.run?.id])).toEqual([
      ['tie a', 'r1a'],
      ['tie b', 'r1b'],
      ['second', 'r2'],
    ]);
  });

  it('is the same for two replicas that learned of the prompts in different order', () => {
    const [a, b, c] = [new Y.Doc(), new Y.Doc(), new Y.Doc()];
    ask(a, { id: 'ra', body: 'from a', at: 5 });
    ask(b, { id: 'rb', body: 'from b', at: 5 });
    Y.applyUpdate(c, Y.encodeStateAsUpdate(b));
    Y.applyUpdate(c, Y.encodeStateAsUpdate(a));
    Y.applyUpdate(a, Y.encodeStateAsUpdate(b));
    expect(new Feed(a).items).toEqual(new Feed(c).items);
    expect(card(new Feed(a), 'rb').ahead).toBe(1);
  });

  it('counts the unfinished runs ahead, a running one first whatever its clock said', async () => {
    const doc = new Y.Doc();
    ask(doc, { id: 'done', body: '', at: 1, status: 'completed' });
    ask(doc, { id: 'gone', body: '', at: 2, run: { remove: true } });
    ask(doc, { id: 'second', body: '', at: 3 });
    ask(doc, { id: 'third', body: '', at: 4 });
    ask(doc, { id: 'running', body: '', at: 9, status: 'in_progress', run: { started_at: 10 } });
    const feed = new Feed(doc);
    const ahead = () => ['running', 'second', 'third'].map((id) => card(feed, id).ahead);
    expect(ahead()).toEqual([0, 1, 2]);
    (doc.getMap('runs').get('running') as Y.Map<unknown>).set('status', 'completed');
    await settled();
    expect(ahead()).toEqual([0, 0, 1]);
  });

  it('drops a prompt taken out of the queue, but not one whose removal came after the start', async () => {
    const doc = new Y.Doc();
    ask(doc, { id: 'a', body: 'a', at: 1 });
    ask(doc, { id: 'b', body: 'b', at: 2, status: 'in_progress', run: { started_at: 3 } });
    const feed = new Feed(doc);
    for (const id of ['a', 'b']) (doc.getMap('runs').get(id) as Y.Map<unknown>).set('remove', true);
    await settled();
    expect(prompts(feed).map((item) => item.body)).toEqual(['b']);
  });

  it('puts finished words between the calls they were said between', () => {
    const doc = new Y.Doc();
    ask(doc, { id: 'r', body: 'x', at: 1, status: 'completed' });
    create(doc, 'r', 1, { type: 'rect', text: 'One' }, { at: 10 });
    create(doc, 'r', 2, { type: 'rect', text: 'Two' }, { at: 30 });
    const said = (id: string, at: number, body: string) =>
      setEntry(doc, 'messages', id, { thread: 'main', role: 'assistant', by: 'assistant', at, run: 'r', body });
    said('r.m2', 40, 'Done.');
    said('r.m1', 20, 'Now the other.');
    expect(lines(new Feed(doc), 'r')).toEqual(['Created One', '“Now the other.”', 'Created Two', '“Done.”']);
  });

  it('follows calls as they come and leaves what they do not touch alone', async () => {
    const doc = new Y.Doc();
    ask(doc, { id: 'r1', body: 'first', at: 1, status: 'completed' });
    ask(doc, { id: 'r2', body: 'second', at: 2, status: 'in_progress' });
    const feed = new Feed(doc);
    const [first, second] = prompts(feed);
    let told = 0;
    feed.subscribe(() => told++);
    doc.transact(() => {
      create(doc, 'r2', 1, { type: 'ellipse', text: 'A' });
      create(doc, 'r2', 2, { type: 'ellipse', text: 'B' });
    });
    await settled();
    expect(told).toBe(1);
    expect(prompts(feed)[0]).toBe(first);
    expect(prompts(feed)[1]).not.toBe(second);
    expect(lines(feed, 'r2')).toEqual(['Created A', 'Created B']);
    doc.getMap('shapes').set('mine', new Y.Map([['type', 'rect']]));
    await settled();
    expect(told).toBe(1);
    feed.dispose();
    ask(doc, { id: 'r3', body: 'late', at: 3 });
    await settled();
    expect(told).toBe(1);
  });

  it('reads hostile and half-written entries as something sensible and never throws', () => {
    const doc = new Y.Doc();
    doc.getMap('runs').set('plain', 7);
    doc.getMap('messages').set('plain', 'hello');
    doc.getMap('calls').set('orphan', null);
    setEntry(doc, 'messages', 'm', { role: 'user', run: 'r', body: 12, at: 'soon', context: [] });
    setEntry(doc, 'runs', 'r', { status: 'exploded', at: Number.NaN, error: 'x', cancel: 3, started_at: {} });
    setEntry(doc, 'calls', 'r.1', { changes: { a: 3, b: { x: 'no' } }, output: 'not json', status: 'error' });
    setEntry(doc, 'calls', 'r.2', { tool: 9, undo: [], changes: [] });
    const [item] = prompts(new Feed(doc));
    expect(item).toMatchObject({ body: '', at: 0, run: { status: 'queued', error: null, startedAt: null } });
    expect(item?.run?.entries.map((entry) => entry.kind)).toEqual(['step', 'step']);
  });

  it('shows only its own thread', () => {
    const doc = new Y.Doc();
    ask(doc, { id: 'r', body: 'here', at: 1 });
    setEntry(doc, 'messages', 'm', { thread: 'other', role: 'user', by: 'u', at: 2, run: null, body: 'there' });
    expect(prompts(new Feed(doc)).map((item) => item.body)).toEqual(['here']);
  });
});

describe('a run card', () => {
  const answered = (summary: string, body: string): Feed => {
    const doc = new Y.Doc();
    ask(doc, { id: 'r', body: '', at: 1, status: 'completed', run: { summary } });
    create(doc, 'r', 1, { type: 'rect', text: 'One' });
    setEntry(doc, 'messages', 'r.m1', { thread: 'main', role: 'assistant', at: 9, run: 'r', body });
    return new Feed(doc);
  };

  it('has a short last word as its title, once', () => {
    const feed = answered('Drew one box.', 'Drew one box.');
    expect(card(feed, 'r').title).toBe('Drew one box');
    expect(lines(feed, 'r')).toEqual(['Created One']);
  });

  it('counts in its title when the last word says nothing', () => {
    const feed = answered('Done.', 'Done.');
    expect(card(feed, 'r').title).toBe('Drew 1 shape');
    expect(lines(feed, 'r')).toEqual(['Created One']);
  });

  it('counts in its title when the last word is long, and shows all of it below', () => {
    const long = 'There is much to be said about this box, and I will say all of it at some length.';
    const feed = answered(long, `${long} More.`);
    expect(card(feed, 'r').title).toBe('Drew 1 shape');
    expect(lines(feed, 'r')).toEqual(['Created One', `“${long} More.”`]);
  });

  it('counts each changed shape once, without what was taken back', () => {
    const doc = new Y.Doc();
    ask(doc, { id: 'r', body: '', at: 1, status: 'completed' });
    const one = create(doc, 'r', 1, { type: 'rect', text: 'One' });
    const two = create(doc, 'r', 2, { type: 'rect', text: 'Two' });
    call(doc, 'r', 3, { tool: 'update', changes: { [one]: { fill: ['none', 'red'] } } });
    call(doc, 'r', 4, { tool: 'move', status: 'undone', changes: { far: { x: [0, 5] } } });
    call(doc, 'r', 5, { tool: 'look' });
    expect(card(new Feed(doc), 'r').changes).toEqual([one, two]);
  });

  it('says who took it back and what was kept once every change is undone', async () => {
    const doc = new Y.Doc();
    ask(doc, { id: 'r', body: '', at: 1, status: 'completed' });
    create(doc, 'r', 1, { type: 'rect', text: 'One' });
    create(doc, 'r', 2, { type: 'rect', text: 'Two' });
    const feed = new Feed(doc);
    const undo = (id: string, kept: string[][]) => {
      const entry = doc.getMap('calls').get(id) as Y.Map<unknown>;
      entry.set('status', 'undone');
      entry.set('undo', { by: 'u-jo', at: 50, kept });
    };
    undo('r.2', [['r.2.0', 'deleted', 'changed since']]);
    await settled();
    expect(card(feed, 'r').undone).toBeNull();
    undo('r.1', []);
    await settled();
    expect(card(feed, 'r').undone).toEqual({
      by: 'u-jo',
      at: 50,
      kept: [['r.2.0', 'deleted', 'changed since']],
      created: ['r.1.0', 'r.2.0'],
    });
  });

  it('is stopping from the moment somebody asks until the run ends', async () => {
    const doc = new Y.Doc();
    ask(doc, { id: 'r', body: '', at: 1, status: 'in_progress' });
    const feed = new Feed(doc);
    const run = doc.getMap('runs').get('r') as Y.Map<unknown>;
    run.set('cancel', { by: 'u-jo', at: 2 });
    await settled();
    expect(card(feed, 'r')).toMatchObject({ stopping: true, stoppedBy: 'u-jo' });
    run.set('status', 'cancelled');
    await settled();
    expect(card(feed, 'r')).toMatchObject({ stopping: false, status: 'cancelled' });
  });
});
