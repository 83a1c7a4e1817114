/** Deciding on proposals, in words: what accepting would do, and what it did. Pure. */
import type { Decision } from '../drafts';
import type { OpenShape } from '../proposals';
import { keptSentences } from './outcome';
import { nounOf, type ShapeLookup } from './steps';
import { count, fieldWord, listed, oneLine } from './words';

/** "New", "Change position and colour of", "Delete": what accepting would do. */
export function whatOf({ kind, fields }: OpenShape): string {
  if (kind === 'new') return 'New';
  if (kind === 'delete') return 'Delete';
  const words = [...new Set(Object.keys(fields).map(fieldWord))];
  return words.length ? `Change ${listed(words)} of` : 'Changed meanwhile:';
}

/** What the shape is called: its words, else what it is. */
export function nameOf(id: string, lookup: ShapeLookup): string {
  const shape = lookup(id);
  if (!shape) return 'a removed shape';
  return shape.text ? oneLine(shape.text, 32) : nounOf(shape);
}

/** Shapes go in company (a connector brings its ends), and what people changed since stays: `left` says so. */
export function decided(
  decision: Decision,
  isAccepted: boolean,
  lookup: ShapeLookup,
): { done: string; left: string[] } {
  const done = `${isAccepted ? 'Accepted' : 'Rejected'} ${count(decision.shapes.length, 'shape')}.`;
  return { done, left: keptSentences(decision.kept, [], lookup).map((sentence) => `${sentence}.`) };
}
