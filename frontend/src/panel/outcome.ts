/** What a run did in all, and what an undo of it left, in words. Pure. */
import type { CallEntry, KeptField } from './read';
import { article, nounOf, type ShapeLookup, targetsOf } from './steps';
import { capitalised, count, fieldWord, listed, oneLine } from './words';

/** Distinct shapes the calls changed and nobody took back: "5 changes". */
export function changesOf(calls: readonly CallEntry[]): string[] {
  const touched = new Set<string>();
  for (const call of calls) {
    if (call.status === 'done') for (const id of targetsOf(call)) touched.add(id);
  }
  return [...touched];
}

const written = (call: CallEntry, shape: string, field: string): unknown => call.changes[shape]?.[field]?.[1];

/** What the calls did in all, taken back or not, counted: "Drew 3 shapes, 2 connectors", "Changed 4 shapes"; '' when nothing. */
export function outcomeOf(calls: readonly CallEntry[]): string {
  const drawn = new Set<string>();
  const connectors = new Set<string>();
  const changed = new Set<string>();
  const deleted = new Set<string>();
  for (const call of calls) {
    if (call.status === 'error') continue;
    for (const id of targetsOf(call)) {
      if (call.created.includes(id)) (written(call, id, 'type') === 'connector' ? connectors : drawn).add(id);
      else if (written(call, id, 'deleted') === true) deleted.add(id);
      else changed.add(id);
    }
  }
  // A shape that was drawn and then moved was drawn; one that was deleted in the end was deleted.
  for (const id of deleted) for (const group of [drawn, connectors, changed]) group.delete(id);
  for (const id of [...drawn, ...connectors]) changed.delete(id);
  const made = [
    ...(drawn.size ? [count(drawn.size, 'shape')] : []),
    ...(connectors.size ? [count(connectors.size, 'connector')] : []),
  ].join(', ');
  const parts = [
    ...(made ? [`drew ${made}`] : []),
    ...(changed.size ? [`changed ${count(changed.size, 'shape')}`] : []),
    ...(deleted.size ? [`deleted ${count(deleted.size, 'shape')}`] : []),
  ];
  return parts.length ? capitalised(listed(parts)) : '';
}

/** What an undo kept, one sentence a shape; a shape the run made and others touched stays whole: "“Login” kept its position and colour (changed by Ann since)". */
export function keptSentences(kept: readonly KeptField[], created: readonly string[], lookup: ShapeLookup): string[] {
  const rows = new Map<string, { shape: string; why: string; fields: Set<string> }>();
  for (const [shape, field, why] of kept) {
    const key = JSON.stringify([shape, why]);
    const row = rows.get(key) ?? { shape, why, fields: new Set() };
    row.fields.add(field);
    rows.set(key, row);
  }
  return [...rows.values()].map(({ shape, why, fields }) => {
    const known = lookup(shape);
    const noun = known ? nounOf(known) : 'shape';
    const name = known?.text ? `“${oneLine(known.text, 30)}”` : capitalised(article(noun));
    const reason = why ? ` (${why.replace(/\.$/, '')})` : '';
    if (created.includes(shape) || fields.has('deleted')) return `${name} stayed${reason}`;
    const parts = [...new Set([...fields].map(fieldWord))];
    return `${name} kept its ${listed(parts)}${reason}`;
  });
}
