/** Three-way merge of a label: two people who type in it at once both keep their words. */

interface Splice {
  at: number;
  remove: number;
  insert: string;
}

/** The one stretch in which two texts differ. */
export function splice(before: string, after: string): Splice {
  let start = 0;
  const shortest = Math.min(before.length, after.length);
  while (start < shortest && before[start] === after[start]) start++;
  // Never between the halves of a surrogate pair.
  if (start > 0 && /[\ud800-\udbff]/.test(before[start - 1]!)) start--;
  let end = 0;
  while (end < shortest - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  if (end > 0 && /[\udc00-\udfff]/.test(before[before.length - end] ?? '')) end--;
  return { at: start, remove: before.length - start - end, insert: after.slice(start, after.length - end) };
}

const apply = (text: string, s: Splice): string => text.slice(0, s.at) + s.insert + text.slice(s.at + s.remove);

/** Lays the change base -> mine onto theirs. Where both replaced the same words, theirs stand first, mine after. */
export function merge3(base: string, mine: string, theirs: string): string {
  if (mine === base || mine === theirs) return theirs;
  if (theirs === base) return mine;
  const a = splice(base, mine);
  const b = splice(base, theirs);
  const shift = b.insert.length - b.remove;
  if (a.at >= b.at + b.remove) return apply(theirs, { ...a, at: a.at + shift });
  if (a.at + a.remove <= b.at) return apply(theirs, a);
  const start = Math.min(a.at, b.at);
  const stop = Math.max(a.at + a.remove, b.at + b.remove);
  const insert = a.insert === b.insert ? a.insert : b.insert + a.insert;
  return apply(base, { at: start, remove: stop - start, insert });
}
