/** A board at moments of its past, as plain fields by shape. Pure. */
import { same } from '../canvas';
import type { CallEntry } from '../panel/read';

export type Fields = Record<string, unknown>;
/** Shape id -> its stored fields, as JSON. */
export type Shapes = Record<string, Fields>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Shapes out of a document's JSON; what is no shape is left out. */
export function shapesOf(document: unknown): Shapes {
  const shapes = isFields(document) && isFields(document.shapes) ? document.shapes : {};
  return Object.fromEntries(Object.entries(shapes).filter((entry): entry is [string, Fields] => isFields(entry[1])));
}

const isLive = (fields: Fields | undefined): boolean => fields !== undefined && fields.deleted !== true;

export interface Difference {
  made: string[];
  changed: string[];
  removed: string[];
}

/** What happened to the shapes that people see, from one moment to a later one. */
export function difference(before: Shapes, after: Shapes): Difference {
  const found: Difference = { made: [], changed: [], removed: [] };
  for (const id of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = isLive(before[id]);
    const is = isLive(after[id]);
    if (is && !was) found.made.push(id);
    else if (was && !is) found.removed.push(id);
    else if (is && !same(before[id], after[id])) found.changed.push(id);
  }
  return found;
}

/**
 * The board before a run and after each of its calls, `calls` in their order. From the log alone: fields that the run
 * wrote have the values of the log; everything else is as it stands now, less what was made after the run.
 */
export function framesOf(calls: readonly CallEntry[], now: Shapes): Shapes[] {
  const own = new Set(calls.flatMap((call) => call.created));
  const end = Math.max(0, ...calls.map((call) => call.at));
  const start: Shapes = {};
  for (const [id, fields] of Object.entries(now)) {
    const at = typeof fields.at === 'number' ? fields.at : 0;
    if (!own.has(id) && at <= end) start[id] = { ...fields };
  }
  const seen = new Set<string>();
  for (const call of calls) {
    for (const [id, fields] of Object.entries(call.changes)) {
      const shape = start[id];
      if (!shape) continue;
      for (const [field, [before]] of Object.entries(fields)) {
        if (seen.has(`${id} ${field}`)) continue;
        seen.add(`${id} ${field}`);
        put(shape, field, before);
      }
    }
  }
  const frames = [start];
  for (const call of calls) frames.push(after(frames[frames.length - 1]!, call));
  return frames;
}

function after(before: Shapes, call: CallEntry): Shapes {
  if (call.status === 'error') return before;
  const next = { ...before };
  for (const [id, fields] of Object.entries(call.changes)) {
    const shape = { ...next[id] };
    for (const [field, [, value]] of Object.entries(fields)) put(shape, field, value);
    // A shape that was there when the run came and is gone from the document altogether cannot be drawn.
    if (next[id] || call.created.includes(id)) next[id] = shape;
  }
  return next;
}

/** Null stands for a field that was absent. */
function put(shape: Fields, field: string, value: unknown): void {
  if (value === null || value === undefined) delete shape[field];
  else shape[field] = value;
}
