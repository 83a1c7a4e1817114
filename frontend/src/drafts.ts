/**
 * Proposals: what a run would change, and what becomes of it when people accept or reject it (docs/spec.md, R14 and
 * R15). The same rule as sync/canvas/drafts.py, with the numbers of its steps; tests/vectors/drafts.json holds both to it.
 */
import * as Y from 'yjs';
import { same } from './canvas';
import type { Verdict } from './canvas.gen';
import { callsOfRun } from './history';

type Fields = Record<string, unknown>;
/** What an accepted proposal left as it stands, and why: `[shape, field, why]`. */
export type Kept = [shape: string, field: string, why: string];

const CHANGED = 'changed since';

/** field -> what it was when the call came, and what the call made or would make of it */
type Pairs = Record<string, [before: unknown, after: unknown]>;

interface LoggedCall {
  id: string;
  at: number;
  seq: number;
  status: unknown;
  changes: Record<string, Pairs>;
  proposed: readonly string[];
}

/** What one run proposes now, apart from its ghosts. */
export interface Pending {
  /** of each field the latest */
  shapes: Map<string, Pairs>;
  /** shape -> the calls that wait for a verdict, oldest first */
  calls: Map<string, string[]>;
}

/** The shapes a decision was about, those it wrote to, and what it left alone. */
export interface Decision {
  shapes: string[];
  written: string[];
  kept: Kept[];
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
const keyOf = (call: string, shape: string): string => `${call}:${shape}`;

/** The run that proposes a shape; null when it is everybody's. */
export const draftOf = (raw: Fields | undefined): string | null =>
  typeof raw?.draft === 'string' && raw.draft ? raw.draft : null;

const isGhost = (raw: Fields | undefined): boolean => raw?.deleted !== true && draftOf(raw) !== null;

function changesOf(value: unknown): LoggedCall['changes'] {
  const changes: LoggedCall['changes'] = {};
  for (const [shape, fields] of Object.entries(isFields(value) ? value : {})) {
    const read: Pairs = {};
    for (const [name, pair] of Object.entries(isFields(fields) ? fields : {})) {
      if (Array.isArray(pair)) read[name] = [pair[0], pair[1]];
    }
    changes[shape] = read;
  }
  return changes;
}

/** These calls, oldest first. */
function loggedCalls(doc: Y.Doc, ids: readonly string[]): LoggedCall[] {
  const calls = doc.getMap<Y.Map<unknown>>('calls');
  const read = ids.map((id) => {
    const raw = calls.get(id)!;
    const [at, seq] = [Number(raw.get('at')) || 0, Number(raw.get('seq')) || 0];
    const status = raw.get('status');
    return { id, at, seq, status, changes: changesOf(raw.get('changes')), proposed: strings(raw.get('proposed')) };
  });
  return read.sort((a, b) => a.at - b.at || a.seq - b.seq || (a.id < b.id ? -1 : 1));
}

/** What a run proposes to change and nobody has decided on; `calls`: the ids of its calls. */
export function pending(doc: Y.Doc, calls: readonly string[]): Pending {
  const found: Pending = { shapes: new Map(), calls: new Map() };
  const decided = doc.getMap<unknown>('drafts');
  for (const call of loggedCalls(doc, calls)) {
    if (call.status !== 'done') continue;
    for (const shape of call.proposed) {
      const changes = call.changes[shape];
      if (!changes || isFields(decided.get(keyOf(call.id, shape)))) continue;
      found.shapes.set(shape, { ...found.shapes.get(shape), ...changes });
      found.calls.set(shape, [...(found.calls.get(shape) ?? []), call.id]);
    }
  }
  return found;
}

/** What accepting would write to one shape now (rule 6), and what it would leave. */
export function applied(shape: string, raw: Fields | undefined, fields: Pairs): { writes: Fields; kept: Kept[] } {
  const names = Object.keys(fields).sort();
  if (!names.length) return { writes: {}, kept: [] };
  if (!raw || raw.deleted === true) {
    return { writes: {}, kept: fields.deleted?.[1] === true ? [] : [[shape, 'deleted', CHANGED]] };
  }
  const writes: Fields = {};
  const kept: Kept[] = [];
  for (const name of names) {
    const [before, after] = fields[name]!;
    if (same(raw[name], after)) continue;
    if (same(raw[name], before)) writes[name] = after;
    else kept.push([shape, name, CHANGED]);
  }
  return { writes, kept };
}

/** Makes what a run proposes real, in one transaction; `shapes`: only of these (rules 4 to 7). */
export const accept = (doc: Y.Doc, run: string, shapes: readonly string[] | null, by: string, at: number): Decision =>
  decide(doc, run, shapes, by, at, true);

/** Drops what a run proposes, in one transaction; `shapes`: only of these (rules 8 to 10). */
export const reject = (doc: Y.Doc, run: string, shapes: readonly string[] | null, by: string, at: number): Decision =>
  decide(doc, run, shapes, by, at, false);

function decide(
  doc: Y.Doc,
  run: string,
  shapes: readonly string[] | null,
  by: string,
  at: number,
  accepted: boolean,
): Decision {
  const stored = storedShapes(doc);
  const proposed = pending(doc, callsOfRun(doc, run));
  const ghosts = [...stored].filter(([, raw]) => isGhost(raw) && draftOf(raw) === run).map(([id]) => id);
  const everything = new Set([...ghosts.sort(), ...proposed.shapes.keys()]);
  const named = shapes === null ? [...everything] : [...new Set(shapes)].filter((id) => everything.has(id));
  const chosen = accepted ? withNeeded(named, stored, proposed) : withNeeding(named, stored, run);
  // A change to a ghost of another run: rejecting it is no word on the ghost.
  const foreign = new Set(named.filter((id) => draftOf(stored.get(id)) !== run));
  const decision: Decision = { shapes: [...chosen], written: [], kept: [] };
  doc.transact(() => {
    for (const shape of chosen) {
      const raw = stored.get(shape);
      const change = accepted
        ? applied(shape, raw, proposed.shapes.get(shape) ?? {})
        : foreign.has(shape)
          ? { writes: {}, kept: [] }
          : rejected(doc, shape, raw);
      if (accepted && isGhost(raw)) change.writes.draft = null;
      const map = doc.getMap<Y.Map<unknown>>('shapes').get(shape);
      for (const [name, value] of Object.entries(change.writes)) map?.set(name, value ?? null);
      if (Object.keys(change.writes).length) decision.written.push(shape);
      decision.kept.push(...change.kept);
      for (const call of proposed.calls.get(shape) ?? []) {
        const said: Verdict = { run, call, shape, accepted, by, at, kept: change.kept };
        doc.getMap('drafts').set(keyOf(call, shape), said);
      }
    }
  }, decide);
  return decision;
}

/** Rule 9, for one shape: nothing for one that is no ghost. */
function rejected(doc: Y.Doc, shape: string, raw: Fields | undefined): { writes: Fields; kept: Kept[] } {
  const run = draftOf(raw);
  if (!raw || run === null || raw.deleted === true) return { writes: {}, kept: [] };
  const left: Fields = {};
  for (const call of loggedCalls(doc, callsOfRun(doc, run))) {
    if (call.status !== 'done' || call.proposed.includes(shape)) continue;
    for (const [name, [, after]] of Object.entries(call.changes[shape] ?? {})) left[name] = after;
  }
  const isState = (name: string): boolean => name === 'draft' || (name === 'deleted' && raw.deleted === false);
  const differing = [...new Set([...Object.keys(raw), ...Object.keys(left)])]
    .filter((name) => !isState(name) && !same(raw[name], left[name]))
    .sort();
  const [first] = differing;
  return first === undefined
    ? { writes: { deleted: true }, kept: [] }
    : { writes: {}, kept: [[shape, first, CHANGED]] };
}

/** Rule 4. */
function withNeeded(named: readonly string[], stored: ReadonlyMap<string, Fields>, proposed: Pending): Set<string> {
  const chosen = new Set<string>();
  const waiting = [...named];
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
    if (chosen.has(id)) continue;
    chosen.add(id);
    const after = Object.entries(proposed.shapes.get(id) ?? {}).map(([name, pair]) => [name, pair[1]]);
    const raw = { ...stored.get(id), ...Object.fromEntries(after) };
    waiting.push(...needs(raw).filter((other) => isGhost(stored.get(other))));
  }
  return chosen;
}

/** Rule 8. */
function withNeeding(named: readonly string[], stored: ReadonlyMap<string, Fields>, run: string): Set<string> {
  const chosen = new Set(named);
  const ghosts = [...stored].filter(([, raw]) => isGhost(raw));
  let wave = new Set(named.filter((id) => isGhost(stored.get(id)) && draftOf(stored.get(id)) === run));
  while (wave.size) {
    const last = wave;
    const next = ghosts.filter(([id, raw]) => !chosen.has(id) && needs(raw).some((needed) => last.has(needed)));
    wave = new Set(next.map(([id]) => id).sort());
    for (const id of wave) chosen.add(id);
  }
  return chosen;
}

function needs(raw: Fields): string[] {
  const ends = [raw.from, raw.to].map((end) => (isFields(end) ? end.id : null));
  return [...ends, raw.parent].filter((id): id is string => typeof id === 'string');
}

function storedShapes(doc: Y.Doc): Map<string, Fields> {
  const found = new Map<string, Fields>();
  for (const [id, shape] of doc.getMap<unknown>('shapes')) {
    if (shape instanceof Y.Map) found.set(id, Object.fromEntries(shape.entries()));
  }
  return found;
}
