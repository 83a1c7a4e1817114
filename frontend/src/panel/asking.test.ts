import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import type { Person } from '../board';
import { ask, keep, MAX_PROMPT, remove, stop } from './asking';
import { Feed } from './feed';

const ME: Person = { id: 'u-me', name: 'Mina', color: '#0F766E', kind: 'human' };
const NOTHING = { selection: [], view: null };

describe('asking', () => {
  it('is one transaction with the message and its queued run', () => {
    const doc = new Y.Doc();
    let transactions = 0;
    doc.on('afterTransaction', () => transactions++);
    const run = ask(doc, ME, ' draw ', { selection: ['a'], view: { x: 0, y: 0, w: 800, h: 600 } }, 7) as string;
    expect(transactions).toBe(1);
    // Ids of calls and shapes are derived: `<run>.<seq>.<n>`.
    expect(run).not.toContain('.');
    const entry = (doc.getMap('runs').get(run) as Y.Map<unknown>).toJSON();
    expect(entry).toEqual({
      thread: 'main',
      prompt: expect.any(String),
      agent: 'assistant',
      asked_by: 'u-me',
      at: 7,
      status: 'queued',
    });
    expect((doc.getMap('messages').get(entry.prompt) as Y.Map<unknown>).toJSON()).toEqual({
      thread: 'main',
      role: 'user',
      by: 'u-me',
      by_name: 'Mina',
      at: 7,
      run,
      body: 'draw',
      context: { selection: ['a'], view: { x: 0, y: 0, w: 800, h: 600 } },
    });
  });

  it('writes nothing for an empty prompt and never more than the limit', () => {
    const doc = new Y.Doc();
    expect(ask(doc, ME, ' \n ', NOTHING, 1)).toBeNull();
    expect(doc.getMap('runs').size).toBe(0);
    ask(doc, ME, 'x'.repeat(MAX_PROMPT + 5), NOTHING, 1);
    ask(doc, ME, `${'x'.repeat(MAX_PROMPT - 1)}😀`, NOTHING, 2);
    const bodies = new Feed(doc).items.map((item) => item.body);
    expect(bodies.map((body) => body.length)).toEqual([MAX_PROMPT, MAX_PROMPT]);
    expect(bodies.every((body) => !/\p{Surrogate}/u.test(body))).toBe(true);
  });

  it('asks a failed prompt again as a new run, the failed one stays as it was', () => {
    const doc = new Y.Doc();
    const first = ask(doc, ME, 'draw', { selection: ['a'], view: null }, 1) as string;
    (doc.getMap('runs').get(first) as Y.Map<unknown>).set('status', 'failed');
    const [failed] = new Feed(doc).items;
    if (failed?.kind !== 'prompt' || !failed.run) throw new Error('no card');
    const second = ask(doc, ME, failed.run.prompt.body, failed.run.prompt.context, 2);
    expect(new Feed(doc).items).toMatchObject([
      { body: 'draw', run: { id: first, status: 'failed' } },
      { body: 'draw', run: { id: second, status: 'queued', ahead: 0, prompt: { context: { selection: ['a'] } } } },
    ]);
  });

  it('changes only its own field of a run, and nothing for a run that is not there', () => {
    const doc = new Y.Doc();
    const run = ask(doc, ME, 'draw', NOTHING, 1) as string;
    const entry = doc.getMap('runs').get(run) as Y.Map<unknown>;
    const keys: string[] = [];
    entry.observe((event) => keys.push(...event.keysChanged));
    stop(doc, ME, run, 5);
    remove(doc, run);
    keep(doc, run);
    for (const write of [remove, keep]) write(doc, 'nobody');
    expect(keys).toEqual(['cancel', 'remove', 'kept']);
    expect(entry.get('cancel')).toEqual({ by: 'u-me', at: 5 });
    expect([...doc.getMap('runs').keys()]).toEqual([run]);
  });
});
