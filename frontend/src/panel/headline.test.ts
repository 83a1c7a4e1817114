import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import type { Assistant } from './assistant';
import type { RunCard } from './card';
import { Feed } from './feed';
import { ask, create } from './fixtures';
import { headlineOf, type Surroundings } from './headline';
import { newsBetween } from './speech';

const IDLE: Assistant = {
  name: 'Assistant',
  status: 'idle',
  run: null,
  targets: [],
  note: '',
  text: '',
  model: 'm',
  demo: false,
};
const around = (fields: Partial<Surroundings> = {}): Surroundings => ({
  assistant: IDLE,
  online: true,
  nameOf: (user) => (user === 'u-me' ? 'you' : 'Mina'),
  ...fields,
});

function card(status: string, run: object = {}, steps = 0): RunCard {
  const doc = new Y.Doc();
  ask(doc, { id: 'r', body: 'x', at: 1, status, run });
  for (let i = 1; i <= steps; i++) create(doc, 'r', i, { type: 'rect', text: `S${i}` });
  const [item] = new Feed(doc).items;
  if (item?.kind !== 'prompt' || !item.run) throw new Error('no card');
  return item.run;
}

describe('the headline of a run', () => {
  it('tells a queued run apart: behind others, next, offline, nobody there', () => {
    expect(headlineOf({ ...card('queued'), ahead: 1 }, around()).text).toBe('Queued (2nd)');
    expect(headlineOf(card('queued'), around()).text).toBe('Starting…');
    expect(headlineOf(card('queued'), around({ online: false })).detail).toContain('connection is back');
    expect(headlineOf(card('queued'), around({ assistant: null })).detail).toContain('No assistant is connected');
  });

  it('follows presence while it runs, and the document where presence says nothing', () => {
    const at = (status: Assistant['status'], run: string | null = 'r') =>
      headlineOf(card('in_progress'), around({ assistant: { ...IDLE, status, run } })).text;
    expect([at('thinking'), at('working'), at('waiting')]).toEqual(['Thinking…', 'Working…', 'Waiting…']);
    expect(at('idle', null)).toBe('Thinking…');
    expect(headlineOf(card('in_progress', {}, 1), around()).text).toBe('Working…');
    expect(headlineOf(card('requires_action'), around()).text).toBe('Working…');
    expect(headlineOf(card('requires_user'), around()).text).toBe('Waiting for an answer');
    expect(headlineOf(card('in_progress'), around({ assistant: null }))).toMatchObject({
      tone: 'waiting',
      text: 'Waiting',
    });
    expect(headlineOf(card('in_progress', { cancel: { by: 'u', at: 1 } }), around()).text).toBe('Stopping…');
    expect(headlineOf(card('cancelling'), around()).text).toBe('Stopping…');
  });

  it('ends with what was done, who stopped it, or why it failed and may be tried again', () => {
    const ended = (status: string, run: object = {}, steps = 0) => headlineOf(card(status, run, steps), around());
    expect(ended('completed', { summary: 'Drew 3 shapes' }).text).toBe('Drew 3 shapes');
    expect(ended('completed', {}, 2).text).toBe('Drew 2 shapes');
    expect(ended('completed')).toMatchObject({ tone: 'done', text: 'Done', retry: false });
    expect(ended('cancelled', { cancel: { by: 'u-me', at: 1 } })).toMatchObject({
      text: 'Stopped by you',
      retry: false,
    });
    expect(ended('failed', { error: { code: 'x', message: 'No key.', retryable: false } })).toEqual({
      tone: 'failed',
      text: 'Failed',
      detail: 'No key.',
      retry: true,
    });
    for (const status of ['failed', 'expired', 'incomplete']) {
      expect(ended(status)).toMatchObject({ tone: 'failed', retry: true, detail: expect.stringMatching(/\.$/) });
    }
  });
});

describe('what is spoken', () => {
  it('is each new step and each end once, and not the past of a room just opened', async () => {
    const doc = new Y.Doc();
    ask(doc, { id: 'old', body: 'x', at: 1, status: 'completed' });
    create(doc, 'old', 1, { type: 'rect', text: 'Past' });
    expect(newsBetween([], new Feed(doc).items, around())).toEqual([]);
    ask(doc, { id: 'r', body: 'x', at: 2, status: 'in_progress' });
    const before = new Feed(doc).items;
    create(doc, 'r', 1, { type: 'rect', text: 'One' });
    const running = new Feed(doc).items;
    expect(newsBetween(before, running, around())).toEqual(['Created One']);
    const run = doc.getMap('runs').get('r') as Y.Map<unknown>;
    run.set('summary', 'Drew 1 shape');
    run.set('status', 'completed');
    expect(newsBetween(running, new Feed(doc).items, around())).toEqual(['Assistant: Drew 1 shape']);
    expect(newsBetween(new Feed(doc).items, new Feed(doc).items, around())).toEqual([]);
  });
});
