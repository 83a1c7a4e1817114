/** Accepting and rejecting by the vectors that hold the server to the same rule (docs/spec.md, R15). */
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import vectors from '../../tests/vectors/drafts.json';
import { accept, reject } from '../src/drafts';

type Entries = Record<string, Record<string, unknown>>;

describe('R15: what becomes of a proposal', () => {
  it.each(vectors.cases)('$name', ({ shapes, calls, drafts, verb, run, named, expect: wanted }) => {
    const doc = new Y.Doc();
    doc.transact(() => {
      for (const [root, entries] of [
        ['shapes', shapes],
        ['calls', calls],
      ] as [string, Entries][]) {
        for (const [id, fields] of Object.entries(entries)) doc.getMap(root).set(id, new Y.Map(Object.entries(fields)));
      }
      for (const [key, said] of Object.entries(drafts)) doc.getMap('drafts').set(key, said);
    });
    let transactions = 0;
    doc.on('afterTransaction', () => transactions++);
    const { kept } = (verb === 'accept' ? accept : reject)(doc, run, named, 'ben', 5000);
    expect(doc.getMap('shapes').toJSON()).toEqual(wanted.shapes);
    expect(doc.getMap('drafts').toJSON()).toEqual(wanted.drafts);
    expect([...kept].sort()).toEqual([...wanted.kept].sort());
    expect(transactions).toBe(1);
  });
});
