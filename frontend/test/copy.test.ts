import 'fake-indexeddb/auto';
import { afterEach, expect, it, vi } from 'vitest';
import { fetchUpdates } from 'y-indexeddb';
import * as Y from 'yjs';
import { Copy } from '../src/copy';

let rooms = 0;
afterEach(() => {
  vi.restoreAllMocks();
});

/** A room's copy, how often it was written to, and what a page that opens it later reads. */
async function open(): Promise<{ doc: Y.Doc; writes: () => number; later: () => Promise<Y.Doc> }> {
  rooms += 1;
  const name = `copy-${rooms}`;
  const doc = new Y.Doc();
  const copy = new Copy(name, doc);
  await copy.whenSynced;
  const spy = vi.spyOn(copy.db!, 'transaction');
  const later = async (): Promise<Y.Doc> => {
    const other = new Y.Doc();
    const reader = new Copy(name, other);
    await reader.whenSynced;
    await fetchUpdates(reader);
    return other;
  };
  return { doc, writes: () => spy.mock.calls.length, later };
}

/** Somebody else's changes, one message each. */
function remote(doc: Y.Doc, count: number): void {
  const other = new Y.Doc();
  other.on('update', (update: Uint8Array) => Y.applyUpdate(doc, update, 'link'));
  for (let i = 0; i < count; i++) other.getMap('shapes').set(`s${i}`, i);
}

it('writes what this page did at once, and with it what came before', async () => {
  const { doc, writes, later } = await open();
  remote(doc, 3);
  expect(writes()).toBe(0);
  doc.getMap('shapes').set('mine', true);
  expect(writes()).toBe(1);
  expect((await later()).getMap('shapes').toJSON()).toEqual({ s0: 0, s1: 1, s2: 2, mine: true });
});

it('writes a hundred messages of others in one go', async () => {
  const { doc, writes, later } = await open();
  remote(doc, 100);
  await vi.waitFor(() => expect(writes()).toBeGreaterThan(0));
  expect(writes()).toBe(1);
  expect((await later()).getMap('shapes').size).toBe(100);
});

it('writes what waits when the page goes', async () => {
  const { doc, writes, later } = await open();
  remote(doc, 2);
  dispatchEvent(new Event('pagehide'));
  expect(writes()).toBe(1);
  expect((await later()).getMap('shapes').size).toBe(2);
});
