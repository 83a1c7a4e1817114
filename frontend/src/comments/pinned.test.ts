import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { setEntry } from '../panel/fixtures';
import { pinnedIn } from './pinned';

const on = (...selection: unknown[]) => ({ context: { selection } });

describe('pins', () => {
  it('stand on the first shape of each open comment, oldest first, and on nothing that is no comment', () => {
    const doc = new Y.Doc();
    const said = { role: 'user', by: 'u', body: 'x' };
    setEntry(doc, 'messages', 'second', { ...said, at: 2, ...on('a') });
    setEntry(doc, 'messages', 'first', { ...said, at: 1, ...on('a', 'b') });
    setEntry(doc, 'messages', 'prompt', { ...said, at: 3, run: 'r', ...on('a') });
    setEntry(doc, 'messages', 'words', { ...said, role: 'assistant', at: 3, ...on('a') });
    setEntry(doc, 'messages', 'resolved', { ...said, at: 3, state: 'resolved', ...on('a') });
    setEntry(doc, 'messages', 'elsewhere', { ...said, at: 3, thread: 'other', ...on('a') });
    setEntry(doc, 'messages', 'of all', { ...said, at: 3 });
    setEntry(doc, 'messages', 'empty', { ...said, body: ' ', at: 3, ...on('c') });
    setEntry(doc, 'messages', 'odd', { ...said, at: 3, ...on(7, null) });
    doc.getMap('messages').set('no map', 7);
    const found = [...pinnedIn(doc.getMap('messages'))].map(([shape, comments]) => [shape, comments.map((c) => c.id)]);
    expect(found).toEqual([['a', ['first', 'second']]]);
  });
});
