/** The shared vectors of tests/vectors: documents both ways between yjs and pycrdt, z keys, and taking calls back. */
import { generateKeyBetween, generateNKeysBetween } from 'fractional-indexing';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import keys from '../../tests/vectors/keys.json';
import fromPycrdt from '../../tests/vectors/pycrdt.json';
import undoVectors from '../../tests/vectors/undo.json';
import fromYjs from '../../tests/vectors/yjs.json';
import { Canvas } from '../src/canvas';
import { undoCalls } from '../src/history';

type Json = Record<string, unknown>;
type Root = Record<string, Json>;

const bytes = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const roots = (doc: Y.Doc, names: readonly string[]): Json =>
  Object.fromEntries(names.map((name) => [name, doc.getMap(name).toJSON()]));

function fill(doc: Y.Doc, root: string, entries: Root): void {
  for (const [id, fields] of Object.entries(entries)) doc.getMap(root).set(id, new Y.Map(Object.entries(fields)));
}

describe('documents', () => {
  const written = [fromYjs, fromPycrdt].flatMap(({ writer, documents }) =>
    documents.map(({ name, update, json }) => ({ writer, name, update, json: json as Json })),
  );
  it.each(written)('of $writer read as meant: $name', ({ update, json }) => {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, bytes(update));
    expect(roots(doc, Object.keys(json))).toEqual(json);
  });
});

describe('z keys', () => {
  it('lie between two', () => {
    for (const [below, above, key] of keys.between) expect(generateKeyBetween(below, above)).toBe(key);
  });
  it('come many at once', () => {
    for (const [below, above, count, made] of keys.many as [string | null, string | null, number, string[]][]) {
      expect(generateNKeysBetween(below, above, count)).toEqual(made);
    }
  });
});

describe('taking calls back', () => {
  it.each(undoVectors.cases)('$name', ({ shapes, calls, undo, expect: wanted, ...rest }) => {
    const doc = new Y.Doc();
    doc.transact(() => {
      for (const [key, said] of Object.entries('drafts' in rest ? rest.drafts : {}))
        doc.getMap('drafts').set(key, said);
      fill(doc, 'shapes', shapes as unknown as Root);
      fill(doc, 'calls', calls as unknown as Root);
    });
    const report = undoCalls(new Canvas(doc), undo, 'ben', 5000);
    expect(doc.getMap('shapes').toJSON()).toEqual(wanted.shapes);
    expect([...report.kept].sort()).toEqual(wanted.kept);
    const undone = Object.keys(calls).filter((id) => {
      const call = doc.getMap<Y.Map<unknown>>('calls').get(id)!;
      const mark = call.get('undo') as { by: string; at: number } | undefined;
      return call.get('status') === 'undone' && mark?.by === 'ben' && mark.at === 5000;
    });
    expect(undone.sort()).toEqual([...wanted.undone].sort());
  });
});
